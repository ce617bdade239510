"""Refusals of reconciliation."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class OwnProposal(DomainError):
    """Whoever proposed how to settle a difference does not decide about it: two persons (双人复核)."""

    code = "reconciliation.own_proposal"
    kind = Kind.CONFLICT
    title = "不能复核自己提出的处理，请由另一位同事复核"


class ProposalChanged(DomainError):
    """The proposal is not the one that was seen any more."""

    code = "reconciliation.proposal_changed"
    kind = Kind.CONFLICT
    title = "该差异的处理已有变化，请刷新后再看"


class DayNotReconciled(DomainError):
    """Only days that are over, and of which the channel still has the bill, are reconciled (近 90 天)."""

    code = "reconciliation.day_out_of_reach"
    kind = Kind.CONFLICT
    title = "只能对已结束且在 90 天以内的日期对账"


class NothingToAsk(DomainError):
    """No channel can be asked about this difference: it lies in our own books."""

    code = "reconciliation.nothing_to_ask"
    kind = Kind.CONFLICT
    title = "该差异与渠道无关，请核对账务"


class DayNotEven(DomainError):
    """A day's money is settled when it is compared and nobody has a question left about it."""

    code = "reconciliation.day_not_even"
    kind = Kind.CONFLICT
    title = "该日尚未对平，请先处理完全部差异"


class NothingArrives(DomainError):
    """Cash and card balances never come through a bank, and a day without money owes none."""

    code = "reconciliation.nothing_arrives"
    kind = Kind.CONFLICT
    title = "该日没有应到账的款项"


class ArrivedLess(DomainError):
    """What arrived is not what the channel owed. Fields: ``expected_fen``."""

    code = "reconciliation.arrived_less"
    kind = Kind.CONFLICT
    title = "到账金额与应到账金额不符"


class ArrivedBeforePaid(DomainError):
    """Money arrives on the day it was paid at the earliest, and not in the future."""

    code = "reconciliation.arrived_before_paid"
    kind = Kind.CONFLICT
    title = "到账日期应在账单日之后，且不晚于今天"


class AlreadySettled(DomainError):
    """The day's money has been booked already."""

    code = "reconciliation.already_settled"
    kind = Kind.CONFLICT
    title = "该日已登记到账"


means("settlement_once", AlreadySettled)
means("difference_two_persons", OwnProposal)
