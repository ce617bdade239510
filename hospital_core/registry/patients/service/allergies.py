"""Allergies (过敏史): recorded, put to rest, struck out; never deleted."""

from asyncpg import Record

from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.commands import AllergyCommand, RecordAllergy
from hospital_core.registry.patients.errors import AllergyKnown
from hospital_core.registry.patients.queries import require_live_file
from hospital_core.registry.patients.states import ALLERGY
from hospital_core.registry.patients.views import AllergyView
from hospital_core.registry.staff.permissions import Permission, require

_RECORD = """
INSERT INTO patient_allergy (id, version, patient_id, substance, severity, reaction, status, recorded_by, recorded_at)
VALUES ($1, 0, $2, $3, $4, $5, 'active', $6, $7)
ON CONFLICT (patient_id, substance) WHERE status = 'active' DO NOTHING RETURNING *"""

# A file shows the allergies of every file merged into it, so they are moved from there too.
_OF_PERSON = """
SELECT 1 FROM patient_allergy WHERE id = $1 AND patient_id IN (SELECT person_ids($2))"""


async def record_allergy(uow: UnitOfWork, command: RecordAllergy) -> AllergyView:
    """Record a known allergy (登记过敏史). Raises: Forbidden, NotFound, PatientMerged, AllergyKnown, FieldProblem."""
    require(uow.ctx, Permission.ALLERGY_RECORD)
    for pointer, text in (("/substance", command.substance), ("/reaction", command.reaction)):
        if not text.isprintable():
            raise FieldProblem(pointer, "不能包含控制字符")
    await require_live_file(uow, command.patient_id)
    allergy_id = new_id()
    uow.audited("patient_allergy", allergy_id, patient_id=command.patient_id)
    row = await uow.fetch_row(
        _RECORD, allergy_id, command.patient_id, command.substance, command.severity.value, command.reaction,
        uow.ctx.actor.id, uow.now,
    )  # fmt: skip
    if row is None:
        raise AllergyKnown()
    return allergy_view(row)


async def inactivate_allergy(uow: UnitOfWork, command: AllergyCommand) -> AllergyView:
    """The patient tolerates the substance by now (过敏已缓解). Raises: Forbidden, NotFound, StateConflict."""
    return await _move(uow, "inactivate", command)


async def reactivate_allergy(uow: UnitOfWork, command: AllergyCommand) -> AllergyView:
    """The allergy has shown itself again (过敏复发). Raises: Forbidden, NotFound, StateConflict, AllergyKnown."""
    return await _move(uow, "reactivate", command)


async def strike_allergy(uow: UnitOfWork, command: AllergyCommand) -> AllergyView:
    """The allergy was recorded in error (录入有误). Raises: Forbidden, NotFound, StateConflict."""
    return await _move(uow, "strike", command)


async def _move(uow: UnitOfWork, move: str, command: AllergyCommand) -> AllergyView:
    require(uow.ctx, Permission.ALLERGY_JUDGE)
    await require_live_file(uow, command.patient_id)
    if await uow.fetch_value(_OF_PERSON, command.allergy_id, command.patient_id) is None:
        raise NotFound()
    row = await transition(uow, ALLERGY, move, command.allergy_id, version=command.version)
    uow.audited("patient_allergy", command.allergy_id, patient_id=row["patient_id"])
    return allergy_view(row)


def allergy_view(row: Record) -> AllergyView:
    """One row as readers see it."""
    return AllergyView(**{name: row[name] for name in AllergyView.model_fields})
