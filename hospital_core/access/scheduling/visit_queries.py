"""Naming visits for rooms that know only their ids (就诊名称)."""

from uuid import UUID

from hospital_core.access.scheduling.views import VisitLabel
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient

_VISITS = """
SELECT a.encounter_id, d.name AS department, m.name AS doctor, a.starts_at
FROM appointment a JOIN schedule s ON s.id = a.schedule_id JOIN department d ON d.id = s.department_id
JOIN staff_member m ON m.id = s.staff_id
WHERE a.patient_id IN (SELECT person_ids($1)) AND ($2::timestamptz IS NULL OR a.created_at >= $2)
ORDER BY a.starts_at DESC LIMIT $3"""


async def visits_of(reading: Reading, patient_id: UUID, limit: int = 100) -> list[VisitLabel]:
    """A person's visits by name (就诊), latest first, if the actor may know them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    rows = await reading.fetch(_VISITS, patient_id, permitted.since, limit)
    return [VisitLabel(**dict(row)) for row in rows]
