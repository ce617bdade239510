"""States of payments and refunds."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class PaymentChannel(StrEnum):
    """How money reaches the hospital (支付渠道)."""

    WECHAT_JSAPI = "wechat_jsapi"
    WECHAT_NATIVE = "wechat_native"  # 扫码支付: the patient scans our code
    WECHAT_CODEPAY = "wechat_codepay"  # 付款码: we scan the patient's code
    CASH = "cash"
    BANK_CARD = "bank_card"  # recorded from the bank's terminal
    CARD_BALANCE = "card_balance"  # 预存款
    INSURANCE = "insurance"  # 医保基金与个人账户

    @property
    def is_wechat(self) -> bool:
        """Whether the WeChat gateway takes it and gives it back."""
        return self in (PaymentChannel.WECHAT_JSAPI, PaymentChannel.WECHAT_NATIVE, PaymentChannel.WECHAT_CODEPAY)


class PaymentPurpose(StrEnum):
    """What money is for (支付用途)."""

    INVOICE = "invoice"
    TOP_UP = "top_up"  # 预存款充值


class DrawerKind(StrEnum):
    """What a drawer holds (收款点)."""

    WINDOW = "window"
    ONLINE = "online"  # phones and kiosks: receipts without cash


class ShiftStatus(StrEnum):
    """A cashier's shift (班次)."""

    OPEN = "open"
    CLOSED = "closed"


class ReceiptKind(StrEnum):
    """What a receipt says (收据种类)."""

    PAYMENT = "payment"
    REFUND = "refund"
    TOP_UP = "top_up"


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


CASHIER_SHIFT = Machine("cashier_shift", ShiftStatus, [Move("close", (ShiftStatus.OPEN,), ShiftStatus.CLOSED)])

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
        Move("redirect", (RefundStatus.ABNORMAL,), RefundStatus.PROCESSING),
    ],
)
