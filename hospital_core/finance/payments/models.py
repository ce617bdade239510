"""Tables of payments."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class PaymentIntent(VersionedRow):
    """One attempt to pay one invoice (支付单). ``applied`` marks the one that settled it; others are surplus.

    ``refunded_fen`` counts promised and done refunds, so that their sum can never pass the amount.
    """

    out_trade_no = fields.CharField(max_length=32, unique=True)
    invoice_id: UUID
    invoice = refers_to("Invoice")
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
    transaction_id = fields.CharField(max_length=64, null=True, unique=True)
    pay_until = fields.DatetimeField()
    created_at = fields.DatetimeField()
    succeeded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_intent"
        indexes = [Index(fields=["invoice_id"])]
        constraints = [
            one_of("payment_intent", PaymentIntentStatus),
            one_of("payment_intent", PaymentChannel, "channel"),
            CheckConstraint(check="amount_fen > 0", name="payment_amount_positive"),
            CheckConstraint(check="refunded_fen >= 0 AND refunded_fen <= amount_fen", name="refunds_within_payment"),
            CheckConstraint(check="NOT applied OR status = 'succeeded'", name="payment_applied_is_succeeded"),
            UniqueConstraint(fields=("invoice_id",), condition="applied", name="invoice_paid_once"),
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
    """Money going back for one payment (退款单); one per source, retried under the same number.

    ``abnormal_at`` and ``abnormal_code`` say since when it needs a person, and the channel's word for why; they stay
    while it is sent again, so that the desk sees it through.
    """

    out_refund_no = fields.CharField(max_length=32, unique=True)
    intent_id: UUID
    intent = refers_to("PaymentIntent")
    amount_fen: int = fields.BigIntField()
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
        indexes = [Index(fields=["intent_id"])]
        constraints = [
            one_of("refund", RefundStatus),
            CheckConstraint(check="amount_fen > 0", name="refund_amount_positive"),
            UniqueConstraint(fields=("source_kind", "source_id"), name="refund_once_per_source"),
        ]
