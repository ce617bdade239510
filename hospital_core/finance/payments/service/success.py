"""Money arrived (支付成功): checked against the intent, applied once, or sent back."""

from asyncpg import Record

from hospital_core.finance.billing.service import hold_invoice, settle_invoice
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.ledger.commands import moved
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments.commands import (
    ChannelSuccess,
    MismatchKind,
    NoteMismatch,
    RequestRefund,
    SettleMismatch,
)
from hospital_core.finance.payments.errors import PaymentMismatch
from hospital_core.finance.payments.events import PaymentSucceeded
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.service.refunds import request_refund
from hospital_core.finance.payments.states import PAYMENT_INTENT, PaymentChannel, PaymentIntentStatus
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

_NOTICE = """
INSERT INTO payment_notice (id, channel, kind, business_key, amount_fen, received_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING"""

_SETTLEMENT = """
INSERT INTO mismatch_settlement (id, notice_id, note, settled_by, settled_at) VALUES ($1, $2, $3, $4, $5)"""

_INTENT = "SELECT * FROM payment_intent WHERE out_trade_no = $1"


async def take_notice(
    uow: UnitOfWork, channel: PaymentChannel, kind: str, business_key: str, amount_fen: int | None = None
) -> bool:
    """Write down a channel's message by its business key; False when it was taken in before.

    A twin waits here on the unique key until the first has committed.
    """
    return bool(await uow.execute(_NOTICE, new_id(), channel.value, kind, business_key, amount_fen, uow.now))


async def record_success(uow: UnitOfWork, fact: ChannelSuccess) -> Done:
    """Take in a verified success (记录支付成功), whatever state the intent is in; told again, it answers the same.

    Call it through ``payments.outside.take_in_success``, which also keeps what is refused here for staff to see.
    The first money for a waiting bill settles it; any other is surplus and its refund is promised at once.
    Raises: PaymentMismatch (nothing is applied). Emits: PaymentSucceeded. Locks: the invoice, then the intent.
    """
    intent = await uow.fetch_row(_INTENT, fact.out_trade_no)
    mismatch = _mismatch_of(fact, intent)
    if intent is None or mismatch is not None:
        raise PaymentMismatch(mismatch or MismatchKind.ORDER)
    if not await take_notice(uow, PaymentChannel(intent["channel"]), "payment", fact.transaction_id):
        return await _told_again(uow, fact)
    bill = await hold_invoice(uow, intent["invoice_id"])
    state = await uow.fetch_value("SELECT status FROM payment_intent WHERE id = $1", intent["id"])
    if state == PaymentIntentStatus.SUCCEEDED:
        raise PaymentMismatch(MismatchKind.TRANSACTION)
    paid = await transition(
        uow, PAYMENT_INTENT, "succeed", intent["id"],
        transaction_id=fact.transaction_id, succeeded_at=fact.succeeded_at,
        payer_openid=fact.payer_openid or intent["payer_openid"],
    )  # fmt: skip
    uow.audited("payment_intent", paid["id"], patient_id=bill.patient_id)
    uow.audits[0].detail["source"] = fact.source
    applied = await apply_money(uow, paid, bill, LedgerAccount.WECHAT_CLEARING)
    if not applied:
        why = {"reason": "重复支付退款", "source_kind": "surplus", "source_id": paid["id"]}
        await request_refund(uow, RequestRefund(intent_id=paid["id"], **why))
    return Done()


def _mismatch_of(fact: ChannelSuccess, intent: Record | None) -> MismatchKind | None:
    if intent is None:
        return MismatchKind.ORDER
    if fact.currency != "CNY":
        return MismatchKind.CURRENCY
    if fact.amount_fen != intent["amount_fen"]:
        return MismatchKind.AMOUNT
    if fact.mchid != intent["mchid"]:
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


async def apply_money(uow: UnitOfWork, intent: Record, bill: InvoiceView, received_in: LedgerAccount) -> bool:
    """Settle the bill with a succeeded intent, or book the money as surplus; returns which.

    The bill's conditional update decides; ``invoice_paid_once`` has the last word.
    """
    applied = await settle_invoice(uow, bill.id, intent["amount_fen"])
    if applied:
        await uow.execute("UPDATE payment_intent SET applied = true WHERE id = $1", intent["id"])
    await post(
        uow,
        JournalKind.PAYMENT_APPLIED if applied else JournalKind.PAYMENT_SURPLUS,
        "payment_intent",
        intent["id"],
        moved(
            intent["amount_fen"],
            debit=received_in,
            credit=LedgerAccount.PATIENT_RECEIVABLE if applied else LedgerAccount.UNAPPLIED_RECEIPTS,
            patient_id=bill.patient_id,
        ),
    )
    uow.record(
        PaymentSucceeded(intent_id=intent["id"], invoice_id=bill.id, encounter_id=bill.encounter_id, applied=applied)
    )
    return applied


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
