"""How a hold ends (占号的结局): paid in time, paid too late, or not paid.

Every function here first locks the place, then moves the appointment, as booking does; so of a payment and a rival who
takes a lapsed place exactly one wins, and the other sees it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import bounds_of, day_of
from hospital_core.access.scheduling.events import (
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentFeePaid,
    AppointmentRefunded,
    WaitlistDue,
)
from hospital_core.access.scheduling.service.reminding import remind_later
from hospital_core.access.scheduling.statements import (
    EXPIRE_STALE,
    FIND_AGAIN,
    HOLD_BEYOND,
    HOLD_EXPIRED,
    LINE_AT,
    LOCK_PLACE,
    OPENS_BEFORE,
    RELEASE,
)
from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    APPOINTMENT_PAYMENT,
    SLOT,
    WAITLIST_ENTRY,
    AppointmentPayment,
    AppointmentStatus,
)
from hospital_core.finance.billing.queries import invoice_of_charge, refundable_lines
from hospital_core.finance.billing.service import drop_charges, drop_open_charges, hold_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.commands import ReleaseTenders, RequestRefund, WithdrawIntents
from hospital_core.finance.payments.service import release_tenders, request_refund, withdraw_intents
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.service import relate

SOURCE = "appointment"
# A visit that runs past midnight is finished by the doctor who began it; one just after it may begin before.
PAST_MIDNIGHT = timedelta(hours=4)

_EXPIRE = f"""
UPDATE appointment SET status = {APPOINTMENT.target_sql("expire")}, version = version + 1, cancelled_at = $2,
       cancel_reason = '{HOLD_EXPIRED}'
WHERE id = $1 AND {APPOINTMENT.sources_sql("expire")} AND held_until <= $2"""

_TAKE_AGAIN = f"""
UPDATE slot SET status = {SLOT.target_sql("take")}, held_until = NULL, free_from = NULL, version = version + 1
WHERE id = $1"""

_ACCEPT_OFFER = f"""
UPDATE waitlist_entry SET status = {WAITLIST_ENTRY.target_sql("accept")}, ended_at = $2, version = version + 1
WHERE offered_id = $1 AND {WAITLIST_ENTRY.sources_sql("accept")}"""

_REFUNDED = f"""
UPDATE appointment SET payment_status = {APPOINTMENT_PAYMENT.target_sql("refunded")}, version = version + 1
WHERE id = $1 AND {APPOINTMENT_PAYMENT.sources_sql("refunded")}"""

_ON_ITS_WAY = """
SELECT 1 FROM charge_item c JOIN refund_line l ON l.charge_item_id = c.id JOIN refund r ON r.id = l.refund_id
WHERE c.source_kind = $1 AND c.source_id = $2 AND r.status <> 'succeeded' LIMIT 1"""

# For these nothing is to be paid any more.
_GONE = (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW, AppointmentStatus.ENTERED_IN_ERROR)

_OPEN_PAYMENTS = "SELECT 1 FROM payment_intent WHERE invoice_id = $1 AND status = 'open' LIMIT 1"


async def hold_place(uow: UnitOfWork, appointment_id: UUID) -> Record | None:
    """Lock an appointment's place, then read the appointment as it is now."""
    slot_id = await uow.fetch_value("SELECT slot_id FROM appointment WHERE id = $1", appointment_id)
    if slot_id is None:
        return None
    await uow.execute(LOCK_PLACE, slot_id)
    return await uow.fetch_row("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", appointment_id)


async def expire_hold(uow: UnitOfWork, appointment_id: UUID) -> bool:
    """Cancel an unpaid hold whose time is over and free its place (占号超时). Idempotent. Emits: AppointmentExpired.

    Whoever booked the place meanwhile has ended the hold already (``BOOK``), but not what hung on it: its bill.
    """
    row = await hold_place(uow, appointment_id)
    if row is None or not (await uow.execute(_EXPIRE, appointment_id, uow.now) or _was_overtaken(row)):
        return False
    await free_place(uow, row, None)
    await settle_unpaid(uow, appointment_id)
    uow.record(AppointmentExpired(appointment_id=appointment_id))
    return True


def _was_overtaken(row: Record) -> bool:
    return (row["cancel_reason"], row["payment_status"]) == (HOLD_EXPIRED, AppointmentPayment.UNPAID)


