"""What readers see of templates, the calendar, rules and changes of clinics."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.states import (
    CalendarDayKind,
    ClinicChangeKind,
    DayPeriod,
    DisruptionChoice,
    DisruptionStatus,
    GenerationTrouble,
    Pool,
    RuleForm,
    RuleScope,
    ServiceKind,
)
from hospital_core.kernel.commands import View


class PoolView(View):
    """Places kept for a channel (渠道配额)."""

    pool: Pool
    places: int
    returns_minutes_before: int | None


class TemplateView(View):
    """A session that repeats every week (排班模板). ``fee_fen`` is today's price, None while the item has none."""

    id: UUID
    version: int
    department_id: UUID
    department: str
    staff_id: UUID
    doctor: str
    title: str
    room_id: UUID
    room: str
    campus: str
    service_kind: ServiceKind
    weekday: int
    period: DayPeriod
    starts_minute: int
    ends_minute: int
    places: int
    price_item_id: UUID
    price_item: str
    fee_fen: int | None
    sought_after: bool
    works_on_holidays: bool
    valid_from: date
    valid_until: date | None
    pools: list[PoolView] = []


class GeneratedView(View):
    """What a generation made (放号结果)."""

    day: date
    kind: CalendarDayKind
    sessions: int
    places: int
    problems: int


class ReleaseDayView(View):
    """A day as its release stands (放号计划): ``planned`` sessions run by the templates, ``missing`` ones are not made.

    ``sessions`` and ``places`` are those that take place, single sessions included; ``released_from`` the first moment
    at which one of them can be booked, ``released_until`` the last. ``stopped`` take no place.
    """

    day: date
    kind: CalendarDayKind
    weekday: int
    name: str
    known: bool
    planned: int
    missing: int
    sessions: int
    places: int
    places_left: int
    stopped: int
    released_from: datetime | None
    released_until: datetime | None
    problems: int


class GenerationProblemView(View):
    """A template that made no session on a day (放号异常)."""

    template_id: UUID
    day: date
    trouble: GenerationTrouble
    found_at: datetime
    department: str
    doctor: str
    room: str
    period: DayPeriod


class CalendarDayView(View):
    """What a day is (日历). ``known``: its year's holidays are known."""

    day: date
    kind: CalendarDayKind
    weekday: int
    name: str
    edited: bool
    known: bool


class RuleException(View):
    """What a rule is for one department or service kind (例外)."""

    scope: RuleScope
    scope_key: str
    name: str
    value: int
    changed_at: datetime
    changed_by: str | None


class RuleView(View):
    """One booking rule (预约规则): its bounds, the hospital's value and the exceptions."""

    code: RuleCode
    label: str
    hint: str
    unit: str
    form: RuleForm
    default: int
    lowest: int
    highest: int
    scopes: list[RuleScope]
    value: int
    exceptions: list[RuleException]


class ClinicChangeView(View):
    """What was done to a session, and how its patients stand (停替诊)."""

    id: UUID
    kind: ClinicChangeKind
    schedule_id: UUID
    department: str
    from_doctor: str
    to_doctor: str | None
    starts_at: datetime
    ends_at: datetime
    slot_from: int | None
    slot_to: int | None
    reason: str
    made_at: datetime
    told: int
    open: int
    moved: int
    kept: int
    refunded: int


class ClinicsChangedView(View):
    """The changes that one command made (停替诊结果)."""

    items: list[ClinicChangeView]


class DisruptionView(View):
    """A change of a clinic as its patient sees it (停替诊通知), with what can be answered.

    ``unpaid``: its fee was to be paid at the hospital (到院缴费), so that nothing goes back.
    """

    id: UUID
    kind: ClinicChangeKind
    status: DisruptionStatus
    appointment_id: UUID
    patient_id: UUID
    patient_name_masked: str
    department_id: UUID
    department: str
    from_doctor: str
    to_doctor: str | None
    to_doctor_title: str | None
    starts_at: datetime
    number: int
    reason: str
    answer_by: datetime
    choices: list[DisruptionChoice]
    refunded_fen: int
    unpaid: bool = False


class MoveTarget(View):
    """A session to which a patient can be moved (可改约时段); ``refund_fen`` is what it gives back."""

    schedule_id: UUID
    doctor: str
    title: str
    room: str
    service_kind: ServiceKind
    starts_at: datetime
    ends_at: datetime
    places_left: int
    fee_fen: int
    refund_fen: int
