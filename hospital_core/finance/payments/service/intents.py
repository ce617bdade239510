"""Intents: being ready to be paid (支付单的发起、停止、关闭)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.service import hold_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.payments import ladder
from hospital_core.finance.payments.commands import (
    BeginCharge,
    CloseIntent,
    MismatchKind,
    OpenIntent,
    OpenTopUp,
    RecordPrepay,
    Reversal,
    ScheduleCheck,
    WithdrawIntents,
)
from hospital_core.finance.payments.errors import InvoiceNotPayable, MoreThanDue, PayingTimeOver
from hospital_core.finance.payments.events import PaymentCheckDue, PaymentIntentClosed
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.service.notices import take_notice
from hospital_core.finance.payments.service.windows import manned_window, window_of
from hospital_core.finance.payments.states import PAYMENT_INTENT, PaymentChannel, PaymentPurpose
from hospital_core.finance.payments.views import ChargeBegun, PaymentIntentView, ReversalBegun
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient

_OPEN = """
INSERT INTO payment_intent (id, version, out_trade_no, purpose, patient_id, invoice_id, account_id, device_id, shift_id,
                            channel, amount_fen, refunded_fen, status, applied, description, mchid, sub_mchid,
                            payer_openid, pay_until, created_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 'open', false, $11, $12, $13, $14, $15, $16) RETURNING *"""

_REUSABLE = """
SELECT * FROM payment_intent
WHERE invoice_id = $1 AND channel = $2 AND status = 'open' AND pay_until > $3 AND payer_openid IS NOT DISTINCT FROM $4
  AND amount_fen = $5 AND account_id IS NOT DISTINCT FROM $6
ORDER BY id LIMIT 1"""

_AWAITED = """
SELECT coalesce(sum(amount_fen), 0)::bigint FROM payment_intent
WHERE invoice_id = $1 AND status = 'open' AND pay_until > $2"""

_WITHDRAW = """
UPDATE payment_intent p SET pay_until = least(p.pay_until, $2), version = p.version + 1
FROM (SELECT id, pay_until <= $2 AS over FROM payment_intent WHERE invoice_id = $1 AND status = 'open'
      ORDER BY id FOR UPDATE) AS known
WHERE p.id = known.id RETURNING p.id, known.over"""

_AWAITED_HERE = """
SELECT * FROM payment_intent
WHERE patient_id IN (SELECT person_ids($1)) AND purpose = 'top_up' AND channel = $2 AND shift_id = $3
  AND status = 'open'
ORDER BY id LIMIT 1"""


async def open_intent(uow: UnitOfWork, command: OpenIntent) -> PaymentIntentView:
    """Be ready to be paid for a bill (发起支付), or a part of it; the payer's open intent is used again while it can.

    Open intents together never await more than is left: where another does not fit beside them, they are withdrawn;
    should all be paid, what does not fit on the bill is surplus and goes back by itself.
    Raises: NotFound, InvoiceNotPayable, MoreThanDue, PayingTimeOver. Emits: PaymentCheckDue. Locks: the invoice.
    """
    if command.pay_until <= uow.now:
        raise PayingTimeOver()
    bill = await hold_invoice(uow, command.invoice_id)
    amount_fen = part_of(bill, command.amount_fen)
    row = await uow.fetch_row(
        _REUSABLE, bill.id, command.channel.value, uow.now, command.payer_openid, amount_fen, command.account_id
    )
    if row is None:
        await keep_awaited_within(uow, bill.id, bill.total_fen - bill.paid_fen - amount_fen)
        row = await _open(uow, command, PaymentPurpose.INVOICE, bill.patient_id, amount_fen)
    uow.audited("payment_intent", row["id"], patient_id=bill.patient_id)
    return PaymentIntentView(**dict(row))


def part_of(bill: InvoiceView, amount_fen: int | None) -> int:
    """How much of a bill a tender takes: what is left, unless told. Raises: InvoiceNotPayable, MoreThanDue."""
    if bill.status is not InvoiceStatus.ISSUED:
        raise InvoiceNotPayable(status=bill.status.value)
    due_fen = bill.total_fen - bill.paid_fen
    if amount_fen is not None and amount_fen > due_fen:
        raise MoreThanDue(due_fen=due_fen)
    return due_fen if amount_fen is None else amount_fen


async def keep_awaited_within(uow: UnitOfWork, invoice_id: UUID, room_fen: int) -> None:
    """Withdraw a bill's open intents when together they await more than there is room for."""
    if await uow.fetch_value(_AWAITED, invoice_id, uow.now) > room_fen:
        await withdraw_open(uow, invoice_id)


