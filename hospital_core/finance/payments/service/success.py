"""Money arrived (支付成功): checked against the intent, applied once, or sent back."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.service import hold_invoice, settle_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments.channels import ACCOUNT_OF
from hospital_core.finance.payments.commands import (
    ChannelSuccess,
    MismatchKind,
    NoteMismatch,
    RequestRefund,
    SettleMismatch,
)
from hospital_core.finance.payments.errors import BeingReversed, PaymentMismatch
from hospital_core.finance.payments.events import CardToppedUp, InvoicePaid, PaymentSucceeded
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.service.intents import keep_awaited_within
from hospital_core.finance.payments.service.notices import take_notice
from hospital_core.finance.payments.service.receipts import receipt_of_shift
from hospital_core.finance.payments.service.refunds import request_refund
from hospital_core.finance.payments.states import PAYMENT_INTENT, PaymentChannel, PaymentIntentStatus, ReceiptKind
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

_SETTLEMENT = """
INSERT INTO mismatch_settlement (id, notice_id, note, settled_by, settled_at) VALUES ($1, $2, $3, $4, $5)"""

_INTENT = "SELECT * FROM payment_intent WHERE out_trade_no = $1"
_HOLD = "SELECT status, reversing_at FROM payment_intent WHERE id = $1 FOR UPDATE"
# Closing the shift waits for this, and what comes after it is not on the report that was signed.
_OPEN_SHIFT = "SELECT id FROM cashier_shift WHERE id = $1 AND status = 'open' FOR SHARE"


async def record_success(uow: UnitOfWork, fact: ChannelSuccess) -> Done:
    """Take in a verified success (记录支付成功), whatever state the intent is in; told again, it answers the same.

    Call it through ``payments.outside.take_in_success``, which also keeps what is refused here for staff to see.
    Money that the waiting bill has room for is applied; any other is surplus and its refund is promised at once. Money
    of a top-up goes on the patient's card. Payments that no longer fit beside it are withdrawn.
    Raises: PaymentMismatch, BeingReversed (nothing is applied). Emits: PaymentSucceeded, InvoicePaid, CardToppedUp.
    Locks: the invoice, then the intent; the shift of a window.
    """
    intent = await uow.fetch_row(_INTENT, fact.out_trade_no)
    mismatch = _mismatch_of(fact, intent)
    if intent is None or mismatch is not None:
        raise PaymentMismatch(mismatch or MismatchKind.ORDER)
    if not await take_notice(uow, PaymentChannel(intent["channel"]), "payment", fact.transaction_id):
        return await _told_again(uow, fact)
    bill = await hold_invoice(uow, intent["invoice_id"]) if intent["invoice_id"] else None
    held = await uow.fetch_row(_HOLD, intent["id"])
    assert held is not None
    if held["status"] == PaymentIntentStatus.SUCCEEDED:
        raise PaymentMismatch(MismatchKind.TRANSACTION)
    if held["reversing_at"] is not None:  # also once it is closed: what was heard before comes too late
        raise BeingReversed()
    paid = await transition(
        uow, PAYMENT_INTENT, "succeed", intent["id"],
        transaction_id=fact.transaction_id, succeeded_at=fact.succeeded_at,
        payer_openid=fact.payer_openid or intent["payer_openid"],
        shift_id=await _open_shift(uow, intent["shift_id"]),
    )  # fmt: skip
    uow.audited("payment_intent", paid["id"], patient_id=paid["patient_id"])
    uow.audits[0].detail["source"] = fact.source
    if bill is None:
        await top_up_card(uow, paid)
    elif (await apply_money(uow, paid, bill)).applied:
        await keep_awaited_within(uow, bill.id, bill.total_fen - bill.paid_fen - paid["amount_fen"])
    else:
        why = {"reason": "重复支付退款", "source_kind": "surplus", "source_id": paid["id"]}
        await request_refund(uow, RequestRefund(intent_id=paid["id"], **why))
    return Done()


async def _open_shift(uow: UnitOfWork, shift_id: UUID | None) -> UUID | None:
    """The shift that asked for the money, while it is open; money that comes later is of no window."""
    return None if shift_id is None else await uow.fetch_value(_OPEN_SHIFT, shift_id)


def _mismatch_of(fact: ChannelSuccess, intent: Record | None) -> MismatchKind | None:
    if intent is None:
        return MismatchKind.ORDER
    if fact.currency != "CNY":
        return MismatchKind.CURRENCY
    if fact.amount_fen != intent["amount_fen"]:
        return MismatchKind.AMOUNT
    if fact.mchid != intent["mchid"] or not PaymentChannel(intent["channel"]).is_wechat:
        return MismatchKind.MERCHANT
    if intent["sub_mchid"] is not None and fact.sub_mchid != intent["sub_mchid"]:
        return MismatchKind.MERCHANT
    if fact.appid is not None and fact.appid != ports.use(PaymentGateway).merchant.appid:
        return MismatchKind.APP
    payer = intent["payer_openid"]
    if None not in (fact.payer_openid, payer) and fact.payer_openid != payer:
        return MismatchKind.PAYER
    return None


async def _told_again(uow: UnitOfWork, fact: ChannelSuccess) -> Done:
    intent = await uow.fetch_row(_INTENT, fact.out_trade_no)
    if intent is None or intent["transaction_id"] != fact.transaction_id:
        raise PaymentMismatch(MismatchKind.TRANSACTION)
    uow.audited("payment_intent", intent["id"])
    return Done()


@dataclass(frozen=True)
class Outcome:
    """What became of money that arrived: it is on the bill, the bill is settled by it, a receipt was drawn for it."""

    applied: bool
    settled: bool = False
    receipt_no: str | None = None


async def apply_money(
    uow: UnitOfWork, intent: Record, bill: InvoiceView, received: Sequence[Line] | None = None
) -> Outcome:
    """Put a succeeded tender on the bill, or book the money as surplus; says which.

    The bill's conditional update decides; ``invoice_not_overpaid`` has the last word. ``received``: the debit side,
    when it is more than one line of the channel's account. A bill settled at a window gets its receipt at once.
    """
    after = await settle_invoice(uow, bill.id, intent["amount_fen"])
    applied = after is not None
    settled = after is not None and after.status is InvoiceStatus.BALANCED
    if applied:
        await uow.execute("UPDATE payment_intent SET applied = true WHERE id = $1", intent["id"])
    kind = JournalKind.PAYMENT_APPLIED if applied else JournalKind.PAYMENT_SURPLUS
    against = LedgerAccount.PATIENT_RECEIVABLE if applied else LedgerAccount.UNAPPLIED_RECEIPTS
    received = received or [await debit_of(uow, intent)]
    credit = Line(against, -intent["amount_fen"], bill.patient_id)
    await post(uow, kind, "payment_intent", intent["id"], [*received, credit])
    about = {"invoice_id": bill.id, "encounter_id": bill.encounter_id}
    uow.record(PaymentSucceeded(intent_id=intent["id"], **about, applied=applied, settled=settled))
    if not settled:
        return Outcome(applied)
    uow.record(InvoicePaid(**about, patient_id=bill.patient_id))
    drawn = await receipt_of_shift(
        uow, intent["shift_id"], ReceiptKind.PAYMENT, bill.patient_id, bill.id, bill.total_fen
    )
    return Outcome(applied, settled, drawn)


async def debit_of(uow: UnitOfWork, intent: Record) -> Line:
    """The ledger's side of money that a channel brought; cash lies in the shift's drawer."""
    account = ACCOUNT_OF[PaymentChannel(intent["channel"])]
    drawer_id = None
    if account is LedgerAccount.CASH_DRAWER:
        drawer_id = await uow.fetch_value("SELECT drawer_id FROM cashier_shift WHERE id = $1", intent["shift_id"])
    return Line(account, intent["amount_fen"], intent["patient_id"], drawer_id)


async def top_up_card(uow: UnitOfWork, intent: Record) -> str | None:
    """Book money that was paid ahead (预存款到账); returns the receipt's number when a window took it.

    The card's balance follows the ledger by trigger. Emits: CardToppedUp.
    """
    await uow.execute("UPDATE payment_intent SET applied = true WHERE id = $1", intent["id"])
    card = Line(LedgerAccount.PATIENT_CARD, -intent["amount_fen"], intent["patient_id"])
    lines = [await debit_of(uow, intent), card]
    await post(uow, JournalKind.CARD_TOPPED_UP, "payment_intent", intent["id"], lines)
    uow.record(CardToppedUp(intent_id=intent["id"], patient_id=intent["patient_id"]))
    return await receipt_of_shift(
        uow, intent["shift_id"], ReceiptKind.TOP_UP, intent["patient_id"], intent["id"], intent["amount_fen"]
    )


async def note_mismatch(uow: UnitOfWork, command: NoteMismatch) -> Done:
    """Keep a refused fact for staff to see (登记支付不符), once; see ``queries.payments_needing_a_person``."""
    key = f"{command.out_trade_no}:{command.transaction_id}"
    await take_notice(uow, PaymentChannel.WECHAT_JSAPI, command.kind.value, key, command.amount_fen)
    line, intent = uow.audits[0], await uow.fetch_row(_INTENT, command.out_trade_no)
    line.outcome, line.reason = "refused", command.kind.value
    line.object_id = intent["id"] if intent else None
    line.object_kind = "payment_intent" if line.object_id else None
    return Done()


async def settle_mismatch(uow: UnitOfWork, command: SettleMismatch) -> Done:
    """Write down what was done about a payment that differs (登记处理结果): it leaves the desk's list. A person's word.

    Raises: Forbidden, NotFound, MismatchSettled.
    """
    settled_by = uow.ctx.actor.id
    if settled_by is None:
        raise Forbidden()
    notice = await uow.fetch_row("SELECT kind FROM payment_notice WHERE id = $1", command.notice_id)
    if notice is None or notice["kind"] not in {kind.value for kind in MismatchKind}:
        raise NotFound()
    await uow.execute(_SETTLEMENT, new_id(), command.notice_id, command.note, settled_by, uow.now)
    uow.audited("payment_notice", command.notice_id)
    return Done()
