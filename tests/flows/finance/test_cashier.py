"""The cashier's day: shifts that add up, receipts without gaps, days that close in order and stay closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from hospital_core.finance.ledger.commands import CloseDay, Correct, moved
from hospital_core.finance.ledger.errors import (
    AccountingDayClosed,
    AlreadyJournalled,
    CorrectedByItsDocument,
    DayAlreadyClosed,
    DayNotOver,
    EarlierDayOpen,
)
from hospital_core.finance.ledger.queries import balance, closed_day, drawer_fen, journals_of, trial_balance
from hospital_core.finance.ledger.service import accounting_day, correct, post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments import queries
from hospital_core.finance.payments.commands import (
    AskReceipt,
    CloseShift,
    DepositCash,
    OpenShift,
    RecordTender,
    RefundAtCounter,
    SaveDrawer,
    TakeCash,
    VoidReceipt,
)
from hospital_core.finance.payments.errors import (
    AlreadyVoided,
    DrawerCodeTaken,
    DrawerNotUsable,
    DrawerTaken,
    NotEnoughCash,
    NotPaid,
    ShiftAlreadyOpen,
    ShiftNotOpen,
    ShiftsStillOpen,
)
from hospital_core.finance.payments.reports import day_report, series_report, shift_report
from hospital_core.finance.payments.service import (
    ask_receipt,
    close_accounting_day,
    close_shift,
    deposit_cash,
    open_shift,
    record_bank_card,
    refund_at_counter,
    save_drawer,
    take_cash,
    void_receipt,
)
from hospital_core.finance.payments.states import DrawerKind, PaymentChannel, ReceiptKind, ShiftStatus
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import deliver
from tests.fixtures.engines import Engines, connected_elsewhere
from tests.fixtures.finance import FakeGateway, forged, make_intent, make_invoice, run_system, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import make_cashier, open_window, unique

READING = Reading(system_context())


async def _sold(cashier: Context, *, price: str = "50.00", tendered_fen: int = 10_000) -> Any:
    """A bill paid in cash at the cashier's window."""
    bill = await make_invoice(unit_price=price)
    return await run(cashier, take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=tendered_fen))


async def _today() -> date:
    return hospital_day(await value("SELECT hospital_now()"))


# ── shifts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_a_day_at_a_window_then_opening_plus_in_minus_out_is_expected(gateway: FakeGateway) -> None:
    cashier = await make_cashier(opening_fen=None)
    shift = await open_window(cashier, opening_fen=20_000)
    first = await _sold(cashier)
    await _sold(cashier, price="12.34")
    bill = await make_invoice(unit_price="30.00")
    record = RecordTender(invoice_id=bill.invoice.id, reference="POS000123")
    await run(cashier, record_bank_card, record)
    await run(cashier, refund_at_counter, RefundAtCounter(invoice_id=first.invoice_id, amount_fen=2000, reason="退费"))
    await run(cashier, deposit_cash, DepositCash(amount_fen=15_000))
    report = await shift_report(READING, shift.id)
    assert (report.cash_in_fen, report.cash_out_fen, report.deposited_fen) == (6234, 2000, 15_000)
    assert report.expected_fen == 20_000 + 6234 - 2000 - 15_000
    assert {(row.channel, row.received_fen, row.refunded_fen) for row in report.takings} == {
        (PaymentChannel.CASH, 6234, 2000), (PaymentChannel.BANK_CARD, 3000, 0),
    }  # fmt: skip
    (series,) = report.receipts
    assert (series.issued, series.voided) == (4, 0)
    with pytest.raises(FieldProblem):
        await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=9233))
    closed = await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=9233, note="找零差一分"))
    assert (closed.status, closed.expected_fen, closed.counted_fen) == (ShiftStatus.CLOSED, 9234, 9233)
    (difference,) = [j for j in await journals_of(READING, "cashier_shift", shift.id) if j.kind == "shift_closed"]
    assert sorted(line.amount_fen for line in difference.lines) == [-1, 1]
    assert await drawer_fen(READING, shift.drawer_id) == 9233
    with pytest.raises(ShiftNotOpen):
        await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=9233))
    with pytest.raises(ShiftNotOpen):
        await _sold(cashier)
    assert await money_findings() == []


