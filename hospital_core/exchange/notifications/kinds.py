"""Kinds of messages to patients (消息类型): each is one subscribe-message template of the channel."""

from datetime import timedelta
from enum import StrEnum


class NotificationKind(StrEnum):
    """What a message tells. Its words are in ``wording``; a kind whose room is not built yet is never written."""

    APPOINTMENT_CONFIRMED = "appointment_confirmed"  # 预约成功
    APPOINTMENT_REFUNDED = "appointment_refunded"  # 挂号费退回
    EXAMINATION_BOOKED = "examination_booked"  # 检查预约成功
    EXAMINATION_REMINDER = "examination_reminder"  # 检查提醒
    EXAMINATION_CANCELLED = "examination_cancelled"  # 检查预约取消
    PAYMENT_RECEIVED = "payment_received"  # 缴费成功
    REFUND_FINISHED = "refund_finished"  # 退费到账
    E_INVOICE_ISSUED = "e_invoice_issued"  # 电子票据已开具
    CLINIC_STOPPED = "clinic_stopped"  # 停诊
    DOCTOR_SUBSTITUTED = "doctor_substituted"  # 替诊
    APPOINTMENT_MOVED = "appointment_moved"  # 改约成功
    WAITLIST_OFFERED = "waitlist_offered"  # 候补到号
    WAITLIST_ENDED = "waitlist_ended"  # 候补未成功
    BOOKING_BANNED = "booking_banned"  # 限约
    BAN_LIFTED = "ban_lifted"  # 解除限约
    APPEAL_ANSWERED = "appeal_answered"  # 申诉结果
    ADD_ON_GIVEN = "add_on_given"  # 加号
    VISIT_REMINDER = "visit_reminder"  # 就诊提醒
    TICKET_NEAR = "ticket_near"  # 即将叫号
    TICKET_CALLED = "ticket_called"  # 叫号提醒
    REPORT_READY = "report_ready"  # 报告出具


# A message that comes too late only confuses; in the inbox it stands all the same.
_USEFUL_FOR = {
    NotificationKind.TICKET_CALLED: timedelta(minutes=10),
    NotificationKind.TICKET_NEAR: timedelta(minutes=15),
    NotificationKind.WAITLIST_OFFERED: timedelta(minutes=30),
    NotificationKind.ADD_ON_GIVEN: timedelta(minutes=15),
    # "Tomorrow", told in the evening: not after midnight.
    NotificationKind.VISIT_REMINDER: timedelta(hours=6),
    NotificationKind.EXAMINATION_REMINDER: timedelta(hours=6),
}
_ORDINARILY = timedelta(hours=24)
_GAPS_S = (5, 30, 120, 300, 900, 1800, 3600)


def useful_for(kind: NotificationKind) -> timedelta:
    """How long after it was written a message is still worth sending."""
    return _USEFUL_FOR.get(kind, _ORDINARILY)


def next_try_after(tries: int) -> timedelta:
    """How long to wait after so many tries without an answer: soon at first, then hourly while it is worth sending."""
    return timedelta(seconds=_GAPS_S[min(tries, len(_GAPS_S)) - 1])
