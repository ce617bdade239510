"""What patients and staff see of the waitlist (候补)."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.access.scheduling.states import DayPeriod, ServiceKind, WaitlistStatus
from hospital_core.kernel.commands import View


class OfferView(View):
    """The place that is held for somebody who waited (候补到号): paid or confirmed by ``answer_by``, or it goes on.

    ``pay_at_hospital``: it is confirmed now and paid before checking in (到院缴费).
    """

    appointment_id: UUID
    doctor: str
    room: str
    starts_at: datetime
    fee_fen: int
    answer_by: datetime
    pay_at_hospital: bool = False


class WaitlistEntryView(View):
    """Somebody's place in a line (候补单). ``position`` 1 is next; only while waiting."""

    id: UUID
    patient_id: UUID
    patient_name_masked: str
    department_id: UUID
    department: str
    doctor: str | None
    service_kind: ServiceKind | None
    day: date
    period: DayPeriod
    status: WaitlistStatus
    position: int | None
    joined_at: datetime
    closes_at: datetime
    offer: OfferView | None
