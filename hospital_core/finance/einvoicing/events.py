"""What happened to e-invoices. At least once, no order promised: handlers read the present state."""

from uuid import UUID

from hospital_core.kernel.events import Event


class EInvoiceDue(Event):
    """Timer: ask the platform to issue, to turn red, or how it stands (开票、冲红、查询). ``step``: the rung."""

    e_invoice_id: UUID
    step: int


class PaperDue(Event):
    """Timer: ask the platform to note a paper copy or to void a blank, or how it stands. ``step``: the rung."""

    paper_id: UUID
    step: int


class EInvoiceIssued(Event):
    """The platform gave a number (已开票)."""

    e_invoice_id: UUID
    invoice_id: UUID
    patient_id: UUID


class EInvoiceReversed(Event):
    """The platform gave a red number (已冲红)."""

    e_invoice_id: UUID
    invoice_id: UUID
    patient_id: UUID
