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


class BeingReversed(DomainError):
    """The order of this payment code is being, or was, reversed: what it took goes back, nothing is taken in."""

    code = "payments.being_reversed"
    kind = Kind.CONFLICT
    title = "该付款码支付正在撤销，款项将原路退回"


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


class RefundNotRedirected(DomainError):
    """The channel would not send the refund to that card. ``channel_code``: its own word; without it, not abnormal."""

    code = "payments.refund_not_redirected"
    kind = Kind.CONFLICT
    title = "渠道未受理改退，请核对银行、卡号和姓名"


class MismatchSettled(DomainError):
    """Somebody has written down already what was done about this payment."""

    code = "payments.mismatch_settled"
    kind = Kind.CONFLICT
    title = "这笔款项已登记处理结果"


class SlipRecorded(DomainError):
    """This number of a terminal or of the insurance stands on the bill, or on the card in this shift, already."""

    code = "payments.slip_recorded"
    kind = Kind.CONFLICT
    title = "该凭证号已登记，请勿重复登记"


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


class MoreThanDue(DomainError):
    """More than is left to pay on this bill. ``due_fen`` says how much is."""

    code = "payments.more_than_due"
    kind = Kind.CONFLICT
    title = "金额超过待缴金额"


class ShiftNotOpen(DomainError):
    """Whoever takes or gives money at a window has an open shift."""

    code = "payments.shift_not_open"
    kind = Kind.CONFLICT
    title = "请先开班"


class ShiftAlreadyOpen(DomainError):
    """The cashier has a shift open, here or at another drawer."""

    code = "payments.shift_already_open"
    kind = Kind.CONFLICT
    title = "您已有未结班的班次"


class DrawerTaken(DomainError):
    """Another cashier's shift is open at this drawer."""

    code = "payments.drawer_taken"
    kind = Kind.CONFLICT
    title = "该收款点已由他人开班"


class DrawerNotUsable(DomainError):
    """The drawer holds no cash, or is out of use."""

    code = "payments.drawer_not_usable"
    kind = Kind.CONFLICT
    title = "该收款点不可开班"


class DrawerCodeTaken(DomainError):
    """Another drawer has this code; receipts are numbered by it."""

    code = "payments.drawer_code_taken"
    kind = Kind.CONFLICT
    title = "收款点编码已存在"


class NotEnoughCash(DomainError):
    """Less lies in the drawer than is to be taken out of it. ``drawer_fen`` says how much does."""

    code = "payments.not_enough_cash"
    kind = Kind.CONFLICT
    title = "收款点现金不足"


class ShiftsStillOpen(DomainError):
    """A day is closed when its shifts are. ``open_shifts`` says how many are not."""

    code = "payments.shifts_still_open"
    kind = Kind.CONFLICT
    title = "当日仍有未结班的班次"


class NotPaidOutHere(DomainError):
    """This refund goes back by its channel, not over the counter."""

    code = "payments.not_paid_out_here"
    kind = Kind.CONFLICT
    title = "该退款由支付渠道原路退回，无需窗口支付"


class CardNeedsProof(DomainError):
    """A card's money is shown and moved only by an account whose link to the patient is proven."""

    code = "payments.card_needs_proof"
    kind = Kind.FORBIDDEN
    title = "请先核验就诊人，再使用预存款"


class RegistrationBill(DomainError):
    """A registration fee is paid and given back with its appointment, never by itself. ``appointment_id`` names it."""

    code = "payments.registration_bill"
    kind = Kind.CONFLICT
    title = "挂号费请在预约详情中支付或取消"


class AlreadyVoided(DomainError):
    """The receipt is void already."""

    code = "payments.receipt_already_voided"
    kind = Kind.CONFLICT
    title = "该收据已作废"


means("refunds_within_payment", RefundTooLarge)
means("cashier_one_shift", ShiftAlreadyOpen)
means("drawer_one_shift", DrawerTaken)
means("cash_drawer_code_key", DrawerCodeTaken)
means("invoice_not_overpaid", InvoiceNotPayable)
means("mismatch_settled_once", MismatchSettled)
