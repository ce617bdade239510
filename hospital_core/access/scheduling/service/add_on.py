"""A doctor's places beyond the plan (加号)."""

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.errors import AddOnsUsedUp, SessionOver, SessionStopped
from hospital_core.access.scheduling.events import AddOnGiven
from hospital_core.access.scheduling.planning_commands import AddOn
from hospital_core.access.scheduling.rules import RuleCode, rule_book
from hospital_core.access.scheduling.service.book import announce, take_place
from hospital_core.access.scheduling.service.taking import Desk, Wish
from hospital_core.access.scheduling.statements import is_free
from hospital_core.access.scheduling.states import BookingChannel, Pool, ScheduleStatus
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.staff.permissions import Permission, require

CLINIC = Desk(BookingChannel.CLINIC, Pool.ADD_ON)
_BESIDE_NOW = timedelta(minutes=1)

_SESSION = "SELECT * FROM schedule WHERE id = $1 FOR NO KEY UPDATE"

_ADD_ONS = f"""
SELECT count(*) FILTER (WHERE pool = '{Pool.ADD_ON.value}') AS given, max(number) AS last_number,
       max(starts_at) AS last_starts_at,
       (array_agg(id ORDER BY number)
        FILTER (WHERE pool = '{Pool.ADD_ON.value}' AND {is_free("slot", "$2")}))[1] AS spare
FROM slot WHERE schedule_id = $1"""

_NEW = f"""
INSERT INTO slot (id, version, schedule_id, number, starts_at, pool, status)
VALUES ($1, 0, $2, $3, $4, '{Pool.ADD_ON.value}', 'free')"""

_SPARE = "UPDATE slot SET starts_at = $2, version = version + 1 WHERE id = $1"


async def add_on(uow: UnitOfWork, command: AddOn) -> AppointmentView:
    """Give a named patient the number after the last of one's own session (加号), to be paid for within the hold.

    What was not paid can be given again; it never becomes anybody's. All rules of booking hold: real name, one claim
    per department and part of the day, limits of the day. Raises: Forbidden, NotFound, AddOnsUsedUp, SessionStopped,
    SessionOver, what booking raises. Locks: the session, the place. Emits: AddOnGiven. Source: AP-15.
    """
    require(uow.ctx, Permission.APPOINTMENT_ADD_ON)
    patient = await permitted_patient(uow, command.patient_id)
    session = await uow.fetch_row(_SESSION, command.schedule_id)
    if session is None:
        raise NotFound()
    if uow.ctx.actor.kind is ActorKind.STAFF and session["staff_id"] != uow.ctx.actor.id:
        raise Forbidden()
    if session["status"] == ScheduleStatus.STOPPED:
        raise SessionStopped()
    if session["ends_at"] - _BESIDE_NOW <= uow.now:
        raise SessionOver()
    slot_id = await _place(uow, session)
    made = await take_place(uow, Wish(patient.patient_id, command.schedule_id, slot_id), CLINIC)
    uow.record(AddOnGiven(appointment_id=made["id"]))
    return await announce(uow, made)


async def _place(uow: UnitOfWork, session: Record) -> UUID:
    """A place beyond the plan: one that came back unpaid, or a new one while the rule allows."""
    book = await rule_book(uow)
    most = book.value(RuleCode.ADD_ON_PER_SESSION, session["department_id"], session["service_kind"])
    row = await uow.fetch_row(_ADD_ONS, session["id"], uow.now)
    assert row is not None
    starts_at: datetime = max(row["last_starts_at"], uow.now + _BESIDE_NOW)
    starts_at = min(starts_at, session["ends_at"] - timedelta(seconds=1))
    if row["spare"] is not None:
        await uow.execute(_SPARE, row["spare"], starts_at)
        spare: UUID = row["spare"]
        return spare
    if row["given"] >= most:
        raise AddOnsUsedUp(most=most)
    slot_id = new_id()
    await uow.execute(_NEW, slot_id, session["id"], row["last_number"] + 1, starts_at)
    return slot_id
