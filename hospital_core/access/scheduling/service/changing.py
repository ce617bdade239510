"""Stopping clinics and giving them to another doctor (停诊与替诊).

Places are locked before appointments, as booking does: a booking under way ends before the change passes, and is then
among those who are told. A stopped place is closed, sold or not, so that nobody gets it when its patient leaves it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.disruption_queries import clinic_changes_of
from hospital_core.access.scheduling.errors import NothingToStop
from hospital_core.access.scheduling.events import (
    ClinicStopped,
    DisruptionAnswerDue,
    DoctorSubstituted,
    HoldStopped,
    SessionHandedOver,
)
from hospital_core.access.scheduling.planning_commands import StopClinic, SubstituteDoctor
from hospital_core.access.scheduling.planning_views import ClinicChangeView, ClinicsChangedView
from hospital_core.access.scheduling.rules import RuleCode, rule_book
from hospital_core.access.scheduling.service.cancel import give_back
from hospital_core.access.scheduling.service.hold import follow_session
from hospital_core.access.scheduling.states import (
    DISRUPTION,
    SCHEDULE,
    SLOT,
    AppointmentStatus,
    ClinicChangeKind,
    DisruptionStatus,
    SlotStatus,
)
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

SESSION_STOPPED = "session_stopped"
_BEFORE_SESSION = timedelta(hours=1)
_LEAST_TIME = timedelta(minutes=10)
# A substitute is of the same grade or a higher one, at no extra fee (AP-13).
_GRADES = ("住院医师", "主治医师", "副主任医师", "主任医师")

# Not FOR UPDATE: a booking that has its place already must still be able to refer to its session, or each waits for the
# other. 1 ids, 2 doctor, 3 day, 4 period or NULL, 5 now
_SESSIONS = """
SELECT * FROM schedule
WHERE status = 'active' AND ends_at > $5
  AND (id = ANY($1::uuid[]) OR staff_id = $2 AND day = $3 AND ($4::text IS NULL OR period = $4))
