"""States of schedules, places and appointments."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class ServiceKind(StrEnum):
    """Kinds of clinics (门诊类别)."""

    GENERAL = "general"  # 普通
    EXPERT = "expert"  # 专家
    SPECIAL = "special"  # 特需
    DISEASE = "disease"  # 专病
    NIGHT = "night"  # 夜诊
    EMERGENCY = "emergency"  # 急诊
    EXAMINATION = "examination"  # 检查, of what has been ordered and paid
    ONLINE = "online"  # 线上复诊


# People bring patients to these: a phone does not choose them among the clinics of a department.
NOT_CHOSEN_BY_PHONES = (ServiceKind.EMERGENCY, ServiceKind.EXAMINATION)


class DayPeriod(StrEnum):
    """Part of a day (午别): what a schedule is planned for, and what a patient books once per department."""

    MORNING = "morning"  # 上午
    AFTERNOON = "afternoon"  # 下午
    NIGHT = "night"  # 夜间


class CalendarDayKind(StrEnum):
    """What a day is (日历): the state's holidays and the weekends worked in exchange for them."""

    HOLIDAY = "holiday"  # 节假日
    MAKEUP = "makeup"  # 调休上班
    WORKDAY = "workday"


class Pool(StrEnum):
    """Whom a place is kept for (号池); ``public`` is everybody's. Source: SS-01-L3d, AP-02."""

    PUBLIC = "public"
    MINIAPP = "miniapp"
    KIOSK = "kiosk"
    WINDOW = "window"
    PHONE = "phone"
    REFERRAL = "referral"  # 社区与转诊
    ADD_ON = "add_on"  # 加号


class ClinicChangeKind(StrEnum):
    """What happened to a planned clinic (停替诊)."""

    STOP = "stop"  # 停诊
    SUBSTITUTE = "substitute"  # 替诊


class DisruptionStatus(StrEnum):
    """What became of a patient whose clinic was changed (停替诊处理)."""

    OPEN = "open"  # told, has not answered
    MOVED = "moved"
    KEPT = "kept"
    REFUNDED = "refunded"
    LAPSED = "lapsed"  # the appointment is gone, or a later change took this one's place


class DisruptionChoice(StrEnum):
    """What a patient can answer (改约、保留、退号)."""

    MOVE = "move"
    KEEP = "keep"
    REFUND = "refund"


class GenerationTrouble(StrEnum):
    """Why a template made no session on its day (放号异常)."""

    DOCTOR_ELSEWHERE = "doctor_elsewhere"
    ROOM_TAKEN = "room_taken"
    NO_PRICE = "no_price"
    CLOSED = "closed"  # department, doctor or room is no longer in use


class SeriesTrouble(StrEnum):
    """Why a day of a course has no visit as wished (疗程日不可约)."""

    HOLIDAY = "holiday"  # 节假日
    NO_CLINIC = "no_clinic"  # 当天不出诊
    STOPPED = "stopped"  # 停诊
    NOT_RELEASED = "not_released"  # 尚未放号
    FULL = "full"  # 约满
    BOOKED = "booked"  # 此时段已有预约


class RuleScope(StrEnum):
    """How far a booking rule reaches (规则范围); the narrower one wins."""

    HOSPITAL = "hospital"
    DEPARTMENT = "department"
    SERVICE_KIND = "service_kind"


class RuleForm(StrEnum):
    """How a rule's number is said to people (规则写法)."""

    NUMBER = "number"  # so many of its unit
    CLOCK = "clock"  # minutes after midnight, said as a time of day
    SWITCH = "switch"  # 1 yes, 0 no


class CountedSubject(StrEnum):
    """Whose bookings of a day are counted (限号对象)."""

    PATIENT = "patient"
    ACCOUNT = "account"
    DEVICE = "device"


class WaitlistStatus(StrEnum):
    """What became of somebody who waits for a place (候补状态)."""

    WAITING = "waiting"
    OFFERED = "offered"  # a place is held for them
    BOOKED = "booked"
    DECLINED = "declined"
    LAPSED = "lapsed"  # no answer in time
    LEFT = "left"
    EXPIRED = "expired"  # the evening before came first
    DROPPED = "dropped"  # could not be offered: booked otherwise, barred, file merged


