"""Intents: being ready to be paid (支付单的发起、停止、关闭)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.service import hold_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.payments import ladder
from hospital_core.finance.payments.commands import (
    CloseIntent,
    OpenIntent,
    RecordPrepay,
    ScheduleCheck,
    WithdrawIntents,
)
from hospital_core.finance.payments.errors import InvoiceNotPayable, PayingTimeOver
from hospital_core.finance.payments.events import PaymentCheckDue, PaymentIntentClosed
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.states import PAYMENT_INTENT, PaymentIntentStatus
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

_OPEN = """
INSERT INTO payment_intent (id, version, out_trade_no, purpose, patient_id, invoice_id, account_id, channel, amount_fen,
                            refunded_fen, status, applied, description, mchid, payer_openid, pay_until, created_at)
VALUES ($1, 0, $2, 'invoice', $3, $4, $5, $6, $7, 0, $8, false, $9, $10, $11, $12, $13) RETURNING *"""

_REUSABLE = """
SELECT * FROM payment_intent
WHERE invoice_id = $1 AND channel = $2 AND status = 'open' AND pay_until > $3 AND payer_openid IS NOT DISTINCT FROM $4
ORDER BY id LIMIT 1"""


async def open_intent(uow: UnitOfWork, command: OpenIntent) -> PaymentIntentView:
    """Be ready to be paid for a bill (发起支付); the payer's open intent is used again while it may be paid.

    Another payer's open intent is withdrawn: should both pay, the second is surplus and goes back by itself.
    Raises: NotFound, InvoiceNotPayable, PayingTimeOver. Emits: PaymentCheckDue. Locks: the invoice.
    """
    if command.pay_until <= uow.now:
        raise PayingTimeOver()
    bill = await hold_invoice(uow, command.invoice_id)
    if bill.status is not InvoiceStatus.ISSUED:
        raise InvoiceNotPayable(status=bill.status.value)
    row = await uow.fetch_row(_REUSABLE, bill.id, command.channel.value, uow.now, command.payer_openid)
    if row is None:
        await withdraw_open(uow, bill.id)
        row = await _open(uow, command, bill)
    uow.audited("payment_intent", row["id"], patient_id=bill.patient_id)
    return PaymentIntentView(**dict(row))


async def _open(uow: UnitOfWork, command: OpenIntent, bill: InvoiceView) -> Record:
    row = await uow.fetch_row(
        _OPEN, new_id(), await next_number(uow, NumberKind.PAYMENT), bill.patient_id, bill.id, command.account_id,
        command.channel.value, bill.total_fen - bill.paid_fen, PaymentIntentStatus.OPEN.value, command.description,
        ports.use(PaymentGateway).merchant.mchid, command.payer_openid, command.pay_until, uow.now,
    )  # fmt: skip
    assert row is not None
    due = ladder.next_payment_check(uow.now, command.pay_until, 0)
    uow.record(PaymentCheckDue(intent_id=row["id"], step=0), not_before=due)
    return row


async def withdraw_open(uow: UnitOfWork, invoice_id: UUID) -> int:
    """End the time to pay of a bill's open intents and have them closed at the channel; returns how many."""
    rows = await uow.fetch(
        "UPDATE payment_intent SET pay_until = least(pay_until, $2), version = version + 1 "
        "WHERE invoice_id = $1 AND status = 'open' RETURNING id",
        invoice_id,
        uow.now,
    )
    for row in rows:
        uow.record(PaymentCheckDue(intent_id=row["id"], step=0))
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
    """Keep the channel's name for an open order (预支付交易会话). Raises: NotFound, StateConflict."""
    row = await uow.fetch_row(
        "UPDATE payment_intent SET prepay_id = $2, version = version + 1 WHERE id = $1 AND status = 'open' RETURNING *",
        command.intent_id,
        command.prepay_id,
    )
    if row is None:
        state = await uow.fetch_value("SELECT status FROM payment_intent WHERE id = $1", command.intent_id)
        raise NotFound() if state is None else StateConflict(state=state, command="prepay")
    uow.audited("payment_intent", command.intent_id)
    return PaymentIntentView(**dict(row))


async def close_intent(uow: UnitOfWork, command: CloseIntent) -> PaymentIntentView:
    """Close an open intent once the channel confirmed it (关闭支付单).

    Raises: NotFound, StateConflict. Emits: PaymentIntentClosed.
    """
    row = await transition(uow, PAYMENT_INTENT, "close", command.intent_id)
    bill = await uow.fetch_row("SELECT encounter_id, patient_id FROM invoice WHERE id = $1", row["invoice_id"])
    assert bill is not None
    closed = PaymentIntentClosed(intent_id=row["id"], invoice_id=row["invoice_id"], encounter_id=bill["encounter_id"])
    uow.record(closed)
    uow.audited("payment_intent", row["id"], patient_id=bill["patient_id"])
    return PaymentIntentView(**dict(row))


async def schedule_payment_check(uow: UnitOfWork, command: ScheduleCheck) -> Done:
    """Ask the channel again on the next rung while an intent is open (下次查单). Emits: PaymentCheckDue."""
    pay_until = await uow.fetch_value(
        "SELECT pay_until FROM payment_intent WHERE id = $1 AND status = 'open'", command.object_id
    )
    if pay_until is not None:
        due = ladder.next_payment_check(uow.now, pay_until, command.step)
        uow.record(PaymentCheckDue(intent_id=command.object_id, step=command.step), not_before=due)
    return Done()
