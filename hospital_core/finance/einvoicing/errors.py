"""Refusals of e-invoicing."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class EInvoicingOff(DomainError):
    """This hospital is not joined to an e-invoice platform."""

    code = "einvoicing.off"
    kind = Kind.PRECONDITION
    title = "本院尚未接入医疗电子票据平台"


class EInvoiceNotPaid(DomainError):
    """Only a settled bill has an e-invoice, and only over money that was not given back. Source: EB-07."""

    code = "einvoicing.not_paid"
    kind = Kind.CONFLICT
    title = "该结算单没有已结清的金额，不能开具电子票据"


class EInvoiceExists(DomainError):
    """A bill has one living e-invoice at most. Source: EB-07."""

    code = "einvoicing.exists"
    kind = Kind.CONFLICT
    title = "该结算单已开具电子票据，不能重复开具"


class DayNotOver(DomainError):
    """Days that have not begun cannot be checked."""

    code = "einvoicing.day_not_begun"
    kind = Kind.INVALID
    title = "只能核对今天及以前的票据"


means("e_invoice_one_living", EInvoiceExists)
