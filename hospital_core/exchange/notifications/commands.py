"""What can be asked of notifications."""

from uuid import UUID

from pydantic import Field

from hospital_core.exchange.notifications.states import Consent, DeliveryResult
from hospital_core.kernel.commands import Command


class ReadMessage(Command):
    """The person opened a message (已读)."""

    notification_id: UUID


class BeginDelivery(Command):
    """A message is about to go out (开始发送). ``counted``: the channel tells us of every permission given."""

    notification_id: UUID
    template: str | None = Field(max_length=40)
    counted: bool


class RecordDelivery(Command):
    """How a try to send a message ended (发送结果). ``again``: without an answer another try is set for later."""

    attempt_id: UUID
    result: DeliveryResult
    errcode: int | None = None
    again: bool = False


class RecordConsent(Command):
    """A person answered the question whether we may write to them (订阅授权). ``standing``: a long-term template."""

    appid: str = Field(max_length=64)
    openid: str = Field(max_length=128)
    template: str = Field(max_length=40)
    consent: Consent
    standing: bool = False
