"""Refusals of the ledger."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class AlreadyJournalled(DomainError):
    """This source was journalled before under this kind; the journal that stands is the right one."""

    code = "ledger.already_journalled"
    kind = Kind.CONFLICT
    title = "该笔业务已记账，请勿重复操作"


class CardBalanceTooLow(DomainError):
    """The patient's card holds less than is to be taken from it."""

    code = "ledger.card_balance_too_low"
    kind = Kind.CONFLICT
    title = "预存款余额不足"


class AccountingDayClosed(DomainError):
    """The day was closed while this was being booked; asked again, it enters the next open day."""

    code = "ledger.accounting_day_closed"
    kind = Kind.CONFLICT
    title = "当日账务已日结，请重试"


class DayAlreadyClosed(DomainError):
    """The day is closed already; its report stands."""

    code = "ledger.day_already_closed"
    kind = Kind.CONFLICT
    title = "该日已日结"


class DayNotOver(DomainError):
    """A day that has not come cannot be closed."""

    code = "ledger.day_not_over"
    kind = Kind.CONFLICT
    title = "不能对未来日期日结"


class EarlierDayOpen(DomainError):
    """Days are closed in order. ``day`` is the first that is still open."""

    code = "ledger.earlier_day_open"
    kind = Kind.CONFLICT
    title = "请先完成更早日期的日结"


class CorrectedByItsDocument(DomainError):
    """This journal belongs to a bill, payment or refund: taking that back corrects both."""

    code = "ledger.corrected_by_its_document"
    kind = Kind.CONFLICT
    title = "该凭证请通过作废、退费等业务更正"


means("journal_once_per_source", AlreadyJournalled)
means("card_balance_not_negative", CardBalanceTooLow)
means("accounting_day_is_open", AccountingDayClosed)
means("day_closed_once", DayAlreadyClosed)
