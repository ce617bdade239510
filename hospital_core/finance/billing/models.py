"""Tables of billing."""

from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.billing.states import ChargeItemStatus, InvoiceStatus
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to


class Invoice(VersionedRow):
    """A bill of one encounter (结算单); its total equals the sum of its charge items."""

    invoice_no = fields.CharField(max_length=20, unique=True)
    patient_id: UUID
    patient = refers_to("Patient")
    encounter_id = fields.UUIDField()
    total_fen: int = fields.BigIntField()
    status = fields.CharField(max_length=20)
    issued_at = fields.DatetimeField()

    class Meta:
        table = "invoice"
        indexes = [Index(fields=["patient_id"]), Index(fields=["encounter_id"])]
        constraints = [
            one_of("invoice", InvoiceStatus),
            CheckConstraint(check="total_fen >= 0", name="invoice_total_not_negative"),
        ]


class ChargeItem(VersionedRow):
    """One charged service or material (费用明细): quantity = performed + refunded + still open."""

    patient_id: UUID
    patient = refers_to("Patient")
    encounter_id = fields.UUIDField()
    price_item_id: UUID
    price_item = refers_to("PriceItem")
    invoice_id: UUID | None
    invoice = refers_to("Invoice", null=True)
    name = fields.CharField(max_length=120)
    unit = fields.CharField(max_length=20)
    unit_price: Decimal = fields.DecimalField(max_digits=14, decimal_places=4)
    quantity: Decimal = fields.DecimalField(max_digits=12, decimal_places=3)
    performed_quantity: Decimal = fields.DecimalField(max_digits=12, decimal_places=3, default=Decimal(0))
    refunded_quantity: Decimal = fields.DecimalField(max_digits=12, decimal_places=3, default=Decimal(0))
    amount_fen: int = fields.BigIntField()
    status = fields.CharField(max_length=20)
    source_kind = fields.CharField(max_length=30)
    source_id = fields.UUIDField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "charge_item"
        indexes = [Index(fields=["invoice_id"]), Index(fields=["encounter_id"]), Index(fields=["patient_id"])]
        constraints = [
            one_of("charge_item", ChargeItemStatus),
            CheckConstraint(
                check="quantity > 0 AND performed_quantity >= 0 AND refunded_quantity >= 0 "
                "AND performed_quantity + refunded_quantity <= quantity",
                name="charge_item_performed_or_refunded",
            ),
            CheckConstraint(check="amount_fen >= 0", name="charge_item_amount_not_negative"),
            UniqueConstraint(
                fields=("source_kind", "source_id", "price_item_id"),
                condition="status IN ('billable', 'billed')",
                name="charge_once_per_source",
            ),
        ]
