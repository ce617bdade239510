"""Reading reconciliations (对账查询); the routes hold the permissions. No patient stands in any of it."""

from datetime import date, timedelta
from uuid import UUID

import orjson
from asyncpg import Record

from hospital_core.finance.reconciliation.states import (
    DifferenceAbout,
    DifferenceClass,
    DifferenceStatus,
    ReconciledChannel,
)
from hospital_core.finance.reconciliation.views import (
    DifferenceView,
    KindCount,
    Owed,
    RunDetail,
    RunView,
    SettlementView,
    Totals,
)
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

PAGE = 100

_RUNS = """
SELECT r.*, coalesce(r.due_at <= hospital_now() AND r.trouble IS NULL, false)
            OR coalesce(r.claimed_until > hospital_now(), false) AS busy,
       coalesce(d.open_count, 0) AS open_count, coalesce(d.proposed_count, 0) AS proposed_count,
       coalesce(d.settled_count, 0) AS settled_count,
       EXISTS (SELECT 1 FROM channel_settlement a WHERE a.run_id = r.id AND a.withdrawn_at IS NULL) AS arrived
FROM reconciliation_run r LEFT JOIN (
    SELECT run_id, count(*) FILTER (WHERE status = 'open') AS open_count,
           count(*) FILTER (WHERE status = 'proposed') AS proposed_count,
           count(*) FILTER (WHERE status = 'settled') AS settled_count
    FROM reconciliation_difference GROUP BY run_id) AS d ON d.run_id = r.id"""

# By how much the sides differ: what one side alone knows, or holds to be done, counts whole.
_KINDS = """
SELECT kind, count(*) FILTER (WHERE status = 'open') AS open_count,
       count(*) FILTER (WHERE status = 'proposed') AS proposed_count,
       count(*) FILTER (WHERE status = 'settled') AS settled_count,
       count(*) FILTER (WHERE status = 'closed') AS closed_count,
       coalesce(sum(abs(CASE WHEN about = 'ledger' THEN coalesce(ledger_fen, 0) - coalesce(ours_fen, 0)
                             WHEN kind IN ('payment_state_differs', 'refund_state_differs') THEN channel_fen
                             ELSE coalesce(channel_fen, 0) - coalesce(ours_fen, 0) END))
                FILTER (WHERE status <> 'closed'), 0)::bigint AS gap_fen
FROM reconciliation_difference WHERE run_id = $1 GROUP BY kind ORDER BY kind"""

# The channel's own sums: what it took less what it gave back; coupons it was not paid for are a charge like its fee.
_BILLED = """
SELECT coalesce(sum(CASE kind WHEN 'payment' THEN amount_fen ELSE -amount_fen END), 0)::bigint AS clearing_fen,
       (coalesce(sum(CASE kind WHEN 'payment' THEN settled_fen ELSE -settled_fen END), 0)
        - round(coalesce(sum(fee_millifen), 0) / 1000.0))::bigint AS bank_fen
FROM bill_line WHERE load_id = $1"""

_ARRIVED = """
SELECT a.bank_fen, a.fee_fen, a.reference, a.arrived_on, a.settled_at, m.name AS settler
FROM channel_settlement a LEFT JOIN staff_member m ON m.id = a.settled_by
WHERE a.run_id = $1 AND a.withdrawn_at IS NULL"""

_DIFFERENCES = """
SELECT d.*, r.channel, r.day, a.name AS proposer, b.name AS decider
FROM reconciliation_difference d JOIN reconciliation_run r ON r.id = d.run_id
LEFT JOIN staff_member a ON a.id = d.proposed_by LEFT JOIN staff_member b ON b.id = d.decided_by"""

_LISTED = f"""{_DIFFERENCES}
WHERE d.run_id = $1 AND ($2::text IS NULL OR d.kind = $2) AND ($3::text IS NULL OR d.status = $3)
  AND ($4::uuid IS NULL OR (d.happened_at, d.id) > (
      SELECT c.happened_at, c.id FROM reconciliation_difference c WHERE c.id = $4))
ORDER BY d.happened_at, d.id LIMIT $5"""

_DUE = """
SELECT id FROM reconciliation_run
WHERE due_at <= hospital_now() AND (claimed_until IS NULL OR claimed_until < hospital_now())
  AND (channel <> 'wechat' OR mchid = $1)
ORDER BY day, channel"""

# The day before looks for its last minutes, and for what was reversed, in this bill; others may wait for it.
_AGAIN = """
SELECT r.id FROM reconciliation_run r JOIN reconciliation_run t ON t.id = $1
WHERE r.channel = t.channel AND r.mchid = t.mchid AND r.id <> t.id AND r.status = 'matched' AND r.load_id IS NOT NULL
  AND (r.day BETWEEN t.day - 1 AND t.day + 1 OR EXISTS (
      SELECT 1 FROM reconciliation_difference d WHERE d.run_id = r.id AND d.kind = 'day_differs' AND d.status = 'open'))
ORDER BY r.day"""


