"""Reading visits."""

from uuid import UUID

from hospital_core.chart.encounters.views import EncounterView
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient

_ENCOUNTER = """
SELECT e.*, d.name AS department, m.name AS doctor
FROM encounter e JOIN department d ON d.id = e.department_id LEFT JOIN staff_member m ON m.id = e.staff_id
WHERE e.id = $1"""


async def encounter(reading: Reading, encounter_id: UUID) -> EncounterView:
    """One visit (就诊), if the actor may know its patient. Raises NotFound."""
    row = await reading.fetch_row(_ENCOUNTER, encounter_id)
    if row is None:
        raise NotFound()
    permitted = await permitted_patient(reading, row["patient_id"])
    if permitted.since is not None and row["created_at"] < permitted.since:
        raise NotFound()
    return EncounterView(**dict(row))
