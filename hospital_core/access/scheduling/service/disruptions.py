"""What patients choose when their clinic was changed (停替诊答复): move, keep or refund, each once.

The place is locked first, then the appointment, then the question is answered by a conditional update: of a patient's
two taps, a clerk and the timer, one settles it, and the money follows that one.
"""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.disruption_queries import disruption_view, permitted_disruption
from hospital_core.access.scheduling.errors import DisruptionSettled, SlotFull
from hospital_core.access.scheduling.events import AppointmentMoved
from hospital_core.access.scheduling.planning_commands import AnswerDisruption
from hospital_core.access.scheduling.planning_views import DisruptionView
from hospital_core.access.scheduling.queries import require_hand
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.cancel import give_back
from hospital_core.access.scheduling.service.changing import SESSION_STOPPED
from hospital_core.access.scheduling.service.differences import pay_difference
from hospital_core.access.scheduling.service.hold import (
    follow_session,
    free_place,
    hold_place,
    take_arrived_fee,
    take_back_bill,
)
from hospital_core.access.scheduling.service.reminding import remind_later
from hospital_core.access.scheduling.service.taking import hidden_seconds
from hospital_core.access.scheduling.statements import (
    HOLD_BEYOND,
    HOLD_EXPIRED,
    is_free,
    is_of_a_sort,
    is_open_to,
    is_stale,
    is_waited_for,
)
from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    APPOINTMENT_PAYMENT,
    DISRUPTION,
    SLOT,
    AppointmentPayment,
    AppointmentStatus,
    ClinicChangeKind,
    DisruptionChoice,
    DisruptionStatus,
    Pool,
)
from hospital_core.kernel.errors import FieldProblem, StateConflict
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

DOCTOR_SUBSTITUTED = "doctor_substituted"
# What pays back the difference to a cheaper session; the fee itself is the appointment's own.
DIFFERENCE = "disruption"

_PAID = (AppointmentStatus.BOOKED,)
_STANDING = (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)

_OF = """
SELECT d.*, c.kind FROM disruption d JOIN clinic_change c ON c.id = d.change_id WHERE d.id = $1"""

# The lowest number that the phone could sell, in a session of the same department. 1 session, 2 appointment, 3 now
_TARGET = f"""
SELECT slot.id AS slot_id, slot.starts_at AS slot_starts_at, s.*
FROM appointment mine
JOIN schedule s ON s.id = $1 AND s.status = 'active' AND s.department_id = mine.department_id AND s.released_at <= $3
 AND {is_of_a_sort("s", "mine")}
JOIN slot ON slot.schedule_id = s.id AND slot.starts_at > $3 AND slot.id <> mine.slot_id
WHERE mine.id = $2 AND NOT {is_waited_for("s", "$3")}
  AND {is_free("slot", "$3")} AND {is_open_to("slot", f"'{Pool.MINIAPP.value}'", "$3")}
ORDER BY slot.number LIMIT 1 FOR UPDATE OF slot SKIP LOCKED"""

# Holds that ended unpaid, on the place or of the patient in that half day.
# 1 slot, 2 appointment, 3 now, 4 day, 5 period
_END_STALE = f"""
UPDATE appointment a
SET status = {APPOINTMENT.target_sql("expire")}, version = a.version + 1, cancelled_at = $3,
    cancel_reason = '{HOLD_EXPIRED}'
FROM appointment mine
WHERE mine.id = $2 AND a.id <> mine.id AND {is_stale("a", "$3")}
  AND (a.slot_id = $1 OR a.patient_id = mine.patient_id AND a.department_id = mine.department_id AND a.day = $4
       AND a.period = $5)"""

_TAKE = f"""
UPDATE slot SET status = {SLOT.target_sql("take")}, held_until = NULL, free_from = NULL, version = version + 1
WHERE id = $1"""

_MOVE = f"""
UPDATE appointment
SET slot_id = $2, schedule_id = $3, staff_id = $4, starts_at = $5, day = $6, period = $7, service_kind = $8,
    fee_fen = $9, full_fee_fen = $10, returns_after_s = $11, pay_until = $12, held_until = $13, version = version + 1
WHERE id = $1 AND status = '{AppointmentStatus.BOOKED.value}' RETURNING *"""


