"""A channel's money at the bank: once for each day, to the fen of the bill, and never while a question is open."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from hospital_core.finance.ledger.commands import Correct
from hospital_core.finance.ledger.errors import CorrectedByItsDocument
from hospital_core.finance.ledger.service import correct
from hospital_core.finance.reconciliation.commands import (
    ApproveDisposal,
    ProposeDisposal,
    SettleDay,
    WithdrawSettlement,
)
from hospital_core.finance.reconciliation.disposing import approve_disposal, propose_disposal
from hospital_core.finance.reconciliation.errors import (
    AlreadySettled,
    ArrivedBeforePaid,
    ArrivedLess,
    DayNotEven,
    NothingArrives,
)
from hospital_core.finance.reconciliation.outside import reconcile
from hospital_core.finance.reconciliation.queries import differences, run_detail
from hospital_core.finance.reconciliation.settling import settle_day, withdraw_settlement
from hospital_core.finance.reconciliation.states import Disposal, ReconciledChannel
from hospital_core.finance.reconciliation.views import RunDetail
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import rows, value
from tests.fixtures.reconciled import DAY, Bills, make_run, money_day, person

pytestmark = pytest.mark.usefixtures("core")

_BOOKED = """
SELECT l.account, sum(l.amount_fen)::bigint AS fen FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
WHERE e.source_kind = 'channel_settlement'
  AND e.source_id IN (SELECT id FROM channel_settlement WHERE run_id = $1) GROUP BY 1 ORDER BY 1"""


_TOOK = """
UPDATE reconciliation_run SET totals = totals || '{"ledger_paid_fen": 100000}' WHERE id = $1 RETURNING id"""

_GAVE_BACK = """
UPDATE reconciliation_run SET totals = totals || '{"ledger_paid_fen": 10000, "ledger_refund_fen": 50000}'
WHERE id = $1 RETURNING id"""


async def _detail(run_id: UUID) -> RunDetail:
    return await run_detail(Reading(system_context()), run_id)


async def _settle(who: Context, run_id: UUID, bank_fen: int, arrived_on: date = DAY + timedelta(days=1)) -> RunDetail:
    return await run(
        who, settle_day, SettleDay(run_id=run_id, bank_fen=bank_fen, arrived_on=arrived_on, reference="回单 0917")
    )


async def _booked(run_id: UUID) -> dict[str, int]:
    return {row["account"]: row["fen"] for row in await rows(_BOOKED, run_id)}


async def test_given_an_even_day_then_its_money_enters_the_bank_to_the_fen_and_once(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 400, over_midnight=7, reversed=7) as world:
        bill = list(world.bill())
        bills.of[DAY] = bill
        run_id = await make_run(DAY)
        with pytest.raises(DayNotEven):
            await _settle(await person(), run_id, 1)
        await reconcile(run_id)
        signs = [(1 if row.kind.value == "payment" else -1, row) for row in bill]
        clearing_fen = sum(sign * row.amount_fen for sign, row in signs)
        fees_millifen = sum(row.fee_millifen for row in bill)
        bank_fen = sum(sign * row.settled_fen for sign, row in signs) - int(fees_millifen / 1000 + 0.5)
        owed = (await _detail(run_id)).owed
        assert owed is not None
        assert (owed.clearing_fen, owed.bank_fen, owed.fee_fen) == (clearing_fen, bank_fen, clearing_fen - bank_fen)
        assert fees_millifen > 0
        for wrong_fen in (bank_fen - 1, bank_fen + 1, clearing_fen, 0):
            with pytest.raises(ArrivedLess) as refused:
                await _settle(await person(), run_id, wrong_fen)
            assert refused.value.fields["expected_fen"] == bank_fen
        for wrong_day in (DAY - timedelta(days=1), date(2099, 1, 1)):
            with pytest.raises(ArrivedBeforePaid):
                await _settle(await person(), run_id, bank_fen, wrong_day)
        assert await _booked(run_id) == {}
        persons = [await person() for _ in range(8)]
        ends = await asyncio.gather(*(_settle(who, run_id, bank_fen) for who in persons), return_exceptions=True)
        assert sum(isinstance(end, AlreadySettled) for end in ends) == 7
        assert await _booked(run_id) == {
            "bank": bank_fen, "channel_fees": clearing_fen - bank_fen, "wechat_clearing": -clearing_fen,
        }  # fmt: skip
        settled = await _detail(run_id)
        assert settled.settlement is not None
        assert (settled.settlement.bank_fen, settled.settlement.reference) == (bank_fen, "回单 0917")
        assert settled.arrived


async def test_given_a_wrong_arrival_then_it_is_taken_back_by_its_mirror_and_entered_again(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 40) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        owed = (await _detail(run_id)).owed
        assert owed is not None
        assert owed.bank_fen is not None
        who = await person()
        await _settle(who, run_id, owed.bank_fen)
        entry_id = await value("SELECT entry_id FROM channel_settlement WHERE run_id = $1", run_id)
        with pytest.raises(CorrectedByItsDocument):
            await run(who, correct, Correct(entry_id=entry_id, reason="登记有误"))
        withdraw = WithdrawSettlement(run_id=run_id, reason="登记有误")
        assert (await run(who, withdraw_settlement, withdraw)).settlement is None
        assert set((await _booked(run_id)).values()) == {0}
        with pytest.raises(NotFound):
            await run(who, withdraw_settlement, withdraw)
        again = await _settle(who, run_id, owed.bank_fen)
        assert again.settlement is not None
        assert (await _booked(run_id))["bank"] == owed.bank_fen


async def test_given_an_open_question_then_nothing_is_settled_before_two_persons_have_dealt_with_it(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 40, missing=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        owed = (await _detail(run_id)).owed
        assert owed is not None
        assert owed.bank_fen is not None
        first, second = await person(), await person()
        one = (await differences(Reading(system_context()), run_id)).items[0]
        for step in range(2):
            with pytest.raises(DayNotEven):
                await _settle(first, run_id, owed.bank_fen)
            if step == 0:
                words = ProposeDisposal(difference_id=one.id, disposal=Disposal.EXPLAINED, note="渠道次日补记")
                one = await run(first, propose_disposal, words)
        await run(second, approve_disposal, ApproveDisposal(difference_id=one.id, version=one.version))
        assert (await _settle(first, run_id, owed.bank_fen)).arrived


async def test_given_a_channel_without_a_bill_then_the_rest_is_its_fee_and_cash_never_arrives() -> None:
    day = DAY - timedelta(days=30)
    card, cash = [await make_run(day, channel) for channel in (ReconciledChannel.BANK_CARD, ReconciledChannel.CASH)]
    for run_id in (card, cash):
        await reconcile(run_id)
        await rows(_TOOK, run_id)
    who = await person()
    for wrong_fen in (100_001, 94_999, -100_000):
        with pytest.raises(ArrivedLess):
            await _settle(who, card, wrong_fen, day)
    await _settle(who, card, 99_400, day)
    assert await _booked(card) == {"bank": 99_400, "bank_card_clearing": -100_000, "channel_fees": 600}
    with pytest.raises(NothingArrives):
        await _settle(who, cash, 100_000, day)
    with pytest.raises(NotFound):
        await _settle(who, new_id(), 1, day)


async def test_given_more_refunds_than_payments_and_no_bill_then_the_bank_pays() -> None:
    day = DAY - timedelta(days=31)
    run_id = await make_run(day, ReconciledChannel.BANK_CARD)
    await reconcile(run_id)
    await rows(_GAVE_BACK, run_id)
    owed = (await _detail(run_id)).owed
    assert owed is not None
    assert owed.clearing_fen == -40_000
    who = await person()
    for wrong_fen in (40_000, -37_999, -42_001, 0):
        with pytest.raises(ArrivedLess):
            await _settle(who, run_id, wrong_fen, day)
    for bank_fen, fee_fen in ((-39_760, -240), (-40_000, 0)):
        settled = await _settle(who, run_id, bank_fen, day)
        assert settled.settlement is not None
        assert (settled.settlement.bank_fen, settled.settlement.fee_fen) == (bank_fen, fee_fen)
        booked = {account: fen for account, fen in (await _booked(run_id)).items() if fen}
        fees = {"channel_fees": fee_fen} if fee_fen else {}
        assert booked == {"bank": bank_fen, "bank_card_clearing": 40_000} | fees
        await run(who, withdraw_settlement, WithdrawSettlement(run_id=run_id, reason="登记有误"))


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("clearing_fen, fee_fen, bank_fen", "100, 1, 100", "settlement_adds_up"),
        ("clearing_fen, fee_fen, bank_fen, withdrawn_at", "100, 0, 100, now()", "settlement_withdrawn_says_why"),
        ("clearing_fen, fee_fen, bank_fen", "100, 0, 100", "settlement_once"),
    ],
)
async def test_given_rows_by_hand_then_the_database_refuses_what_does_not_add_up(
    columns: str, values: str, constraint: str
) -> None:
    entry_id = await value("SELECT id FROM journal_entry LIMIT 1")
    run_id = await make_run(date(2020, 1, 1) + timedelta(days=len(constraint)), ReconciledChannel.INSURANCE)
    sql = (
        f"INSERT INTO channel_settlement (id, run_id, {columns}, reference, arrived_on, entry_id, settled_at) "
        f"VALUES ($1, $2, {values}, 'x', DATE '2026-01-01', $3, now()) RETURNING id"
    )
    if constraint == "settlement_once":
        await rows(sql, new_id(), run_id, entry_id)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await rows(sql, new_id(), run_id, entry_id)
    assert refused.value.constraint_name == constraint  # type: ignore[attr-defined]
