"""Fetching bills and asking the channel (对账取单与查询), always with no transaction open while it is asked."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

from hospital_core.finance.payments.errors import PaymentMismatch, RefundMismatch
from hospital_core.finance.payments.outside import check_intent_now, check_refund_now
from hospital_core.finance.payments.ports import (
    BillNotReady,
    BillRow,
    GatewayRefused,
    GatewayUnknown,
    PaymentGateway,
)
from hospital_core.finance.payments.queries import payment_intent
from hospital_core.finance.payments.queries import refund as refund_of
from hospital_core.finance.payments.states import PaymentIntentStatus
from hospital_core.finance.reconciliation import queries
from hospital_core.finance.reconciliation.commands import (
    CheckDifference,
    ClaimRun,
    DropLoad,
    MatchRun,
    PlanRuns,
    PostponeRun,
    TakeBill,
)
from hospital_core.finance.reconciliation.errors import NothingToAsk
from hospital_core.finance.reconciliation.service import (
    claim_run,
    drop_load,
    match_run,
    plan_runs,
    postpone_run,
    take_bill,
)
from hospital_core.finance.reconciliation.views import DifferenceChecked, DifferenceView, Matched
from hospital_core.kernel import ports
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import OutsideUnavailable, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading, pooled_connection
from hospital_core.kernel.run import run

log = logging.getLogger(__name__)

BATCH = 5_000
_COPY_S = 60.0

_COLUMNS = (
    "id", "run_id", "load_id", "line_no", "kind", "at", "mchid", "appid", "sub_mchid", "transaction_id", "out_trade_no",
    "refund_id", "out_refund_no", "amount_fen", "settled_fen", "fee_millifen", "status",
)  # fmt: skip


async def plan_days() -> None:
    """See to it that the days that are over get compared (对账计划); the worker's round of every hour."""
    await run(system_context(), plan_runs, PlanRuns(mchid=_mchid()))


async def reconcile_due() -> int:
    """Everything that is due (到期对账), one after the other; returns how many were compared. The worker's round."""
    done = 0
    for run_id in await queries.due_runs(Reading(system_context()), _mchid()):
        done += await reconcile(run_id) is not None
    return done


def _mchid() -> str | None:
    gateway = ports.optional(PaymentGateway)
    return gateway.merchant.mchid if gateway else None


async def reconcile(run_id: UUID) -> Matched | None:
    """Fetch the bill of a day that is due and compare it (取单与比对); None: not due, taken by another, no bill yet.

    Days beside it that were compared before are compared again when they wait for this one.
    """
    ctx = system_context()
    claimed = await run(ctx, claim_run, ClaimRun(run_id=run_id))
    if not claimed.taken:
        return None
    if claimed.channel.has_bill:
        trouble = await _fetch(ctx, run_id, claimed.day)
        if trouble is not None:
            await run(ctx, postpone_run, PostponeRun(run_id=run_id, trouble=trouble))
            return None
    matched = await run(ctx, match_run, _match(run_id))
    if claimed.channel.has_bill:
        for beside in await queries.runs_to_match_again(Reading(ctx), run_id):
            await run(ctx, match_run, _match(beside))
    return matched


def _match(run_id: UUID) -> MatchRun:
    gateway = ports.optional(PaymentGateway)
    if gateway is None:
        return MatchRun(run_id=run_id)
    merchant = gateway.merchant
    # Through a service provider the bill names the provider's app, not the one that our orders were placed with.
    return MatchRun(run_id=run_id, appid=None if merchant.sub_mchid else merchant.appid, sub_mchid=merchant.sub_mchid)


async def _fetch(ctx: Context, run_id: UUID, day: date) -> str | None:
    """Stage the bill and let it stand; returns why there is none. An unfinished load is never looked at."""
    try:
        taken = await stage(run_id, ports.use(PaymentGateway).bill(day))
    except BillNotReady:
        return "BILL_NOT_READY"
    except GatewayUnknown as error:
        log.warning("bill without an answer", extra={"run_id": str(run_id), "reason": str(error)})
        return "NO_ANSWER"
    except GatewayRefused as error:
        log.warning("bill refused", extra={"run_id": str(run_id), "code": error.code})
        return f"REFUSED {error.code}"[:60]
    try:
        await run(ctx, take_bill, taken)
    except StateConflict:
        log.warning("another worker took the day", extra={"run_id": str(run_id)})
        return "TAKEN_ELSEWHERE"
    return None


