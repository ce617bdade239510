"""What a reader of reconciliation sees. Units: fen."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.finance.reconciliation.states import (
    DifferenceAbout,
    DifferenceClass,
    DifferenceStatus,
    Disposal,
    ReconciledChannel,
    RunStatus,
)
from hospital_core.kernel.commands import View


class Totals(View):
    """The three columns of a day (三方汇总), by the channel's own day where it has one.

    ``crossed`` payments are on neighbouring days on the two sides of midnight; ``pending`` refunds are with the channel
    and not yet with the payer, so the ledger does not have them. ``fee_millifen``: thousandths of a fen.
    """

    channel_paid_count: int = 0
    channel_paid_fen: int = 0
    channel_refund_count: int = 0
    channel_refund_fen: int = 0
    ours_paid_count: int = 0
    ours_paid_fen: int = 0
    ours_refund_count: int = 0
    ours_refund_fen: int = 0
    ledger_paid_count: int = 0
    ledger_paid_fen: int = 0
    ledger_refund_count: int = 0
    ledger_refund_fen: int = 0
    matched_count: int = 0
    crossed_count: int = 0
    crossed_fen: int = 0
    pending_count: int = 0
    pending_fen: int = 0
    fee_millifen: int = 0


class KindCount(View):
    """How many differences of a kind a day has in each state (差异小计), and the sum by which the sides differ."""

    kind: DifferenceClass
    open_count: int
    proposed_count: int
    settled_count: int
    closed_count: int
    gap_fen: int


class RunView(View):
    """A channel's day (对账单). ``busy``: a worker is at it, or about to be."""

    id: UUID
    channel: ReconciledChannel
    mchid: str
    day: date
    status: RunStatus
    has_bill: bool
    busy: bool
    trouble: str | None
    due_at: datetime | None
    digest: str | None
    line_count: int
    totals: Totals
    matched_at: datetime | None
    open_count: int
    proposed_count: int
    settled_count: int
    arrived: bool


class Owed(View):
    """What a channel owes for a day (应到账). Units: fen; without a bill its fee is not known beforehand."""

    clearing_fen: int
    fee_fen: int | None
    bank_fen: int | None


class SettlementView(View):
    """What arrived at the bank for a day (到账记录). Units: fen."""

    bank_fen: int
    fee_fen: int
    reference: str
    arrived_on: date
    settled_at: datetime
    settler: str | None


class RunDetail(RunView):
    """A channel's day with its differences by kind, what it owes, and what came of it.

    ``owed``: nothing where money does not reach the bank, or none is owed.
    """

    kinds: list[KindCount]
    owed: Owed | None
    settlement: SettlementView | None


class DifferenceView(View):
    """One difference and what was done about it (对账差异). ``informational``: it closes by itself."""

    id: UUID
    version: int
    run_id: UUID
    channel: ReconciledChannel
    day: date
    about: DifferenceAbout
    kind: DifferenceClass
    subject: str
    status: DifferenceStatus
    informational: bool
    askable: bool
    channel_fen: int | None
    ours_fen: int | None
    ledger_fen: int | None
    channel_no: str | None
    our_no: str | None
    intent_id: UUID | None
    refund_id: UUID | None
    channel_says: str | None
    we_say: str | None
    happened_at: datetime
    found_at: datetime
    closed_at: datetime | None
    disposal: Disposal | None
    note: str | None
    proposed_by: UUID | None
    proposer: str | None
    proposed_at: datetime | None
    decider: str | None
    decided_at: datetime | None
    rejection: str | None


class Claimed(View):
    """A comparison that this worker has taken; not ``taken``: another is at it, or nothing is due."""

    taken: bool
    channel: ReconciledChannel = ReconciledChannel.WECHAT
    day: date = date.min


class Matched(View):
    """What a comparison changed (对账结果): nothing, when neither side has moved."""

    found: int
    new: int
    gone: int
    changed: bool


class DifferenceChecked(View):
    """What the channel says now (查询结果), in its own word; ``changed``: our books followed it."""

    channel_state: str
    amount_fen: int | None
    changed: bool
