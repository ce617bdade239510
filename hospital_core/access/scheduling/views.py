"""What readers see of sessions, places and appointments."""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import Field

from hospital_core.access.scheduling.states import (
    AppointmentPayment,
    AppointmentStatus,
    DayPeriod,
    QueueTicketStatus,
    ScheduleStatus,
    ServiceKind,
)
from hospital_core.kernel.commands import View

_LONG_OPEN = datetime.fromtimestamp(0, UTC)


class BookableDepartmentView(View):
    """A department on the phone's first page (科室)."""

    id: UUID
    name: str
    intro: str
    campus: str
    available_today: int


class SessionBrief(View):
    """One session of a doctor as patients choose it (出诊时段). ``can_wait``: full, its line open (候补).

    ``pay_at_hospital``: its fee is paid before checking in (到院缴费), not now.
    """

    schedule_id: UUID
    period: DayPeriod
    starts_at: datetime
    ends_at: datetime
    service_kind: ServiceKind
    fee_fen: int
    places_left: int
    can_wait: bool
    pay_at_hospital: bool
    room: str


class DoctorView(View):
    """A doctor with the sessions of one day (出诊医生)."""

    staff_id: UUID
    name: str
    title: str
    specialty: str
    sessions: list[SessionBrief]


class ScheduleView(View):
    """A session as staff see it (排班). ``left_at_window``: of its places left, those that the window may sell."""

    schedule_id: UUID
    department_id: UUID
    department: str
    staff_id: UUID
    doctor: str
    title: str
    room_id: UUID
    room: str
    campus: str
    service_kind: ServiceKind
    starts_at: datetime
    ends_at: datetime
    fee_fen: int
    places: int
    places_left: int
    left_at_window: int
    status: ScheduleStatus
    period: DayPeriod
    released_at: datetime
    sought_after: bool
    template_id: UUID | None


class SlotView(View):
    """One place of a session (号源)."""

    slot_id: UUID
    number: int
    starts_at: datetime
    free: bool


class TicketBrief(View):
    """The queue ticket of a checked-in appointment."""

    display_no: str
    status: QueueTicketStatus


class AppointmentView(View):
    """An appointment as its patient sees it (预约单). ``ticket`` is filled by ``queueing.queries.with_tickets``.

    ``previous_id`` is the one it replaces, ``next_id`` the one that replaced it (改约). ``stopped``: its
    clinic does not take place (停诊) and the patient has not answered yet. ``fee_due``: it is theirs, its fee is paid
    before checking in (到院缴费). ``cancel_until``: the cut-off of giving it back online (退号截止), while it stands.
    """

    id: UUID
    appointment_no: str
    status: AppointmentStatus
    payment_status: AppointmentPayment
    patient_id: UUID
    patient_name_masked: str
    department: str
    doctor: str
    title: str
    room: str
    campus: str
    service_kind: ServiceKind = ServiceKind.GENERAL  # not said in answers that were kept before there was another
    starts_at: datetime
    number: int
    fee_fen: int
    pay_until: datetime
    created_at: datetime
    can_cancel: bool
    cancel_until: datetime | None = None
    can_check_in: bool
    check_in_opens_at: datetime = Field(default=_LONG_OPEN, description="long ago in answers from before it was said")
    fee_due: bool = False
    stopped: bool = False
    encounter_id: UUID
    previous_id: UUID | None = None
    next_id: UUID | None = None
    ticket: TicketBrief | None = None


class FeePaying(View):
    """A fee is being paid: what the card gave, and the WeChat payment that waits for the rest, if any is left."""

    appointment_id: UUID
    card_fen: int
    intent_id: UUID | None


class FeeToPay(View):
    """What of an appointment's fee is paid and left (挂号费应付); ``balance_fen``: what the card could give."""

    fee_fen: int
    paid_fen: int
    due_fen: int
    balance_fen: int


class MoveOption(View):
    """A session to which an appointment can be moved (可改约时段).

    ``refund_fen`` goes back to who has paid; where ``dearer_fen`` is not 0, it has to be booked anew. ``pay_first``:
    its fee is paid at once, so the one that was to be paid at the hospital is paid before moving. ``pay_at_hospital``:
    it is paid before checking in, unless what was paid moves with it.
    """

    schedule_id: UUID
    doctor: str
    title: str
    same_doctor: bool
    same_session: bool
    room: str
    campus: str
    service_kind: ServiceKind
    starts_at: datetime
    ends_at: datetime
    places_left: int
    fee_fen: int
    refund_fen: int
    dearer_fen: int
    pay_first: bool
    pay_at_hospital: bool


class MoveOptionsView(View):
    """Whether and where an appointment can be moved (改约); ``refusal`` says why not."""

    appointment_id: UUID
    refusal: str | None
    moves_left: int
    move_until: datetime
    items: list[MoveOption]


class WalkInView(View):
    """A place sold at the window (现场挂号结果)."""

    appointment: AppointmentView
    change_fen: int


class AppointmentQrView(View):
    """The text to show as a QR code, and until when it works (预约二维码)."""

    text: str
    expires_at: datetime


class QrBearer(View):
    """Whom a read code names: for opening a kiosk session (扫码签到)."""

    appointment_id: UUID
    patient_id: UUID
