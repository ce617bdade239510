"""States of charge items and invoices."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class ChargeItemStatus(StrEnum):
    """FHIR ChargeItem.status, as far as used (费用明细状态)."""

    BILLABLE = "billable"
    BILLED = "billed"
    ABORTED = "aborted"
    ENTERED_IN_ERROR = "entered-in-error"


class InvoiceStatus(StrEnum):
    """FHIR Invoice.status (结算单状态): ``balanced`` = paid in full."""

    ISSUED = "issued"
    BALANCED = "balanced"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


CHARGE_ITEM = Machine(
    "charge_item",
    ChargeItemStatus,
    [
        Move("bill", (ChargeItemStatus.BILLABLE,), ChargeItemStatus.BILLED),
        Move("abort", (ChargeItemStatus.BILLABLE, ChargeItemStatus.BILLED), ChargeItemStatus.ABORTED),
        Move("unbill", (ChargeItemStatus.BILLED,), ChargeItemStatus.BILLABLE),
        Move("void", (ChargeItemStatus.BILLABLE,), ChargeItemStatus.ENTERED_IN_ERROR),
    ],
)

INVOICE = Machine(
    "invoice",
    InvoiceStatus,
    [
        Move("settle", (InvoiceStatus.ISSUED,), InvoiceStatus.BALANCED),
        Move("cancel", (InvoiceStatus.ISSUED,), InvoiceStatus.CANCELLED),
        Move("void", (InvoiceStatus.ISSUED,), InvoiceStatus.ENTERED_IN_ERROR),
    ],
)
