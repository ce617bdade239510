"""Cash at the counter (现金)."""

from hospital_core.finance.billing.service import hold_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments.commands import TakeCash
from hospital_core.finance.payments.errors import InvoiceNotPayable, TenderTooSmall
from hospital_core.finance.payments.service.drawers import shared_drawer
from hospital_core.finance.payments.service.intents import withdraw_open
from hospital_core.finance.payments.service.success import apply_money
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.uow import UnitOfWork

_TAKEN = """
INSERT INTO payment_intent (id, version, out_trade_no, purpose, patient_id, invoice_id, channel, amount_fen,
                            refunded_fen, status, applied, description, mchid, pay_until, created_at, succeeded_at,
                            tendered_fen)
VALUES ($1, 0, $2, 'invoice', $3, $4, $5, $6, 0, $7, false, $8, '', $9, $9, $9, $10) RETURNING *"""


async def take_cash(uow: UnitOfWork, command: TakeCash) -> PaymentIntentView:
    """Take cash for a bill and say what change to hand back (收现金、找零): one recorded tender that settles it.

    Open payments by phone are withdrawn; should one arrive all the same, it is surplus and goes back.
    Raises: NotFound, InvoiceNotPayable, TenderTooSmall. Emits: PaymentSucceeded. Locks: the invoice.
    """
    bill = await hold_invoice(uow, command.invoice_id)
    if bill.status is not InvoiceStatus.ISSUED:
        raise InvoiceNotPayable(status=bill.status.value)
    due_fen = bill.total_fen - bill.paid_fen
    change_fen = command.tendered_fen - due_fen
    if change_fen < 0:
        raise TenderTooSmall(missing_fen=-change_fen)
    number = await next_number(uow, NumberKind.PAYMENT)
    row = await uow.fetch_row(
        _TAKEN, new_id(), number, bill.patient_id, bill.id, PaymentChannel.CASH.value, due_fen,
        PaymentIntentStatus.SUCCEEDED.value, bill.invoice_no, uow.now, command.tendered_fen,
    )  # fmt: skip
    assert row is not None
    if not await apply_money(uow, row, bill, LedgerAccount.CASH_DRAWER, await shared_drawer(uow)):
        raise InvoiceNotPayable()
    await withdraw_open(uow, bill.id)
    uow.audited("payment_intent", row["id"], patient_id=bill.patient_id)
    uow.audits[0].detail.update(tendered_fen=command.tendered_fen, change_fen=change_fen)
    return PaymentIntentView(**{**dict(row), "applied": True, "change_fen": change_fen})
