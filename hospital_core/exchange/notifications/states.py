"""States of a message to a patient."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class NotificationStatus(StrEnum):
    """Whether a message reached its channel (消息状态)."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"  # the receiver has not subscribed, or the channel says never


class DeliveryResult(StrEnum):
    """What one try to send ended in (发送结果); only ``unavailable`` is tried again."""

    SENT = "sent"
    UNAVAILABLE = "unavailable"  # no answer, or busy
    NO_QUOTA = "no_quota"  # 未授权或授权已用完: not even asked
    NOT_SUBSCRIBED = "not_subscribed"  # the channel knows of no permission
    NO_TEMPLATE = "no_template"  # this hospital has no template for it
    REJECTED = "rejected"  # template, page or value that the channel will never take
    TOO_LATE = "too_late"  # 已过时效

    @property
    def is_final(self) -> bool:
        """Whether nothing more is tried."""
        return self is not DeliveryResult.UNAVAILABLE


class Consent(StrEnum):
    """What a person said about a template (订阅授权)."""

    ACCEPTED = "accepted"
    DECLINED = "declined"  # this time
    WITHDRAWN = "withdrawn"  # switched off: what was accepted before is void, too


NOTIFICATION = Machine(
    "notification",
    NotificationStatus,
    [
        Move("send", (NotificationStatus.WAITING,), NotificationStatus.SENT),
        Move("refuse", (NotificationStatus.WAITING,), NotificationStatus.REFUSED),
    ],
)
