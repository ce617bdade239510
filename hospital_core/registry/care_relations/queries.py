"""Who may know which patient (可见性), decided in this one place."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import link_basis, own_row
from hospital_core.registry.care_relations.states import Basis
from hospital_core.registry.care_relations.views import BreakGlassView, PermittedPatient
from hospital_core.registry.patients import queries as patients
from hospital_core.registry.patients.views import PatientView
from hospital_core.registry.staff.permissions import Permission

# One local question: relation of the person or of the department they work in, then an open emergency look.
_BY_CARE = """
SELECT EXISTS (
         SELECT 1 FROM care_relation r
         WHERE r.patient_id IN (SELECT person_ids($2)) AND r.starts_at <= hospital_now() AND r.ends_at > hospital_now()
           AND (r.staff_id = s.id OR r.department_id = s.department_id)) AS related,
       EXISTS (
         SELECT 1 FROM break_glass b
         WHERE b.patient_id IN (SELECT person_ids($2)) AND b.staff_id = s.id
           AND b.opened_at <= hospital_now() AND b.ends_at > hospital_now()) AS broken
FROM staff_member s WHERE s.id = $1 AND s.active"""

_BREAK_GLASSES = """
SELECT b.id, b.patient_id, p.patient_no, p.name AS patient_name, b.staff_id, s.name AS staff_name, b.reason,
       b.opened_at, b.ends_at, b.reviewed_by, b.reviewed_at, b.verdict
FROM break_glass b JOIN patient p ON p.id = b.patient_id JOIN staff_member s ON s.id = b.staff_id"""


async def permitted_patient(reading: Reading, patient_id: UUID) -> PermittedPatient:
    """The patient, if the actor may know of it (可见性判定).

    An account sees the files it is linked to, since the link while that is unproven; a kiosk session its one patient;
    staff those they or their department treat, those they opened in an emergency, and everybody with the right to
    search; the system everybody. Raises: NotFound, for what does not exist and for what is not theirs alike.
    """
    found = await _decide(reading, patient_id)
    if found is None:
        raise NotFound()
    return found


async def may_know(reading: Reading, patient_id: UUID) -> bool:
    """Whether ``permitted_patient`` would let the actor through."""
    return await _decide(reading, patient_id) is not None


class PatientRow:
    """Reads one row that belongs to a patient, if the actor may know of it (患者名下的一行).

    ``sql`` is the statement with ``{row}`` where the table stands and nothing after its joins; ``table`` has
    ``patient_id``, and with ``since`` (SQL, of the row ``own``) from when on an unproven link may see it.
    """

    def __init__(self, sql: str, table: str, since: str = "own.created_at") -> None:
        self._own = sql.format(row=own_row(table, "$1", "$2", since))
        self._any = sql.format(row=f"(SELECT own.* FROM {table} AS own WHERE own.id = $1)")

    async def of(self, reading: Reading, row_id: UUID) -> Record:
        """The row. Raises: NotFound, in the same time for what does not exist and for what is not theirs."""
        actor = reading.ctx.actor
        if actor.kind is ActorKind.ACCOUNT:
            row = await reading.fetch_row(self._own, actor.id, row_id)
        else:
            row = await reading.fetch_row(self._any, row_id)
            # Asked in any case: what is not there takes as long as what is not theirs.
            await permitted_patient(reading, row["patient_id"] if row else new_id())
        if row is None:
            raise NotFound()
        return row


async def permitted_file(reading: Reading, patient_id: UUID) -> PatientView:
    """The whole file, if the actor may know of it and nothing of it is hidden from them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    if not permitted.proven:
        raise NotFound()
    return await patients.patient(reading, patient_id)


async def open_break_glasses(reading: Reading, limit: int = 200) -> list[BreakGlassView]:
    """Emergency looks waiting for their review (待复核), oldest first; ended ones too."""
    rows = await reading.fetch(
        f"{_BREAK_GLASSES} WHERE b.reviewed_at IS NULL ORDER BY b.opened_at, b.id LIMIT $1", limit
    )
    return [_break_glass(row) for row in rows]


async def break_glass_of(reading: Reading, break_glass_id: UUID) -> BreakGlassView:
    """One emergency look. Raises: NotFound."""
    row = await reading.fetch_row(f"{_BREAK_GLASSES} WHERE b.id = $1", break_glass_id)
    if row is None:
        raise NotFound()
    return _break_glass(row)


async def _decide(reading: Reading, patient_id: UUID) -> PermittedPatient | None:
    decide = _RULES.get(reading.ctx.actor.kind)
    return await decide(reading, patient_id) if decide else None


async def _for_system(reading: Reading, patient_id: UUID) -> PermittedPatient | None:
    return await _existing(reading, patient_id, Basis.SYSTEM)


async def _for_account(reading: Reading, patient_id: UUID) -> PermittedPatient | None:
    account_id = reading.ctx.actor.id
    link = await link_basis(reading, account_id, patient_id) if account_id else None
    if link is None:
        return None
    return PermittedPatient(patient_id, None if link.proven else link.linked_at, link.proven, Basis.ACCOUNT_LINK)


async def _for_kiosk_session(reading: Reading, patient_id: UUID) -> PermittedPatient | None:
    """The person in front of the kiosk: the proven file, and those merged with it."""
    own = reading.ctx.actor.patient_id
    if own != patient_id and not await reading.fetch_value("SELECT $2 IN (SELECT person_ids($1))", own, patient_id):
        return None
    return await _existing(reading, patient_id, Basis.KIOSK_SESSION)


async def _for_staff(reading: Reading, patient_id: UUID) -> PermittedPatient | None:
    care = await reading.fetch_row(_BY_CARE, reading.ctx.actor.id, patient_id)
    if care is not None and care["related"]:
        return PermittedPatient(patient_id, None, True, Basis.CARE_RELATION)
    if Permission.PATIENT_SEARCH in reading.ctx.actor.permissions:
        return await _existing(reading, patient_id, Basis.SEARCH_RIGHT)
    if care is not None and care["broken"]:
        return PermittedPatient(patient_id, None, True, Basis.BREAK_GLASS)
    return None


async def _existing(reading: Reading, patient_id: UUID, basis: Basis) -> PermittedPatient | None:
    if await reading.fetch_value("SELECT 1 FROM patient WHERE id = $1", patient_id) is None:
        return None
    return PermittedPatient(patient_id, None, True, basis)


_RULES: dict[ActorKind, Callable[[Reading, UUID], Awaitable[PermittedPatient | None]]] = {
    ActorKind.SYSTEM: _for_system,
    ActorKind.ACCOUNT: _for_account,
    ActorKind.KIOSK_SESSION: _for_kiosk_session,
    ActorKind.STAFF: _for_staff,
}


def _break_glass(row: Any) -> BreakGlassView:
    columns = dict(row)
    return BreakGlassView(patient_name_masked=mask_name(columns.pop("patient_name")), **columns)
