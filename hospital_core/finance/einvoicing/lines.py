"""What an e-invoice is about (票据金额): the bill's items less what went back, from facts alone.

A refund counts once all of its source's money is back (``RefundSucceeded.complete``): until then the e-invoice stands
as it was issued. The items of a bill explain every fen of a refund: what is left of them is left of the bill.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.einvoicing.states import EInvoiceKind
from hospital_core.kernel.reading import Reading

_LINES = """
WITH back AS (
    SELECT l.charge_item_id, sum(l.quantity) AS quantity, sum(l.amount_fen)::bigint AS amount_fen
    FROM refund_line l JOIN refund r ON r.id = l.refund_id JOIN payment_intent p ON p.id = r.intent_id
    WHERE p.invoice_id = $1 AND p.applied AND NOT EXISTS (
        SELECT 1 FROM refund o WHERE o.source_kind = r.source_kind AND o.source_id = r.source_id
          AND o.status <> 'succeeded')
    GROUP BY l.charge_item_id)
SELECT c.id, i.code, c.name, c.category, c.unit, c.unit_price, c.source_kind,
       c.quantity - coalesce(b.quantity, 0) AS quantity, c.amount_fen - coalesce(b.amount_fen, 0) AS amount_fen
FROM charge_item c JOIN price_item i ON i.id = c.price_item_id LEFT JOIN back b ON b.charge_item_id = c.id
WHERE c.invoice_id = $1 AND c.status = 'billed' AND c.amount_fen - coalesce(b.amount_fen, 0) > 0 ORDER BY c.id"""

# What the insurance pays of a bill stays with it: its tender is given back last or not at all.
_INSURANCE = """
SELECT sum(p.amount_fen - p.refunded_fen)::bigint AS fen, max(p.reference) AS reference FROM payment_intent p
WHERE p.invoice_id = $1 AND p.applied AND p.channel = 'insurance'"""

_BOOKING = "appointment"  # ``source_kind`` of what scheduling charges


@dataclass(frozen=True)
class Remainder:
    """What is left of a settled bill (剩余金额)."""

    lines: tuple[Record, ...]
    insurance_fen: int
    insurance_reference: str | None

    @property
    def amount_fen(self) -> int:
        """All lines together."""
        return sum(int(line["amount_fen"]) for line in self.lines)

    @property
    def kind(self) -> EInvoiceKind:
        """A bill over nothing but a booking's fee is a registration's. Wards and check-ups will say so themselves."""
        only_booking = all(line["source_kind"] == _BOOKING for line in self.lines)
        return EInvoiceKind.REGISTRATION if only_booking else EInvoiceKind.OUTPATIENT

    def columns(
        self,
    ) -> tuple[list[UUID], list[str], list[str], list[str], list[str], list[Decimal], list[Decimal], list[int]]:
        """The lines by column, for one INSERT."""
        rows = self.lines
        return (
            [r["id"] for r in rows], [r["code"] for r in rows], [r["name"] for r in rows],
            [r["category"] for r in rows], [r["unit"] for r in rows], [r["unit_price"] for r in rows],
            [r["quantity"] for r in rows], [r["amount_fen"] for r in rows],
        )  # fmt: skip


async def remainder(reading: Reading, invoice_id: UUID) -> Remainder:
    """What an e-invoice of this bill would have to say now."""
    lines = tuple(await reading.fetch(_LINES, invoice_id))
    insurance = await reading.fetch_row(_INSURANCE, invoice_id)
    assert insurance is not None, "an aggregate always has a row"
    total = sum(int(line["amount_fen"]) for line in lines)
    return Remainder(lines, min(int(insurance["fen"] or 0), total), insurance["reference"])
