"""What an account sees in its inbox, and staff in the log of what was sent."""

from datetime import datetime
from uuid import UUID

from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.states import DeliveryResult, NotificationStatus
from hospital_core.kernel.commands import View


class MessageView(View):
    """One message (消息): shown whether or not its channel delivered it. The ids name the page that it opens."""

    id: UUID
    kind: NotificationKind
    title: str
    text: str
    patient_id: UUID
    appointment_id: UUID | None
    payment_id: UUID | None
    e_invoice_id: UUID | None
    status: NotificationStatus
    created_at: datetime
    read_at: datetime | None


class UnreadMessages(View):
    """How many messages of the inbox were not opened (未读消息); 99 stands for more."""

    unread: int


class MessagesRead(View):
    """How many messages count as read now that did not before (全部已读)."""

    read: int


class DeliveryStart(View):
    """A try to send has begun; without ``attempt_id`` there is nothing to send (any more)."""

    attempt_id: UUID | None


class TemplateConsent(View):
    """A template that the phone may ask permission for (订阅模板), and what is left of earlier permissions.

    ``titles``: all messages that are sent with it.
    """

    kind: NotificationKind
    title: str
    titles: list[str]
    template_id: str
    standing: bool
    remaining: int | None


class SentMessage(View):
    """A message with its latest try (发送日志), without a word of what it says."""

    notification_id: UUID
    kind: NotificationKind
    title: str
    patient_id: UUID
    status: NotificationStatus
    tries: int
    result: DeliveryResult | None
    errcode: int | None
    created_at: datetime
    last_try_at: datetime | None