async def stage(run_id: UUID, rows: AsyncIterator[BillRow]) -> TakeBill:
    """Copy a bill into the staging table as it comes (账单入库); one that breaks off leaves no lines behind."""
    load_id = new_id()
    try:
        return await _staged(run_id, load_id, rows)
    except Exception:
        await run(system_context(), drop_load, DropLoad(load_id=load_id))
        raise


async def _staged(run_id: UUID, load_id: UUID, rows: AsyncIterator[BillRow]) -> TakeBill:
    """One batch on its way while the next is read."""
    digest, count = hashlib.sha256(), 0
    batch: list[tuple[Any, ...]] = []
    copying: asyncio.Task[None] | None = None
    try:
        async for row in rows:
            count += 1
            line = _line(count, row)
            digest.update(repr(line).encode())
            batch.append((new_id(), run_id, load_id, *line))
            if len(batch) == BATCH:
                if copying is not None:
                    await copying
                copying, batch = asyncio.create_task(_copy(batch)), []
    finally:
        if copying is not None:
            await copying
    if batch:
        await _copy(batch)
    return TakeBill(run_id=run_id, load_id=load_id, digest=digest.hexdigest(), line_count=count)


def _line(number: int, row: BillRow) -> tuple[Any, ...]:
    return (
        number, row.kind.value, row.at, row.mchid, row.appid, row.sub_mchid, row.transaction_id, row.out_trade_no,
        row.refund_id, row.out_refund_no, row.amount_fen, row.settled_fen, row.fee_millifen, row.status,
    )  # fmt: skip


async def _copy(batch: list[tuple[Any, ...]]) -> None:
    async with pooled_connection() as connection:
        await connection.copy_records_to_table("bill_line", records=batch, columns=_COLUMNS, timeout=_COPY_S)


async def check_difference(ctx: Context, command: CheckDifference) -> DifferenceChecked:
    """Ask the channel about one difference (向渠道查询); what it says is taken in by the payments' own services.

    Afterwards the day is compared again, so that what is settled by it closes.
    Raises: NotFound, NothingToAsk, OutsideUnavailable.
    """
    quiet = ctx.without_idempotency()
    one = await queries.difference(Reading(quiet), command.difference_id)
    if not one.askable:
        raise NothingToAsk()
    try:
        answer = await (_ask_refund if one.refund_id else _ask_payment)(quiet, one)
    except (GatewayUnknown, GatewayRefused) as error:
        log.warning("channel did not answer", extra={"difference_id": str(one.id), "error": type(error).__name__})
        raise OutsideUnavailable() from error
    if answer.changed:
        await run(quiet, match_run, _match(one.run_id))
    return answer


async def _ask_payment(ctx: Context, one: DifferenceView) -> DifferenceChecked:
    intent = None if one.intent_id is None else await payment_intent(Reading(ctx), one.intent_id)
    number = intent.out_trade_no if intent else (one.our_no or "")
    order = await ports.use(PaymentGateway).query(number, intent.sub_mchid if intent else None)
    changed = False
    if intent is not None and order.state.is_paid and intent.status is not PaymentIntentStatus.SUCCEEDED:
        try:
            changed = (await check_intent_now(ctx, intent.id)).status is not intent.status
        except PaymentMismatch as refusal:  # noted where payments that differ are listed
            log.info("payment still differs", extra={"intent_id": str(intent.id), "how": refusal.mismatch.value})
    return DifferenceChecked(channel_state=order.state.value, amount_fen=order.amount_fen, changed=changed)


async def _ask_refund(ctx: Context, one: DifferenceView) -> DifferenceChecked:
    assert one.refund_id is not None
    before = await refund_of(Reading(ctx), one.refund_id)
    intent = await payment_intent(Reading(ctx), before.intent_id)
    told = await ports.use(PaymentGateway).query_refund(before.out_refund_no, intent.sub_mchid)
    changed = False
    try:
        changed = (await check_refund_now(ctx, before.id)).status is not before.status
    except RefundMismatch:
        log.info("refund still differs", extra={"refund_id": str(before.id)})
    return DifferenceChecked(channel_state=told.status.value, amount_fen=told.amount_fen, changed=changed)
