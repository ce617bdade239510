"""What is seen of courses of visits (疗程预约)."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.access.scheduling.states import SeriesTrouble, ServiceKind
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import View


class PlannedVisit(View):
    """A place that a visit of a course could have (可约时段)."""

    schedule_id: UUID
    day: date
    starts_at: datetime
    ends_at: datetime
    doctor: str
    title: str
    room: str
    service_kind: ServiceKind
    fee_fen: int
    places_left: int


class SeriesDay(View):
    """One day of a course (疗程日): the visit as wished, or why it cannot be and what comes nearest.

    ``instead`` is another doctor's session of that day, or one of the day before or after.
    """

    day: date
    visit: PlannedVisit | None
    trouble: SeriesTrouble | None
    instead: PlannedVisit | None


class SeriesPlan(View):
    """What can be had of a course (疗程预览), before anybody agrees; ``fee_fen`` of each is paid when one comes."""

    department: str
    visits_most: int
    days: list[SeriesDay]


class SeriesView(View):
    """A course of visits (疗程): each an appointment of its own. ``left`` can still be given back in one go."""

    id: UUID
    department: str
    patient_name_masked: str
    every_days: int
    wanted: int
    made_at: datetime
    left: int
    visits: list[AppointmentView]
