"""Tables of payments."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.payments.states import (
    DrawerKind,
    PaymentChannel,
    PaymentIntentStatus,
    PaymentPurpose,
    ReceiptKind,
    RefundStatus,
    ShiftStatus,
)
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class CashDrawer(VersionedRow):
    """A place where money is taken and receipts are numbered (收款点): a window's drawer, or the phones together."""

    code = fields.CharField(max_length=10, unique=True)
    name = fields.CharField(max_length=60)
    kind = fields.CharField(max_length=10)
    location_id: UUID | None
    location = refers_to("Location", null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "cash_drawer"
        constraints = [one_of("cash_drawer", DrawerKind, "kind")]


class CashierShift(VersionedRow):
    """One cashier at one drawer (收费班次): what lay in it at the start, what the books say, what was counted."""

    drawer_id: UUID
    drawer = refers_to("CashDrawer")
    staff_id: UUID
    staff = refers_to("StaffMember")
    status = fields.CharField(max_length=10)
    opened_at = fields.DatetimeField()
    opening_fen: int = fields.BigIntField()
    closed_at = fields.DatetimeField(null=True)
    expected_fen: int | None = fields.BigIntField(null=True)
    counted_fen: int | None = fields.BigIntField(null=True)
    counted_notes: list[dict[str, int]] | None = fields.JSONField(null=True)  # 券别: what was counted, value by value
    note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "cashier_shift"
        indexes = [Index(fields=["drawer_id", "opened_at"])]
        constraints = [
            one_of("cashier_shift", ShiftStatus),
            UniqueConstraint(fields=("drawer_id",), condition="status = 'open'", name="drawer_one_shift"),
            UniqueConstraint(fields=("staff_id",), condition="status = 'open'", name="cashier_one_shift"),
            CheckConstraint(check="opening_fen >= 0 AND counted_fen >= 0", name="shift_cash_not_negative"),
            CheckConstraint(
                check="(status = 'closed') = (closed_at IS NOT NULL AND expected_fen IS NOT NULL "
                "AND counted_fen IS NOT NULL)",
                name="shift_closed_is_counted",
            ),
        ]


class ReceiptSeries(Row):
    """The numbers of one drawer's receipts on one day (收据号段); the row is locked when a receipt is drawn."""

    drawer_id: UUID
    drawer = refers_to("CashDrawer")
    day: date = fields.DateField()
    last_number = fields.IntField()

    class Meta:
        table = "receipt_series"
        constraints = [UniqueConstraint(fields=("drawer_id", "day"), name="receipt_series_once")]


class Receipt(Row):
    """A numbered receipt (收据). Void ones stay and say why, so that a series has no unexplained gap."""

    receipt_no = fields.CharField(max_length=30, unique=True)
    drawer_id: UUID
    drawer = refers_to("CashDrawer")
    day: date = fields.DateField()
    number = fields.IntField()
    kind = fields.CharField(max_length=10)
    patient_id: UUID
    patient = refers_to("Patient")
    source_id: UUID = fields.UUIDField()
    amount_fen: int = fields.BigIntField()
    issued_at = fields.DatetimeField()
    issued_by = fields.UUIDField(null=True)
    voided_at = fields.DatetimeField(null=True)
    void_reason = fields.CharField(max_length=100, null=True)

    class Meta:
        table = "receipt"
        indexes = [Index(fields=["patient_id", "issued_at"])]
        constraints = [
            one_of("receipt", ReceiptKind, "kind"),
            UniqueConstraint(fields=("drawer_id", "day", "number"), name="receipt_number_once"),
            UniqueConstraint(
                fields=("kind", "source_id"), condition="voided_at IS NULL", name="receipt_once_per_source"
            ),
            CheckConstraint(check="amount_fen > 0", name="receipt_amount_positive"),
            CheckConstraint(check="(voided_at IS NULL) = (void_reason IS NULL)", name="receipt_void_says_why"),
        ]


class PaymentIntent(VersionedRow):
    """One tender for one bill, or for a patient's card (支付单). ``applied``: it counts; others are surplus.

    ``refunded_fen`` counts promised and done refunds, so that their sum can never pass the amount. ``reference`` is the
    bank terminal's or the insurance's own number. ``reversing_at``: since when a payment code's order is being reversed
    (撤销); what it took is on its way back, so nobody takes it in.
    """

    out_trade_no = fields.CharField(max_length=32, unique=True)
    purpose = fields.CharField(max_length=10)
    patient_id: UUID
    patient = refers_to("Patient")
    invoice_id: UUID | None
    invoice = refers_to("Invoice", null=True)
    shift_id: UUID | None
    shift = refers_to("CashierShift", null=True)
    device_id = fields.UUIDField(null=True)
    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=20)
    amount_fen: int = fields.BigIntField()
    refunded_fen: int = fields.BigIntField(default=0)
    status = fields.CharField(max_length=20)
    applied = fields.BooleanField(default=False)
    description = fields.CharField(max_length=127)
    mchid = fields.CharField(max_length=32, default="")
    payer_openid = fields.CharField(max_length=128, null=True)
    prepay_id = fields.CharField(max_length=64, null=True)
    code_url = fields.CharField(max_length=512, null=True)
    sub_mchid = fields.CharField(max_length=32, null=True)
    reference = fields.CharField(max_length=64, null=True)
    tendered_fen: int | None = fields.BigIntField(null=True)
    transaction_id = fields.CharField(max_length=64, null=True, unique=True)
    pay_until = fields.DatetimeField()
    reversing_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    succeeded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_intent"
        indexes = [
            Index(fields=["invoice_id"]),
            Index(fields=["patient_id", "created_at"]),
            Index(fields=["shift_id"]),
            Index(fields=["succeeded_at"]),
        ]
        constraints = [
            one_of("payment_intent", PaymentIntentStatus),
            one_of("payment_intent", PaymentChannel, "channel"),
            CheckConstraint(check="amount_fen > 0", name="payment_amount_positive"),
            CheckConstraint(check="refunded_fen >= 0 AND refunded_fen <= amount_fen", name="refunds_within_payment"),
            CheckConstraint(check="NOT applied OR status = 'succeeded'", name="payment_applied_is_succeeded"),
            one_of("payment_intent", PaymentPurpose, "purpose"),
            CheckConstraint(check="(purpose = 'invoice') = (invoice_id IS NOT NULL)", name="payment_has_its_bill"),
            CheckConstraint(
                check="(channel = 'cash') = (tendered_fen IS NOT NULL) AND tendered_fen >= amount_fen",
                name="payment_cash_was_enough",
            ),
        ]


