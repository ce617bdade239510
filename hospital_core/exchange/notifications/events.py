"""What happened to messages."""

from uuid import UUID

from hospital_core.kernel.events import Event


class NotificationWaiting(Event):
    """A message to a patient waits for its channel (待发送)."""

    notification_id: UUID
