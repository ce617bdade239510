"""What can be asked of the waitlist (候补)."""

from uuid import UUID

from hospital_core.access.scheduling.states import DayPeriod, ServiceKind
from hospital_core.kernel.commands import Command, Day


class JoinWaitlist(Command):
    """Wait for a place of a department's part of a day (登记候补), if one likes of one doctor or kind of clinic."""

    patient_id: UUID
    department_id: UUID
    day: Day
    period: DayPeriod
    staff_id: UUID | None = None
    service_kind: ServiceKind | None = None


class LeaveWaitlist(Command):
    """Wait no longer (退出候补)."""

    entry_id: UUID


class AnswerOffer(Command):
    """Accept the offered place, when it costs nothing, or decline it (候补答复)."""

    entry_id: UUID
    accept: bool


class ServeLine(Command):
    """Give what is free to who waits for it (候补派号)."""

    department_id: UUID
    day: Day
    period: DayPeriod