async def due_runs(reading: Reading, mchid: str | None) -> list[UUID]:
    """Comparisons whose time has come (到期), oldest first; a bill only of the merchant that can be asked."""
    return [row["id"] for row in await reading.fetch(_DUE, mchid)]


async def runs_to_match_again(reading: Reading, run_id: UUID) -> list[UUID]:
    """Days that were compared before and that a new bill may tell something about."""
    return [row["id"] for row in await reading.fetch(_AGAIN, run_id)]


async def runs(reading: Reading, first: date, last: date) -> Page[RunView]:
    """The days of a span (对账日历), newest first; three months at most."""
    last = min(last, first + min(timedelta(days=92), date.max - first))
    rows = await reading.fetch(f"{_RUNS} WHERE r.day BETWEEN $1 AND $2 ORDER BY r.day DESC, r.channel", first, last)
    return Page[RunView](items=[RunView(**_run(row)) for row in rows])


async def run_detail(reading: Reading, run_id: UUID) -> RunDetail:
    """One channel's day: its differences by kind, what it owes and what arrived (日对账单). Raises: NotFound."""
    row = await reading.fetch_row(f"{_RUNS} WHERE r.id = $1", run_id)
    if row is None:
        raise NotFound()
    kinds = [KindCount(**dict(kind)) for kind in await reading.fetch(_KINDS, run_id)]
    arrived = await reading.fetch_row(_ARRIVED, run_id)
    settlement = None if arrived is None else SettlementView(**dict(arrived))
    return RunDetail(**_run(row), kinds=kinds, owed=await owed_for(reading, row), settlement=settlement)


async def owed_for(reading: Reading, row: Record) -> Owed | None:
    """What a channel owes for a run's day (应到账): by its bill, else by the ledger; None: nothing, or not yet."""
    channel = ReconciledChannel(row["channel"])
    if not channel.reaches_bank or row["matched_at"] is None:
        return None
    if channel.has_bill:
        billed = await reading.fetch_row(_BILLED, row["load_id"])
        assert billed is not None
        owed = Owed(
            clearing_fen=billed["clearing_fen"], bank_fen=billed["bank_fen"],
            fee_fen=billed["clearing_fen"] - billed["bank_fen"],
        )  # fmt: skip
    else:
        totals = Totals(**orjson.loads(row["totals"]))
        owed = Owed(clearing_fen=totals.ledger_paid_fen - totals.ledger_refund_fen, bank_fen=None, fee_fen=None)
    return owed if owed.clearing_fen or owed.fee_fen else None


async def differences(
    reading: Reading,
    run_id: UUID,
    kind: DifferenceClass | None = None,
    status: DifferenceStatus | None = None,
    cursor: UUID | None = None,
    limit: int = PAGE,
) -> Page[DifferenceView]:
    """The differences of a day (差异明细) in the order they happened; the cursor is the last one shown."""
    rows = await reading.fetch(
        _LISTED, run_id, kind.value if kind else None, status.value if status else None, cursor, limit + 1
    )
    items = [_difference(row) for row in rows[:limit]]
    return Page[DifferenceView](items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


async def proposals(reading: Reading, limit: int = 200) -> Page[DifferenceView]:
    """What waits for a second person (待复核), oldest proposal first."""
    rows = await reading.fetch(
        f"{_DIFFERENCES} WHERE d.status = 'proposed' ORDER BY d.proposed_at, d.id LIMIT $1", limit
    )
    return Page[DifferenceView](items=[_difference(row) for row in rows])


async def difference(reading: Reading, difference_id: UUID) -> DifferenceView:
    """One difference. Raises: NotFound."""
    row = await reading.fetch_row(f"{_DIFFERENCES} WHERE d.id = $1", difference_id)
    if row is None:
        raise NotFound()
    return _difference(row)


def _run(row: Record) -> dict[str, object]:
    return {
        **dict(row), "totals": Totals(**orjson.loads(row["totals"])),
        "has_bill": ReconciledChannel(row["channel"]).has_bill,
    }  # fmt: skip


def _difference(row: Record) -> DifferenceView:
    about, kind = DifferenceAbout(row["about"]), DifferenceClass(row["kind"])
    askable = about is not DifferenceAbout.LEDGER and kind not in _NOT_ASKABLE
    if kind is DifferenceClass.CHANNEL_ONLY_REFUND and row["refund_id"] is None:
        askable = False  # a refund is asked for by our number
    informational = kind is DifferenceClass.DAY_DIFFERS and row["channel_fen"] is None
    return DifferenceView(**dict(row), askable=askable, informational=informational)


_NOT_ASKABLE = {DifferenceClass.DUPLICATED_IN_BILL, DifferenceClass.FEE_DIFFERS}