async def answer_disruption(uow: UnitOfWork, command: AnswerDisruption) -> DisruptionView:
    """Take a patient's answer to a changed clinic (停替诊答复), without any cut-off, once.

    Moving keeps the payment: a dearer session costs nothing more, a cheaper one gives the difference back.
    Raises: NotFound, FieldProblem, ProofNeeded, DisruptionSettled, SlotFull, AlreadyBooked.
    Locks: the place, the appointment, the new place. Emits: AppointmentMoved or AppointmentCancelled.
    """
    disruption = await permitted_disruption(uow, command.disruption_id)
    choice = command.choice
    if choice is DisruptionChoice.KEEP and disruption["kind"] != ClinicChangeKind.SUBSTITUTE:
        raise FieldProblem("/choice", "停诊的预约不能保留，请选择改约或退号")
    if choice is DisruptionChoice.MOVE and command.schedule_id is None:
        raise FieldProblem("/schedule_id", "请选择改约的时段")
    appointment = await hold_place(uow, disruption["appointment_id"])
    assert appointment is not None
    await require_hand(uow, appointment["patient_id"], appointment["account_id"])
    answerable = _PAID if choice is DisruptionChoice.MOVE else _STANDING
    if appointment["status"] not in answerable:
        raise DisruptionSettled(status=appointment["status"])
    await _settle(uow, disruption["id"], choice)
    if choice is DisruptionChoice.REFUND:
        await give_back(uow, appointment, _reason(disruption))
    elif choice is DisruptionChoice.MOVE and command.schedule_id is not None:
        refunded_fen = await _move(uow, disruption["id"], appointment, command.schedule_id)
        await uow.execute("UPDATE disruption SET refunded_fen = $2 WHERE id = $1", disruption["id"], refunded_fen)
    uow.audited("disruption", disruption["id"], patient_id=appointment["patient_id"])
    return await disruption_view(uow, disruption["id"])


async def settle_by_default(uow: UnitOfWork, disruption_id: UUID) -> None:
    """Who has not answered in time is refunded when the clinic was stopped, and keeps it under the substitute.

    Idempotent; an appointment that is gone, or came to be seen, needs nothing any more. Locks: place, appointment.
    """
    appointment_id = await uow.fetch_value("SELECT appointment_id FROM disruption WHERE id = $1", disruption_id)
    appointment = await hold_place(uow, appointment_id)
    disruption = await uow.fetch_row(_OF, disruption_id)
    assert appointment is not None
    assert disruption is not None
    if disruption["status"] != DisruptionStatus.OPEN:
        return
    if appointment["status"] not in _STANDING:
        await transition(uow, DISRUPTION, "lapse", disruption_id, answered_at=uow.now)
    elif disruption["kind"] == ClinicChangeKind.SUBSTITUTE:
        await transition(uow, DISRUPTION, "keep", disruption_id, answered_at=uow.now)
    else:
        await transition(uow, DISRUPTION, "refund", disruption_id, answered_at=uow.now)
        await give_back(uow, appointment, _reason(disruption))
    uow.audited("disruption", disruption_id, patient_id=appointment["patient_id"])


async def _bill_anew(uow: UnitOfWork, appointment: Record, fee_fen: int) -> None:
    """A fee that is still to be paid became less: the bill over the old one is taken back, the next is over this."""
    if fee_fen < appointment["fee_fen"]:
        await take_back_bill(uow, appointment["id"], at_once=True)
    if not fee_fen:
        await transition(uow, APPOINTMENT_PAYMENT, "pay", appointment["id"])


async def _settle(uow: UnitOfWork, disruption_id: UUID, choice: DisruptionChoice) -> None:
    try:
        await transition(
            uow, DISRUPTION, choice.value, disruption_id, answered_at=uow.now, answered_by=uow.ctx.actor.id
        )
    except StateConflict as conflict:
        raise DisruptionSettled(status=conflict.fields["state"]) from conflict


def _reason(disruption: Record) -> str:
    return SESSION_STOPPED if disruption["kind"] == ClinicChangeKind.STOP else DOCTOR_SUBSTITUTED


async def _move(uow: UnitOfWork, disruption_id: UUID, appointment: Record, schedule_id: UUID) -> int:
    """Give a locked, booked appointment a place of another session; answers what was paid back.

    What was to be paid at the hospital still is, whatever the new session's rule: the hospital moved it.
    """
    target = await uow.fetch_row(_TARGET, schedule_id, appointment["id"], uow.now)
    if target is None:
        raise SlotFull()
    appointment = await take_arrived_fee(uow, appointment)
    await uow.execute(_END_STALE, target["slot_id"], appointment["id"], uow.now, target["day"], target["period"])
    refunded_fen, fee_fen, pay_until = 0, appointment["fee_fen"], appointment["pay_until"]
    if appointment["payment_status"] == AppointmentPayment.PAID:
        refunded_fen = await pay_difference(uow, appointment, target["fee_fen"], DIFFERENCE, disruption_id)
        fee_fen -= refunded_fen
    elif appointment["payment_status"] == AppointmentPayment.UNPAID:
        fee_fen, pay_until = min(fee_fen, target["fee_fen"]), target["ends_at"]
        await _bill_anew(uow, appointment, fee_fen)
    await uow.execute(_TAKE, target["slot_id"])
    moved = await uow.fetch_row(
        _MOVE, appointment["id"], target["slot_id"], target["id"], target["staff_id"], target["slot_starts_at"],
        target["day"], target["period"], target["service_kind"], fee_fen, max(target["fee_fen"], fee_fen),
        hidden_seconds(target, await rule_book(uow)), pay_until, pay_until + HOLD_BEYOND,
    )  # fmt: skip
    assert moved is not None
    await free_place(uow, appointment, appointment["returns_after_s"])
    await follow_session(uow, moved)
    await remind_later(uow, moved["id"], moved["starts_at"])
    uow.record(AppointmentMoved(appointment_id=appointment["id"], disruption_id=disruption_id))
    return refunded_fen