class PaymentNotice(Row):
    """A channel's message that was verified and taken in (支付通知), named by its business key, not by its id.

    ``amount_fen`` is kept of those that differ from our order: no other row says how much came.
    """

    channel = fields.CharField(max_length=20)
    kind = fields.CharField(max_length=30)
    business_key = fields.CharField(max_length=80)
    amount_fen: int | None = fields.BigIntField(null=True)
    received_at = fields.DatetimeField()

    class Meta:
        table = "payment_notice"
        unique_together = (("channel", "kind", "business_key"),)


class MismatchSettlement(Row):
    """What a person did about a payment that differs from our order (支付不符处理); once for each."""

    notice_id: UUID
    notice = refers_to("PaymentNotice")
    note = fields.CharField(max_length=200)
    settled_by = fields.UUIDField()
    settled_at = fields.DatetimeField()

    class Meta:
        table = "mismatch_settlement"
        constraints = [UniqueConstraint(fields=("notice_id",), name="mismatch_settled_once")]


class Refund(VersionedRow):
    """Money going back for one payment (退款单), retried under the same number.

    One per source and tender: what a source gives back may go to several tenders of its bill. ``abnormal_at`` and
    ``abnormal_code`` say since when it needs a person, and the channel's word for why; they stay while it is sent
    again, so that the desk sees it through.
    """

    out_refund_no = fields.CharField(max_length=32, unique=True)
    intent_id: UUID
    intent = refers_to("PaymentIntent")
    amount_fen: int = fields.BigIntField()
    shift_id: UUID | None
    shift = refers_to("CashierShift", null=True)
    requested_by = fields.UUIDField(null=True)
    status = fields.CharField(max_length=20)
    reason = fields.CharField(max_length=80)
    source_kind = fields.CharField(max_length=30)
    source_id = fields.UUIDField()
    channel_refund_id = fields.CharField(max_length=64, null=True)
    requested_at = fields.DatetimeField()
    abnormal_at = fields.DatetimeField(null=True)
    abnormal_code = fields.CharField(max_length=40, null=True)
    succeeded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refund"
        indexes = [Index(fields=["intent_id"]), Index(fields=["requested_at"])]
        constraints = [
            one_of("refund", RefundStatus),
            CheckConstraint(check="amount_fen > 0", name="refund_amount_positive"),
            UniqueConstraint(fields=("source_kind", "source_id", "intent_id"), name="refund_once_per_source"),
        ]


class RefundLine(Row):
    """What part of a charged item a refund takes back (退费明细).

    An item whose money goes back to several tenders has its quantity on the first of them.
    """

    refund_id: UUID
    refund = refers_to("Refund")
    charge_item_id: UUID
    charge_item = refers_to("ChargeItem")
    quantity: Decimal = fields.DecimalField(max_digits=12, decimal_places=3)
    amount_fen: int = fields.BigIntField()

    class Meta:
        table = "refund_line"
        indexes = [Index(fields=["charge_item_id"])]
        constraints = [
            UniqueConstraint(fields=("refund_id", "charge_item_id"), name="refund_line_once"),
            CheckConstraint(
                check="quantity >= 0 AND amount_fen >= 0 AND (quantity > 0 OR amount_fen > 0)",
                name="refund_line_takes_something",
            ),
        ]
