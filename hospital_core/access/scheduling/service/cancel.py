"""Giving a place back (退号)."""

from datetime import datetime

from asyncpg import Record

from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.errors import NotCancellable, TooLateToCancel
from hospital_core.access.scheduling.events import AppointmentCancelled
from hospital_core.access.scheduling.queries import cancel_until, permitted_appointment, require_hand, view_of
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.hold import SOURCE, free_place, hold_place, refund, settle_unpaid
from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    AppointmentPayment,
    AppointmentStatus,
)
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.service import end_relation

BY_PATIENT = "by_patient"


async def cancel_appointment(uow: UnitOfWork, command: CancelAppointment) -> AppointmentView:
    """Give a place back before its time (取消预约): it is free at once, a paid fee goes back.

    Raises: NotFound, ProofNeeded, NotCancellable (checked in, seen, gone), TooLateToCancel.
    Locks: the place, the appointment. Emits: AppointmentCancelled.
    """
    seen = await permitted_appointment(uow, command.appointment_id)
    await require_hand(uow, seen["patient_id"], seen["account_id"])
    row = await hold_place(uow, command.appointment_id)
    assert row is not None
    if row["status"] not in (AppointmentStatus.PENDING, AppointmentStatus.BOOKED):
        raise NotCancellable(status=row["status"])
    cancel_until = await cancel_time(uow, row)
    if uow.now >= cancel_until:
        raise TooLateToCancel(cancel_until=cancel_until.isoformat())
    await give_back(uow, row, command.reason or BY_PATIENT)
    uow.audited("appointment", row["id"], patient_id=seen["patient_id"])
    return view_of(await permitted_appointment(uow, command.appointment_id))


async def cancel_time(uow: UnitOfWork, row: Record) -> datetime:
    """Until when an appointment may be given back online (退号截止)."""
    return cancel_until(row, await rule_book(uow))


async def let_go(uow: UnitOfWork, row: Record, command: str, reason: str) -> None:
    """End a locked appointment by ``cancel`` or ``void`` and free its place; its money is the caller's."""
    await transition(uow, APPOINTMENT, command, row["id"], cancelled_at=uow.now, cancel_reason=reason)
    await free_place(uow, row, row["returns_after_s"])
    await end_relation(uow, SOURCE, row["id"])


async def give_back(uow: UnitOfWork, row: Record, reason: str) -> None:
    """Cancel a locked appointment, free its place and send its money back."""
    await let_go(uow, row, "cancel", reason)
    if row["payment_status"] == AppointmentPayment.PAID and row["fee_fen"]:
        bill = await invoice_of_charge(uow, SOURCE, row["id"])
        assert bill is not None
        await refund(uow, row["id"], bill.id, "预约取消退费")
    else:
        await settle_unpaid(uow, row["id"])
    uow.record(AppointmentCancelled(appointment_id=row["id"]))
