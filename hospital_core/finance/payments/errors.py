"""Refusals of payments."""

from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class InvoiceNotPayable(DomainError):
    """The bill is paid or taken back. ``status`` says which."""

    code = "payments.invoice_not_payable"
    kind = Kind.CONFLICT
    title = "该账单已支付或已作废"


class PayingTimeOver(DomainError):
    """The time to pay has passed."""

    code = "payments.paying_time_over"
    kind = Kind.CONFLICT
    title = "支付时间已过"


class PaymentMismatch(DomainError):
    """A verified fact differs from what was asked for; nothing was applied, staff can see it. ``mismatch`` says how."""

    code = "payments.mismatch"
    kind = Kind.CONFLICT
    title = "支付信息与订单不符，请联系工作人员"

    def __init__(self, mismatch: MismatchKind) -> None:
        super().__init__(mismatch=mismatch.value)
        self.mismatch = mismatch


class RefundMismatch(DomainError):
    """A refund's result names another amount or merchant, or a refund that is not ours; nothing was changed."""

    code = "payments.refund_mismatch"
    kind = Kind.CONFLICT
    title = "退款信息与退款单不符"


class ChannelRefused(DomainError):
    """The channel would not take the order; the person may try again or pay at the counter."""

    code = "payments.channel_refused"
    kind = Kind.CONFLICT
    title = "暂时无法发起支付，请稍后再试或到窗口缴费"


class MismatchSettled(DomainError):
    """Somebody has written down already what was done about this payment."""

    code = "payments.mismatch_settled"
    kind = Kind.CONFLICT
    title = "这笔款项已登记处理结果"


class TenderTooSmall(DomainError):
    """Less cash than the bill. ``missing_fen`` says how much."""

    code = "payments.tender_too_small"
    kind = Kind.INVALID
    title = "实收金额不足"


class NotPaid(DomainError):
    """There is no money to give back."""

    code = "payments.not_paid"
    kind = Kind.CONFLICT
    title = "该账单尚未支付，无法退款"


class RefundTooLarge(DomainError):
    """More than what was paid and not yet given back."""

    code = "payments.refund_too_large"
    kind = Kind.CONFLICT
    title = "退款金额超过可退金额"


means("refunds_within_payment", RefundTooLarge)
means("invoice_paid_once", InvoiceNotPayable)
means("mismatch_settled_once", MismatchSettled)
