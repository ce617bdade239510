"""Having another place instead (改约): the new one is taken and the old one given back in one transaction.

The fee is carried: the bill, its payment and the visit they belong to move to the new appointment. A cheaper place
gives the difference back. A dearer one is refused, because a place that waits for its difference would be two places
for one patient; who wants it cancels and books anew (``docs/booking.md``).
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import RescheduleAppointment
from hospital_core.access.scheduling.errors import MoveElsewhere, RescheduleDearer, ReschedulePaidFirst
from hospital_core.access.scheduling.events import AppointmentCancelled
from hospital_core.access.scheduling.moving import require_movable
from hospital_core.access.scheduling.online import is_online
from hospital_core.access.scheduling.queries import permitted_appointment, view_of
from hospital_core.access.scheduling.service.book import announce, desk_of, take_place
from hospital_core.access.scheduling.service.differences import pay_difference
from hospital_core.access.scheduling.service.hold import (
    SOURCE,
    confirm,
    free_place,
    hold_place,
    refund,
    settle_unpaid,
    take_arrived_fee,
)
from hospital_core.access.scheduling.service.taking import Desk, Terms, Wish, paid_until
from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    APPOINTMENT_PAYMENT,
    AppointmentPayment,
    AppointmentStatus,
    ServiceKind,
)
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.billing.service import carry_charges
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.service import end_relation

RESCHEDULED = "rescheduled"
# What pays back the difference to a cheaper place; the fee itself is the appointment's own.
DIFFERENCE = "reschedule"

# A visit of a course (疗程) that has moved is still one of it.
_STANDS_FOR = "UPDATE series_visit SET appointment_id = $2 WHERE appointment_id = $1"
_GIVE_VISIT = "UPDATE appointment SET encounter_id = $2, version = version + 1 WHERE id = $1"
_PAID_LESS = "UPDATE appointment SET fee_fen = fee_fen - $2, version = version + 1 WHERE id = $1"


async def reschedule_appointment(uow: UnitOfWork, command: RescheduleAppointment) -> AppointmentView:
    """Take another place for the same patient and give this one back (改约), all or nothing; links both.

    An unpaid hold keeps its time to pay. Raises: NotFound, NotCancellable, SessionStopped, TooLateToCancel,
    PaymentOver, ReschedulesUsedUp, RescheduleDearer, ReschedulePaidFirst, MoveElsewhere, and whatever booking raises;
    then nothing has changed.
    Locks: the old place, the appointment, the new place. Emits: AppointmentCancelled for the old one,
    AppointmentHoldLapses or AppointmentConfirmed for the new one.
    """
    seen = await permitted_appointment(uow, command.appointment_id)
    old = await hold_place(uow, command.appointment_id)
    assert old is not None
    old = await take_arrived_fee(uow, old)
    await require_movable(uow, old, uow.now)
    # First out of the way of the new one: a patient has one appointment per department and part of the day.
    await transition(uow, APPOINTMENT, "cancel", old["id"], cancelled_at=uow.now, cancel_reason=RESCHEDULED)
    made = await _take_new(uow, old, command)
    await _move_money(uow, old, made)
    await uow.execute(_STANDS_FOR, old["id"], made["id"])
    await free_place(uow, old, old["returns_after_s"])
    await end_relation(uow, SOURCE, old["id"])
    uow.record(AppointmentCancelled(appointment_id=old["id"]))
    uow.audited("appointment", made["id"], patient_id=seen["patient_id"], reason=RESCHEDULED)
    return view_of(await permitted_appointment(uow, made["id"]))


async def _take_new(uow: UnitOfWork, old: Record, command: RescheduleAppointment) -> dict[str, Any]:
    actor = uow.ctx.actor
    account_id: UUID | None = actor.id if actor.kind is ActorKind.ACCOUNT else old["account_id"]
    wish = Wish(old["patient_id"], command.schedule_id, command.slot_id, account_id, old["id"])
    made = await take_place(uow, wish, _desk(actor, old), agreed=lambda terms: _terms(old, terms))
    # What examinations fit is for their charges to say (``examinations``).
    if old["service_kind"] != ServiceKind.EXAMINATION and (
        made["department_id"] != old["department_id"] or is_online(made) != is_online(old)
    ):
        raise MoveElsewhere()
    if old["payment_status"] != AppointmentPayment.UNPAID and made["fee_fen"] > old["fee_fen"]:
        raise RescheduleDearer(difference_fen=made["fee_fen"] - old["fee_fen"])
    return made


def _desk(actor: Actor, old: Record) -> Desk:
    """An examination moves with what was paid for it, among its own places."""
    desk = desk_of(actor)
    paid_for = old["service_kind"] == ServiceKind.EXAMINATION
    return replace(desk, for_examination=True, limited=False) if paid_for else desk


def _terms(old: Record, terms: Terms) -> Terms:
    """When the new place is paid: what is paid is; a hold stays as long as it was.

    Who was to pay at the hospital cannot have a hold instead: it might lapse when the old place is gone.
    """
    if old["payment_status"] != AppointmentPayment.UNPAID:
        return replace(terms, at_hospital=False)
    if terms.at_once:
        return terms
    if old["status"] != AppointmentStatus.PENDING:
        raise ReschedulePaidFirst()
    return paid_until(terms, min(terms.pay_until, old["pay_until"]))


async def _move_money(uow: UnitOfWork, old: Record, made: dict[str, Any]) -> None:
    """What was paid for the old place pays the new one; what is not needed goes back."""
    if old["payment_status"] == AppointmentPayment.UNPAID:
        await settle_unpaid(uow, old["id"])
        await announce(uow, made)
    elif made["fee_fen"]:
        await _carry(uow, old, made)
        await confirm(uow, made["id"])
    else:
        if old["fee_fen"]:
            bill = await invoice_of_charge(uow, SOURCE, old["id"])
            assert bill is not None
            await refund(uow, old["id"], bill.id, "改约到免费号，退回挂号费")
        await announce(uow, made)


async def _carry(uow: UnitOfWork, old: Record, made: dict[str, Any]) -> None:
    """The visit that was billed takes place at the new time: the new appointment becomes that visit."""
    await uow.execute(_GIVE_VISIT, old["id"], new_id())
    await uow.execute(_GIVE_VISIT, made["id"], old["encounter_id"])
    await carry_charges(uow, SOURCE, old["id"], made["id"])
    await transition(uow, APPOINTMENT_PAYMENT, "carry", old["id"])
    paid = {"id": made["id"], "fee_fen": old["fee_fen"]}
    returned_fen = await pay_difference(uow, paid, made["fee_fen"], DIFFERENCE, made["id"])
    # Rounded in the patient's favour: what is left of the payment is what this place costs them.
    await uow.execute(_PAID_LESS, made["id"], made["fee_fen"] - (old["fee_fen"] - returned_fen))
