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


means("difference_two_persons", OwnProposal)
