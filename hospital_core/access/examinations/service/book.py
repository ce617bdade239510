"""Taking, sharing, moving and giving back a place for what is paid (检查预约).

The charges are locked first: a refund under way ends before, and a later one waits, so that nothing whose money went
back can have a place. Then the place is taken by the one way to places. The index on living bookings has the last word.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.examinations.commands import BookExamination, CancelExamination, JoinExamination
from hospital_core.access.examinations.errors import (
    ExaminationBooked,
    ExaminationElsewhere,
    ExaminationNotPaid,
    ExaminationOver,
    ExaminationTooSoon,
)
from hospital_core.access.examinations.queries import permitted_charge, pool_of
from hospital_core.access.examinations.statements import BOOKED, CHARGES, JOINABLE, is_live
from hospital_core.access.scheduling.commands import RescheduleAppointment
from hospital_core.access.scheduling.errors import NotCancellable
from hospital_core.access.scheduling.queries import permitted_appointment, view_of
from hospital_core.access.scheduling.service import reschedule_appointment
from hospital_core.access.scheduling.service.book import announce, take_place
from hospital_core.access.scheduling.service.cancel import give_back
from hospital_core.access.scheduling.service.hold import hold_place
from hospital_core.access.scheduling.service.taking import Desk, Wish
from hospital_core.access.scheduling.states import AppointmentStatus, BookingChannel, ServiceKind
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.billing.states import ChargeItemStatus, InvoiceStatus
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.queries import survivors
from hospital_core.registry.staff.permissions import Permission, require

CANCELLED_AT_DESK = "cancelled_at_desk"

_SLOT = """
SELECT slot.starts_at, slot.schedule_id, s.department_id, s.service_kind
FROM slot JOIN schedule s ON s.id = slot.schedule_id WHERE slot.id = $1"""

_SAME_PERSON = "SELECT $2 IN (SELECT person_ids($1))"

# A charge whose appointment no longer stands is free again: that is written down before the next booking of it.
_END_STALE = f"""
UPDATE examination_booking b SET ended_at = $2 FROM appointment a
WHERE a.id = b.appointment_id AND b.charge_item_id = ANY($1::uuid[]) AND b.ended_at IS NULL
  AND NOT {is_live("b", "a")}"""

_LINK = """
INSERT INTO examination_booking (id, charge_item_id, appointment_id, made_at)
SELECT row.id, row.charge, $3, $4 FROM unnest($1::uuid[], $2::uuid[]) AS row(id, charge)"""

_LEAVE = """
UPDATE examination_booking SET ended_at = $2 WHERE appointment_id = $1 AND ended_at IS NULL RETURNING charge_item_id"""


async def book_examination(uow: UnitOfWork, command: BookExamination) -> AppointmentView:
    """Take a place for a paid examination, and for others done at the same time in the same room (预约检查).

    The limits of the day and bans do not hold: what is paid for is not hoarded. Raises: NotFound, Forbidden,
    ExaminationNotPaid, ExaminationOver, ExaminationBooked, ExaminationElsewhere, ExaminationTooSoon, and what
    ``take_place`` raises. Locks: the charges, the place. Emits: AppointmentConfirmed.
    """
    desk = _desk(uow)
    charges = await _hold_charges(uow, (command.charge_item_id, *command.also))
    slot = await uow.fetch_row(_SLOT, command.slot_id)
    if slot is None or slot["service_kind"] != ServiceKind.EXAMINATION:
        raise NotFound()
    _fits(uow.now, charges, slot["department_id"], slot["starts_at"])
    patient_id = charges[0]["patient_id"]
    patient_id = (await survivors(uow, [patient_id]))[patient_id]
    account_id = uow.ctx.actor.id if uow.ctx.actor.kind is ActorKind.ACCOUNT else None
    made = await take_place(uow, Wish(patient_id, slot["schedule_id"], command.slot_id, account_id), desk)
    await _link(uow, charges, made["id"])
    return await announce(uow, made)


async def join_examination(uow: UnitOfWork, command: JoinExamination) -> AppointmentView:
    """Have a paid examination done at an appointment that stands already (并入已有预约): no second place is needed.

    Raises: as ``book_examination``. Locks: the place, the appointment, the charge.
    """
    _desk(uow)
    await permitted_charge(uow, command.charge_item_id)
    seen = await permitted_appointment(uow, command.appointment_id)
    row = await hold_place(uow, command.appointment_id)
    assert row is not None
    charges = await _hold_charges(uow, (command.charge_item_id,))
    same = await uow.fetch_value(_SAME_PERSON, row["patient_id"], charges[0]["patient_id"])
    if not same or row["service_kind"] != ServiceKind.EXAMINATION or row["status"] not in JOINABLE:
        raise ExaminationElsewhere()
    _fits(uow.now, charges, row["department_id"], row["starts_at"])
    await _link(uow, charges, row["id"])
    uow.audited("appointment", row["id"], patient_id=seen["patient_id"])
    return view_of(await permitted_appointment(uow, row["id"]))


async def reschedule(uow: UnitOfWork, command: RescheduleAppointment) -> AppointmentView:
    """Have another place instead (改约), of a clinic or for examinations, whose charges go along.

    Raises: as ``reschedule_appointment``, ExaminationElsewhere, ExaminationTooSoon. Locks: as it does.
    """
    moved = await reschedule_appointment(uow, command)
    left = [row["charge_item_id"] for row in await uow.fetch(_LEAVE, command.appointment_id, uow.now)]
    if left:
        now = await uow.fetch_row("SELECT department_id, starts_at FROM appointment WHERE id = $1", moved.id)
        assert now is not None
        charges = await uow.fetch(CHARGES, left)
        _fits(uow.now, charges, now["department_id"], now["starts_at"])
        await _link(uow, charges, moved.id)
    return moved


async def cancel_examination(uow: UnitOfWork, command: CancelExamination) -> AppointmentView:
    """Give an examination's place back at the desk (取消检查预约), until its patient has checked in.

    All that shares the place is to be booked again. Raises: Forbidden, NotFound, NotCancellable.
    Locks: the place, the appointment. Emits: AppointmentCancelled.
    """
    require(uow.ctx, Permission.EXAMINATION_BOOK)
    await permitted_charge(uow, command.charge_item_id)
    booked = await uow.fetch_row(BOOKED, [command.charge_item_id])
    if booked is None:
        raise NotFound()
    row = await hold_place(uow, booked["appointment_id"])
    assert row is not None
    if row["status"] != AppointmentStatus.BOOKED:
        raise NotCancellable(status=row["status"])
    await give_back(uow, row, CANCELLED_AT_DESK)
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    return view_of(await permitted_appointment(uow, row["id"]))


def _desk(uow: UnitOfWork) -> Desk:
    """Where a paid examination is booked: with a phone, or by the house. Raises: Forbidden."""
    kind = uow.ctx.actor.kind
    if kind in (ActorKind.STAFF, ActorKind.SYSTEM):
        require(uow.ctx, Permission.EXAMINATION_BOOK)
        return Desk(BookingChannel.WINDOW, pool_of(uow), limited=False, for_examination=True)
    if kind is not ActorKind.ACCOUNT:
        raise Forbidden()
    return Desk(BookingChannel.MINIAPP, pool_of(uow), limited=False, for_examination=True)


async def _hold_charges(uow: UnitOfWork, charge_ids: Sequence[UUID]) -> Sequence[Record]:
    """Lock charges that may have a place, all of one person; the named one comes first."""
    first = await permitted_charge(uow, charge_ids[0])
    ids = sorted(set(charge_ids))
    charges = await uow.fetch(CHARGES + " FOR UPDATE OF c", ids)
    if len(charges) != len(ids):
        raise NotFound()
    for charge in charges:
        if charge["id"] != first["id"]:
            await permitted_charge(uow, charge["id"])
        if not await uow.fetch_value(_SAME_PERSON, first["patient_id"], charge["patient_id"]):
            raise NotFound()
        _bookable(charge)
    await uow.execute(_END_STALE, ids, uow.now)
    booked = await uow.fetch_row(BOOKED, ids)
    if booked is not None:
        raise ExaminationBooked(appointment_id=str(booked["appointment_id"]))
    return sorted(charges, key=lambda charge: charge["id"] != first["id"])


def _bookable(charge: Record) -> None:
    paid = charge["status"] == ChargeItemStatus.BILLED and charge["invoice_status"] == InvoiceStatus.BALANCED
    if not paid:
        raise ExaminationNotPaid()
    if charge["rest"] <= 0:
        raise ExaminationOver()
    if not charge["active"]:
        raise ExaminationElsewhere()


def _fits(now: datetime, charges: Sequence[Record], department_id: UUID, starts_at: datetime) -> None:
    if any(charge["department_id"] != department_id for charge in charges):
        raise ExaminationElsewhere()
    earliest_at = now + timedelta(minutes=max(charge["lead_minutes"] for charge in charges))
    if starts_at < earliest_at:
        raise ExaminationTooSoon(earliest_at=earliest_at.isoformat())


async def _link(uow: UnitOfWork, charges: Sequence[Record], appointment_id: UUID) -> None:
    ids = [charge["id"] for charge in charges]
    await uow.execute(_LINK, [new_id() for _ in ids], ids, appointment_id, uow.now)