async def free_place(uow: UnitOfWork, row: Mapping[str, Any], hidden_s: int | None) -> None:
    """Let go of a cancelled appointment's place, which its caller has locked; who waits for it is served next.

    ``hidden_s`` as for ``RELEASE``. What was offered to one who waited goes on to the next at once: nobody else sees
    it. Emits: WaitlistDue, when somebody waits.
    """
    line = await uow.fetch_row(LINE_AT, row["schedule_id"], uow.now, row["id"])
    assert line is not None
    await uow.execute(RELEASE, row["slot_id"], uow.now, 0 if line["waited"] and line["offered"] else hidden_s)
    if line["waited"]:
        uow.record(WaitlistDue(department_id=line["department_id"], day=line["day"], period=line["period"]))


async def confirm_paid(uow: UnitOfWork, appointment_id: UUID, invoice_id: UUID) -> AppointmentStatus:
    """The fee arrived (支付到账): confirm the hold; if it is gone, take the place or another again; else refund.

    A place that was the patient's already (到院缴费) stays so. Idempotent: a second message about the same money
    changes nothing. Emits: AppointmentConfirmed, or AppointmentFeePaid. Locks: the place, the appointment.
    """
    row = await hold_place(uow, appointment_id)
    assert row is not None
    if row["payment_status"] != AppointmentPayment.UNPAID:
        return AppointmentStatus(row["status"])
    if row["status"] == AppointmentStatus.PENDING:
        await confirm(uow, appointment_id)
    elif row["status"] == AppointmentStatus.BOOKED:
        await transition(uow, APPOINTMENT_PAYMENT, "pay", appointment_id)
        uow.record(AppointmentFeePaid(appointment_id=appointment_id))
    elif row["cancel_reason"] != HOLD_EXPIRED or not await _take_again(uow, row):
        await refund(uow, appointment_id, invoice_id, "预约已取消，退回挂号费")
        return AppointmentStatus(row["status"])
    return AppointmentStatus.BOOKED


async def take_arrived_fee(uow: UnitOfWork, row: Record) -> Record:
    """A booked place whose fee has arrived though its news has not is paid (到账未通知); answers it as it is now.

    Locks: the place, the appointment, if so.
    """
    if (row["status"], row["payment_status"]) != (AppointmentStatus.BOOKED, AppointmentPayment.UNPAID):
        return row
    bill = await invoice_of_charge(uow, SOURCE, row["id"])
    if bill is None or bill.status is not InvoiceStatus.BALANCED:
        return row
    await confirm_paid(uow, row["id"], bill.id)
    now = await hold_place(uow, row["id"])
    assert now is not None
    return now


async def confirm(uow: UnitOfWork, appointment_id: UUID) -> None:
    """Make a held and paid place the patient's; its place is locked already."""
    await transition(uow, APPOINTMENT_PAYMENT, "pay", appointment_id)
    await _make_theirs(uow, await transition(uow, APPOINTMENT, "confirm", appointment_id))


async def confirm_unpaid(uow: UnitOfWork, appointment_id: UUID, pay_until: datetime) -> None:
    """Make a held place the patient's whose fee is paid at the hospital (到院缴费); its place is locked already."""
    row = await transition(
        uow, APPOINTMENT, "confirm", appointment_id, pay_until=pay_until, held_until=pay_until + HOLD_BEYOND
    )
    await _make_theirs(uow, row)


async def _make_theirs(uow: UnitOfWork, row: Record) -> None:
    appointment_id = row["id"]
    await uow.execute("UPDATE slot SET held_until = NULL, version = version + 1 WHERE id = $1", row["slot_id"])
    await uow.execute(_ACCEPT_OFFER, appointment_id, uow.now)
    await announce_confirmed(uow, row)


async def _take_again(uow: UnitOfWork, lost: Record) -> bool:
    """Move an expired appointment to its old place or another free one of the session."""
    place = await uow.fetch_row(FIND_AGAIN, lost["id"], uow.now)
    if place is None:
        return False
    await uow.execute(EXPIRE_STALE, place["id"], lost["id"], uow.now)
    await uow.execute(_TAKE_AGAIN, place["id"])
    await transition(uow, APPOINTMENT_PAYMENT, "pay", lost["id"])
    row = await transition(
        uow, APPOINTMENT, "rebook", lost["id"],
        slot_id=place["id"], starts_at=place["starts_at"], cancelled_at=None, cancel_reason=None,
    )  # fmt: skip
    await uow.execute(_ACCEPT_OFFER, lost["id"], uow.now)
    await announce_confirmed(uow, row)
    return True


