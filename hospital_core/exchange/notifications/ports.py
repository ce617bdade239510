"""What notifications need from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hospital_core.exchange.notifications.states import DeliveryResult


class MessageRefused(Exception):
    """The channel will never deliver this message: not subscribed, unknown receiver. Not an error of ours."""

    def __init__(self, result: DeliveryResult = DeliveryResult.NOT_SUBSCRIBED, errcode: int | None = None) -> None:
        super().__init__(result.value)
        self.result = result
        self.errcode = errcode


@dataclass(frozen=True)
class MessageTemplate:
    """A template of the channel (消息模板): ``key`` is our name for it, ``standing`` one consent for all (长期订阅)."""

    key: str
    template_id: str
    standing: bool


class Messenger(Protocol):
    """Sends one subscribe message (订阅消息)."""

    @property
    def counts_consents(self) -> bool:
        """Whether every permission that a person gives reaches us, so that we know what is left of them."""
        ...

    def template_of(self, kind: str) -> MessageTemplate | None:
        """The template of a kind; None where this hospital has none."""
        ...

    async def send_subscribe(self, openid: str, template: str, page: str, data: Mapping[str, str]) -> None:
        """Deliver a message of a kind to a person; ``data`` has the kind's own words, the adapter knows the template.

        Raises: MessageRefused; OutsideUnavailable: not known, it is tried again while the message is of use.
        """
        ...


class MiniProgramCodes(Protocol):
    """Draws the round codes that open a page of the mini program (小程序码)."""

    async def wxacode(self, scene: str, page: str) -> bytes:
        """A JPEG; ``scene`` is what the page is told, 32 characters at most. Raises: OutsideUnavailable."""
        ...
