"""What can be asked of notifications."""

from uuid import UUID

from hospital_core.kernel.commands import Command


class ReadMessage(Command):
    """The person opened a message (已读)."""

    notification_id: UUID


class RecordDelivery(Command):
    """The channel answered: delivered, or refused for good (发送结果)."""

    notification_id: UUID
    delivered: bool
