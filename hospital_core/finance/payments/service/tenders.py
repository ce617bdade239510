"""Tenders that are there at once (收款): cash, card balance, what a terminal or the insurance paid.

A bill takes tenders until they add up to its total. Each is one recorded intent that succeeded as it was written.
"""

from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.commands import UnbillInvoice
from hospital_core.finance.billing.service import hold_invoice, release_tender, unbill
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.queries import card_parts
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments.cards import Purse
from hospital_core.finance.payments.commands import (
    PayWithCard,
    RecordTender,
    ReleaseTenders,
    RequestRefund,
    TakeCash,
    TakeCashTopUp,
)
from hospital_core.finance.payments.errors import InvoiceNotPayable, SlipRecorded, TenderTooSmall
from hospital_core.finance.payments.service.intents import keep_awaited_within, part_of, withdraw_open
from hospital_core.finance.payments.service.refunds import request_refund
from hospital_core.finance.payments.service.success import apply_money, top_up_card
from hospital_core.finance.payments.service.windows import Window, manned_window, window_of
from hospital_core.finance.payments.states import PaymentChannel, PaymentPurpose
from hospital_core.finance.payments.top_up_commands import RecordTopUp
from hospital_core.finance.payments.views import PaymentIntentView, RefundsView, RefundView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient

_TAKEN = """
INSERT INTO payment_intent (id, version, out_trade_no, purpose, patient_id, invoice_id, account_id, device_id, shift_id,
                            channel, amount_fen, refunded_fen, status, applied, description, mchid, reference,
                            tendered_fen, pay_until, created_at, succeeded_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 'succeeded', false, $11, '', $12, $13, $14, $14, $14)
RETURNING *"""

# A slip is one payment: its answer may have got lost, and the cashier starts anew.
_SLIP_ON_BILL = """
SELECT 1 FROM payment_intent WHERE invoice_id = $1 AND channel = $2 AND reference = $3 AND applied LIMIT 1"""
_SLIP_ON_CARD = """
SELECT 1 FROM payment_intent
WHERE shift_id = $1 AND purpose = 'top_up' AND patient_id = $4 AND channel = $2 AND reference = $3 LIMIT 1"""


async def take_cash(uow: UnitOfWork, command: TakeCash) -> PaymentIntentView:
    """Take cash for a bill and say what change to hand back (收现金、找零), into the drawer of one's open shift.

    Payments by phone that no longer fit are withdrawn; should one arrive all the same, it is surplus and goes back.
    Raises: NotFound, InvoiceNotPayable, MoreThanDue, TenderTooSmall, ShiftNotOpen.
    Emits: PaymentSucceeded, InvoicePaid. Locks: the invoice, the shift.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    amount_fen = part_of(bill, command.amount_fen)
    change_fen = _change(command.tendered_fen, amount_fen)
    row = await _taken(
        uow, PaymentChannel.CASH, bill.patient_id, amount_fen,
        bill=bill, window=await manned_window(uow), tendered_fen=command.tendered_fen,
    )  # fmt: skip
    view = await _on_the_bill(uow, row, bill)
    uow.audits[0].detail.update(tendered_fen=command.tendered_fen, change_fen=change_fen)
    return view.model_copy(update={"change_fen": change_fen})


async def pay_with_card(uow: UnitOfWork, command: PayWithCard) -> PaymentIntentView:
    """Pay from what the person paid ahead (预存款支付), on whichever of their files it stands.

    Raises: NotFound, InvoiceNotPayable, MoreThanDue, CardBalanceTooLow. Emits: PaymentSucceeded, InvoicePaid.
    Locks: the invoice, then the balances.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    await permitted_patient(uow, bill.patient_id)
    amount_fen = part_of(bill, command.amount_fen)
    purse = Purse(await card_parts(uow, bill.patient_id))
    lines = purse.take(amount_fen)
    row = await _taken(
        uow, PaymentChannel.CARD_BALANCE, bill.patient_id, amount_fen, bill=bill, window=await window_of(uow)
    )
    return await _on_the_bill(uow, row, bill, lines)


async def record_bank_card(uow: UnitOfWork, command: RecordTender) -> PaymentIntentView:
    """Record what the bank's terminal at the window took (登记银行卡支付), each slip once.

    Raises: NotFound, InvoiceNotPayable, MoreThanDue, ShiftNotOpen, SlipRecorded. Emits: PaymentSucceeded, InvoicePaid.
    Locks: the invoice, the shift.
    """
    return await _recorded(uow, command, PaymentChannel.BANK_CARD, await manned_window(uow))


async def record_insurance(uow: UnitOfWork, command: RecordTender) -> PaymentIntentView:
    """Record what the insurance pays of a bill (登记医保支付), at a window or by the settlement itself.

    Raises: NotFound, InvoiceNotPayable, MoreThanDue, SlipRecorded. Emits: PaymentSucceeded, InvoicePaid.
    Locks: the invoice.
    """
    return await _recorded(uow, command, PaymentChannel.INSURANCE, await window_of(uow))


async def take_cash_top_up(uow: UnitOfWork, command: TakeCashTopUp) -> PaymentIntentView:
    """Take cash ahead, into the drawer of one's open shift (现金充值).

    Raises: NotFound, TenderTooSmall, ShiftNotOpen. Emits: CardToppedUp. Locks: the shift, the balance.
    """
    await permitted_patient(uow, command.patient_id)
    change_fen = _change(command.tendered_fen, command.amount_fen)
    row = await _taken(
        uow, PaymentChannel.CASH, command.patient_id, command.amount_fen,
        window=await manned_window(uow), tendered_fen=command.tendered_fen,
    )  # fmt: skip
    return (await _on_the_card(uow, row)).model_copy(update={"change_fen": change_fen})


