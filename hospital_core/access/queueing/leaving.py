"""Who leaves because a window gave their fee back (退费退号): the place goes with the money, also out of the queue."""

from collections.abc import Sequence
from uuid import UUID

from hospital_core.access.queueing.service import leave_queue
from hospital_core.access.scheduling.events import AppointmentCancelled
from hospital_core.access.scheduling.service.cancel import let_go
from hospital_core.access.scheduling.service.hold import SOURCE, hold_place, record_if_back
from hospital_core.access.scheduling.states import APPOINTMENT_PAYMENT, AppointmentPayment, AppointmentStatus
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

FEE_REFUNDED = "fee_refunded"

# Fees of which nothing is left. What an appointment gave back itself is on its way already. 1 charges
_FEES = f"""
SELECT a.id FROM charge_item c JOIN appointment a ON a.id = c.source_id
WHERE c.id = ANY($1::uuid[]) AND c.source_kind = '{SOURCE}' AND c.quantity = c.refunded_quantity
  AND a.payment_status = '{AppointmentPayment.PAID.value}' ORDER BY a.slot_id"""


async def release_refunded(uow: UnitOfWork, charge_item_ids: Sequence[UUID]) -> None:
    """Give back the places whose fees a window gave back whole (退费退号), once. Idempotent.

    Nobody waits for, or is counted as having missed, a visit that costs them nothing any more. One who is called
    already stays. Emits: AppointmentCancelled, AppointmentRefunded. Locks: the place, the appointment, the ticket.
    """
    for found in await uow.fetch(_FEES, list(charge_item_ids)):
        row = await hold_place(uow, found["id"])
        assert row is not None
        if row["payment_status"] != AppointmentPayment.PAID:
            continue
        if row["status"] == AppointmentStatus.BOOKED:
            await let_go(uow, row, "cancel", FEE_REFUNDED)
            uow.record(AppointmentCancelled(appointment_id=row["id"]))
        elif row["status"] == AppointmentStatus.CHECKED_IN:
            if not await leave_queue(uow, row["id"]):
                continue
            await let_go(uow, row, "void", FEE_REFUNDED)
        await transition(uow, APPOINTMENT_PAYMENT, "refund", row["id"])
        await record_if_back(uow, row["id"])
        uow.audited("appointment", row["id"], patient_id=row["patient_id"], reason=FEE_REFUNDED)