async def open_top_up(uow: UnitOfWork, command: OpenTopUp) -> PaymentIntentView:
    """Be ready to be paid ahead (发起预存款充值), for whoever may act for the patient.

    Raises: NotFound, PayingTimeOver. Emits: PaymentCheckDue.
    """
    if command.pay_until <= uow.now:
        raise PayingTimeOver()
    await permitted_patient(uow, command.patient_id)
    row = await _open(uow, command, PaymentPurpose.TOP_UP, command.patient_id, command.amount_fen)
    uow.audited("payment_intent", row["id"], patient_id=command.patient_id)
    return PaymentIntentView(**dict(row))


async def open_top_up_here(uow: UnitOfWork, command: OpenTopUp) -> PaymentIntentView:
    """As ``open_top_up``, at a window; while one is awaited there from the patient, that one again and no other.

    So a code that is scanned anew before the first answer is known takes no money twice.
    Raises: ShiftNotOpen, NotFound, PayingTimeOver. Emits: PaymentCheckDue. Locks: the shift, alone.
    """
    window = await manned_window(uow, giving=True)
    await permitted_patient(uow, command.patient_id)
    row = await uow.fetch_row(_AWAITED_HERE, command.patient_id, command.channel.value, window.shift_id)
    if row is None:
        return await open_top_up(uow, command)
    uow.audited("payment_intent", row["id"], patient_id=command.patient_id)
    return PaymentIntentView(**dict(row))


async def _open(
    uow: UnitOfWork, command: OpenIntent | OpenTopUp, purpose: PaymentPurpose, patient_id: UUID, amount_fen: int
) -> Record:
    places = command.place_ids if isinstance(command, OpenIntent) else ()
    merchant, window = ports.use(PaymentGateway).merchant_of(*places), await window_of(uow)
    row = await uow.fetch_row(
        _OPEN, new_id(), await next_number(uow, NumberKind.PAYMENT), purpose.value, patient_id,
        command.invoice_id if isinstance(command, OpenIntent) else None, command.account_id, uow.ctx.actor.device_id,
        window.shift_id if window else None, command.channel.value, amount_fen, command.description, merchant.mchid,
        merchant.sub_mchid, command.payer_openid, command.pay_until, uow.now,
    )  # fmt: skip
    assert row is not None
    due = ladder.next_payment_check(uow.now, command.pay_until, 0)
    uow.record(PaymentCheckDue(intent_id=row["id"], step=0), not_before=due)
    return row


async def withdraw_open(uow: UnitOfWork, invoice_id: UUID) -> int:
    """End the time to pay of a bill's open intents and have them closed at the channel; returns how many.

    One whose time was over already is asked about once more: its own timers go on, however often it is withdrawn.
    """
    rows = await uow.fetch(_WITHDRAW, invoice_id, uow.now)
    for row in rows:
        uow.record(PaymentCheckDue(intent_id=row["id"], step=0, once=row["over"]))
    return len(rows)


