"""Taking a place (占号)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    SessionNotOpen,
    SessionOver,
    SessionStopped,
    SlotBegun,
    SlotFull,
    SlotTaken,
    WindowOnly,
)
from hospital_core.access.scheduling.events import AppointmentHoldLapses
from hospital_core.access.scheduling.queries import view_of
from hospital_core.access.scheduling.service.hold import announce_confirmed
from hospital_core.access.scheduling.statements import (
    BOOK,
    BOOK_WAITING,
    HOLD_BEYOND,
    OPENS_BEFORE,
    PAY_WITHIN,
    WHY_NOT,
)
from hospital_core.access.scheduling.states import AppointmentStatus, BookingChannel, ScheduleStatus, ServiceKind
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.queries import require_live_file

_CHANNELS = {ActorKind.ACCOUNT: BookingChannel.MINIAPP, ActorKind.KIOSK_SESSION: BookingChannel.KIOSK}


async def book_appointment(uow: UnitOfWork, command: BookAppointment) -> AppointmentView:
    """Hold a place until it is paid (预约挂号): fifteen minutes to pay, two more for the news of it to arrive.

    A session without fee is booked at once. Raises: SlotFull, SlotTaken, SlotBegun, SessionOver, SessionStopped,
    WindowOnly, AlreadyBooked, NotFound, PatientMerged. Locks: one place.
    Emits: AppointmentHoldLapses (timer) or AppointmentConfirmed.
    """
    patient = await permitted_patient(uow, command.patient_id)
    row = await take_place(uow, patient.patient_id, command.schedule_id, command.slot_id, at_window=False)
    if row["status"] == AppointmentStatus.BOOKED:
        await announce_confirmed(uow, row)
    else:
        uow.record(AppointmentHoldLapses(appointment_id=row["id"]), not_before=row["held_until"])
    return view_of(row, uow.now)


async def take_place(
    uow: UnitOfWork, patient_id: UUID, schedule_id: UUID, slot_id: UUID | None, *, at_window: bool
) -> Record:
    """One statement takes the place and writes the appointment; only a refusal costs a second look."""
    actor = uow.ctx.actor
    asked = (schedule_id, patient_id, slot_id, uow.now, at_window)
    wanted = (_account_of(actor), _CHANNELS.get(actor.kind, BookingChannel.WINDOW).value, new_id(), OPENS_BEFORE)
    values = (*asked, *wanted, new_id(), PAY_WITHIN, HOLD_BEYOND)
    row = await uow.fetch_row(BOOK, *values)
    if row is None and await _others_may_give_up(uow, *asked):
        row = await uow.fetch_row(BOOK_WAITING, *values)
        if row is None:
            raise SlotTaken() if slot_id else SlotFull()
    assert row is not None
    uow.audited("appointment", row["id"], patient_id=patient_id)
    return row


async def _others_may_give_up(
    uow: UnitOfWork, schedule_id: UUID, patient_id: UUID, slot_id: UUID | None, now: object, at_window: bool
) -> bool:
    """True when what is wanted is free but locked by somebody just now; otherwise raises the reason."""
    await require_live_file(uow, patient_id)
    why = await uow.fetch_row(WHY_NOT, schedule_id, patient_id, slot_id, now, at_window)
    if why is None or (slot_id is not None and why["wanted"] is None):
        raise NotFound()
    if why["status"] == ScheduleStatus.STOPPED:
        raise SessionStopped()
    if why["ends_at"] <= uow.now or not (at_window or why["to_come"]):
        raise SessionOver()
    if at_window and why["starts_at"] - OPENS_BEFORE > uow.now:
        raise SessionNotOpen(opens_at=(why["starts_at"] - OPENS_BEFORE).isoformat())
    if not at_window and why["service_kind"] == ServiceKind.EMERGENCY:
        raise WindowOnly()
    if why["already"] is not None:
        raise AlreadyBooked(appointment_id=str(why["already"]))
    if why["free"]:
        return True
    if slot_id is None:
        raise SlotFull()
    raise SlotBegun() if not at_window and why["wanted_starts_at"] <= uow.now else SlotTaken()


def _account_of(actor: Actor) -> UUID | None:
    return actor.id if actor.kind is ActorKind.ACCOUNT else None
