"""Moving through the queue (排队叫号). Every change tells the area's board in its own transaction."""

from uuid import UUID

import asyncpg
from asyncpg import Record

from hospital_core.access.queueing.commands import CallNext, CheckIn, CheckInOnline, TicketCommand, WalkIn
from hospital_core.access.queueing.errors import NoSessionInRoom
from hospital_core.access.queueing.events import PatientCheckedIn, TicketCalled, TicketFinished
from hospital_core.access.queueing.queries import board_ticket, called_ticket, ticket_of, topic_of
from hospital_core.access.queueing.statements import (
    CALL_NEXT,
    CALLS_AFTER,
    CALLS_BEFORE,
    JOIN_QUEUE,
    LEAVE,
    RETURN,
    SESSION_IN_ROOM,
    TICKET,
    TICKET_LIVES,
)
from hospital_core.access.queueing.states import QUEUE_TICKET, TicketPriority
from hospital_core.access.queueing.views import CalledTicket, CalledView, TicketView, WalkInTicketView
from hospital_core.access.scheduling.commands import RegisterWalkIn
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.service import arrive, register_walk_in
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission

# Two doctors who call two tickets of one patient at the same moment: the later looks again, and sees the earlier.
_CALL_TRIES = 5


async def check_in(uow: UnitOfWork, command: CheckIn) -> TicketView:
    """Give an arrived patient a ticket (签到取号); the same ticket again when asked again.

    Who comes in time stands by the appointed time, who comes late by arrival; emergencies first, the elderly and
    soldiers by arrival (``docs/queueing.md``). Raises: NotFound, NotCheckInAble, CheckInClosed, OnlineVisit, Forbidden.
    Emits: PatientCheckedIn. Locks: the appointment, then the counter of the queue.
    """
    if command.priority is not None and uow.ctx.actor.kind not in (ActorKind.STAFF, ActorKind.SYSTEM):
        raise Forbidden()
    return await _join(uow, command, online=False)


async def check_in_online(uow: UnitOfWork, command: CheckInOnline) -> TicketView:
    """Wait at the phone for an online visit (线上候诊), from when the rule says; the same ticket when asked again.

    Raises: NotFound, VisitInPerson, NotCheckInAble, CheckInClosed, SessionStopped, Forbidden. Emits: PatientCheckedIn.
    """
    if uow.ctx.actor.kind is not ActorKind.ACCOUNT:
        raise Forbidden()
    return await _join(uow, CheckIn(appointment_id=command.appointment_id), online=True)


async def _join(uow: UnitOfWork, command: CheckIn, *, online: bool) -> TicketView:
    row, arrived = await arrive(uow, command.appointment_id, online=online)
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    if arrived:
        ticket_id = new_id()
        priority = (command.priority or TicketPriority.NORMAL).value
        await uow.execute(
            JOIN_QUEUE, row["schedule_id"], day_of(row["session_starts_at"]), new_id(), ticket_id, row["patient_id"],
            row["id"], row["encounter_id"], priority, row["starts_at"], uow.now,
        )  # fmt: skip
        uow.record(PatientCheckedIn(ticket_id=ticket_id, encounter_id=row["encounter_id"], appointment_id=row["id"]))
        await _tell(uow, ticket_id)
    ticket = await ticket_of(uow, row["id"])
    if ticket is None:
        raise StateConflict(state=row["status"], command="check_in")
    return ticket


async def register_and_check_in(uow: UnitOfWork, command: WalkIn) -> WalkInTicketView:
    """Register at the window and join the queue in one unit of work (现场挂号并签到).

    An online visit is waited for at the phone: its patient signs in there.
    """
    sold = await register_walk_in(uow, RegisterWalkIn(**command.model_dump()))
    if sold.appointment.service_kind is ServiceKind.ONLINE:
        return WalkInTicketView(appointment=sold.appointment, ticket=None, change_fen=sold.change_fen)
    ticket = await check_in(uow, CheckIn(appointment_id=sold.appointment.id, priority=command.priority))
    return WalkInTicketView(appointment=sold.appointment, ticket=ticket, change_fen=sold.change_fen)


async def call_next(uow: UnitOfWork, command: CallNext) -> CalledView:
    """Call the next waiting patient to a room (叫下一位); nobody when nobody waits.

    Patients who are in another room just now are passed over and keep their place. Raises: NoSessionInRoom, Forbidden,
    RoomAlreadyCalling. Emits: TicketCalled. Locks: one ticket, skipping those that others are calling.
    """
    session = await _session_in_room(uow, command.room_id)
    ticket_id = await _take_next(
        uow, command.room_id, session["staff_id"], session["department_id"], session["area_id"], session["shared"],
        uow.now, TICKET_LIVES,
    )  # fmt: skip
    if ticket_id is None:
        return CalledView(ticket=None)
    return CalledView(ticket=await _called(uow, ticket_id))


async def recall(uow: UnitOfWork, command: TicketCommand) -> CalledView:
    """Call the same patient again (重呼). Raises: NotFound, StateConflict, Forbidden. Emits: TicketCalled."""
    row = await _permitted_ticket(uow, command.ticket_id)
    await transition(uow, QUEUE_TICKET, "recall", row["id"], called_at=uow.now, call_count=row["call_count"] + 1)
    return CalledView(ticket=await _called(uow, row["id"]))


