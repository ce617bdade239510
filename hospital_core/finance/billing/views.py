"""What readers of billing see."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hospital_core.finance.billing.states import ChargeItemStatus, InvoiceStatus
from hospital_core.kernel.commands import View
from hospital_core.registry.catalogue.states import FeeCategory


class ChargeItemView(View):
    """One charged service or material (费用明细)."""

    id: UUID
    patient_id: UUID
    encounter_id: UUID
    price_item_id: UUID
    invoice_id: UUID | None
    name: str
    category: FeeCategory
    unit: str
    unit_price: Decimal
    override_reason: str | None
    quantity: Decimal
    performed_quantity: Decimal
    refunded_quantity: Decimal
    amount_fen: int
    status: ChargeItemStatus
    source_kind: str
    source_id: UUID
    created_at: datetime


class InvoiceView(View):
    """A bill (结算单); ``balanced`` = paid in full."""

    id: UUID
    invoice_no: str
    patient_id: UUID
    encounter_id: UUID | None
    total_fen: int
    paid_fen: int
    status: InvoiceStatus
    issued_at: datetime


class OpenChargeGroup(View):
    """Open charges of one source (待缴费项目): an order, a prescription, a visit."""

    encounter_id: UUID
    source_kind: str
    source_id: UUID
    amount_fen: int
    items: list[ChargeItemView]


class OpenChargesView(View):
    """What a person still has to pay (待缴费): charges on no bill yet, and bills not paid in full."""

    patient_id: UUID
    due_fen: int
    groups: list[OpenChargeGroup]
    invoices: list[InvoiceView]


class InvoiceDetailView(InvoiceView):
    """A bill with its lines (结算单及明细)."""

    items: list[ChargeItemView]
