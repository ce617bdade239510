"""States of payments and refunds."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class PaymentChannel(StrEnum):
    """How money reaches the hospital (支付渠道)."""

    WECHAT_JSAPI = "wechat_jsapi"
    CASH = "cash"


class PaymentIntentStatus(StrEnum):
    """Life of one attempt to be paid (支付单状态).

    ``open``: the channel may be asked; ``succeeded``: money arrived; ``closed``: no money can arrive any more.
    """

    OPEN = "open"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


class RefundStatus(StrEnum):
    """Life of a refund (退款状态); ``abnormal`` waits for a person."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    ABNORMAL = "abnormal"


PAYMENT_INTENT = Machine(
    "payment_intent",
    PaymentIntentStatus,
    [
        # Money that arrives after closing is still money: it is recorded, then applied or sent back.
        Move("succeed", (PaymentIntentStatus.OPEN, PaymentIntentStatus.CLOSED), PaymentIntentStatus.SUCCEEDED),
        Move("close", (PaymentIntentStatus.OPEN,), PaymentIntentStatus.CLOSED),
    ],
)

REFUND = Machine(
    "refund",
    RefundStatus,
    [
        Move("accept", (RefundStatus.REQUESTED,), RefundStatus.PROCESSING),
        Move(
            "succeed",
            (RefundStatus.REQUESTED, RefundStatus.PROCESSING, RefundStatus.ABNORMAL),
            RefundStatus.SUCCEEDED,
        ),
        Move("fail", (RefundStatus.REQUESTED, RefundStatus.PROCESSING), RefundStatus.ABNORMAL),
        Move("retry", (RefundStatus.ABNORMAL,), RefundStatus.REQUESTED),
    ],
)
