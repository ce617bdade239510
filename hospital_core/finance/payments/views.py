"""What readers of payments see."""

from datetime import datetime
from uuid import UUID

from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.finance.payments.ports import TradeState
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
    """A refund that went wrong and whose it is (异常退款); not abnormal any more: it was sent again and is under way.

    ``abnormal_code``: the channel's own word, or NO_RESULT when it said nothing for a week.
    """

    out_trade_no: str
    transaction_id: str | None
    channel_refund_id: str | None
    invoice_no: str
    patient_id: UUID
    patient_no: str
    patient_name_masked: str
    abnormal_at: datetime
    abnormal_code: str | None


class MismatchForAPerson(View):
    """A payment that was refused because it differs from our order (支付不符); ``intent_id`` None: order unknown.

    ``amount_fen`` is what came, ``expected_fen`` what we asked for.
    """

    id: UUID
    kind: MismatchKind
    out_trade_no: str
    transaction_id: str
    amount_fen: int | None
    expected_fen: int | None
    received_at: datetime
    intent_id: UUID | None
    invoice_id: UUID | None
    invoice_no: str | None
    patient_id: UUID | None
    patient_no: str | None
    patient_name_masked: str | None


class MismatchChecked(View):
    """What the channel says now of a payment that differed (查单结果).

    ``taken``: it fits our order now and was taken in. ``differs``: how it still differs.
    """

    state: TradeState
    amount_fen: int | None
    taken: bool
    differs: MismatchKind | None
