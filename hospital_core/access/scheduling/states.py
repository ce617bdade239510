"""States of schedules, places and appointments."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class ServiceKind(StrEnum):
    """Kinds of clinics (门诊类别)."""

    GENERAL = "general"  # 普通
    EXPERT = "expert"  # 专家
    SPECIAL = "special"  # 特需
    EMERGENCY = "emergency"  # 急诊


class ScheduleStatus(StrEnum):
    """Whether a session takes place (排班状态)."""

    ACTIVE = "active"
    STOPPED = "stopped"


class QueueTicketStatus(StrEnum):
    """Where a waiting patient stands (排队状态). Stands here because an appointment shows it; queueing moves it."""

    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    PASSED = "passed"  # 过号
    FINISHED = "finished"
    CANCELLED = "cancelled"


class SlotStatus(StrEnum):
    """Whether a place can be taken (号源状态). ``taken`` with a passed ``held_until`` counts as free."""

    FREE = "free"
    TAKEN = "taken"
    CLOSED = "closed"


class AppointmentStatus(StrEnum):
    """FHIR Appointment.status as far as used (预约状态). ``pending`` = held until paid."""

    PENDING = "pending"
    BOOKED = "booked"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NO_SHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"


class AppointmentPayment(StrEnum):
    """The money side of an appointment (支付状态), an axis of its own."""

    UNPAID = "unpaid"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class BookingChannel(StrEnum):
    """Where a booking was made (预约渠道)."""

    MINIAPP = "miniapp"
    KIOSK = "kiosk"
    WINDOW = "window"


LIVE = (
    AppointmentStatus.PENDING,
    AppointmentStatus.BOOKED,
    AppointmentStatus.CHECKED_IN,
    AppointmentStatus.FULFILLED,
)

APPOINTMENT = Machine(
    "appointment",
    AppointmentStatus,
    [
        Move("confirm", (AppointmentStatus.PENDING,), AppointmentStatus.BOOKED),
        Move("rebook", (AppointmentStatus.CANCELLED,), AppointmentStatus.BOOKED),
        Move("expire", (AppointmentStatus.PENDING,), AppointmentStatus.CANCELLED),
        Move("cancel", (AppointmentStatus.PENDING, AppointmentStatus.BOOKED), AppointmentStatus.CANCELLED),
        Move("check_in", (AppointmentStatus.BOOKED,), AppointmentStatus.CHECKED_IN),
        Move("fulfil", (AppointmentStatus.CHECKED_IN,), AppointmentStatus.FULFILLED),
        Move("miss", (AppointmentStatus.BOOKED,), AppointmentStatus.NO_SHOW),
        Move("void", (AppointmentStatus.BOOKED, AppointmentStatus.CHECKED_IN), AppointmentStatus.ENTERED_IN_ERROR),
    ],
)

APPOINTMENT_PAYMENT = Machine(
    "appointment",
    AppointmentPayment,
    [
        Move("pay", (AppointmentPayment.UNPAID,), AppointmentPayment.PAID),
        Move("refund", (AppointmentPayment.UNPAID, AppointmentPayment.PAID), AppointmentPayment.REFUNDING),
        Move("refunded", (AppointmentPayment.REFUNDING,), AppointmentPayment.REFUNDED),
    ],
    column="payment_status",
)

SLOT = Machine(
    "slot",
    SlotStatus,
    [
        Move("take", (SlotStatus.FREE, SlotStatus.TAKEN), SlotStatus.TAKEN),  # from TAKEN when its hold has lapsed
        Move("release", (SlotStatus.TAKEN,), SlotStatus.FREE),
        Move("close", (SlotStatus.FREE,), SlotStatus.CLOSED),
    ],
)

SCHEDULE = Machine("schedule", ScheduleStatus, [Move("stop", (ScheduleStatus.ACTIVE,), ScheduleStatus.STOPPED)])
