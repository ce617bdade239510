"""What the chart does when patients arrive."""

from hospital_core.access.queueing.events import PatientCheckedIn
from hospital_core.chart.encounters.service import plan_encounter
from hospital_core.kernel.events import handles
from hospital_core.kernel.uow import UnitOfWork


@handles(PatientCheckedIn)
async def plan(uow: UnitOfWork, event: PatientCheckedIn) -> None:
    """Open the visit of a checked-in patient."""
    await plan_encounter(uow, event.ticket_id, event.encounter_id)
