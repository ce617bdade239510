"""What reconciliation is asked to do."""

from datetime import date
from uuid import UUID

from pydantic import Field

from hospital_core.finance.reconciliation.states import Disposal, ReconciledChannel
from hospital_core.kernel.commands import Command


class ReconcileDay(Command):
    """Compare a day (again) as soon as a worker is free (重新对账); without channel: all of them."""

    day: date
    channel: ReconciledChannel | None = None


class PlanRuns(Command):
    """See to it that every day that is over gets compared; ``mchid`` is whose WeChat bills can be fetched."""

    mchid: str | None = None


class ClaimRun(Command):
    """Take a comparison that is due."""

    run_id: UUID


class TakeBill(Command):
    """The lines of a bill are all staged under ``load_id``."""

    run_id: UUID
    load_id: UUID
    digest: str = Field(min_length=64, max_length=64)
    line_count: int = Field(ge=0)


class DropLoad(Command):
    """The bill under ``load_id`` broke off."""

    load_id: UUID


class PostponeRun(Command):
    """No bill yet: try again later."""

    run_id: UUID
    trouble: str = Field(max_length=60)


class MatchRun(Command):
    """Compare what is there; ``appid`` and ``sub_mchid`` are what our own orders say when they say nothing."""

    run_id: UUID
    appid: str | None = None
    sub_mchid: str | None = None


class ProposeDisposal(Command):
    """Say what was done about a difference (提出处理)."""

    difference_id: UUID
    disposal: Disposal
    note: str = Field(min_length=2, max_length=200)


class ApproveDisposal(Command):
    """Agree, as another person (复核通过). ``version`` is that of the proposal that was seen."""

    difference_id: UUID
    version: int = Field(ge=0)


class RejectDisposal(Command):
    """Send a proposal back, with the reason (退回处理)."""

    difference_id: UUID
    version: int = Field(ge=0)
    reason: str = Field(min_length=2, max_length=200)


class CheckDifference(Command):
    """Ask the channel about one difference now (向渠道查询)."""

    difference_id: UUID


class SettleDay(Command):
    """A channel's money for a day is at the bank (到账入账): what the bank's statement shows. Units: fen.

    A day on which more went back than came in takes from the account: below zero.
    """

    run_id: UUID
    bank_fen: int = Field(ge=-99_999_999_999, le=99_999_999_999)
    arrived_on: date
    reference: str = Field(min_length=1, max_length=64)


class WithdrawSettlement(Command):
    """An arrival was booked wrongly (冲回到账)."""

    run_id: UUID
    reason: str = Field(min_length=2, max_length=100)
