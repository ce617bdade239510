"""What readers of e-invoices see."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from hospital_core.finance.einvoicing.states import DifferenceKind, EInvoiceKind, EInvoiceStatus, PaperStatus
from hospital_core.kernel.commands import View
from hospital_core.registry.catalogue.states import FeeCategory


class EInvoiceView(View):
    """One e-invoice as its patient's account sees it (我的电子票据), without the hospital's troubles.

    ``paper_no``: its copy on paper; ``paper_wanted``: money went back, and that copy must be brought back first.
    """

    id: UUID
    patient_id: UUID
    patient_name_masked: str
    invoice_id: UUID
    invoice_no: str
    kind: EInvoiceKind
    status: EInvoiceStatus
    generation: int
    amount_fen: int
    items: str
    batch_code: str | None
    bill_no: str | None
    issued_at: datetime | None
    red_bill_no: str | None
    reversed_at: datetime | None
    requested_at: datetime
    paper_no: str | None
    paper_wanted: bool


class EInvoiceLineView(View):
    """One line of an e-invoice (票据明细)."""

    name: str
    category: FeeCategory
    unit: str
    unit_price: Decimal
    quantity: Decimal
    amount_fen: int


class EInvoiceDetail(EInvoiceView):
    """An e-invoice with what proves it (校验码、二维码、票面). ``qr_png`` is a PNG picture in base64.

    ``replaced_by``: the e-invoice over what is left after a partial refund.
    """

    insurance_fen: int
    check_code: str | None
    qr_png: str | None
    picture_net_url: str | None
    red_batch_code: str | None
    red_picture_net_url: str | None
    reversal_reason: str | None
    replaced_by: UUID | None
    lines: list[EInvoiceLineView]


class EInvoiceRow(View):
    """One e-invoice as the cashier's desk sees it (电子票据管理), with why it failed."""

    id: UUID
    bus_no: str
    invoice_id: UUID
    invoice_no: str
    patient_id: UUID
    patient_no: str
    patient_name_masked: str
    kind: EInvoiceKind
    status: EInvoiceStatus
    generation: int
    amount_fen: int
    requested_at: datetime
    issued_at: datetime | None
    batch_code: str | None
    bill_no: str | None
    check_code: str | None
    picture_net_url: str | None
    reversal_reason: str | None
    reversal_asked_at: datetime | None
    red_batch_code: str | None
    red_bill_no: str | None
    reversed_at: datetime | None
    red_picture_net_url: str | None
    tries: int
    failure_code: str | None
    failure_text: str | None
    paper_id: UUID | None
    paper_no: str | None
    paper_batch_code: str | None
    paper_status: PaperStatus | None
    paper_trouble: str | None
    paper_wanted: bool


class EInvoiceCounts(View):
    """How many e-invoices stand where (各状态票据数); ``on``: whether this hospital is joined to a platform.

    ``paper_wanted``: refunds that wait for a paper copy; ``paper_failed``: blanks that wait for a person.
    """

    on: bool
    under_way: int
    failed: int
    paper_wanted: int
    paper_failed: int


class TryView(View):
    """A call may be made; ``tries_before`` > 0: an earlier one may have acted, so ask first. None: nothing to do."""

    tries_before: int
    status: EInvoiceStatus | None


class RetriedView(View):
    """How many were sent on their way again (批量重试)."""

    retried: int


class EInvoiceCheckView(View):
    """A day compared with the platform (日核对结果)."""

    id: UUID
    day: date
    checked_at: datetime
    checked_by: UUID | None
    issued_count: int
    issued_fen: int
    platform_issued_count: int
    platform_issued_fen: int
    red_count: int
    red_fen: int
    platform_red_count: int
    platform_red_fen: int
    differences: int


class EInvoiceDifferenceView(View):
    """One difference (核对差异). ``red``: of a red document. ``invoice_id``: the bill, where it is ours."""

    id: UUID
    kind: DifferenceKind
    red: bool
    bus_no: str | None
    bill_no: str | None
    invoice_id: UUID | None
    invoice_no: str | None
    our_fen: int | None
    platform_fen: int | None


class EInvoiceCheckDetail(EInvoiceCheckView):
    """A day's check with all its differences (核对明细)."""

    items: list[EInvoiceDifferenceView]