async def withdraw_intents(uow: UnitOfWork, command: WithdrawIntents) -> Done:
    """Let nobody pay this bill any more (停止支付). Money already under way is still recorded and sent back.

    Raises: NotFound. Emits: PaymentCheckDue at once. Locks: the invoice.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    await withdraw_open(uow, bill.id)
    uow.audited("invoice", bill.id, patient_id=bill.patient_id)
    return Done()


async def record_prepay(uow: UnitOfWork, command: RecordPrepay) -> PaymentIntentView:
    """Keep the channel's name for an open order (预支付交易会话), or its code. Raises: NotFound, StateConflict."""
    row = await uow.fetch_row(
        "UPDATE payment_intent SET prepay_id = coalesce($2, prepay_id), code_url = coalesce($3, code_url), "
        "version = version + 1 WHERE id = $1 AND status = 'open' RETURNING *",
        command.intent_id,
        command.prepay_id,
        command.code_url,
    )
    if row is None:
        state = await uow.fetch_value("SELECT status FROM payment_intent WHERE id = $1", command.intent_id)
        raise NotFound() if state is None else StateConflict(state=state, command="prepay")
    uow.audited("payment_intent", command.intent_id)
    return PaymentIntentView(**dict(row))


async def begin_charge(uow: UnitOfWork, command: BeginCharge) -> ChargeBegun:
    """Mark that a payment code is charged under an open intent's number now (付款码扣款前登记): once, ever.

    Charging is the one call that is not safe to repeat.
    """
    begun = await uow.execute(
        "UPDATE payment_intent SET prepay_id = out_trade_no, version = version + 1 "
        "WHERE id = $1 AND status = 'open' AND channel = 'wechat_codepay' AND prepay_id IS NULL AND pay_until > $2",
        command.intent_id,
        uow.now,
    )
    uow.audited("payment_intent", command.intent_id)
    return ChargeBegun(begun=bool(begun))


async def begin_reversal(uow: UnitOfWork, command: Reversal) -> ReversalBegun:
    """Mark that an open intent's payment code is reversed from now on (撤销前登记): its money is not taken in any more.

    A reversal gives back what it finds; so a payment is either taken in before this, or goes back.
    """
    begun = await uow.execute(
        "UPDATE payment_intent SET reversing_at = coalesce(reversing_at, $2), version = version + 1 "
        "WHERE id = $1 AND status = 'open' AND channel = 'wechat_codepay'",
        command.intent_id,
        uow.now,
    )
    uow.audited("payment_intent", command.intent_id)
    return ReversalBegun(begun=bool(begun))


async def reversal_refused(uow: UnitOfWork, command: Reversal) -> Done:
    """The channel refused to reverse (撤销被拒), or knew no such order, and did nothing: what it took counts again."""
    await uow.execute(
        "UPDATE payment_intent SET reversing_at = NULL, version = version + 1 WHERE id = $1 AND status = 'open'",
        command.intent_id,
    )
    uow.audited("payment_intent", command.intent_id)
    return Done()


async def close_intent(uow: UnitOfWork, command: CloseIntent) -> PaymentIntentView:
    """Close an open intent once the channel confirmed it (关闭支付单).

    Raises: NotFound, StateConflict. Emits: PaymentIntentClosed.
    """
    row = await transition(uow, PAYMENT_INTENT, "close", command.intent_id)
    visit = await uow.fetch_value("SELECT encounter_id FROM invoice WHERE id = $1", row["invoice_id"])
    uow.record(PaymentIntentClosed(intent_id=row["id"], invoice_id=row["invoice_id"], encounter_id=visit))
    uow.audited("payment_intent", row["id"], patient_id=row["patient_id"])
    return PaymentIntentView(**dict(row))


async def schedule_payment_check(uow: UnitOfWork, command: ScheduleCheck) -> Done:
    """Ask the channel again on the next rung while an intent is open (下次查单); an hour past its time staff see it.

    Emits: PaymentCheckDue.
    """
    row = await uow.fetch_row("SELECT * FROM payment_intent WHERE id = $1 AND status = 'open'", command.object_id)
    if row is None:
        return Done()
    if uow.now > row["pay_until"] + ladder.OVERDUE:
        nothing_said = (MismatchKind.NO_ANSWER.value, f"{row['out_trade_no']}:")
        await take_notice(uow, PaymentChannel(row["channel"]), *nothing_said)
    due = ladder.next_payment_check(uow.now, row["pay_until"], command.step)
    uow.record(PaymentCheckDue(intent_id=command.object_id, step=command.step), not_before=due)
    return Done()
