"""Reading payments. ``payment_intent``, ``intents_of`` and ``refund`` are for callers that decided who may see them."""

from uuid import UUID

from hospital_core.finance.billing.queries import invoice
from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.finance.payments.views import (
    DrawerView,
    InvoiceMoneyView,
    MismatchForAPerson,
    PaymentIntentView,
    ReceiptView,
    RefundForAPerson,
    RefundLineView,
    RefundToPayOut,
    RefundView,
    ShiftView,
)
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

_ABNORMAL = """
SELECT r.*, p.out_trade_no, i.invoice_no, p.patient_id
FROM refund r JOIN payment_intent p ON p.id = r.intent_id LEFT JOIN invoice i ON i.id = p.invoice_id
WHERE r.status = 'abnormal' ORDER BY r.requested_at LIMIT $1"""

_TO_PAY_OUT = """
SELECT r.*, p.channel, i.invoice_no, p.patient_id
FROM refund r JOIN payment_intent p ON p.id = r.intent_id LEFT JOIN invoice i ON i.id = p.invoice_id
WHERE r.status = 'requested' AND p.channel IN ('cash', 'bank_card', 'insurance') ORDER BY r.requested_at LIMIT $1"""

_DRAWERS = """
SELECT d.id, d.code, d.name, d.kind, d.location_id, d.active, s.id AS shift_id, s.staff_id, m.name AS cashier
FROM cash_drawer d LEFT JOIN cashier_shift s ON s.drawer_id = d.id AND s.status = 'open'
LEFT JOIN staff_member m ON m.id = s.staff_id"""

SHIFT = """
SELECT s.*, d.code AS drawer_code, d.name AS drawer_name
FROM cashier_shift s JOIN cash_drawer d ON d.id = s.drawer_id"""

_MISMATCHES = """
SELECT n.kind, n.business_key, n.received_at, p.id AS intent_id, p.invoice_id
FROM payment_notice n LEFT JOIN payment_intent p ON p.out_trade_no = split_part(n.business_key, ':', 1)
WHERE n.kind = ANY($1::text[]) ORDER BY n.received_at DESC LIMIT $2"""


async def payment_intent(reading: Reading, intent_id: UUID) -> PaymentIntentView:
    """One attempt to pay (支付单). Raises NotFound."""
    row = await reading.fetch_row("SELECT * FROM payment_intent WHERE id = $1", intent_id)
    if row is None:
        raise NotFound()
    return PaymentIntentView(**dict(row))


async def intents_of(reading: Reading, invoice_id: UUID) -> list[PaymentIntentView]:
    """All attempts to pay a bill (支付单), oldest first."""
    rows = await reading.fetch("SELECT * FROM payment_intent WHERE invoice_id = $1 ORDER BY id", invoice_id)
    return [PaymentIntentView(**dict(row)) for row in rows]


async def refund(reading: Reading, refund_id: UUID) -> RefundView:
    """One refund (退款单). Raises NotFound."""
    row = await reading.fetch_row("SELECT * FROM refund WHERE id = $1", refund_id)
    if row is None:
        raise NotFound()
    return RefundView(**dict(row))


async def refunds_of(reading: Reading, invoice_id: UUID) -> list[RefundView]:
    """All refunds of a bill (退款单), of surplus payments too, oldest first."""
    rows = await reading.fetch(
        "SELECT r.* FROM refund r JOIN payment_intent p ON p.id = r.intent_id WHERE p.invoice_id = $1 ORDER BY r.id",
        invoice_id,
    )
    return [RefundView(**dict(row)) for row in rows]


async def refunds_needing_a_person(reading: Reading, limit: int = 200) -> Page[RefundForAPerson]:
    """Abnormal refunds (异常退款) for the cashier's desk, oldest first; the route holds the permission."""
    rows = await reading.fetch(_ABNORMAL, limit)
    return Page[RefundForAPerson](items=[RefundForAPerson(**dict(row)) for row in rows])


async def refunds_to_pay_out(reading: Reading, limit: int = 200) -> Page[RefundToPayOut]:
    """Refunds that wait at the window (待退付), oldest first; the route holds the permission."""
    rows = await reading.fetch(_TO_PAY_OUT, limit)
    return Page[RefundToPayOut](items=[RefundToPayOut(**dict(row)) for row in rows])


async def refund_lines(reading: Reading, refund_id: UUID) -> list[RefundLineView]:
    """What a refund takes back of which items (退费明细)."""
    rows = await reading.fetch("SELECT * FROM refund_line WHERE refund_id = $1 ORDER BY id", refund_id)
    return [RefundLineView(**dict(row)) for row in rows]


async def invoice_money(reading: Reading, invoice_id: UUID) -> InvoiceMoneyView:
    """A bill with its tenders, refunds and receipts (账单与收退款), if the actor may know its patient.

    Raises: NotFound.
    """
    return InvoiceMoneyView(
        invoice=await invoice(reading, invoice_id),
        payments=await intents_of(reading, invoice_id),
        refunds=await refunds_of(reading, invoice_id),
        receipts=await receipts_of(reading, invoice_id),
    )


async def drawers(reading: Reading) -> Page[DrawerView]:
    """All places where money is taken (收款点), with who works there."""
    rows = await reading.fetch(f"{_DRAWERS} ORDER BY d.code")
    return Page[DrawerView](items=[DrawerView(**dict(row)) for row in rows])


async def drawer(reading: Reading, drawer_id: UUID) -> DrawerView:
    """One drawer (收款点). Raises: NotFound."""
    row = await reading.fetch_row(f"{_DRAWERS} WHERE d.id = $1", drawer_id)
    if row is None:
        raise NotFound()
    return DrawerView(**dict(row))


async def shift(reading: Reading, shift_id: UUID) -> ShiftView:
    """One shift (班次). Raises: NotFound."""
    row = await reading.fetch_row(f"{SHIFT} WHERE s.id = $1", shift_id)
    if row is None:
        raise NotFound()
    return ShiftView(**dict(row))


async def own_shift(reading: Reading) -> ShiftView | None:
    """The open shift of whoever asks (我的班次)."""
    row = await reading.fetch_row(f"{SHIFT} WHERE s.staff_id = $1 AND s.status = 'open'", reading.ctx.actor.id)
    return ShiftView(**dict(row)) if row else None


async def receipts_of(reading: Reading, source_id: UUID) -> list[ReceiptView]:
    """All receipts of a bill, payment or refund (收据), void ones too; for callers that decided who may see them."""
    rows = await reading.fetch("SELECT * FROM receipt WHERE source_id = $1 ORDER BY id", source_id)
    return [ReceiptView(**dict(row)) for row in rows]


async def payments_needing_a_person(reading: Reading, limit: int = 200) -> Page[MismatchForAPerson]:
    """Payments refused as not ours (支付不符), newest first; the route holds the permission."""
    items = []
    for row in await reading.fetch(_MISMATCHES, [kind.value for kind in MismatchKind], limit):
        out_trade_no, _, transaction_id = row["business_key"].partition(":")
        items.append(MismatchForAPerson(**dict(row), out_trade_no=out_trade_no, transaction_id=transaction_id))
    return Page[MismatchForAPerson](items=items)
