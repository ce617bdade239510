"""What readers see of examinations."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from hospital_core.access.scheduling.states import AppointmentStatus, DayPeriod
from hospital_core.kernel.commands import View


class ExaminationItemView(View):
    """A price item that is done at an appointed time (检查项目)."""

    id: UUID
    version: int
    price_item_id: UUID
    code: str
    name: str
    department_id: UUID
    department: str
    campus: str
    preparation: str
    lead_minutes: int
    active: bool


class ExaminationPlaceView(View):
    """Where and when an examination is to be done (检查预约)."""

    appointment_id: UUID
    appointment_no: str
    status: AppointmentStatus
    starts_at: datetime
    number: int
    room: str


class ExaminationView(View):
    """A paid examination, to be booked or booked (待预约、已预约检查). ``preparation`` is the patient's (检查须知)."""

    charge_item_id: UUID
    invoice_id: UUID
    patient_id: UUID
    patient_name_masked: str
    name: str
    quantity: Decimal
    unit: str
    department_id: UUID
    department: str
    campus: str
    preparation: str
    lead_minutes: int
    place: ExaminationPlaceView | None


class ExaminationDay(View):
    """How many places a day has (可约日期)."""

    day: date
    places: int


class ExaminationSlot(View):
    """A place that can be had."""

    slot_id: UUID
    number: int
    starts_at: datetime


class ExaminationSession(View):
    """The free places of one room in one part of a day (检查时段)."""

    schedule_id: UUID
    room: str
    campus: str
    period: DayPeriod
    starts_at: datetime
    ends_at: datetime
    places: list[ExaminationSlot]


class ExaminationPlacesView(View):
    """Where an examination can be done (可约检查号): the days that have places, and the places of one of them."""

    charge_item_id: UUID
    earliest_at: datetime
    days: list[ExaminationDay]
    day: date | None
    sessions: list[ExaminationSession]


class ExaminationOfVisit(View):
    """What is done at an appointment, and how its patient prepares (检查内容与须知)."""

    charge_item_id: UUID
    name: str
    quantity: Decimal
    unit: str
    preparation: str
