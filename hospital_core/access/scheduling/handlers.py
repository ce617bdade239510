"""What scheduling does when money moves and time passes."""

from uuid import UUID

from hospital_core.access.scheduling.events import AppointmentHoldLapses, DisruptionAnswerDue, WaitlistDue
from hospital_core.access.scheduling.service.disruptions import settle_by_default
from hospital_core.access.scheduling.service.hold import (
    SOURCE,
    confirm_paid,
    expire_hold,
    record_if_back,
    record_refund,
    settle_unpaid,
)
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.waitlist import leave_with_patient
from hospital_core.access.scheduling.states import DayPeriod
from hospital_core.access.scheduling.waitlist_commands import ServeLine
from hospital_core.finance.payments.events import PaymentIntentClosed, PaymentSucceeded, RefundSucceeded
from hospital_core.kernel.events import handles
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.events import LinkRevoked

# Places are locked one after the other, everywhere in this order.
_OF_INVOICE = """
SELECT a.id FROM charge_item c JOIN appointment a ON a.id = c.source_id
WHERE c.invoice_id = $1 AND c.source_kind = $2 ORDER BY a.slot_id"""

_OF_REFUND = """
SELECT c.source_id FROM refund_line l JOIN charge_item c ON c.id = l.charge_item_id
WHERE l.refund_id = $1 AND c.source_kind = $2 ORDER BY c.source_id"""


@handles(AppointmentHoldLapses)
async def expire(uow: UnitOfWork, event: AppointmentHoldLapses) -> None:
    """End a hold that was not paid. Bookings do not wait for this: to them the place is free already."""
    await expire_hold(uow, event.appointment_id)


@handles(DisruptionAnswerDue)
async def settle_disruption(uow: UnitOfWork, event: DisruptionAnswerDue) -> None:
    """A patient of a changed clinic has not answered: the default is what the rules say."""
    await settle_by_default(uow, event.disruption_id)


@handles(WaitlistDue)
async def serve_waitlist(uow: UnitOfWork, event: WaitlistDue) -> None:
    """A place came back for which somebody waits, or somebody came to wait."""
    await serve_line(uow, ServeLine(department_id=event.department_id, day=event.day, period=DayPeriod(event.period)))


@handles(LinkRevoked)
async def leave_lines(uow: UnitOfWork, event: LinkRevoked) -> None:
    """Nobody could see or answer any more what an account waits for."""
    await leave_with_patient(uow, event.link_id)


@handles(PaymentSucceeded)
async def confirm(uow: UnitOfWork, event: PaymentSucceeded) -> None:
    """Registration fees arrived; other bills of the visit are not ours, surplus money is sent back by payments."""
    if event.settled and event.invoice_id is not None:
        for appointment_id in await _appointments_of(uow, event.invoice_id):
            await confirm_paid(uow, appointment_id, event.invoice_id)


@handles(PaymentIntentClosed)
async def forget_bill(uow: UnitOfWork, event: PaymentIntentClosed) -> None:
    """No money can arrive for an appointment that is over any more."""
    for appointment_id in await _appointments_of(uow, event.invoice_id):
        await settle_unpaid(uow, appointment_id)


@handles(RefundSucceeded)
async def refunded(uow: UnitOfWork, event: RefundSucceeded) -> None:
    """A registration fee is back with its payer, by its appointment's own doing or a window's."""
    if event.source_kind == SOURCE and event.complete:
        await record_refund(uow, event.source_id)
    elif event.source_kind != SOURCE:
        for row in await uow.fetch(_OF_REFUND, event.refund_id, SOURCE):
            await record_if_back(uow, row["source_id"])


async def _appointments_of(uow: UnitOfWork, invoice_id: UUID | None) -> list[UUID]:
    """Whose fees stand on a bill: a window may have put several together."""
    return [row["id"] for row in await uow.fetch(_OF_INVOICE, invoice_id, SOURCE)]
