"""Kinds of messages to patients (消息类型): each is one subscribe-message template of the channel."""

from enum import StrEnum


class NotificationKind(StrEnum):
    """What a message tells."""

    APPOINTMENT_CONFIRMED = "appointment_confirmed"  # 预约成功
    APPOINTMENT_REFUNDED = "appointment_refunded"  # 退费到账
    TICKET_CALLED = "ticket_called"  # 叫号提醒
