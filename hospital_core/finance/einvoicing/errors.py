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


class NotForPaper(DomainError):
    """Only an e-invoice that is issued and stands is copied to paper, not one whose money is on its way back."""

    code = "einvoicing.not_for_paper"
    kind = Kind.CONFLICT
    title = "该电子票据未开具或正在退费，不能换开纸质票据"


class PaperExists(DomainError):
    """An e-invoice has one living paper copy at most. Source: EB-04."""

    code = "einvoicing.paper_exists"
    kind = Kind.CONFLICT
    title = "该电子票据已换开纸质票据，请先收回作废"


class NoBlankLeft(DomainError):
    """The drawer has no blanks."""

    code = "einvoicing.no_blank_left"
    kind = Kind.CONFLICT
    title = "本收款点没有可用的空白票据，请先领用"


class OtherBlankNext(DomainError):
    """Blanks are used in order. ``next_no`` is the one on top."""

    code = "einvoicing.other_blank_next"
    kind = Kind.CONFLICT
    title = "票号与系统中的下一张不一致，请核对空白票据"


class BlankUnderWay(DomainError):
    """The blank before has no result yet; whether it was used decides which one is next."""

    code = "einvoicing.blank_under_way"
    kind = Kind.CONFLICT
    title = "上一张票据的换开结果还未确定，请稍候或先处理"


class BlanksHandedOut(DomainError):
    """A number is handed out once."""

    code = "einvoicing.blanks_handed_out"
    kind = Kind.CONFLICT
    title = "号段与已领用的票据重叠"


means("paper_copy_one_living", PaperExists)
means("paper_copy_one_under_way", BlankUnderWay)
means("paper_stock_once", BlanksHandedOut)
means("e_invoice_one_living", EInvoiceExists)
