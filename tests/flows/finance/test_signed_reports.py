"""What was signed for stays: a shift's and a day's report read the same after whatever comes later."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from datetime import date, timedelta
from typing import Any

from hospital_core.finance.ledger.commands import CloseDay
from hospital_core.finance.payments import queries
from hospital_core.finance.payments.commands import AskReceipt, CloseShift, TakeCash, VoidReceipt
from hospital_core.finance.payments.reports import day_report, series_report, shift_report
from hospital_core.finance.payments.service import (
    ask_receipt,
    close_accounting_day,
    close_shift,
    take_cash,
    void_receipt,
)
from hospital_core.finance.payments.states import ShiftStatus
from hospital_core.finance.payments.views import ShiftView
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day
from tests.fixtures.access import deliver
from tests.fixtures.engines import Engines, connected_elsewhere
from tests.fixtures.finance import FakeGateway, make_intent, make_invoice, run_system, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import make_cashier

READING = Reading(system_context())


async def _sold(cashier: Context) -> Any:
    bill = await make_invoice()
    return await run(cashier, take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000))


async def _shift_of(cashier: Context) -> ShiftView:
    shift = await queries.own_shift(Reading(cashier))
    assert shift is not None
    return shift


async def _today() -> date:
    return hospital_day(await value("SELECT hospital_now()"))


async def _void(receipt_no: str) -> None:
    receipt_id = await value("SELECT id FROM receipt WHERE receipt_no = $1", receipt_no)
    await run_system(void_receipt, VoidReceipt(receipt_id=receipt_id, reason="患者遗失"))


def _elsewhere() -> Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]:
    """A way to do something in a transaction of its own, from within another that begins later."""
    context = copy_context()
    return lambda doing: asyncio.create_task(doing, context=context)


async def test_given_a_receipt_made_void_after_the_shift_then_the_signed_report_stays(gateway: FakeGateway) -> None:
    cashier = await make_cashier()
    shift, sold = await _shift_of(cashier), await _sold(cashier)
    await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=5000))
    signed = await shift_report(READING, shift.id)
    await _void(sold.receipt_no)
    assert await shift_report(READING, shift.id) == signed
    (told,) = (await series_report(READING, shift.drawer_id, await _today())).receipts
    assert told.void_reason == "患者遗失", "the series tells what became of every number"


async def test_given_a_receipt_drawn_while_the_shift_is_being_closed_then_the_report_has_it(
    gateway: FakeGateway,
) -> None:
    cashier = await make_cashier()
    shift, elsewhere = await _shift_of(cashier), _elsewhere()

    async def close_after_a_sale(uow: UnitOfWork, command: CloseShift) -> ShiftView:
        await elsewhere(_sold(cashier))  # had the shift first, and is committed
        return await close_shift(uow, command)

    await run(cashier, close_after_a_sale, CloseShift(shift_id=shift.id, counted_fen=5000))
    report = await shift_report(READING, shift.id)
    assert (report.cash_in_fen, [row.issued for row in report.receipts]) == (5000, [1])


async def test_given_a_day_closed_early_then_what_comes_later_is_on_the_next_days_report(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with connected_elsewhere(engines, core):
        cashier, today = await make_cashier(), await _today()
        shift, sold = await _shift_of(cashier), await _sold(cashier)
        await run(cashier, close_shift, CloseShift(shift_id=shift.id, counted_fen=5000))
        await run_system(close_accounting_day, CloseDay(day=today))
        signed = await day_report(READING, today)
        assert ([row.issued for row in signed.receipts], [one.id for one in signed.shifts]) == ([1], [shift.id])
        evening = await make_cashier()
        await _sold(evening)
        online = await make_invoice()
        await deliver(gateway.pay((await make_intent(gateway, invoice_id=online.invoice.id)).out_trade_no))
        await run_system(ask_receipt, AskReceipt(invoice_id=online.invoice.id))
        await _void(sold.receipt_no)
        assert await day_report(READING, today) == signed
        after = await day_report(READING, today + timedelta(days=1))
        assert sorted(row.issued for row in after.receipts) == [1, 1], (
            "the window's and the phone's, on no other report"
        )
        assert [one.id for one in after.shifts] == [(await _shift_of(evening)).id]
        assert sum(row.received_count for row in after.takings) == 2


async def test_given_a_shift_past_midnight_then_the_closed_day_shows_it_as_it_was(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with connected_elsewhere(engines, core):
        night, today = await make_cashier(), await _today()
        shift = await _shift_of(night)
        await _sold(night)
        await _back_by_a_day()
        await run_system(close_accounting_day, CloseDay(day=today - timedelta(days=1)))
        signed = await day_report(READING, today - timedelta(days=1))
        assert [(one.id, one.status) for one in signed.shifts] == [(shift.id, ShiftStatus.OPEN)]
        await run(night, close_shift, CloseShift(shift_id=shift.id, counted_fen=5000))
        assert await day_report(READING, today - timedelta(days=1)) == signed
        (ended,) = (await day_report(READING, today)).shifts
        assert (ended.status, ended.counted_fen) == (ShiftStatus.CLOSED, 5000)


async def _back_by_a_day() -> None:
    """As if the shift had been opened yesterday."""
    await value("UPDATE cashier_shift SET opened_at = opened_at - interval '1 day' RETURNING id")


async def test_given_a_bill_written_while_the_day_is_being_closed_then_it_is_not_after_the_closing(
    gateway: FakeGateway, engines: Engines, core: Engines
) -> None:
    async with connected_elsewhere(engines, core):
        today, elsewhere = await _today(), _elsewhere()

        async def close_after_a_bill(uow: UnitOfWork, command: CloseDay) -> Any:
            await elsewhere(make_invoice())
            return await close_accounting_day(uow, command)

        await run_system(close_after_a_bill, CloseDay(day=today))
        assert await value("SELECT count(*) FROM journal_entry WHERE accounting_date = $1", today) == 1
        assert await money_findings() == []
