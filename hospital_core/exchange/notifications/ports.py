"""What notifications need from outside."""

from collections.abc import Mapping
from typing import Protocol


class MessageRefused(Exception):
    """The channel will never deliver this message: not subscribed (43101), unknown receiver. Not an error of ours."""


class Messenger(Protocol):
    """Sends one subscribe message (订阅消息)."""

    async def send_subscribe(self, openid: str, template: str, page: str, data: Mapping[str, str]) -> None:
        """Deliver a message of a kind to a person; ``data`` has the kind's own words, the adapter knows the template.

        Raises: MessageRefused; anything else means "not known", and it is tried again.
        """
        ...
