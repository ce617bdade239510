"""What readers of payments see."""

from datetime import datetime
from uuid import UUID

from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.kernel.commands import View


class PaymentIntentView(View):
    """One attempt to pay one bill (支付单). ``change_fen``: what the cashier hands back, on taking cash."""

    id: UUID
    out_trade_no: str
    invoice_id: UUID
    account_id: UUID | None
    channel: PaymentChannel
    amount_fen: int
    refunded_fen: int
    status: PaymentIntentStatus
    applied: bool
    description: str
    payer_openid: str | None
    prepay_id: str | None
    transaction_id: str | None
    pay_until: datetime
    succeeded_at: datetime | None
    change_fen: int | None = None


class RefundView(View):
    """Money going back (退款单)."""

    id: UUID
    out_refund_no: str
    intent_id: UUID
    amount_fen: int
    status: RefundStatus
    reason: str
    source_kind: str
    source_id: UUID
    requested_at: datetime
    succeeded_at: datetime | None


class RefundForAPerson(RefundView):
    """An abnormal refund and whose it is (异常退款)."""

    out_trade_no: str
    invoice_no: str
    patient_id: UUID


class MismatchForAPerson(View):
    """A payment that was refused because it differs from our order (支付不符); ``intent_id`` None: order unknown."""

    kind: MismatchKind
    out_trade_no: str
    transaction_id: str
    received_at: datetime
    intent_id: UUID | None
    invoice_id: UUID | None
