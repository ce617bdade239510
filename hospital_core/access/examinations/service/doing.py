"""From the room: an examination begins and ends (检查执行), and what becomes of a place whose money went back.

A charge is done from the moment its patient is in the room: the conditional update on the charge decides between the
examination and a refund, so of the two exactly one happens.
"""

from collections.abc import Sequence
from uuid import UUID

from hospital_core.access.examinations.errors import ExaminationOver
from hospital_core.access.examinations.events import ExaminationCancelled
from hospital_core.access.queueing.service import leave_queue
from hospital_core.access.scheduling.service.cancel import give_back, let_go
from hospital_core.access.scheduling.service.hold import hold_place
from hospital_core.access.scheduling.states import AppointmentStatus, ServiceKind
from hospital_core.finance.billing.service import perform_items
from hospital_core.kernel.uow import UnitOfWork

REFUNDED = "examination_refunded"

# None for a visit to a clinic. 1 appointment
_CHARGES = f"""
SELECT ARRAY(SELECT charge_item_id FROM examination_booking WHERE appointment_id = a.id AND ended_at IS NULL ORDER BY 1)
FROM appointment a WHERE a.id = $1 AND a.service_kind = '{ServiceKind.EXAMINATION.value}'"""
_DONE = "SELECT 1 FROM charge_item WHERE id = ANY($1::uuid[]) AND performed_quantity > 0 LIMIT 1"

# Bookings of charges that have nothing left. 1 charges, 2 now
_END_REFUNDED = """
UPDATE examination_booking b SET ended_at = $2 FROM charge_item c
WHERE c.id = b.charge_item_id AND b.charge_item_id = ANY($1::uuid[]) AND b.ended_at IS NULL
  AND c.quantity = c.refunded_quantity RETURNING b.appointment_id"""


async def begin_examinations(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The patient of an appointment is in the room (开始检查): what was booked for it is done, no longer refundable.

    An appointment at a clinic needs nothing. Raises: ExaminationOver (all its money is back). Locks: the charges.
    """
    charges = await uow.fetch_value(_CHARGES, appointment_id)
    if charges is None or await perform_items(uow, charges) or await uow.fetch_value(_DONE, charges):
        return
    raise ExaminationOver()


async def finish_examinations(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The examinations are over (检查结束): what joined them meanwhile is done as well. Locks: the charges."""
    await perform_items(uow, await uow.fetch_value(_CHARGES, appointment_id) or [])


async def release_refunded(uow: UnitOfWork, charge_item_ids: Sequence[UUID]) -> None:
    """Give back the places of charges whose money went back (退费退号), once. Idempotent.

    One who is called already stays: the room finds that nothing is left to do. Emits: ExaminationCancelled.
    Locks: the place, the appointment, one after the other.
    """
    ended = await uow.fetch(_END_REFUNDED, list(charge_item_ids), uow.now)
    for appointment_id in sorted({row["appointment_id"] for row in ended}):
        row = await hold_place(uow, appointment_id)
        assert row is not None
        if await uow.fetch_value(_CHARGES, appointment_id):
            continue  # others share the place
        if row["status"] == AppointmentStatus.BOOKED:
            await give_back(uow, row, REFUNDED)
        elif row["status"] == AppointmentStatus.CHECKED_IN and await leave_queue(uow, appointment_id):
            await let_go(uow, row, "void", REFUNDED)
        else:
            continue
        uow.record(ExaminationCancelled(appointment_id=appointment_id))
