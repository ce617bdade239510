"""Reconciliation: every planted difference is found under its own name, none is made up, and asking again is silent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from hospital_core.finance.payments.ports import BillNotReady, BillRow, GatewayUnknown
from hospital_core.finance.reconciliation.commands import (
    ApproveDisposal,
    PlanRuns,
    ProposeDisposal,
    ReconcileDay,
)
from hospital_core.finance.reconciliation.disposing import approve_disposal, propose_disposal
from hospital_core.finance.reconciliation.errors import (
    DayNotReconciled,
)
from hospital_core.finance.reconciliation.outside import reconcile, reconcile_due, stage
from hospital_core.finance.reconciliation.queries import differences, run_detail, runs
from hospital_core.finance.reconciliation.service import plan_runs, reconcile_day, take_bill
from hospital_core.finance.reconciliation.states import DifferenceClass, Disposal, ReconciledChannel
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import MERCHANT, FakeGateway, rows, value
from tests.fixtures.reconciled import DAY, Bills, again, found, make_run, money_day, person, table
from tests.fixtures.reconciling import PLANTS, MoneyDay

_RUNS = "SELECT * FROM reconciliation_run ORDER BY id"
_DIFFERENCES = "SELECT * FROM reconciliation_difference ORDER BY id"
_LINES = "SELECT * FROM bill_line ORDER BY id"


async def test_given_every_kind_of_difference_then_all_are_found_under_their_name_and_nothing_else(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 10_000, **dict.fromkeys(PLANTS, 5)) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        matched = await reconcile(run_id)
        assert matched is not None
        assert len(world.expected) == 120
        assert await found(run_id) == world.expected
        assert {kind for kind, _ in world.expected} == {kind.value for kind in DifferenceClass}
        detail = await run_detail(Reading(system_context()), run_id)
        assert detail.line_count == len(list(world.bill()))
        assert {one.kind.value: one.open_count for one in detail.kinds} == dict(world.expected_kinds())
        assert detail.open_count == 120
        assert detail.totals.crossed_count == 10, "five over midnight, five of another day"
        assert detail.totals.pending_count == 10, "five accepted, five that we do not know to be done"


async def test_given_no_difference_then_the_three_columns_are_the_same(admin: asyncpg.Connection, bills: Bills) -> None:
    async with money_day(admin, 400, over_midnight=7, reversed=7) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        matched = await reconcile(run_id)
        assert matched is not None
        assert matched.found == 0
        totals = (await run_detail(Reading(system_context()), run_id)).totals
        paid_fen = sum(world.amount(n) for n in range(400) if world.planted.get(n) != "reversed")
        back_fen = sum(world.amount(n) // 2 for n in range(0, 400, 20))
        assert totals.channel_paid_fen == totals.ours_paid_fen == totals.ledger_paid_fen == paid_fen
        assert totals.channel_refund_fen == totals.ours_refund_fen == totals.ledger_refund_fen == back_fen
        assert totals.channel_paid_count == totals.ours_paid_count == totals.ledger_paid_count == 393
        assert (totals.matched_count, totals.crossed_count) == (393 + 20, 7)


async def test_given_the_same_again_then_no_row_of_any_table_changes_and_disposals_survive(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 1_000, **dict.fromkeys(PLANTS, 2)) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        listed = (await differences(Reading(system_context()), run_id)).items
        proposed = ProposeDisposal(difference_id=listed[0].id, disposal=Disposal.EXPLAINED, note="已与渠道核实")
        settled = await run(await person(), propose_disposal, proposed)
        await run(await person(), approve_disposal, ApproveDisposal(difference_id=settled.id, version=settled.version))
        await run(await person(), propose_disposal, proposed.model_copy(update={"difference_id": listed[1].id}))
        before = [await table(sql) for sql in (_RUNS, _DIFFERENCES, _LINES)]
        matched = await again(run_id)
        assert (matched.changed, matched.new, matched.gone) == (False, 0, 0)
        assert [await table(sql) for sql in (_RUNS, _DIFFERENCES, _LINES)] == before


async def test_given_a_bill_that_the_channel_corrects_then_what_is_gone_closes_and_what_changed_opens_again(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 200, missing=1, one_fen_more=1) as world:
        honest = list(MoneyDay(world.tag, DAY, 200, world.patient_id).bill())
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        wrong = next(n for n, plant in world.planted.items() if plant == "one_fen_more")
        listed = (await differences(Reading(system_context()), run_id, DifferenceClass.PAYMENT_AMOUNT_DIFFERS)).items
        proposed = ProposeDisposal(difference_id=listed[0].id, disposal=Disposal.EXPLAINED, note="渠道已答复")
        one = await run(await person(), propose_disposal, proposed)
        await run(await person(), approve_disposal, ApproveDisposal(difference_id=one.id, version=one.version))
        bills.of[DAY] = [row if row.out_trade_no != world.order_no(wrong) else _dearer(row) for row in honest]
        await again(run_id)
        assert await found(run_id) == {("payment_amount_differs", world.order_no(wrong))}, "another sum: open again"
        assert await found(run_id, "closed") == {(k, s) for k, s in world.expected if k == "ours_only_payment"}
        bills.of[DAY] = honest
        await again(run_id)
        assert await found(run_id) == set()
        assert await value("SELECT count(*) FROM bill_line WHERE run_id = $1", run_id) == len(honest)


def _dearer(row: BillRow) -> BillRow:
    return replace(row, amount_fen=row.amount_fen + 500)


async def test_given_money_at_midnight_then_it_waits_for_the_next_bill_and_closes_by_itself(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 200, waits_for_next_day=3, over_midnight=2) as world:
        bills.of[DAY] = list(world.bill())
        bills.of[DAY + timedelta(days=1)] = list(world.next_days_bill())
        run_id, next_id = await make_run(DAY), await make_run(DAY + timedelta(days=1))
        await reconcile(run_id)
        assert {kind for kind, _ in await found(run_id)} == {"day_differs"}
        assert all(one.informational for one in (await differences(Reading(system_context()), run_id)).items)
        await reconcile(next_id)
        assert await found(run_id) == set()
        assert await found(next_id) == set(), "those of two seconds past midnight stand in the bill of the day before"
        assert await found(run_id, "closed") == world.expected
        totals = (await run_detail(Reading(system_context()), next_id)).totals
        assert (totals.channel_paid_count, totals.ours_paid_count, totals.crossed_count) == (3, 3, 3)


async def test_given_money_at_midnight_that_the_next_bill_does_not_show_either_then_it_is_missed(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 200, waits_for_next_day=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id, next_id = await make_run(DAY), await make_run(DAY + timedelta(days=1))
        await reconcile(run_id)
        await reconcile(next_id)
        (subject,) = [subject for _, subject in world.expected]
        assert await found(run_id) == {("ours_only_payment", subject)}


async def test_given_no_bill_yet_then_it_is_asked_for_again_and_an_empty_day_is_even(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    run_id = await make_run(DAY)
    try:
        for error, trouble in ((BillNotReady(), "BILL_NOT_READY"), (GatewayUnknown("bill"), "NO_ANSWER")):
            bills.of[DAY] = error
            assert await again(run_id) is None
            (view,) = (await runs(Reading(system_context()), DAY, DAY)).items
            assert (view.trouble, view.status.value) == (trouble, "waiting")
            assert view.due_at is not None
            assert view.due_at > await value("SELECT hospital_now()")
            assert await reconcile(run_id) is None, "not due before ten minutes have passed"
        bills.of[DAY] = []
        matched = await again(run_id)
        assert matched.found == 0
        assert await reconcile(run_id) is None
    finally:
        await MoneyDay("00000000", DAY, 1, new_id()).clear(admin)


async def test_given_a_bill_that_breaks_off_then_the_lines_of_before_stand(
    admin: asyncpg.Connection, gateway: FakeGateway, bills: Bills
) -> None:
    async with money_day(admin, 200, missing=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        standing = await found(run_id)

        async def broken(day: date, sub_mchid: str | None = None) -> AsyncIterator[BillRow]:
            for number, row in enumerate(world.bill()):
                if number == 100:
                    raise GatewayUnknown("cut off")
                yield row

        gateway.bill = broken  # type: ignore[attr-defined]
        assert await again(run_id) is None
        assert await found(run_id) == standing
        assert await value(
            "SELECT count(*) FROM bill_line l JOIN reconciliation_run r ON r.load_id = l.load_id WHERE r.id = $1",
            run_id,
        ) == len(list(world.bill()))


async def test_given_a_bill_that_breaks_off_again_and_again_then_its_lines_do_not_pile_up(
    gateway: FakeGateway, admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 40) as world:
        run_id = await make_run(DAY)

        async def broken(day: date, sub_mchid: str | None = None) -> AsyncIterator[BillRow]:
            for _ in range(200):
                for row in world.bill():
                    yield row
            raise GatewayUnknown("bill summary differs from its rows")

        gateway.bill = broken  # type: ignore[attr-defined]
        assert await again(run_id) is None
        assert await value("SELECT count(*) FROM bill_line WHERE run_id = $1", run_id) == 0


async def test_given_a_load_that_another_worker_cleared_then_what_is_left_of_it_never_stands(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    """A worker slower than its claim: another took the day meanwhile and removed what was staged so far."""
    async with money_day(admin, 40) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        assert (await again(run_id)).found == 0
        slow = await stage(run_id, bills.bill(DAY))
        await rows("DELETE FROM bill_line WHERE load_id = $1 AND line_no < 20 RETURNING id", slow.load_id)
        with pytest.raises(StateConflict):
            await run(system_context(), take_bill, slow.model_copy(update={"digest": "0" * 64}))
        assert (await again(run_id)).found == 0
        assert await value("SELECT count(*) FROM bill_line WHERE run_id = $1", run_id) == len(list(world.bill()))


async def test_given_two_workers_then_one_takes_the_day(admin: asyncpg.Connection, bills: Bills) -> None:
    run_id = await make_run(DAY)
    try:
        answers = await asyncio.gather(*(reconcile(run_id) for _ in range(4)))
        assert sum(answer is not None for answer in answers) == 1
    finally:
        await MoneyDay("00000000", DAY, 1, new_id()).clear(admin)


@pytest.mark.parametrize("channel", [one for one in ReconciledChannel if not one.has_bill])
async def test_given_a_channel_without_bill_then_payments_meet_the_ledger(
    admin: asyncpg.Connection, bills: Bills, channel: ReconciledChannel
) -> None:
    async with money_day(admin, 200, ledger_missing=2, ledger_amount=2, ledger_only=2) as world:
        tendered = ", tendered_fen = amount_fen" if channel is ReconciledChannel.CASH else ""
        await admin.execute(
            f"UPDATE payment_intent SET channel = $1 {tendered} WHERE out_trade_no LIKE $2",
            channel.payment_channels[0].value,
            f"W{world.tag}%",
        )
        drawer = ", drawer_id = gen_random_uuid()" if channel is ReconciledChannel.CASH else ""
        await admin.execute(
            f"UPDATE journal_line SET account = $1 {drawer} WHERE account = 'wechat_clearing' "
            f"AND entry_id::text LIKE $2",
            channel.account.value,
            f"{world.tag}%",
        )
        await admin.execute(
            "UPDATE journal_entry SET kind = 'payment_applied' WHERE kind = 'card_topped_up' AND id::text LIKE $1",
            f"{world.tag}%",
        )
        await admin.execute(
            "UPDATE journal_line SET account = 'patient_receivable' WHERE account = 'patient_card' AND amount_fen < 0 "
            "AND entry_id::text LIKE $1",
            f"{world.tag}-0000-7f00%",
        )
        run_id = await make_run(DAY, channel)
        await reconcile(run_id)
        assert await found(run_id) == world.expected
        detail = await run_detail(Reading(system_context()), run_id)
        assert (detail.has_bill, detail.line_count, detail.totals.channel_paid_count) == (False, 0, 0)
        assert detail.totals.ours_paid_count == 198
        assert detail.totals.matched_count == 194


async def test_given_a_new_day_then_all_channels_of_yesterday_are_planned_once(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    today = await value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date")
    yesterday = today - timedelta(days=1)
    async with money_day(admin, 40, day=yesterday) as world:
        bills.of[yesterday] = list(world.bill())
        plan = PlanRuns(mchid=MERCHANT.mchid)
        await run(system_context(), plan_runs, plan)
        await run(system_context(), plan_runs, plan)
        planned = (await runs(Reading(system_context()), yesterday, yesterday)).items
        assert {one.channel for one in planned} == set(ReconciledChannel)
        assert len(planned) == len(ReconciledChannel)
        await run(system_context(), reconcile_day, ReconcileDay(day=yesterday))
        assert await reconcile_due() >= len(ReconciledChannel)
        (wechat,) = [one for one in (await runs(Reading(system_context()), yesterday, yesterday)).items if one.has_bill]
        assert (wechat.status.value, wechat.totals.channel_paid_count) == ("matched", 40)
        with pytest.raises(DayNotReconciled):
            await run(system_context(), reconcile_day, ReconcileDay(day=today))
        with pytest.raises(NotFound):
            await run(system_context(), reconcile_day, ReconcileDay(day=yesterday - timedelta(days=60)))
