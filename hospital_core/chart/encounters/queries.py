"""Reading visits."""

from collections.abc import Iterable
from uuid import UUID

from hospital_core.chart.encounters.views import EncounterView, VisitLabel
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

_ENCOUNTER = PatientRow(
    "SELECT e.*, d.name AS department, m.name AS doctor "
    "FROM {row} e JOIN department d ON d.id = e.department_id LEFT JOIN staff_member m ON m.id = e.staff_id",
    "encounter",
)

# A visit that was only booked has no row here yet; its appointment knows as much.
_LABELS = """
SELECT v.id AS encounter_id, d.id AS department_id, d.campus_id, d.name AS department, m.name AS doctor,
       coalesce(e.started_at, a.starts_at, e.created_at) AS at
FROM unnest($1::uuid[]) AS v (id)
LEFT JOIN encounter e ON e.id = v.id LEFT JOIN appointment a ON a.encounter_id = v.id
JOIN department d ON d.id = coalesce(e.department_id, a.department_id)
LEFT JOIN staff_member m ON m.id = coalesce(e.staff_id, a.staff_id)"""

# 1 patient, 2 known from, 3 how many
_VISITS = """
SELECT encounter_id FROM appointment
WHERE patient_id IN (SELECT person_ids($1)) AND ($2::timestamptz IS NULL OR created_at >= $2)
UNION
SELECT id FROM encounter WHERE patient_id IN (SELECT person_ids($1)) AND ($2::timestamptz IS NULL OR created_at >= $2)
ORDER BY 1 DESC LIMIT $3"""


async def encounter(reading: Reading, encounter_id: UUID) -> EncounterView:
    """One visit (就诊), if the actor may know its patient. Raises NotFound."""
    return EncounterView(**dict(await _ENCOUNTER.of(reading, encounter_id)))


async def visit_labels(reading: Reading, encounter_ids: Iterable[UUID]) -> dict[UUID, VisitLabel]:
    """What visits are called (就诊标识), those that are known; for callers that decided who may see them."""
    rows = await reading.fetch(_LABELS, sorted(set(encounter_ids)))
    return {row["encounter_id"]: VisitLabel(**dict(row)) for row in rows}


async def visits_of(reading: Reading, patient_id: UUID, limit: int = 100) -> list[VisitLabel]:
    """A person's visits by name (就诊), latest first, if the actor may know them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    rows = await reading.fetch(_VISITS, patient_id, permitted.since, limit)
    labels = await visit_labels(reading, [row["encounter_id"] for row in rows])
    return sorted(labels.values(), key=lambda label: label.at, reverse=True)


async def places_of_bill(reading: Reading, invoice_id: UUID) -> tuple[UUID, ...]:
    """Where a bill's money is earned (收款归属): one department and its campus, one campus, or all of the hospital."""
    visits = await reading.fetch("SELECT encounter_id FROM charge_item WHERE invoice_id = $1", invoice_id)
    labels = (await visit_labels(reading, {row["encounter_id"] for row in visits})).values()
    departments, campuses = ({label.department_id for label in labels}, {label.campus_id for label in labels})
    if len(campuses) != 1:
        return ()
    return (*(departments if len(departments) == 1 else ()), *campuses)