ORDER BY id FOR NO KEY UPDATE"""

_CHANGE = """
INSERT INTO clinic_change (id, schedule_id, kind, slot_from, slot_to, from_staff_id, to_staff_id, reason, made_at,
                           made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""

_IN_RANGE = "slot.schedule_id = $1 AND ($2::int IS NULL OR slot.number BETWEEN $2 AND $3)"
_LOCK_PLACES = f"SELECT slot.id, slot.status FROM slot WHERE {_IN_RANGE} ORDER BY slot.number FOR UPDATE"
_CLOSE = f"""
UPDATE slot SET status = {SLOT.target_sql("stop")}, held_until = NULL, version = version + 1
WHERE {_IN_RANGE} AND {SLOT.sources_sql("stop")}"""

_STANDING = f"""
SELECT a.* FROM appointment a JOIN slot ON slot.id = a.slot_id
WHERE {_IN_RANGE} AND a.status IN ('{AppointmentStatus.PENDING.value}', '{AppointmentStatus.BOOKED.value}')
ORDER BY a.id FOR UPDATE OF a"""

_SUPERSEDE = f"""
UPDATE disruption SET status = {DISRUPTION.target_sql("lapse")}, answered_at = $2, version = version + 1
WHERE appointment_id = $1 AND {DISRUPTION.sources_sql("lapse")}"""

_DISRUPT = f"""
INSERT INTO disruption (id, version, change_id, appointment_id, from_slot_id, status, answer_by, refunded_fen)
VALUES ($1, 0, $2, $3, $4, '{DisruptionStatus.OPEN.value}', $5, 0)"""

_SUBSTITUTE = """
SELECT m.title, own.title AS own_title FROM staff_member m, staff_member own
WHERE m.id = $1 AND m.active AND own.id = $2"""

_HAND_OVER = "UPDATE schedule SET staff_id = $2, version = version + 1 WHERE id = $1"
_HAND_OVER_PATIENTS = f"""
UPDATE appointment SET staff_id = $2, version = version + 1
WHERE schedule_id = $1 AND status IN ('{AppointmentStatus.PENDING.value}', '{AppointmentStatus.BOOKED.value}',
                                      '{AppointmentStatus.CHECKED_IN.value}')
RETURNING *"""


async def stop_clinic(uow: UnitOfWork, command: StopClinic) -> ClinicsChangedView:
    """Stop sessions, or some numbers of one (停诊): no place can be had any more, whoever has one is told and chooses.

    Unpaid holds end at once; who has checked in stays in the queue. Raises: Forbidden, FieldProblem, NotFound,
    NothingToStop. Locks: the sessions, their places by number. Emits: ClinicStopped per patient, HoldStopped per unpaid
    hold. Source: AP-13, AP-14.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    _check(command)
    period = command.period.value if command.period else None
    sessions = await uow.fetch(_SESSIONS, list(command.schedule_ids), command.staff_id, command.day, period, uow.now)
    if not sessions:
        raise NothingToStop()
    if len(sessions) < len(set(command.schedule_ids)):
        raise NotFound()
    changes = [await _stop(uow, session, command) for session in sessions]
    return ClinicsChangedView(items=await clinic_changes_of(uow, changes))


def _check(command: StopClinic) -> None:
    by_doctor = command.staff_id is not None and command.day is not None
    if bool(command.schedule_ids) == by_doctor:
        raise FieldProblem("/schedule_ids", "请指定时段，或指定医生与日期")
    if (command.slot_from is None) != (command.slot_to is None):
        raise FieldProblem("/slot_to", "号段需要起止两个号")
    if command.slot_from is not None and command.slot_to is not None:
        if len(command.schedule_ids) != 1:
            raise FieldProblem("/slot_from", "按号段停诊时只能选择一个时段")
        if command.slot_from > command.slot_to:
            raise FieldProblem("/slot_to", "结束号不能小于开始号")


async def _stop(uow: UnitOfWork, session: Record, command: StopClinic) -> UUID:
    numbers = (session["id"], command.slot_from, command.slot_to)
    if command.slot_from is None:
        await transition(uow, SCHEDULE, "stop", session["id"])
    await uow.fetch(_LOCK_PLACES, *numbers)
    if not await uow.execute(_CLOSE, *numbers) and command.slot_from is not None:
        raise NothingToStop()
    change_id = await _keep(uow, session, ClinicChangeKind.STOP, command.reason, numbers=numbers[1:])
    for row in await uow.fetch(_STANDING, *numbers):
        if row["status"] == AppointmentStatus.PENDING:
            await give_back(uow, row, SESSION_STOPPED)
            uow.record(HoldStopped(appointment_id=row["id"]))
        else:
            disruption_id = await _disrupt(uow, change_id, row)
            uow.record(ClinicStopped(appointment_id=row["id"], disruption_id=disruption_id))
    uow.audited("schedule", session["id"])
    return change_id


async def substitute_doctor(uow: UnitOfWork, command: SubstituteDoctor) -> ClinicChangeView:
    """Give a session to another doctor of the same grade or a higher one, at the same fee (替诊).

    Every patient is told and chooses to keep it, to move, or to be refunded; who has checked in waits for the new
    doctor. Raises: Forbidden, FieldProblem, NothingToStop, DoctorElsewhere.
    Locks: the session, its places. Emits: DoctorSubstituted per patient, SessionHandedOver.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    sessions = await uow.fetch(_SESSIONS, [command.schedule_id], None, None, None, uow.now)
    if not sessions:
        raise NothingToStop()
    session = sessions[0]
    await _check_substitute(uow, session, command.staff_id)
    places = await uow.fetch(_LOCK_PLACES, session["id"], None, None)
    stopped = {place["id"] for place in places if place["status"] == SlotStatus.CLOSED}
    change_id = await _keep(uow, session, ClinicChangeKind.SUBSTITUTE, command.reason, to_staff_id=command.staff_id)
    await uow.execute(_HAND_OVER, session["id"], command.staff_id)
    for row in await uow.fetch(_HAND_OVER_PATIENTS, session["id"], command.staff_id):
        if row["status"] != AppointmentStatus.PENDING:
            await follow_session(uow, row)
        # Who was asked because their number was stopped still has to answer that: they cannot keep it.
        if row["status"] != AppointmentStatus.CHECKED_IN and row["slot_id"] not in stopped:
            disruption_id = await _disrupt(uow, change_id, row)
            uow.record(DoctorSubstituted(appointment_id=row["id"], disruption_id=disruption_id))
    uow.record(SessionHandedOver(schedule_id=session["id"]))
    uow.audited("schedule", session["id"])
    (view,) = await clinic_changes_of(uow, [change_id])
    return view


async def _check_substitute(uow: UnitOfWork, session: Record, staff_id: UUID) -> None:
    found = await uow.fetch_row(_SUBSTITUTE, staff_id, session["staff_id"])
    if found is None or staff_id == session["staff_id"]:
        raise FieldProblem("/staff_id", "替诊医生不存在、已停用或就是原医生")
    if _grade(found["title"]) < _grade(found["own_title"]):
        raise FieldProblem("/staff_id", "替诊医生的职级不能低于原医生")


def _grade(title: str) -> int:
    return _GRADES.index(title) if title in _GRADES else -1


async def _keep(
    uow: UnitOfWork, session: Record, kind: ClinicChangeKind, reason: str, *,
    to_staff_id: UUID | None = None, numbers: Sequence[int | None] = (None, None),
) -> UUID:  # fmt: skip
    change_id = new_id()
    await uow.execute(
        _CHANGE, change_id, session["id"], kind.value, *numbers, session["staff_id"], to_staff_id, reason, uow.now,
        uow.ctx.actor.id,
    )  # fmt: skip
    return change_id


async def _disrupt(uow: UnitOfWork, change_id: UUID, appointment: Record) -> UUID:
    """Ask one patient; an earlier question that is still open is replaced by this one."""
    await uow.execute(_SUPERSEDE, appointment["id"], uow.now)
    disruption_id, answer_by = new_id(), await _answer_by(uow, appointment["starts_at"])
    await uow.execute(_DISRUPT, disruption_id, change_id, appointment["id"], appointment["slot_id"], answer_by)
    uow.record(DisruptionAnswerDue(disruption_id=disruption_id), not_before=answer_by)
    return disruption_id


async def _answer_by(uow: UnitOfWork, starts_at: datetime) -> datetime:
    """As long as the rules say, an hour before the appointed time at the latest, and never less than ten minutes."""
    hours = (await rule_book(uow)).value(RuleCode.DISRUPTION_ANSWER_HOURS)
    return max(uow.now + _LEAST_TIME, min(uow.now + timedelta(hours=hours), starts_at - _BEFORE_SESSION))
