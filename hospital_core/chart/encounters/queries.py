"""Reading visits."""

from collections.abc import Iterable
from uuid import UUID

from hospital_core.chart.encounters.views import EncounterView, VisitLabel
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient

_ENCOUNTER = """
SELECT e.*, d.name AS department, m.name AS doctor
FROM encounter e JOIN department d ON d.id = e.department_id LEFT JOIN staff_member m ON m.id = e.staff_id
WHERE e.id = $1"""

# A visit that was only booked has no row here yet; its appointment knows as much.
_LABELS = """
SELECT v.id AS encounter_id, d.id AS department_id, d.campus_id, d.name AS department, m.name AS doctor,
       coalesce(e.started_at, a.starts_at, e.created_at) AS at
FROM unnest($1::uuid[]) AS v (id)
LEFT JOIN encounter e ON e.id = v.id LEFT JOIN appointment a ON a.encounter_id = v.id
JOIN department d ON d.id = coalesce(e.department_id, a.department_id)
LEFT JOIN staff_member m ON m.id = coalesce(e.staff_id, a.staff_id)"""


async def encounter(reading: Reading, encounter_id: UUID) -> EncounterView:
    """One visit (就诊), if the actor may know its patient. Raises NotFound."""
    row = await reading.fetch_row(_ENCOUNTER, encounter_id)
    if row is None:
        raise NotFound()
    permitted = await permitted_patient(reading, row["patient_id"])
    if permitted.since is not None and row["created_at"] < permitted.since:
        raise NotFound()
    return EncounterView(**dict(row))


async def visit_labels(reading: Reading, encounter_ids: Iterable[UUID]) -> dict[UUID, VisitLabel]:
    """What visits are called (就诊标识), those that are known; for callers that decided who may see them."""
    rows = await reading.fetch(_LABELS, sorted(set(encounter_ids)))
    return {row["encounter_id"]: VisitLabel(**dict(row)) for row in rows}
