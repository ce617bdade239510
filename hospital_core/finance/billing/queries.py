"""Reading bills."""

from itertools import groupby
from operator import itemgetter
from uuid import UUID

from hospital_core.finance.billing.commands import RefundLineWanted
from hospital_core.finance.billing.views import (
    ChargeItemView,
    InvoiceDetailView,
    InvoiceView,
    OpenChargeGroup,
    OpenChargesView,
)
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

_OPEN_ITEMS = """
SELECT * FROM charge_item
WHERE patient_id IN (SELECT person_ids($1)) AND status = 'billable' AND ($2::timestamptz IS NULL OR created_at >= $2)
ORDER BY encounter_id, source_kind, source_id, id"""

_OPEN_BILLS = """
SELECT * FROM invoice
WHERE patient_id IN (SELECT person_ids($1)) AND status = 'issued' AND ($2::timestamptz IS NULL OR (issued_at >= $2
  AND NOT EXISTS (SELECT 1 FROM charge_item c WHERE c.invoice_id = invoice.id AND c.created_at < $2)))
ORDER BY id"""


def as_old_as(at: str, invoice_id: str) -> str:
    """SQL: how old what a bill tells is (账单内容时间): charges of other days may stand on it, with their names."""
    return f"least({at}, (SELECT min(c.created_at) FROM charge_item c WHERE c.invoice_id = {invoice_id}))"


_GUARDED = PatientRow("SELECT i.* FROM {row} i", "invoice", as_old_as("own.issued_at", "own.id"))


async def invoice(reading: Reading, invoice_id: UUID) -> InvoiceDetailView:
    """A bill with its items (结算单), if the actor may know its patient. Raises NotFound."""
    row = await _GUARDED.of(reading, invoice_id)
    return InvoiceDetailView(**dict(row), items=await charge_items(reading, invoice_id))


async def open_charges(reading: Reading, patient_id: UUID) -> OpenChargesView:
    """What a person still has to pay (待缴费), over all their files, if the actor may know them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    items = await reading.fetch(_OPEN_ITEMS, patient_id, permitted.since)
    invoices = [InvoiceView(**dict(row)) for row in await reading.fetch(_OPEN_BILLS, patient_id, permitted.since)]
    groups = []
    for (encounter_id, kind, source_id), rows in groupby(items, itemgetter("encounter_id", "source_kind", "source_id")):
        charged = [ChargeItemView(**dict(row)) for row in rows]
        amount_fen = sum(item.amount_fen for item in charged)
        groups.append(
            OpenChargeGroup(
                encounter_id=encounter_id, source_kind=kind, source_id=source_id, amount_fen=amount_fen, items=charged
            )
        )
    due_fen = sum(group.amount_fen for group in groups) + sum(bill.total_fen - bill.paid_fen for bill in invoices)
    return OpenChargesView(patient_id=patient_id, due_fen=due_fen, groups=groups, invoices=invoices)


async def charge_items(reading: Reading, invoice_id: UUID) -> list[ChargeItemView]:
    """The items of a bill (费用明细); for callers that already decided who may see it."""
    rows = await reading.fetch("SELECT * FROM charge_item WHERE invoice_id = $1 ORDER BY id", invoice_id)
    return [ChargeItemView(**dict(row)) for row in rows]


async def refundable_lines(reading: Reading, source_kind: str, source_id: UUID) -> list[RefundLineWanted]:
    """What a source's paid charges can still give back (可退明细): a merged bill holds others' charges beside them."""
    rows = await reading.fetch(
        "SELECT id, quantity - performed_quantity - refunded_quantity AS rest FROM charge_item "
        "WHERE source_kind = $1 AND source_id = $2 AND status = 'billed' "
        "AND quantity > performed_quantity + refunded_quantity ORDER BY id",
        source_kind,
        source_id,
    )
    return [RefundLineWanted(charge_item_id=row["id"], quantity=row["rest"]) for row in rows]


async def invoice_of_charge(reading: Reading, source_kind: str, source_id: UUID) -> InvoiceView | None:
    """The living bill on which a source's charge stands; for callers that already decided who may see it."""
    row = await reading.fetch_row(
        "SELECT i.* FROM invoice i JOIN charge_item c ON c.invoice_id = i.id "
        "WHERE c.source_kind = $1 AND c.source_id = $2 AND c.status = 'billed' ORDER BY i.id DESC LIMIT 1",
        source_kind,
        source_id,
    )
    return InvoiceView(**dict(row)) if row else None