async def test_given_two_cashiers_and_one_drawer_then_one_works_there_and_each_at_one_place(
    gateway: FakeGateway,
) -> None:
    drawer = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="1 号窗口"))
    first, second = await make_cashier(opening_fen=None), await make_cashier(opening_fen=None)
    wanted = OpenShift(drawer_id=drawer.id, opening_fen=0)
    done = await asyncio.gather(*(run(c, open_shift, wanted) for c in (first, second)), return_exceptions=True)
    (refusal,) = [answer for answer in done if isinstance(answer, Exception)]
    assert isinstance(refusal, DrawerTaken)
    winner = first if not isinstance(done[0], Exception) else second
    elsewhere = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="2 号窗口"))
    with pytest.raises(ShiftAlreadyOpen):
        await run(winner, open_shift, OpenShift(drawer_id=elsewhere.id, opening_fen=0))
    seen = {place.id: place for place in (await queries.drawers(READING)).items}
    assert seen[drawer.id].staff_id == winner.actor.id
    assert seen[elsewhere.id].staff_id is None


async def test_given_a_place_without_cash_or_a_program_then_no_shift_is_opened(gateway: FakeGateway) -> None:
    cashier = await make_cashier(opening_fen=None)
    online = await run_system(save_drawer, SaveDrawer(code=unique("N"), name="线上", kind=DrawerKind.ONLINE))
    closed = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="停用", active=False))
    for drawer in (online, closed):
        with pytest.raises(DrawerNotUsable):
            await run(cashier, open_shift, OpenShift(drawer_id=drawer.id, opening_fen=0))
    with pytest.raises(NotFound):
        await run(cashier, open_shift, OpenShift(drawer_id=new_id(), opening_fen=0))
    with pytest.raises(Forbidden):
        await run_system(open_shift, OpenShift(drawer_id=closed.id, opening_fen=0))
    with pytest.raises(DrawerCodeTaken):
        await run_system(save_drawer, SaveDrawer(code=closed.code, name="重号"))
    with pytest.raises(FieldProblem):
        await run_system(save_drawer, SaveDrawer(drawer_id=closed.id, code=unique("X"), name="改号"))


async def test_given_another_cashiers_shift_then_only_who_closes_days_ends_it(gateway: FakeGateway) -> None:
    mine, other = await make_cashier(), await make_cashier(opening_fen=None)
    shift = await queries.own_shift(Reading(mine))
    assert shift is not None
    command = CloseShift(shift_id=shift.id, counted_fen=0)
    with pytest.raises(NotFound):
        await run(other, close_shift, command)
    manager = await make_cashier(role=StaffRole.MANAGER, opening_fen=None)
    assert (await run(manager, close_shift, command)).status is ShiftStatus.CLOSED
    assert await queries.own_shift(Reading(mine)) is None


async def test_given_taking_and_closing_at_once_then_the_count_has_it_or_it_is_refused(gateway: FakeGateway) -> None:
    for _ in range(6):
        cashier = await make_cashier()
        shift = await queries.own_shift(Reading(cashier))
        assert shift is not None
        closing = CloseShift(shift_id=shift.id, counted_fen=5000, note="清点")
        taken, closed = await asyncio.gather(_sold(cashier), run(cashier, close_shift, closing), return_exceptions=True)
        assert not isinstance(closed, BaseException)
        assert closed.expected_fen == (0 if isinstance(taken, ShiftNotOpen) else 5000)
        assert await drawer_fen(READING, shift.drawer_id) == 5000


async def test_given_ten_parallel_deposits_then_the_drawer_is_emptied_once(gateway: FakeGateway) -> None:
    cashier = await make_cashier(opening_fen=5000)
    done = await asyncio.gather(
        *(run(cashier, deposit_cash, DepositCash(amount_fen=3000)) for _ in range(10)), return_exceptions=True
    )
    assert sum(not isinstance(answer, Exception) for answer in done) == 1
    assert {type(answer) for answer in done if isinstance(answer, Exception)} == {NotEnoughCash}


# ── receipts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_forty_parallel_payments_then_the_numbers_have_no_gap_and_no_twin(gateway: FakeGateway) -> None:
    cashier = await make_cashier()
    shift = await queries.own_shift(Reading(cashier))
    assert shift is not None
    bills = [await make_invoice() for _ in range(20)]
    commands = [TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000) for bill in bills] * 2
    done = await asyncio.gather(*(run(cashier, take_cash, c) for c in commands), return_exceptions=True)
    numbers = sorted(taken.receipt_no for taken in done if not isinstance(taken, BaseException))
    day = await _today()
    assert numbers == [f"{shift.drawer_code}-{day:%Y%m%d}-{n:06d}" for n in range(1, 21)], "refused ones left no gap"
    report = await series_report(READING, shift.drawer_id, day)
    assert (report.last_number, report.missing, len(report.receipts)) == (20, [], 20)


