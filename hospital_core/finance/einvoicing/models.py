"""Tables of e-invoices."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.einvoicing.states import (
    DifferenceKind,
    EInvoiceKind,
    EInvoiceStatus,
    PaperStatus,
)
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.catalogue.states import FeeCategory

_NUMBERED = "('issued', 'reversing', 'reversed', 'reversal-failed')"


class EInvoice(VersionedRow):
    """One document of the treasury's platform for one settled bill (医疗电子票据). Source: EB-03, EB-06.

    ``bus_no`` is ours and stays the same however often we ask; ``batch_code`` and ``bill_no`` are the platform's.
    ``generation`` counts the e-invoices of a bill: after a partial refund the whole is turned red and the next one says
    what is left. ``tries`` counts calls since the present step began: after the first the platform is asked before it
    is told again. ``refused``: the platform itself said no, so nothing can have been issued. ``paper_id``: its living
    paper copy; ``paper_wanted_at``: money went back, and the copy must come back before it can turn red.
    """

    bus_no = fields.CharField(max_length=30, unique=True)
    invoice_id: UUID
    invoice = refers_to("Invoice")
    patient_id: UUID
    patient = refers_to("Patient")
    generation = fields.IntField()
    kind = fields.CharField(max_length=20)
    amount_fen: int = fields.BigIntField()
    insurance_fen: int = fields.BigIntField(default=0)
    insurance_reference = fields.CharField(max_length=64, null=True)
    status = fields.CharField(max_length=20)
    requested_at = fields.DatetimeField()
    tries = fields.IntField(default=0)
    failure_code = fields.CharField(max_length=40, null=True)
    failure_text = fields.CharField(max_length=200, null=True)
    refused = fields.BooleanField(default=False)
    issued_at = fields.DatetimeField(null=True)
    batch_code = fields.CharField(max_length=50, null=True)
    bill_no = fields.CharField(max_length=20, null=True)
    check_code = fields.CharField(max_length=20, null=True)
    qr_png = fields.TextField(null=True)
    picture_url = fields.CharField(max_length=500, null=True)
    picture_net_url = fields.CharField(max_length=500, null=True)
    reversal_asked_at = fields.DatetimeField(null=True)
    reversal_reason = fields.CharField(max_length=80, null=True)
    reversed_at = fields.DatetimeField(null=True)
    red_batch_code = fields.CharField(max_length=50, null=True)
    red_bill_no = fields.CharField(max_length=20, null=True)
    red_check_code = fields.CharField(max_length=20, null=True)
    red_picture_net_url = fields.CharField(max_length=500, null=True)
    paper_id = fields.UUIDField(null=True)
    paper_wanted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "e_invoice"
        indexes = [
            Index(fields=["patient_id", "requested_at"]),
            Index(fields=["requested_at"]),
            Index(fields=["reversal_asked_at"]),
        ]
        constraints = [
            one_of("e_invoice", EInvoiceStatus),
            one_of("e_invoice", EInvoiceKind, "kind"),
            UniqueConstraint(fields=("invoice_id", "generation"), name="e_invoice_generation_once"),
            UniqueConstraint(
                fields=("invoice_id",),
                condition="status NOT IN ('reversed', 'cancelled')",
                name="e_invoice_one_living",
            ),
            UniqueConstraint(fields=("batch_code", "bill_no"), name="e_invoice_number_once"),
            UniqueConstraint(fields=("red_batch_code", "red_bill_no"), name="e_invoice_red_number_once"),
            CheckConstraint(
                check="amount_fen > 0 AND insurance_fen BETWEEN 0 AND amount_fen", name="e_invoice_amount_positive"
            ),
            CheckConstraint(
                check=f"(status IN {_NUMBERED}) = (bill_no IS NOT NULL AND batch_code IS NOT NULL "
                "AND check_code IS NOT NULL AND issued_at IS NOT NULL)",
                name="e_invoice_issued_has_number",
            ),
            CheckConstraint(
                check="(status = 'reversed') = (red_bill_no IS NOT NULL AND red_batch_code IS NOT NULL "
                "AND reversed_at IS NOT NULL)",
                name="e_invoice_reversed_has_red",
            ),
            CheckConstraint(check="paper_id IS NULL OR status = 'issued'", name="e_invoice_paper_back_first"),
            CheckConstraint(check="paper_wanted_at IS NULL OR paper_id IS NOT NULL", name="e_invoice_wants_its_paper"),
        ]


class EInvoiceLine(Row):
    """What a line of an e-invoice says (票据明细): written with it and sent the same each time."""

    e_invoice_id: UUID
    e_invoice = refers_to("EInvoice")
    charge_item_id: UUID
    charge_item = refers_to("ChargeItem")
    code = fields.CharField(max_length=40)
    name = fields.CharField(max_length=120)
    category = fields.CharField(max_length=40)
    unit = fields.CharField(max_length=20)
    unit_price: Decimal = fields.DecimalField(max_digits=14, decimal_places=4)
    quantity: Decimal = fields.DecimalField(max_digits=12, decimal_places=3)
    amount_fen: int = fields.BigIntField()

    class Meta:
        table = "e_invoice_line"
        constraints = [
            one_of("e_invoice_line", FeeCategory, "category"),
            UniqueConstraint(fields=("e_invoice_id", "charge_item_id"), name="e_invoice_line_once"),
            CheckConstraint(check="amount_fen >= 0 AND quantity >= 0", name="e_invoice_line_not_negative"),
        ]


class EInvoiceCheck(Row):
    """One comparison of a day with the platform (票据日核对). Source: EB-05."""

    day: date = fields.DateField()
    checked_at = fields.DatetimeField()
    checked_by = fields.UUIDField(null=True)
    issued_count = fields.IntField()
    issued_fen: int = fields.BigIntField()
    platform_issued_count = fields.IntField()
    platform_issued_fen: int = fields.BigIntField()
    red_count = fields.IntField()
    red_fen: int = fields.BigIntField()
    platform_red_count = fields.IntField()
    platform_red_fen: int = fields.BigIntField()
    differences = fields.IntField()

    class Meta:
        table = "e_invoice_check"
        indexes = [Index(fields=["day", "checked_at"])]


class EInvoiceDifference(Row):
    """One thing in which a check found both sides apart (核对差异)."""

    check_id: UUID
    check = refers_to("EInvoiceCheck")
    kind = fields.CharField(max_length=20)
    red = fields.BooleanField(default=False)
    bus_no = fields.CharField(max_length=30, null=True)
    bill_no = fields.CharField(max_length=20, null=True)
    invoice_id = fields.UUIDField(null=True)
    our_fen: int | None = fields.BigIntField(null=True)
    platform_fen: int | None = fields.BigIntField(null=True)

    class Meta:
        table = "e_invoice_difference"
        indexes = [Index(fields=["check_id"])]
        constraints = [one_of("e_invoice_difference", DifferenceKind, "kind")]


class PaperStock(VersionedRow):
    """Numbered blanks handed out to a drawer (纸质票据领用), used in order. Source: EB-04.

    ``next_number`` is the blank on top; past ``last_number`` there is none left. ``digits``: as many are printed.
    ``returned_from``: the first of those that came back unused (退回); they may be handed out again.
    """

    drawer_id: UUID
    drawer = refers_to("CashDrawer")
    batch_code = fields.CharField(max_length=50)
    first_number: int = fields.BigIntField()
    last_number: int = fields.BigIntField()
    next_number: int = fields.BigIntField()
    digits = fields.SmallIntField()
    handed_out_at = fields.DatetimeField()
    handed_out_by = fields.UUIDField(null=True)
    returned_from: int | None = fields.BigIntField(null=True)
    returned_at = fields.DatetimeField(null=True)
    returned_by = fields.UUIDField(null=True)
    return_reason = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "paper_stock"
        indexes = [Index(fields=["drawer_id"])]
        constraints = [
            CheckConstraint(
                check="first_number >= 0 AND last_number BETWEEN first_number AND first_number + 99999 "
                "AND next_number BETWEEN first_number AND last_number + 1",
                name="paper_stock_in_order",
            ),
            CheckConstraint(
                check="(returned_from IS NULL) = (returned_at IS NULL) "
                "AND (returned_from IS NULL) = (return_reason IS NULL) "
                "AND (returned_from IS NULL OR (returned_from = next_number AND returned_from <= last_number))",
                name="paper_stock_return_says_why",
            ),
        ]


class PaperCopy(VersionedRow):
    """One blank that was used (纸质票据): the copy of an e-invoice (换开), or spoiled before that (空白作废).

    A refused one keeps what the platform said; its number is on top again.
    """

    stock_id: UUID
    stock = refers_to("PaperStock")
    number: int = fields.BigIntField()
    paper_no = fields.CharField(max_length=20)
    e_invoice_id: UUID | None
    e_invoice = refers_to("EInvoice", null=True)
    status = fields.CharField(max_length=20)
    tries = fields.IntField(default=0)
    failure_code = fields.CharField(max_length=40, null=True)
    failure_text = fields.CharField(max_length=200, null=True)
    asked_at = fields.DatetimeField()
    asked_by = fields.UUIDField(null=True)
    printed_at = fields.DatetimeField(null=True)
    void_reason = fields.CharField(max_length=200, null=True)
    void_by = fields.UUIDField(null=True)
    voided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "paper_copy"
        constraints = [
            one_of("paper_copy", PaperStatus),
            UniqueConstraint(
                fields=("stock_id", "number"), condition="status <> 'refused'", name="paper_copy_number_once"
            ),
            UniqueConstraint(
                fields=("e_invoice_id",), condition="status NOT IN ('refused', 'void')", name="paper_copy_one_living"
            ),
            UniqueConstraint(
                fields=("stock_id",), condition="status IN ('requested', 'failed')", name="paper_copy_one_under_way"
            ),
            CheckConstraint(
                check="(status IN ('voiding', 'void', 'void-failed')) = (void_reason IS NOT NULL) "
                "AND (status = 'void') = (voided_at IS NOT NULL)",
                name="paper_copy_void_says_why",
            ),
            CheckConstraint(
                check="status <> 'printed' OR (e_invoice_id IS NOT NULL AND printed_at IS NOT NULL)",
                name="paper_copy_printed_of_what",
            ),
        ]
