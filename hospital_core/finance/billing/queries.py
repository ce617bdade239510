"""Reading bills."""

from uuid import UUID

from hospital_core.finance.billing.views import ChargeItemView, InvoiceDetailView, InvoiceView
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient


async def invoice(reading: Reading, invoice_id: UUID) -> InvoiceDetailView:
    """A bill with its items (结算单), if the actor may know its patient. Raises NotFound."""
    row = await reading.fetch_row("SELECT * FROM invoice WHERE id = $1", invoice_id)
    if row is None:
        raise NotFound()
    permitted = await permitted_patient(reading, row["patient_id"])
    if permitted.since is not None and row["issued_at"] < permitted.since:
        raise NotFound()
    return InvoiceDetailView(**dict(row), items=await charge_items(reading, invoice_id))


async def charge_items(reading: Reading, invoice_id: UUID) -> list[ChargeItemView]:
    """The items of a bill (费用明细); for callers that already decided who may see it."""
    rows = await reading.fetch("SELECT * FROM charge_item WHERE invoice_id = $1 ORDER BY id", invoice_id)
    return [ChargeItemView(**dict(row)) for row in rows]


async def invoice_of_charge(reading: Reading, source_kind: str, source_id: UUID) -> InvoiceView | None:
    """The living bill on which a source's charge stands; for callers that already decided who may see it."""
    row = await reading.fetch_row(
        "SELECT i.* FROM invoice i JOIN charge_item c ON c.invoice_id = i.id "
        "WHERE c.source_kind = $1 AND c.source_id = $2 AND c.status = 'billed' ORDER BY i.id DESC LIMIT 1",
        source_kind,
        source_id,
    )
    return InvoiceView(**dict(row)) if row else None