async def test_given_a_void_receipt_then_its_number_stays_and_another_is_drawn(gateway: FakeGateway) -> None:
    cashier = await make_cashier()
    taken = await _sold(cashier)
    (first,) = await queries.receipts_of(READING, taken.invoice_id)
    assert (first.receipt_no, first.kind, first.amount_fen) == (taken.receipt_no, ReceiptKind.PAYMENT, 5000)
    command = VoidReceipt(receipt_id=first.id, reason="打印机卡纸")
    await run(cashier, void_receipt, command)
    with pytest.raises(AlreadyVoided):
        await run(cashier, void_receipt, command)
    again = await run(cashier, ask_receipt, AskReceipt(invoice_id=taken.invoice_id))
    assert again.number == 2
    assert (await run(cashier, ask_receipt, AskReceipt(invoice_id=taken.invoice_id))).id == again.id
    report = await series_report(READING, first.drawer_id, first.day)
    assert [(r.number, r.void_reason) for r in report.receipts] == [(1, "打印机卡纸"), (2, None)]
    for statement in (
        "DELETE FROM receipt WHERE id = $1",
        "UPDATE receipt SET amount_fen = 1 WHERE id = $1",
        "UPDATE receipt SET voided_at = NULL, void_reason = NULL WHERE id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
            await run_system(forged(lambda uow, sql=statement: uow.execute(sql, first.id)), None)  # type: ignore[misc]


async def test_given_a_bill_paid_by_phone_then_its_receipt_comes_from_the_online_series(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    with pytest.raises(NotPaid):
        await run_system(ask_receipt, AskReceipt(invoice_id=bill.invoice.id))
    await deliver(gateway.pay((await make_intent(gateway, invoice_id=bill.invoice.id)).out_trade_no))
    made = await asyncio.gather(*(run_system(ask_receipt, AskReceipt(invoice_id=bill.invoice.id)) for _ in range(8)))
    assert len({receipt.id for receipt in made}) == 1
    assert made[0].receipt_no.startswith("NET-")


# ── days ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _own_books(engines: Engines, core: Engines) -> AsyncIterator[asyncpg.Connection]:
    """Books of their own, for a day that is closed for everybody; yields the owner, who may move the clock."""
    async with connected_elsewhere(engines, core) as own:
        owner = await asyncpg.connect(own.owner)
        try:
            yield owner
        finally:
            await owner.close()


async def _close(day: date) -> Any:
    return await run_system(close_accounting_day, CloseDay(day=day))


async def test_given_days_then_they_close_in_order_once_and_take_no_more(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with _own_books(engines, core) as owner:
        cashier, today = await make_cashier(), await _today()
        shift = await queries.own_shift(Reading(cashier))
        assert shift is not None
        await _sold(cashier)
        with pytest.raises(DayNotOver):
            await _close(today + timedelta(days=1))
        with pytest.raises(ShiftsStillOpen):
            await _close(today)
        await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=5000))
        closed = await _close(today)
        figures = {row.account: row.closing_fen for row in closed.accounts}
        assert figures[LedgerAccount.CASH_DRAWER] == 5000
        assert figures[LedgerAccount.REVENUE_REGISTRATION] == -5000
        assert sum(figures.values()) == 0
        with pytest.raises(DayAlreadyClosed):
            await _close(today)
        await make_invoice()  # still today by the clock: it enters tomorrow's books
        assert await value("SELECT max(accounting_date) FROM journal_entry") == today + timedelta(days=1)
        assert (await closed_day(READING, today)).accounts == closed.accounts
        await owner.execute("UPDATE clock_offset SET offset_seconds = 3 * 86400")
        await make_invoice()
        with pytest.raises(EarlierDayOpen) as refusal:
            await _close(today + timedelta(days=3))
        assert refusal.value.fields == {"day": (today + timedelta(days=1)).isoformat()}
        second = await _close(today + timedelta(days=1))
        carried = {row.account: row for row in second.accounts}
        assert carried[LedgerAccount.PATIENT_RECEIVABLE].opening_fen == 0
        assert carried[LedgerAccount.PATIENT_RECEIVABLE].closing_fen == 5000
        assert carried[LedgerAccount.CASH_DRAWER].opening_fen == 5000
        (row,) = [
            r for r in await trial_balance(READING, today + timedelta(days=3)) if r.account == "patient_receivable"
        ]
        assert (row.opening_fen, row.debit_fen, row.closing_fen) == (5000, 5000, 10_000)
        assert await money_findings() == []


async def test_given_a_journal_for_a_closed_day_past_the_service_then_the_database_refuses_it(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with _own_books(engines, core):
        await make_invoice()
        today = await _today()
        await _close(today)

        async def write(uow: UnitOfWork) -> None:
            await uow.execute(
                "INSERT INTO journal_entry (id, kind, source_kind, source_id, at, accounting_date) "
                "VALUES ($1, 'invoiced', 'test', $1, $2, $3)",
                new_id(), uow.now, today,
            )  # fmt: skip

        with pytest.raises(AccountingDayClosed):
            await run_system(forged(write), None)
        for statement in ("DELETE FROM closed_day", "UPDATE closed_day SET day = day"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await run_system(forged(lambda uow, sql=statement: uow.execute(sql)), None)  # type: ignore[misc]


async def test_given_bills_written_while_the_day_is_closed_then_each_is_in_its_totals_or_in_the_next_day(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with _own_books(engines, core):
        await make_invoice()
        today = await _today()
        done = await asyncio.gather(*(make_invoice() for _ in range(12)), _close(today), return_exceptions=True)
        closed = done[-1]
        assert not isinstance(closed, BaseException)
        (revenue,) = [row for row in closed.accounts if row.account is LedgerAccount.REVENUE_REGISTRATION]
        inside = await value("SELECT count(*) FROM journal_entry WHERE accounting_date = $1", today)
        assert revenue.credit_fen == 5000 * inside
        assert {type(a) for a in done if isinstance(a, BaseException)} <= {AccountingDayClosed}
        assert await money_findings() == []


async def test_given_a_wrong_deposit_then_its_mirror_corrects_it_forward_and_once(gateway: FakeGateway) -> None:
    cashier = await make_cashier(opening_fen=9000)
    shift = await queries.own_shift(Reading(cashier))
    assert shift is not None
    wrong = await run(cashier, deposit_cash, DepositCash(amount_fen=8000))
    red = await run_system(correct, Correct(entry_id=wrong.entry_id, reason="多录一个零"))
    assert await drawer_fen(READING, shift.drawer_id) == 9000
    with pytest.raises(AlreadyJournalled):
        await run_system(correct, Correct(entry_id=wrong.entry_id, reason="再更正一次"))
    await run_system(correct, Correct(entry_id=red.entry_id, reason="原来没有错"))
    assert await drawer_fen(READING, shift.drawer_id) == 1000
    taken = await _sold(cashier)
    (journal,) = await journals_of(READING, "payment_intent", taken.id)
    with pytest.raises(CorrectedByItsDocument):
        await run_system(correct, Correct(entry_id=journal.id, reason="直接改账"))
    with pytest.raises(NotFound):
        await run_system(correct, Correct(entry_id=new_id(), reason="没有这张凭证"))


async def test_given_a_day_then_its_report_adds_up_to_the_ledger(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with _own_books(engines, core):
        cashier = await make_cashier()
        first = await _sold(cashier)
        await _sold(cashier, price="20.00")
        await run(
            cashier, refund_at_counter, RefundAtCounter(invoice_id=first.invoice_id, amount_fen=1000, reason="退费")
        )
        report = await day_report(READING, await _today())
        assert report.closed is False
        (row,) = report.takings
        assert (row.channel, row.received_fen, row.received_count, row.refunded_fen, row.refunded_count) == (
            PaymentChannel.CASH, 7000, 2, 1000, 1,
        )  # fmt: skip
        (category,) = report.categories
        assert (category.category, category.charged_fen, category.returned_fen) == ("registration", 7000, 1000)
        (series,) = report.receipts
        assert (series.issued, series.amount_fen) == (3, 6000), "what went back is taken off"
        accounts = {account.account: account for account in report.accounts}
        cash = accounts[LedgerAccount.CASH_DRAWER]
        assert (cash.debit_fen, cash.credit_fen) == (row.received_fen, row.refunded_fen)
        assert await balance(READING, LedgerAccount.CASH_DRAWER) == cash.closing_fen


async def test_given_the_open_day_then_it_is_told_and_cash_must_name_its_drawer(gateway: FakeGateway) -> None:
    days: list[date] = []

    async def look(uow: UnitOfWork) -> None:
        days.append(await accounting_day(uow))

    await run_system(forged(look), None)
    assert days[0] >= await _today()
    lines = moved(1, debit=LedgerAccount.CASH_DRAWER, credit=LedgerAccount.BANK, patient_id=None)
    with pytest.raises(asyncpg.CheckViolationError, match="journal_cash_names_drawer"):
        await run_system(forged(lambda uow: post(uow, JournalKind.CASH_DEPOSITED, "test", new_id(), lines)), None)