async def record_bank_card_top_up(uow: UnitOfWork, command: RecordTopUp) -> PaymentIntentView:
    """Record what the bank's terminal at the window took ahead (银行卡充值), each slip once.

    Raises: NotFound, ShiftNotOpen, SlipRecorded. Emits: CardToppedUp. Locks: the shift, alone; the balance.
    """
    await permitted_patient(uow, command.patient_id)
    window, channel = await manned_window(uow, giving=True), PaymentChannel.BANK_CARD
    slip = (window.shift_id, channel.value, command.reference, command.patient_id)
    if await uow.fetch_value(_SLIP_ON_CARD, *slip):
        raise SlipRecorded()
    row = await _taken(uow, channel, command.patient_id, command.amount_fen, window=window, reference=command.reference)
    return await _on_the_card(uow, row)


async def release_tenders(uow: UnitOfWork, command: ReleaseTenders) -> RefundsView:
    """Give back what was paid of a bill that will not be paid in full (退回部分已付); the bill stays, unpaid.

    Its tenders become surplus and go back as such, and nobody is awaited to pay any more.
    Raises: NotFound, InvoiceNotPayable. Emits: RefundRequested. Locks: the invoice, then its tenders.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    if bill.status is not InvoiceStatus.ISSUED:
        raise InvoiceNotPayable(status=bill.status.value)
    await withdraw_open(uow, bill.id)
    rows = await uow.fetch(
        "UPDATE payment_intent SET applied = false, version = version + 1 WHERE invoice_id = $1 AND applied "
        "RETURNING id, amount_fen",
        bill.id,
    )
    refunds: list[RefundView] = []
    for row in rows:
        await release_tender(uow, bill.id, row["amount_fen"])
        lines = [
            Line(LedgerAccount.PATIENT_RECEIVABLE, row["amount_fen"], bill.patient_id),
            Line(LedgerAccount.UNAPPLIED_RECEIPTS, -row["amount_fen"], bill.patient_id),
        ]
        await post(uow, JournalKind.PAYMENT_SURPLUS, "payment_intent", row["id"], lines)
        why = {"reason": command.reason, "source_kind": "surplus", "source_id": row["id"]}
        refunds += (await request_refund(uow, RequestRefund(intent_id=row["id"], **why))).refunds
    uow.audited("invoice", bill.id, patient_id=bill.patient_id, reason=command.reason)
    return RefundsView(amount_fen=sum(refund.amount_fen for refund in refunds), refunds=refunds)


async def take_apart(uow: UnitOfWork, command: UnbillInvoice) -> InvoiceView:
    """Take an unpaid bill back, keep its charges open, and let nobody pay it any more (撤销结算).

    Raises: NotFound, StateConflict (paid or taken back), InvoicePartlyPaid. Emits: PaymentCheckDue at once.
    Locks: the invoice, its intents, its items.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    await withdraw_open(uow, bill.id)
    return await unbill(uow, command)


async def _recorded(
    uow: UnitOfWork, command: RecordTender, channel: PaymentChannel, window: Window | None
) -> PaymentIntentView:
    bill = await hold_invoice(uow, command.invoice_id)
    amount_fen = part_of(bill, command.amount_fen)
    if await uow.fetch_value(_SLIP_ON_BILL, bill.id, channel.value, command.reference):
        raise SlipRecorded()
    row = await _taken(uow, channel, bill.patient_id, amount_fen, bill=bill, window=window, reference=command.reference)
    return await _on_the_bill(uow, row, bill)


async def _taken(
    uow: UnitOfWork,
    channel: PaymentChannel,
    patient_id: UUID,
    amount_fen: int,
    *,
    bill: InvoiceView | None = None,
    window: Window | None = None,
    tendered_fen: int | None = None,
    reference: str | None = None,
) -> Record:
    purpose = PaymentPurpose.INVOICE if bill else PaymentPurpose.TOP_UP
    actor = uow.ctx.actor
    row = await uow.fetch_row(
        _TAKEN, new_id(), await next_number(uow, NumberKind.PAYMENT), purpose.value, patient_id,
        bill.id if bill else None, actor.id if actor.kind is ActorKind.ACCOUNT else None, actor.device_id,
        window.shift_id if window else None, channel.value, amount_fen, bill.invoice_no if bill else "预存款充值",
        reference, tendered_fen, uow.now,
    )  # fmt: skip
    assert row is not None
    return row


async def _on_the_bill(
    uow: UnitOfWork, row: Record, bill: InvoiceView, received: list[Line] | None = None
) -> PaymentIntentView:
    outcome = await apply_money(uow, row, bill, received)
    if not outcome.applied:
        raise InvoiceNotPayable()
    await keep_awaited_within(uow, bill.id, bill.total_fen - bill.paid_fen - row["amount_fen"])
    uow.audited("payment_intent", row["id"], patient_id=bill.patient_id)
    return PaymentIntentView(**{**dict(row), "applied": True, "receipt_no": outcome.receipt_no})


async def _on_the_card(uow: UnitOfWork, row: Record) -> PaymentIntentView:
    drawn = await top_up_card(uow, row)
    uow.audited("payment_intent", row["id"], patient_id=row["patient_id"])
    return PaymentIntentView(**{**dict(row), "applied": True, "receipt_no": drawn})


def _change(tendered_fen: int, amount_fen: int) -> int:
    if tendered_fen < amount_fen:
        raise TenderTooSmall(missing_fen=amount_fen - tendered_fen)
    return tendered_fen - amount_fen
