"""Merging (合并): a link from one file to another, nothing rewritten, nothing lost when it is undone."""

from uuid import UUID

from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.commands import DismissDuplicate, MergePatients, UnmergePatients
from hospital_core.registry.patients.errors import MergeWithItself, NotMerged
from hospital_core.registry.patients.events import PatientsMerged, PatientsUnmerged
from hospital_core.registry.patients.queries import require_live_file
from hospital_core.registry.patients.states import DUPLICATE
from hospital_core.registry.patients.views import MergeView
from hospital_core.registry.staff.permissions import Permission, require

_LINK = """
INSERT INTO patient_merge (id, source_id, survivor_id, reason, merged_by, merged_at) VALUES ($1, $2, $3, $4, $5, $6)"""

_UNLINK = """
UPDATE patient_merge SET undone_by = $2, undone_at = $3 WHERE source_id = $1 AND undone_at IS NULL
RETURNING id, survivor_id"""

_SETTLE_PAIR = """
UPDATE patient_duplicate SET status = {target}, version = version + 1
WHERE earlier_id = least($1::uuid, $2::uuid) AND later_id = greatest($1::uuid, $2::uuid) AND {sources}"""


async def merge_patients(uow: UnitOfWork, command: MergePatients) -> MergeView:
    """Say that ``source`` is the same person as ``survivor`` (合并档案): a link, undone by ``unmerge_patients``.

    Both must be files that stand for themselves, so a chain never closes to a ring.
    Raises: Forbidden, NotFound, MergeWithItself, PatientMerged. Emits: PatientsMerged.
    Locks: both files, the smaller id first.
    """
    require(uow.ctx, Permission.PATIENT_MERGE)
    merged_by = _person(uow)
    if command.source_id == command.survivor_id:
        raise MergeWithItself()
    await _lock(uow, command.source_id, command.survivor_id)
    await require_live_file(uow, command.source_id)
    await require_live_file(uow, command.survivor_id)
    await uow.execute(
        _LINK, new_id(), command.source_id, command.survivor_id, command.reason, merged_by, uow.now
    )  # fmt: skip
    await _settle(uow, "merge", command.source_id, command.survivor_id)
    uow.audited("patient", command.source_id, patient_id=command.survivor_id)
    uow.record(PatientsMerged(source_id=command.source_id, survivor_id=command.survivor_id))
    return MergeView(source_id=command.source_id, survivor_id=command.survivor_id, undone=False)


async def unmerge_patients(uow: UnitOfWork, command: UnmergePatients) -> MergeView:
    """Undo the merge of ``source`` (撤销合并); what was merged into either stays where it was.

    Raises: Forbidden, NotFound, NotMerged. Emits: PatientsUnmerged. Locks: the link.
    """
    require(uow.ctx, Permission.PATIENT_MERGE)
    undone_by = _person(uow)
    if await uow.fetch_value("SELECT 1 FROM patient WHERE id = $1", command.source_id) is None:
        raise NotFound()
    link = await uow.fetch_row(_UNLINK, command.source_id, undone_by, uow.now)
    if link is None:
        raise NotMerged()
    await _settle(uow, "unmerge", command.source_id, link["survivor_id"])
    uow.audited("patient", command.source_id, patient_id=link["survivor_id"])
    uow.record(PatientsUnmerged(source_id=command.source_id, survivor_id=link["survivor_id"]))
    return MergeView(source_id=command.source_id, survivor_id=link["survivor_id"], undone=True)


async def dismiss_duplicate(uow: UnitOfWork, command: DismissDuplicate) -> Done:
    """The two files are two people (排除重复). Raises: Forbidden, NotFound, StateConflict."""
    require(uow.ctx, Permission.PATIENT_MERGE)
    row = await transition(uow, DUPLICATE, "dismiss", command.duplicate_id, version=command.version)
    uow.audited("patient_duplicate", command.duplicate_id, patient_id=row["earlier_id"])
    return Done()


async def _lock(uow: UnitOfWork, *patient_ids: UUID) -> None:
    """Two merges of one pair in opposite directions would each find both files free; the locks make one wait."""
    rows = await uow.fetch("SELECT id FROM patient WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", patient_ids)
    if len(rows) != len(patient_ids):
        raise NotFound()


async def _settle(uow: UnitOfWork, command: str, one: UUID, other: UUID) -> None:
    sql = _SETTLE_PAIR.format(target=DUPLICATE.target_sql(command), sources=DUPLICATE.sources_sql(command))
    await uow.execute(sql, one, other)


def _person(uow: UnitOfWork) -> UUID:
    """Merging is a judgement: a person's, never the system's."""
    if uow.ctx.actor.id is None:
        raise Forbidden()
    return uow.ctx.actor.id
