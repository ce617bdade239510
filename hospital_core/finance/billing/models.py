"""Tables of billing."""

from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.billing.states import ChargeItemStatus, InvoiceStatus
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to
from hospital_core.registry.catalogue.states import FeeCategory


class Invoice(VersionedRow):
    """A bill (结算单); its total equals the sum of its charge items. Without encounter it merges several (合并缴费).

    ``paid_fen`` is the sum of the tenders that were applied to it; the bill is balanced when it reaches the total.
    """

    invoice_no = fields.CharField(max_length=20, unique=True)
    patient_id: UUID
    patient = refers_to("Patient")
    encounter_id = fields.UUIDField(null=True)
    total_fen: int = fields.BigIntField()
    paid_fen: int = fields.BigIntField(default=0)
    status = fields.CharField(max_length=20)
    issued_at = fields.DatetimeField()

    class Meta:
        table = "invoice"
        indexes = [Index(fields=["patient_id"]), Index(fields=["encounter_id"])]
        constraints = [
            one_of("invoice", InvoiceStatus),
            CheckConstraint(check="total_fen >= 0", name="invoice_total_not_negative"),
            CheckConstraint(check="paid_fen BETWEEN 0 AND total_fen", name="invoice_not_overpaid"),
            CheckConstraint(check="status <> 'balanced' OR paid_fen = total_fen", name="invoice_balanced_when_paid"),
            CheckConstraint(
                check="status NOT IN ('cancelled', 'entered-in-error') OR paid_fen = 0", name="invoice_void_when_unpaid"
            ),
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
    category = fields.CharField(max_length=40)
    unit = fields.CharField(max_length=20)
    unit_price: Decimal = fields.DecimalField(max_digits=14, decimal_places=4)
    override_reason = fields.CharField(max_length=100, null=True)
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
            one_of("charge_item", FeeCategory, "category"),
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
