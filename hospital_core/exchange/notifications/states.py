"""States of a message to a patient."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class NotificationStatus(StrEnum):
    """Whether a message reached its channel (消息状态)."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"  # the receiver has not subscribed, or the channel says never


NOTIFICATION = Machine(
    "notification",
    NotificationStatus,
    [
        Move("send", (NotificationStatus.WAITING,), NotificationStatus.SENT),
        Move("refuse", (NotificationStatus.WAITING,), NotificationStatus.REFUSED),
    ],
)
