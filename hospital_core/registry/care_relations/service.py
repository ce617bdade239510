"""Services of care relations: who treats whom, and the emergency look."""

from datetime import datetime, timedelta
from uuid import UUID

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.care_relations.commands import BreakGlassCommand, LookUpPatient, ReviewBreakGlass
from hospital_core.registry.care_relations.errors import BreakGlassReviewed, OwnBreakGlass
from hospital_core.registry.care_relations.events import BreakGlassJudged, BreakGlassOpened
from hospital_core.registry.care_relations.queries import break_glass_of, may_know
from hospital_core.registry.care_relations.states import BreakGlassVerdict
from hospital_core.registry.care_relations.views import BreakGlassView, RecognisedPatient
from hospital_core.registry.patients.ages import age_text, hospital_day
from hospital_core.registry.patients.queries import files_named_by, patient_names, require_live_file
from hospital_core.registry.staff.permissions import Permission, require

BREAK_GLASS_LASTS = timedelta(minutes=30)
# Patient numbers run in sequence, so whoever tries them one by one is never wrong: hits are counted like misses.
# Enough for a bus accident at one desk, not for leafing through the index.
LOOK_UP = Purpose("look_up_patient", failures_max=20)

_RELATE = """
INSERT INTO care_relation (id, patient_id, staff_id, department_id, source_kind, source_id, starts_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (source_kind, source_id) DO UPDATE SET patient_id = excluded.patient_id, staff_id = excluded.staff_id,
    department_id = excluded.department_id, starts_at = excluded.starts_at, ends_at = excluded.ends_at"""

_END = """
UPDATE care_relation SET ends_at = greatest(starts_at, $3)
WHERE source_kind = $1 AND source_id = $2 AND ends_at > $3"""

_BREAK = """
INSERT INTO break_glass (id, patient_id, staff_id, reason, opened_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6)"""

_REVIEW = """
UPDATE break_glass SET reviewed_by = $2, reviewed_at = $3, verdict = $4
WHERE id = $1 AND reviewed_at IS NULL AND staff_id <> $2 RETURNING staff_id, patient_id"""


async def relate(
    uow: UnitOfWork,
    *,
    patient_id: UUID,
    staff_id: UUID | None,
    department_id: UUID,
    source_kind: str,
    source_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """A staff member or department treats a patient for a time (诊疗关系); part of booking, check-in, admission.

    One relation per source: the same source again (a moved appointment) replaces its times and people.
    """
    await uow.execute(
        _RELATE, new_id(), patient_id, staff_id, department_id, source_kind, source_id, starts_at, ends_at
    )


async def end_relation(uow: UnitOfWork, source_kind: str, source_id: UUID) -> None:
    """What the relation came from is over or was cancelled: it ends now, or never begins."""
    await uow.execute(_END, source_kind, source_id, uow.now)


async def look_up_patient(uow: UnitOfWork, command: LookUpPatient) -> Page[RecognisedPatient]:
    """Whom exactly this number names (紧急调阅), masked, for somebody who may open files in an emergency.

    A number that nobody has, a name or half a number all get the same empty answer. Twenty strangers or misses within
    fifteen minutes lock the asker; one's own patients count nothing. Raises: Forbidden, TooManyAttempts.
    """
    require(uow.ctx, Permission.BREAK_GLASS_OPEN)
    asker = uow.ctx.actor.id
    if uow.ctx.actor.kind is not ActorKind.STAFF or asker is None:
        raise Forbidden()
    await attempts.guard(LOOK_UP, asker, uow)
    recognised = [await _recognise(uow, patient_id) for patient_id in await files_named_by(uow, command.number)]
    if not recognised or not all(one.permitted for one in recognised):
        await attempts.spend(LOOK_UP, asker, uow)
    for one in recognised[:1]:
        uow.audited("patient", one.patient_id, patient_id=one.patient_id)
    for one in recognised[1:]:
        uow.audit(AuditEntry(uow.audits[0].action, "patient", one.patient_id, patient_id=one.patient_id))
    return Page(items=recognised)


async def break_glass(uow: UnitOfWork, command: BreakGlassCommand) -> BreakGlassView:
    """Open one patient's file for thirty minutes in an emergency (紧急授权).

    The audit line commits with it, before anything of the file is shown; the reason stays in its own table, it may
    name people. Raises: Forbidden, FieldProblem, NotFound, PatientMerged. Emits: BreakGlassOpened.
    """
    require(uow.ctx, Permission.BREAK_GLASS_OPEN)
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise Forbidden()
    if not command.reason.isprintable():
        raise FieldProblem("/reason", "不能包含控制字符")
    await require_live_file(uow, command.patient_id)
    break_glass_id = new_id()
    await uow.execute(
        _BREAK, break_glass_id, command.patient_id, actor.id, command.reason, uow.now, uow.now + BREAK_GLASS_LASTS
    )
    uow.audited("break_glass", break_glass_id, patient_id=command.patient_id)
    uow.record(BreakGlassOpened(break_glass_id=break_glass_id, patient_id=command.patient_id, staff_id=actor.id))
    return await break_glass_of(uow, break_glass_id)


async def _recognise(uow: UnitOfWork, patient_id: UUID) -> RecognisedPatient:
    person = (await patient_names(uow, [patient_id]))[patient_id]
    return RecognisedPatient(
        patient_id=patient_id, name_masked=mask_name(person.name), sex=person.sex,
        age=age_text(person.birth_date, hospital_day(uow.now)), permitted=await may_know(uow, patient_id),
    )  # fmt: skip


async def review_break_glass(uow: UnitOfWork, command: ReviewBreakGlass) -> Done:
    """Judge an emergency look afterwards (复核紧急授权), once, and never one's own.

    Raises: Forbidden, NotFound, OwnBreakGlass, BreakGlassReviewed. Emits: BreakGlassJudged.
    """
    require(uow.ctx, Permission.BREAK_GLASS_REVIEW)
    reviewer = uow.ctx.actor.id
    if reviewer is None:
        raise Forbidden()
    row = await uow.fetch_row(_REVIEW, command.break_glass_id, reviewer, uow.now, command.verdict.value)
    if row is None:
        opened_by = await uow.fetch_value("SELECT staff_id FROM break_glass WHERE id = $1", command.break_glass_id)
        if opened_by is None:
            raise NotFound()
        raise OwnBreakGlass() if opened_by == reviewer else BreakGlassReviewed()
    uow.audited("break_glass", command.break_glass_id, patient_id=row["patient_id"])
    justified = command.verdict is BreakGlassVerdict.JUSTIFIED
    uow.record(BreakGlassJudged(break_glass_id=command.break_glass_id, staff_id=row["staff_id"], justified=justified))
    return Done()
