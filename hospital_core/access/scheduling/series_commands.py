"""What can be asked of courses of visits (疗程预约)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command

VISITS_MOST = 12


class PlanSeries(Command):
    """Look for so many visits, every so many days, beginning with a session (疗程预览). Units: days."""

    patient_id: UUID
    schedule_id: UUID
    every_days: int = Field(ge=1, le=60)
    visits: int = Field(ge=2, le=VISITS_MOST)


class BookSeries(Command):
    """Book the visits that were agreed on, all or none (疗程预约): sessions of one department, on different days."""

    patient_id: UUID
    schedule_ids: Annotated[tuple[UUID, ...], Field(min_length=2, max_length=VISITS_MOST)]
    every_days: int = Field(ge=1, le=60)


class CancelSeries(Command):
    """Give back what is left of a course (取消剩余疗程)."""

    series_id: UUID
