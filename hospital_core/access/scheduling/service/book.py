"""Booking a place (预约挂号)."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.errors import SessionOver, SlotBegun, SlotFull, SlotTaken
from hospital_core.access.scheduling.events import AppointmentHoldLapses
from hospital_core.access.scheduling.queries import view_of
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.hold import announce_confirmed
from hospital_core.access.scheduling.service.taking import (
    Desk,
    Locking,
    Terms,
    Wish,
    count,
    facts_of,
    place,
    refusal,
    terms_of,
)
from hospital_core.access.scheduling.statements import PLACES_LEFT
from hospital_core.access.scheduling.states import AppointmentStatus, BookingChannel, Pool
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.errors import DomainError, NotFound
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.queries import require_live_file

MINIAPP = Desk(BookingChannel.MINIAPP, Pool.MINIAPP)
WINDOW = Desk(BookingChannel.WINDOW, Pool.WINDOW)
Made = dict[int, dict[str, Any]]


async def book_appointment(uow: UnitOfWork, command: BookAppointment) -> AppointmentView:
    """Hold a place until it is paid (预约挂号), for as long as the rules say and two minutes for the news to arrive.

    A place without fee, or with one that is paid at the hospital, is booked at once. Raises: SlotFull, SlotTaken,
    SlotBegun, SessionOver, SessionStopped, NotReleased, WindowOnly, AlreadyBooked, RealNameRequired, BookingBanned,
    TooManyBookings, NotFound, PatientMerged.
    Locks: one place, then the counts. Emits: AppointmentHoldLapses (timer) or AppointmentConfirmed.
    """
    patient = await permitted_patient(uow, command.patient_id)
    actor = uow.ctx.actor
    wish = wish_of(actor, patient.patient_id, command)
    made = await take_place(uow, wish, desk_of(actor))
    return await announce(uow, made)


def desk_of(actor: Actor) -> Desk:
    """Where somebody stands who books for themselves: at a kiosk, or with a phone."""
    if actor.kind is ActorKind.KIOSK_SESSION:
        return Desk(BookingChannel.KIOSK, Pool.KIOSK, actor.device_id)
    return MINIAPP


def wish_of(actor: Actor, patient_id: UUID, command: BookAppointment) -> Wish:
    """What a caller wants, with whom it is counted for."""
    account_id = actor.id if actor.kind is ActorKind.ACCOUNT else None
    return Wish(patient_id, command.schedule_id, command.slot_id, account_id)


async def take_place(
    uow: UnitOfWork, wish: Wish, desk: Desk, *, agreed: Callable[[Terms], Terms] = lambda terms: terms
) -> dict[str, Any]:
    """Take one place, or say why it cannot be had. What has no limits, as at the window, is not counted.

    ``agreed`` makes the rules' terms those of this wish, or refuses them by raising: who only changes a hold does not
    get a longer one.
    """
    book = await rule_book(uow)
    await require_live_file(uow, wish.patient_id)
    facts = await facts_of(uow, [wish], desk)
    why = refusal(facts[0], book, uow.now, desk)
    if why is not None:
        raise await _more_exactly(uow, wish, desk, why)
    terms = [agreed(term) for term in await terms_of(uow, [wish], facts, book, desk)]
    made = await place(uow, [wish], facts, terms, desk)
    if not made:
        made = await _after_others(uow, wish, desk, lambda: place(uow, [wish], facts, terms, desk, how=Locking.WAIT))
    if desk.limited and not desk.at_window:
        too_many = await count(uow, [wish], book, desk)
        if too_many is not None:
            raise too_many
    return made[0]


async def _after_others(uow: UnitOfWork, wish: Wish, desk: Desk, again: Callable[[], Awaitable[Made]]) -> Made:
    """What is wanted is gone, or locked by somebody who may yet give up; a twin may have booked for this patient."""
    left = await _places_left(uow, wish, desk)
    made = await again() if left["free"] else {}
    if made:
        return made
    facts = await facts_of(uow, [wish], desk)
    raise await _more_exactly(uow, wish, desk, refusal(facts[0], await rule_book(uow), uow.now, desk) or SlotFull())


async def _more_exactly(uow: UnitOfWork, wish: Wish, desk: Desk, why: DomainError) -> DomainError:
    """Why nothing is left: the session's places have all begun, the wanted one has, or somebody has it."""
    if not isinstance(why, SlotFull):
        return why
    left = await _places_left(uow, wish, desk)
    if wish.slot_id is not None and left["wanted_starts_at"] is None:
        return NotFound()
    if not desk.at_window and not left["to_come"]:
        return SessionOver()
    if wish.slot_id is None:
        return why
    return SlotBegun() if not desk.at_window and left["wanted_starts_at"] <= uow.now else SlotTaken()


async def _places_left(uow: UnitOfWork, wish: Wish, desk: Desk) -> Record:
    left = await uow.fetch_row(PLACES_LEFT, wish.schedule_id, wish.slot_id, uow.now, desk.pool.value, desk.at_window)
    assert left is not None
    return left


async def announce(uow: UnitOfWork, made: dict[str, Any]) -> AppointmentView:
    """Tell the house of a new appointment, and answer it as its patient sees it."""
    if made["status"] == AppointmentStatus.BOOKED:
        await announce_confirmed(uow, made)
    else:
        uow.record(AppointmentHoldLapses(appointment_id=made["id"]), not_before=made["held_until"])
    uow.audited("appointment", made["id"], patient_id=made["patient_id"])
    return view_of(made, uow.now)
