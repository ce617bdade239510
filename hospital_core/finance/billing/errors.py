"""Refusals of billing."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class ChargesNotBillable(DomainError):
    """Some items are unknown, belong to another visit, or stand on another invoice or on none any more."""

    code = "billing.charges_not_billable"
    kind = Kind.CONFLICT
    title = "所选费用不能一起结算，请刷新后再试"


class AlreadyPerformed(DomainError):
    """What was done for the patient is not refunded or taken off the bill."""

    code = "billing.already_performed"
    kind = Kind.CONFLICT
    title = "项目已执行，不能退费"


class NotPaidYet(DomainError):
    """What is to be done for the patient is not paid."""

    code = "billing.not_paid_yet"
    kind = Kind.CONFLICT
    title = "项目尚未缴费，不能执行"


class InvoicePartlyPaid(DomainError):
    """Part of this bill is paid: that money goes back first."""

    code = "billing.invoice_partly_paid"
    kind = Kind.CONFLICT
    title = "该账单已部分支付，请先退回已付部分"


class NothingToRefund(DomainError):
    """Less than asked, or nothing, is left to give back on this invoice."""

    code = "billing.nothing_to_refund"
    kind = Kind.CONFLICT
    title = "可退金额不足"


class RefundNotDivisible(DomainError):
    """The amount is no whole number of thousandths of an item: no quantity could stand for it."""

    code = "billing.refund_not_divisible"
    kind = Kind.INVALID
    title = "退款金额与收费项目数量不符"


means("charge_item_performed_or_refunded", AlreadyPerformed)
means("invoice_equals_items", ChargesNotBillable)
means("invoice_void_when_unpaid", InvoicePartlyPaid)
