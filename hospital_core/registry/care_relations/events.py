"""What happened in care relations."""

from uuid import UUID

from hospital_core.kernel.events import Event


class BreakGlassOpened(Event):
    """Somebody opened a file in an emergency without a relation (紧急授权)."""

    break_glass_id: UUID
    patient_id: UUID
    staff_id: UUID


class BreakGlassJudged(Event):
    """An emergency look was reviewed (复核)."""

    break_glass_id: UUID
    staff_id: UUID
    justified: bool
