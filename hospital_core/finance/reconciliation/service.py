"""Writing reconciliations (对账): planning, taking in a bill, comparing. What a person decides is in ``disposing``."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson
from asyncpg import Record

from hospital_core.finance.reconciliation.commands import (
    ClaimRun,
    DropLoad,
    MatchRun,
    PlanRuns,
    PostponeRun,
    ReconcileDay,
    TakeBill,
)
from hospital_core.finance.reconciliation.errors import DayNotReconciled
from hospital_core.finance.reconciliation.statements import LEDGER, PAYMENTS, REFUNDS
from hospital_core.finance.reconciliation.states import RUN, ReconciledChannel, RunStatus
from hospital_core.finance.reconciliation.views import Claimed, Matched, Totals
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import SHANGHAI, hospital_day

DAYS_BACK = 7  # a worker that was away makes up for so many days
DAYS_REACHED = 90  # the channel keeps its bills for three months
LINES_KEPT = timedelta(days=100)
BILL_READY = time(10, 5)  # of the next day
RETRY = timedelta(minutes=10)
CLAIM = timedelta(minutes=15)
PATIENCE_S = 300.0

_PLAN = """
INSERT INTO reconciliation_run (id, version, channel, mchid, day, status, due_at, line_count, totals)
SELECT gen_random_uuid(), 0, c.channel, c.mchid, d.day, 'waiting',
       (d.day + 1 + $4::time) AT TIME ZONE 'Asia/Shanghai', 0, '{}'
FROM unnest($1::date[]) AS d (day), unnest($2::text[], $3::text[]) AS c (channel, mchid)
WHERE d.day >= coalesce((SELECT (min(succeeded_at) AT TIME ZONE 'Asia/Shanghai')::date FROM payment_intent), 'infinity')
ON CONFLICT DO NOTHING"""

_ASK_AGAIN = """
UPDATE reconciliation_run SET due_at = least(due_at, $3), version = version + 1
WHERE day = $1 AND ($2::text IS NULL OR channel = $2) AND due_at IS DISTINCT FROM least(due_at, $3)"""

_FORGET = """
WITH old AS (
    UPDATE reconciliation_run SET load_id = NULL, version = version + 1
    WHERE day < $1 AND load_id IS NOT NULL RETURNING id)
DELETE FROM bill_line WHERE run_id IN (SELECT id FROM old)"""

_CLAIM = """
UPDATE reconciliation_run SET claimed_until = $2::timestamptz + $3, version = version + 1
WHERE id = $1 AND due_at <= $2 AND (claimed_until IS NULL OR claimed_until < $2) RETURNING channel, day"""

_TAKE = """
UPDATE reconciliation_run SET load_id = $2, digest = $3, line_count = $4, version = version + 1
WHERE id = $1 AND (digest IS DISTINCT FROM $3 OR load_id IS NULL)"""

_POSTPONE = """
UPDATE reconciliation_run SET due_at = $2, claimed_until = NULL, trouble = $3, version = version + 1 WHERE id = $1"""

_DONE = """
UPDATE reconciliation_run SET due_at = NULL, claimed_until = NULL, trouble = NULL, totals = $2::jsonb,
       matched_at = CASE WHEN $3 THEN $4 ELSE matched_at END