async def pass_ticket(uow: UnitOfWork, command: TicketCommand) -> CalledView:
    """The called patient did not come (过号). Raises: NotFound, StateConflict, Forbidden."""
    row = await _permitted_ticket(uow, command.ticket_id)
    await transition(uow, QUEUE_TICKET, "pass", row["id"])
    return CalledView(ticket=await _told(uow, row["id"]))


async def return_ticket(uow: UnitOfWork, command: TicketCommand) -> CalledView:
    """A passed patient came after all (过号复位): waits again, as if arrived now. Raises: NotFound, StateConflict."""
    row = await _permitted_ticket(uow, command.ticket_id)
    if not await uow.execute(RETURN, row["id"], uow.now):
        raise StateConflict(state=row["status"], command="return")
    return CalledView(ticket=await _told(uow, row["id"]))


async def leave_queue(uow: UnitOfWork, appointment_id: UUID) -> bool:
    """Take whoever waits, or was passed, out of the queue (退出排队); False: nobody does. The caller ends the visit."""
    ticket_id = await uow.fetch_value(LEAVE, appointment_id)
    if ticket_id is None:
        return False
    await _told(uow, ticket_id)
    return True


async def start_serving(uow: UnitOfWork, ticket_id: UUID) -> Record:
    """The called patient is in the room (接诊). Raises: NotFound, StateConflict, Forbidden, RoomAlreadyServing."""
    row = await _permitted_ticket(uow, ticket_id, to_conduct=True)
    moved = await transition(uow, QUEUE_TICKET, "start", row["id"], started_at=uow.now)
    await _told(uow, row["id"])
    return moved


async def finish_serving(uow: UnitOfWork, ticket_id: UUID) -> Record:
    """The patient was seen (就诊结束). Raises: NotFound, StateConflict, Forbidden. Emits: TicketFinished."""
    row = await _permitted_ticket(uow, ticket_id, to_conduct=True)
    moved = await transition(uow, QUEUE_TICKET, "finish", row["id"], finished_at=uow.now)
    uow.record(TicketFinished(**_named(row)))
    await _told(uow, row["id"])
    return moved


async def _take_next(uow: UnitOfWork, *arguments: object) -> UUID | None:
    """The statement may lose a race for the patient, not for the ticket; then it looks again without harm."""
    for attempt in range(1, _CALL_TRIES + 1):
        await uow.execute("SAVEPOINT calling")
        try:
            taken: UUID | None = await uow.fetch_value(CALL_NEXT, *arguments)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "patient_in_one_room" or attempt == _CALL_TRIES:
                raise
            await uow.execute("ROLLBACK TO SAVEPOINT calling")
        else:
            await uow.execute("RELEASE SAVEPOINT calling")
            return taken
    raise AssertionError("unreachable")


async def _session_in_room(uow: UnitOfWork, room_id: UUID) -> Record:
    actor = uow.ctx.actor
    session = await uow.fetch_row(SESSION_IN_ROOM, room_id, actor.id, uow.now, CALLS_BEFORE, CALLS_AFTER)
    if session is None:
        raise NoSessionInRoom()
    await _require(uow, session["staff_id"], session["department_id"])
    return session


async def _permitted_ticket(uow: UnitOfWork, ticket_id: UUID, *, to_conduct: bool = False) -> Record:
    row = await uow.fetch_row(TICKET + " WHERE t.id = $1", ticket_id)
    if row is None:
        raise NotFound()
    await _require(uow, row["staff_id"], row["department_id"], to_conduct=to_conduct)
    uow.audited("queue_ticket", ticket_id, patient_id=row["patient_id"])
    return row


async def _require(uow: UnitOfWork, doctor_id: UUID | None, department_id: UUID, *, to_conduct: bool = False) -> None:
    """The doctor themselves; for calling also the desk staff of the department, who see nobody in the room."""
    actor = uow.ctx.actor
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.STAFF and actor.id == doctor_id):
        return
    at_desk = Permission.QUEUE_CALL in actor.permissions and Permission.ENCOUNTER_CONDUCT not in actor.permissions
    if to_conduct or actor.kind is not ActorKind.STAFF or not at_desk:
        raise Forbidden()
    own = await uow.fetch_value("SELECT department_id FROM staff_member WHERE id = $1", actor.id)
    if own != department_id:
        raise Forbidden()


async def _called(uow: UnitOfWork, ticket_id: UUID) -> CalledTicket:
    row = await _tell(uow, ticket_id)
    uow.audited("queue_ticket", ticket_id, patient_id=row["patient_id"])
    uow.record(TicketCalled(**_named(row), room_id=row["room_id"]))
    return called_ticket(row)


async def _told(uow: UnitOfWork, ticket_id: UUID) -> CalledTicket:
    return called_ticket(await _tell(uow, ticket_id))


async def _tell(uow: UnitOfWork, ticket_id: UUID) -> Record:
    row = await uow.fetch_row(TICKET + " WHERE t.id = $1", ticket_id)
    assert row is not None
    # Of who waits at home the area's screens hear nothing; phones and desks hear that something changed.
    shown = None if row["online"] else board_ticket(row).model_dump(mode="json")
    uow.tell_live(topic_of(row["area_id"]), {"ticket": shown})
    return row


def _named(row: Record) -> dict[str, UUID]:
    return {"ticket_id": row["id"], "encounter_id": row["encounter_id"], "appointment_id": row["appointment_id"]}
