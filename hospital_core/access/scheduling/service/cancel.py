"""Giving a place back (退号)."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.errors import NotCancellable, TooLateToCancel
from hospital_core.access.scheduling.events import AppointmentCancelled, AppointmentRefunded
from hospital_core.access.scheduling.queries import cancel_until, permitted_appointment, view_of
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.hold import SOURCE, free_place, hold_place, refund, settle_unpaid
from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    APPOINTMENT_PAYMENT,
    AppointmentPayment,
    AppointmentStatus,
)
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.service import end_relation

BY_PATIENT = "by_patient"

_REFUNDED = f"""
UPDATE appointment SET payment_status = {APPOINTMENT_PAYMENT.target_sql("refunded")}, version = version + 1
WHERE id = $1 AND {APPOINTMENT_PAYMENT.sources_sql("refunded")}"""


async def cancel_appointment(uow: UnitOfWork, command: CancelAppointment) -> AppointmentView:
    """Give a place back before its time (取消预约): it is free at once, a paid fee goes back.

    Raises: NotFound, NotCancellable (checked in, seen, gone), TooLateToCancel. Locks: the place, the appointment.
    Emits: AppointmentCancelled.
    """
    seen = await permitted_appointment(uow, command.appointment_id)
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


async def give_back(uow: UnitOfWork, row: Record, reason: str) -> None:
    """Cancel a locked appointment, free its place and send its money back."""
    await transition(uow, APPOINTMENT, "cancel", row["id"], cancelled_at=uow.now, cancel_reason=reason)
    await free_place(uow, row, row["returns_after_s"])
    await end_relation(uow, SOURCE, row["id"])
    if row["payment_status"] == AppointmentPayment.PAID and row["fee_fen"]:
        bill = await invoice_of_charge(uow, SOURCE, row["id"])
        assert bill is not None
        await refund(uow, row["id"], bill.id, "预约取消退费")
    else:
        await settle_unpaid(uow, row["id"])
    uow.record(AppointmentCancelled(appointment_id=row["id"]))


async def record_refund(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The money is back (退费到账). Idempotent. Emits: AppointmentRefunded."""
    if await uow.execute(_REFUNDED, appointment_id):
        uow.record(AppointmentRefunded(appointment_id=appointment_id))