WHERE id = $1 AND (due_at IS NOT NULL OR claimed_until IS NOT NULL OR trouble IS NOT NULL OR $3)"""

_LOAD_BEFORE = "SELECT load_id FROM reconciliation_run WHERE channel = $1 AND mchid = $2 AND day = $3"


async def plan_runs(uow: UnitOfWork, command: PlanRuns) -> Done:
    """Make a row for each day that is over and not compared yet (对账计划), and forget lines past their time."""
    today = hospital_day(uow.now)
    days = [today - timedelta(days=back) for back in range(1, DAYS_BACK + 1)]
    await _plan(uow, days, command.mchid)
    await uow.execute(_FORGET, today - LINES_KEPT)
    return Done()


async def _plan(uow: UnitOfWork, days: list[date], mchid: str | None) -> None:
    kept = [channel for channel in ReconciledChannel if mchid is not None or not channel.has_bill]
    whose = [(mchid or "") if channel.has_bill else "" for channel in kept]
    await uow.execute(_PLAN, days, [channel.value for channel in kept], whose, BILL_READY)


async def reconcile_day(uow: UnitOfWork, command: ReconcileDay) -> Done:
    """Have a day compared (again) at once (重新对账). Raises: DayNotReconciled, NotFound (nothing is planned of it)."""
    today = hospital_day(uow.now)
    if not today - timedelta(days=DAYS_REACHED) <= command.day < today:
        raise DayNotReconciled()
    channel = command.channel.value if command.channel else None
    await uow.execute(_ASK_AGAIN, command.day, channel, uow.now)
    found = await uow.fetch_value(
        "SELECT id FROM reconciliation_run WHERE day = $1 AND ($2::text IS NULL OR channel = $2) LIMIT 1",
        command.day,
        channel,
    )
    if found is None:
        raise NotFound()
    uow.audited("reconciliation_run", found, reason=command.day.isoformat())
    return Done()


async def claim_run(uow: UnitOfWork, command: ClaimRun) -> Claimed:
    """Take a comparison that is due; another worker takes it up again if this one dies."""
    row = await uow.fetch_row(_CLAIM, command.run_id, uow.now, CLAIM)
    return Claimed(taken=False) if row is None else Claimed(taken=True, channel=row["channel"], day=row["day"])


async def postpone_run(uow: UnitOfWork, command: PostponeRun) -> Done:
    """No bill yet (账单未生成): the next try is in ten minutes."""
    await uow.execute(_POSTPONE, command.run_id, uow.now + RETRY, command.trouble)
    return Done()


async def take_bill(uow: UnitOfWork, command: TakeBill) -> Done:
    """Let the staged lines stand (账单入库); the very same lines as before are dropped, so nothing moves.

    Raises: StateConflict when lines are missing: a worker slower than its claim, whose day another one took.
    """
    await uow.be_patient(PATIENCE_S)
    staged = await uow.fetch_value("SELECT count(*) FROM bill_line WHERE load_id = $1", command.load_id)
    if staged != command.line_count:
        raise StateConflict(state="incomplete", command="take_bill")
    await uow.execute(_TAKE, command.run_id, command.load_id, command.digest, command.line_count)
    await uow.execute(
        "DELETE FROM bill_line WHERE run_id = $1 AND load_id <> (SELECT load_id FROM reconciliation_run WHERE id = $1)",
        command.run_id,
    )
    await uow.execute("ANALYZE bill_line")
    return Done()


async def drop_load(uow: UnitOfWork, command: DropLoad) -> Done:
    """Remove the lines of a bill that broke off (账单作废); what stands is not touched."""
    await uow.be_patient(PATIENCE_S)
    await uow.execute(
        "DELETE FROM bill_line l WHERE l.load_id = $1 "
        "AND NOT EXISTS (SELECT 1 FROM reconciliation_run r WHERE r.load_id = $1)",
        command.load_id,
    )
    return Done()


async def match_run(uow: UnitOfWork, command: MatchRun) -> Matched:
    """Compare a day (比对): the bill with our payments and refunds, these with the ledger. Three statements.

    Differences are written once, keep their disposals while their figures stay, and close when they are gone.
    Raises: NotFound. Locks: the run.
    """
    await uow.be_patient(PATIENCE_S)
    await uow.execute("SET LOCAL work_mem = '64MB'")
    run = await uow.fetch_row("SELECT * FROM reconciliation_run WHERE id = $1 FOR UPDATE", command.run_id)
    if run is None:
        raise NotFound()
    if run["status"] == RunStatus.WAITING:  # statements below count the days that are compared, this one among them
        await uow.execute(
            f"UPDATE reconciliation_run SET status = {RUN.target_sql('match')}, matched_at = $2, version = version + 1 "
            f"WHERE id = $1 AND {RUN.sources_sql('match')}",
            run["id"],
            uow.now,
        )
    channel = ReconciledChannel(run["channel"])
    given = await _given(uow, run, channel, command)
    steps = [PAYMENTS, REFUNDS, LEDGER] if channel.has_bill else [LEDGER]
    rows = [row for sql in steps if (row := await uow.fetch_row(sql, *given)) is not None]
    totals = totals_of(rows)
    found, new, gone = (sum(row[name] for row in rows) for name in ("found", "new", "gone"))
    changed = bool(new or gone) or run["status"] == RunStatus.WAITING or totals != Totals(**orjson.loads(run["totals"]))
    await uow.execute(_DONE, run["id"], totals.model_dump_json(), changed, uow.now)
    uow.audited("reconciliation_run", run["id"], reason=f"found {found}, new {new}, gone {gone}")
    return Matched(found=found, new=new, gone=gone, changed=changed)


async def _given(uow: UnitOfWork, run: Record, channel: ReconciledChannel, command: MatchRun) -> list[Any]:
    day: date = run["day"]
    before = await uow.fetch_value(_LOAD_BEFORE, run["channel"], run["mchid"], day - timedelta(days=1))
    return [
        run["id"], run["load_id"], uow.now, day_starts(day), day_starts(day + timedelta(days=1)), run["mchid"],
        command.appid, command.sub_mchid, [way.value for way in channel.payment_channels], channel.account.value,
        [kind.value for kind in channel.journal_kinds], day, before,
    ]  # fmt: skip


def day_starts(day: date) -> datetime:
    """Midnight in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def totals_of(rows: list[Record]) -> Totals:
    """The columns of a day out of what its statements answered; where two count the same, the bill's side has it."""
    figures: dict[str, int] = {}
    for row in rows:
        for name in Totals.model_fields:
            if name in row.keys():  # noqa: SIM118
                known = figures.get(name)
                adds = name == "matched_count" and "ledger_paid_count" not in row.keys()  # noqa: SIM118
                figures[name] = row[name] if known is None else known + row[name] if adds else known
    return Totals(**figures)