async def refund(uow: UnitOfWork, appointment_id: UUID, invoice_id: UUID, reason: str) -> None:
    """Send the fee back, once: whoever moves the payment axis asks for the money, nobody else can.

    By the visit's own lines: a merged bill (合并缴费) holds other charges beside them. A window may have been faster.
    """
    await transition(uow, APPOINTMENT_PAYMENT, "refund", appointment_id)
    lines = await refundable_lines(uow, SOURCE, appointment_id)
    if lines:
        command = RequestRefund(
            invoice_id=invoice_id, lines=lines, reason=reason, source_kind=SOURCE, source_id=appointment_id
        )
        await request_refund(uow, command)
    else:
        await record_if_back(uow, appointment_id)


async def record_refund(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The money is back (退费到账). Idempotent. Emits: AppointmentRefunded."""
    if await uow.execute(_REFUNDED, appointment_id):
        uow.record(AppointmentRefunded(appointment_id=appointment_id))


async def record_if_back(uow: UnitOfWork, appointment_id: UUID) -> None:
    """``record_refund``, when nothing of the fee is on its way any more, whoever asked for it."""
    if await uow.fetch_value(_ON_ITS_WAY, SOURCE, appointment_id) is None:
        await record_refund(uow, appointment_id)


async def settle_unpaid(uow: UnitOfWork, appointment_id: UUID) -> None:
    """Take back the bill of an unpaid appointment that is over (冲销未付账单), once no money can arrive for it.

    Others' charges on a merged bill stay. While a payment is open it is withdrawn, and this runs again when the channel
    has closed it.
    """
    row = await uow.fetch_row("SELECT status, payment_status FROM appointment WHERE id = $1", appointment_id)
    if row is None or row["status"] not in _GONE or row["payment_status"] != AppointmentPayment.UNPAID:
        return
    await take_back_bill(uow, appointment_id)


async def take_back_bill(uow: UnitOfWork, appointment_id: UUID, *, at_once: bool = False) -> None:
    """Take back an appointment's unpaid bill as soon as nobody can pay it; see ``settle_unpaid``.

    ``at_once``: money that arrives all the same has no bill, and goes back as surplus.
    """
    bill = await invoice_of_charge(uow, SOURCE, appointment_id)
    if bill is None:
        # A window may have taken the bill apart: its charges wait for another.
        await drop_open_charges(uow, SOURCE, appointment_id)
        return
    # Money may be arriving at this moment: then it is paid, and its news brings it back.
    bill = await hold_invoice(uow, bill.id)
    if bill.status is not InvoiceStatus.ISSUED:
        return
    if await uow.fetch_value(_OPEN_PAYMENTS, bill.id):
        await withdraw_intents(uow, WithdrawIntents(invoice_id=bill.id))
        if not at_once:
            return
    if bill.paid_fen:
        await release_tenders(uow, ReleaseTenders(invoice_id=bill.id, reason="预约已取消，退回已付部分"))
    await drop_charges(uow, bill.id, SOURCE, appointment_id)


async def announce_confirmed(uow: UnitOfWork, row: Mapping[str, Any]) -> None:
    """Tell the house that a place is the patient's, and open the file to who will see them."""
    await follow_session(uow, row)
    uow.record(AppointmentConfirmed(appointment_id=row["id"]))
    await remind_later(uow, row["id"], row["starts_at"])


async def follow_session(uow: UnitOfWork, row: Mapping[str, Any]) -> None:
    """Let the session's doctor and department see the file on its day, with a margin at night; nobody else any more."""
    starts, ends = bounds_of(day_of(row["starts_at"]))
    await relate(
        uow,
        patient_id=row["patient_id"],
        staff_id=row["staff_id"],
        department_id=row["department_id"],
        source_kind=SOURCE,
        source_id=row["id"],
        starts_at=starts - OPENS_BEFORE,
        ends_at=ends + PAST_MIDNIGHT,
    )