class BanKind(StrEnum):
    """Why somebody may not book online for a while (限约原因)."""

    NO_SHOW = "no_show"  # 爽约
    SCALPING = "scalping"  # 倒号
    VIOLENCE = "violence"  # 伤医扰序


class AppealStatus(StrEnum):
    """What became of a patient's objection to a ban (申诉状态)."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class SearchWordKind(StrEnum):
    """What a search word is (检索词)."""

    ALIAS = "alias"  # 别名
    DISEASE = "disease"  # 疾病
    SYMPTOM = "symptom"  # 症状


class FoundBy(StrEnum):
    """Why a search found somebody (检索命中), the plainest reason first."""

    NAME = "name"
    ALIAS = "alias"
    DISEASE = "disease"
    SYMPTOM = "symptom"
    SPECIALTY = "specialty"  # 擅长


class GuideUrgency(StrEnum):
    """How soon somebody must be seen (紧急程度)."""

    NORMAL = "normal"
    SOON = "soon"
    EMERGENCY = "emergency"


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
    MOVED = "moved"  # 已随改约转到新预约


class BookingChannel(StrEnum):
    """Where a booking was made (预约渠道)."""

    MINIAPP = "miniapp"
    KIOSK = "kiosk"
    WINDOW = "window"
    PHONE = "phone"
    REFERRAL = "referral"
    CLINIC = "clinic"  # 诊间加号


# What keeps a patient from a second place of the same department and part of the day; a finished visit does not.
CLAIMING = (
    AppointmentStatus.PENDING,
    AppointmentStatus.BOOKED,
    AppointmentStatus.CHECKED_IN,
)

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
        Move("carry", (AppointmentPayment.PAID,), AppointmentPayment.MOVED),
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
        # Sold or not: whoever has it is asked what they want instead, and nobody else gets it.
        Move("stop", (SlotStatus.FREE, SlotStatus.TAKEN), SlotStatus.CLOSED),
    ],
)

SCHEDULE = Machine("schedule", ScheduleStatus, [Move("stop", (ScheduleStatus.ACTIVE,), ScheduleStatus.STOPPED)])

DISRUPTION = Machine(
    "disruption",
    DisruptionStatus,
    [
        Move("move", (DisruptionStatus.OPEN,), DisruptionStatus.MOVED),
        Move("keep", (DisruptionStatus.OPEN,), DisruptionStatus.KEPT),
        Move("refund", (DisruptionStatus.OPEN,), DisruptionStatus.REFUNDED),
        Move("lapse", (DisruptionStatus.OPEN,), DisruptionStatus.LAPSED),
    ],
)

WAITLIST_ENTRY = Machine(
    "waitlist_entry",
    WaitlistStatus,
    [
        Move("offer", (WaitlistStatus.WAITING,), WaitlistStatus.OFFERED),
        # From LAPSED when the money came late and the place could be had again.
        Move("accept", (WaitlistStatus.OFFERED, WaitlistStatus.LAPSED), WaitlistStatus.BOOKED),
        Move("decline", (WaitlistStatus.OFFERED,), WaitlistStatus.DECLINED),
        # The hospital took the offered place back (停诊): who waited first still does.
        Move("resume", (WaitlistStatus.OFFERED,), WaitlistStatus.WAITING),
        Move("lapse", (WaitlistStatus.OFFERED,), WaitlistStatus.LAPSED),
        Move("leave", (WaitlistStatus.WAITING,), WaitlistStatus.LEFT),
        Move("expire", (WaitlistStatus.WAITING,), WaitlistStatus.EXPIRED),
        Move("drop", (WaitlistStatus.WAITING,), WaitlistStatus.DROPPED),
    ],
)

BAN_APPEAL = Machine(
    "ban_appeal",
    AppealStatus,
    [
        Move("accept", (AppealStatus.OPEN,), AppealStatus.ACCEPTED),
        Move("refuse", (AppealStatus.OPEN,), AppealStatus.REFUSED),
    ],
)
