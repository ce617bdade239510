"""Reading payments. ``payment_intent``, ``intents_of`` and ``refund`` are for callers that decided who may see them."""

from uuid import UUID

from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.finance.payments.views import MismatchForAPerson, PaymentIntentView, RefundForAPerson, RefundView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

_ABNORMAL = """
SELECT r.*, p.out_trade_no, i.invoice_no, i.patient_id
FROM refund r JOIN payment_intent p ON p.id = r.intent_id JOIN invoice i ON i.id = p.invoice_id
WHERE r.status = 'abnormal' ORDER BY r.requested_at LIMIT $1"""

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


async def payments_needing_a_person(reading: Reading, limit: int = 200) -> Page[MismatchForAPerson]:
    """Payments refused as not ours (支付不符), newest first; the route holds the permission."""
    items = []
    for row in await reading.fetch(_MISMATCHES, [kind.value for kind in MismatchKind], limit):
        out_trade_no, _, transaction_id = row["business_key"].partition(":")
        items.append(MismatchForAPerson(**dict(row), out_trade_no=out_trade_no, transaction_id=transaction_id))
    return Page[MismatchForAPerson](items=items)
