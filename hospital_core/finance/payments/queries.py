"""Reading payments. ``payment_intent``, ``intents_of`` and ``refund`` are for callers that decided who may see them."""

from uuid import UUID

from asyncpg import Record

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
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading

_ABNORMAL = """
SELECT r.*, p.out_trade_no, p.transaction_id, i.invoice_no, p.patient_id, f.patient_no, f.name
FROM refund r JOIN payment_intent p ON p.id = r.intent_id LEFT JOIN invoice i ON i.id = p.invoice_id
JOIN patient f ON f.id = p.patient_id
WHERE r.abnormal_at IS NOT NULL AND r.status <> 'succeeded' ORDER BY r.abnormal_at, r.id LIMIT $1"""

_TO_PAY_OUT = """
SELECT r.*, p.channel, i.invoice_no, p.patient_id, f.patient_no, f.name AS patient_name
FROM refund r JOIN payment_intent p ON p.id = r.intent_id LEFT JOIN invoice i ON i.id = p.invoice_id
JOIN patient f ON f.id = p.patient_id
WHERE r.status = 'requested' AND p.channel IN ('cash', 'bank_card', 'insurance') ORDER BY r.requested_at LIMIT $1"""

_DRAWERS = """
SELECT d.id, d.code, d.name, d.kind, d.location_id, d.active, s.id AS shift_id, s.staff_id, m.name AS cashier
FROM cash_drawer d LEFT JOIN cashier_shift s ON s.drawer_id = d.id AND s.status = 'open'
LEFT JOIN staff_member m ON m.id = s.staff_id"""

SHIFT = """
SELECT s.*, d.code AS drawer_code, d.name AS drawer_name, m.name AS cashier
FROM cashier_shift s JOIN cash_drawer d ON d.id = s.drawer_id JOIN staff_member m ON m.id = s.staff_id"""

# What was taken in after all, or settled by a person, is nobody's business any more.
_MISMATCHES = """
SELECT n.id, n.kind, n.business_key, n.amount_fen, n.received_at, p.id AS intent_id, p.amount_fen AS expected_fen,
       p.invoice_id, i.invoice_no, p.patient_id, f.patient_no, f.name
FROM payment_notice n LEFT JOIN payment_intent p ON p.out_trade_no = split_part(n.business_key, ':', 1)
LEFT JOIN invoice i ON i.id = p.invoice_id LEFT JOIN patient f ON f.id = p.patient_id
WHERE n.kind = ANY($1::text[]) AND ($2::uuid IS NULL OR n.id = $2)
  AND p.transaction_id IS DISTINCT FROM split_part(n.business_key, ':', 2)
  AND (n.kind <> 'no_answer' OR p.status = 'open')
  AND NOT EXISTS (SELECT 1 FROM mismatch_settlement s WHERE s.notice_id = n.id)
ORDER BY n.received_at DESC LIMIT $3"""


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
        "SELECT r.*, n.receipt_no FROM refund r JOIN payment_intent p ON p.id = r.intent_id "
        "LEFT JOIN receipt n ON n.kind = 'refund' AND n.source_id = r.id AND n.voided_at IS NULL "
        "WHERE p.invoice_id = $1 ORDER BY r.id",
        invoice_id,
    )
    return [RefundView(**dict(row)) for row in rows]


async def refunds_needing_a_person(reading: Reading, limit: int = 200) -> Page[RefundForAPerson]:
    """Refunds that went wrong (异常退款) for the cashier's desk, oldest first; the route holds the permission."""
    rows = await reading.fetch(_ABNORMAL, limit)
    items = [RefundForAPerson(**dict(row), patient_name_masked=mask_name(row["name"])) for row in rows]
    return Page[RefundForAPerson](items=items)


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
    rows = await reading.fetch(_MISMATCHES, _MISMATCH_KINDS, None, limit)
    return Page[MismatchForAPerson](items=[_mismatch(row) for row in rows])


async def mismatch(reading: Reading, notice_id: UUID) -> MismatchForAPerson:
    """One payment that still waits for a person (支付不符). Raises NotFound."""
    row = await reading.fetch_row(_MISMATCHES, _MISMATCH_KINDS, notice_id, 1)
    if row is None:
        raise NotFound()
    return _mismatch(row)


_MISMATCH_KINDS = [kind.value for kind in MismatchKind]


def _mismatch(row: Record) -> MismatchForAPerson:
    out_trade_no, _, transaction_id = row["business_key"].partition(":")
    name = row["name"]
    return MismatchForAPerson(
        **dict(row), out_trade_no=out_trade_no, transaction_id=transaction_id,
        patient_name_masked=None if name is None else mask_name(name),
    )  # fmt: skip
