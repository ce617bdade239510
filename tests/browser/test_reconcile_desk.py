"""The reconciliation page in Chromium: a month of days, three columns of one, two persons who settle a difference."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from playwright.async_api import Page, expect

from backend.chromium import chromium_path
from hospital_core.finance.payments.ports import BillRow
from hospital_core.finance.reconciliation.commands import MatchRun, PlanRuns
from hospital_core.finance.reconciliation.outside import stage
from hospital_core.finance.reconciliation.service import match_run, plan_runs, take_bill
from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.engines import with_database
from tests.fixtures.finance import MERCHANT, make_payer, rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.reconciling import MoneyDay
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]

_OWED = """
SELECT to_char((sum(CASE kind WHEN 'payment' THEN settled_fen ELSE -settled_fen END)
                - round(sum(fee_millifen) / 1000.0)) / 100, 'FM99999990.00')
FROM bill_line WHERE load_id = (SELECT load_id FROM reconciliation_run WHERE day = $1 AND channel = 'wechat')"""

_AT_THE_BANK = """
SELECT sum(l.amount_fen) FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id
WHERE l.account = 'bank' AND e.source_kind = 'channel_settlement' AND e.source_id IN (
    SELECT a.id FROM channel_settlement a JOIN reconciliation_run r ON r.id = a.run_id WHERE r.day = $1)"""

_UNSETTLE = """
DELETE FROM channel_settlement
WHERE run_id IN (SELECT id FROM reconciliation_run WHERE day = $1) RETURNING id"""

PLANTS = {"missing": 2, "stranger": 1, "one_fen_more": 1, "closed_here": 1, "ledger_missing": 1, "over_midnight": 2,
          "refund_not_done_here": 1, "waits_for_next_day": 1}  # fmt: skip


# The last of the planned days around which no other test's payments lie: they would be in nobody's bill.
_QUIET_DAY = """
SELECT d.day FROM (SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date AS day) AS today,
LATERAL (SELECT today.day - n AS day FROM generate_series(1, 7) AS n) AS d
ORDER BY EXISTS (SELECT 1 FROM payment_intent i
                 WHERE i.succeeded_at >= (d.day - 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
                   AND i.succeeded_at < (d.day + 2)::timestamp AT TIME ZONE 'Asia/Shanghai'), d.day DESC LIMIT 1"""


@pytest.fixture
async def yesterday(server: Server) -> AsyncIterator[MoneyDay]:
    """A past day's money, compared with a bill that differs; the other channels are planned only."""
    async with _compared(server, PLANTS) as world:
        yield world


@pytest.fixture
async def even_day(server: Server) -> AsyncIterator[MoneyDay]:
    """A past day's money that its bill says as well."""
    async with _compared(server, {}) as world:
        yield world
        await rows(_UNSETTLE, world.day)


@asynccontextmanager
async def _compared(server: Server, plants: dict[str, int]) -> AsyncIterator[MoneyDay]:
    day: date = await value(_QUIET_DAY)
    world = MoneyDay(secrets.token_hex(4), day, 60, await make_payer())
    name = await value("SELECT current_database()")
    admin = await asyncpg.connect(with_database(server.database.admin, name))
    await world.clear(admin)
    await world.lay(admin)
    await world.plant(admin, plants)
    await run(system_context(), plan_runs, PlanRuns(mchid=MERCHANT.mchid))
    # Nobody fetches this merchant's bill, and the rest waits until it is asked for.
    await rows("UPDATE reconciliation_run SET due_at = 'infinity' WHERE day = $1 RETURNING id", day)
    run_id: UUID = await value("SELECT id FROM reconciliation_run WHERE day = $1 AND channel = 'wechat'", day)

    async def bill() -> AsyncIterator[BillRow]:
        for row in world.bill():
            yield row

    await run(system_context(), take_bill, await stage(run_id, bill()))
    await run(system_context(), match_run, MatchRun(run_id=run_id, appid=MERCHANT.appid))
    yield world
    await world.clear(admin)
    await admin.close()


async def turn_to(page: Page, day: date) -> None:
    """The month of that day; on the first days of a month it is the one before."""
    await page.get_by_label("月份", exact=True).fill(f"{day:%Y-%m}")
    await page.keyboard.press("Enter")


async def test_a_day_is_looked_through_and_two_colleagues_settle_a_difference(
    desk: Desk, yesterday: MoneyDay, tmp_path: Path
) -> None:
    world = yesterday
    first, second = [await make_staff(roles=[StaffRole.MANAGER]) for _ in range(2)]
    page = await desk.log_in(first, "/reconcile")
    await turn_to(page, world.day)
    await page.get_by_role("button", name=f"{world.day} 微信支付").click()
    sums = page.get_by_role("table", name="三方汇总")
    await expect(sums.locator("tbody tr")).to_have_count(3)
    listed = page.get_by_role("region", name="差异明细")
    await expect(listed.locator("tbody tr")).to_have_count(len(world.expected))
    await expect(page.get_by_text("跨零点 2 笔")).to_be_visible()
    await page.screenshot(path=tmp_path / "day.png", full_page=True)
    await desk.must_be_accessible()
    await desk.must_fit()

    await page.get_by_role("list", name="差异小计").get_by_role("button", name="短款").click()
    await expect(listed.locator("tbody tr")).to_have_count(2)
    missed = sorted(subject for kind, subject in world.expected if kind == "ours_only_payment")[0]
    await listed.get_by_role("button", name=f"提出处理 {missed}").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_role("button", name="提交复核").click()
    await expect(sheet.get_by_text("请选择处理方式")).to_be_visible()
    await sheet.get_by_role("combobox", name="处理方式").click()
    await page.get_by_role("option", name="已补记入账").click()
    await sheet.get_by_label("说明").fill("渠道次日补记，回单 20261122-08")
    await page.screenshot(path=tmp_path / "sheet.png")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="提交复核").click()
    await expect(page.get_by_text("已提出，等待另一位同事复核")).to_be_visible()

    await page.get_by_text("待复核", exact=True).first.click()
    waiting = page.get_by_role("region", name="待复核").locator("tbody tr").filter(has_text=missed)
    await expect(waiting).to_contain_text("渠道次日补记")
    await waiting.get_by_role("button", name="复核通过").click()
    await page.get_by_role("dialog").get_by_role("button", name="复核通过").click()
    await expect(page.get_by_role("alert").filter(has_text="不能复核自己")).to_be_visible()
    desk.forgive(409)
    await page.screenshot(path=tmp_path / "proposed.png")
    await desk.must_be_accessible()
    await desk.must_fit()

    await desk.log_out()
    await desk.log_in(second, "/reconcile")
    await page.get_by_text("待复核", exact=True).first.click()
    await waiting.get_by_role("button", name="复核通过").click()
    await page.get_by_role("dialog").get_by_role("button", name="复核通过").click()
    await expect(page.get_by_text("已复核通过")).to_be_visible()
    await expect(waiting).to_have_count(0)
    settled = await rows("SELECT status FROM reconciliation_difference WHERE subject = $1", missed)
    assert [row["status"] for row in settled] == ["settled"]


async def test_a_channel_without_bill_is_compared_when_somebody_asks(
    desk: Desk, yesterday: MoneyDay, tmp_path: Path
) -> None:
    world = yesterday
    page = await desk.log_in(await make_staff(roles=[StaffRole.CASHIER]), "/reconcile")
    await turn_to(page, world.day)
    cell = page.get_by_role("button", name=f"{world.day} 现金")
    await expect(cell).to_contain_text("待对账")
    await cell.click()
    await page.get_by_role("region", name="日对账单").get_by_role("button", name="重新对账").click()
    await expect(page.get_by_text("已开始重新对账")).to_be_visible()
    await expect(cell).not_to_contain_text("待对账")
    await expect(cell).not_to_contain_text("对账中")
    await expect(page.get_by_text("该渠道不提供账单")).to_be_visible()
    await page.screenshot(path=tmp_path / "cash.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    status = "SELECT status FROM reconciliation_run WHERE channel = 'cash' AND day = $1"
    assert await value(status, world.day) == "matched"


async def test_a_days_money_arrives_at_the_bank_and_a_wrong_entry_is_taken_back(
    desk: Desk, even_day: MoneyDay, tmp_path: Path
) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/reconcile")
    await turn_to(page, even_day.day)
    cell = page.get_by_role("button", name=f"{even_day.day} 微信支付")
    await cell.click()
    panel = page.get_by_role("region", name="日对账单")
    await expect(panel.get_by_text("待到账")).to_be_visible()
    await page.screenshot(path=tmp_path / "owed.png")
    await panel.get_by_role("button", name="登记到账").click()
    sheet = page.get_by_role("dialog", name="登记到账")
    owed: str = await value(_OWED, even_day.day)
    await expect(sheet.get_by_label("银行到账金额")).to_have_value(owed.removesuffix(".00"))
    await sheet.get_by_label("银行回单号").fill("20261122-0815")
    await sheet.get_by_label("银行到账金额").fill("1.00")
    await sheet.get_by_role("button", name="入账").click()
    await expect(sheet.get_by_text("到账金额与应到账金额不符")).to_be_visible()
    await sheet.get_by_label("银行到账金额").fill(owed)
    await page.screenshot(path=tmp_path / "sheet.png")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="入账").click()
    await expect(page.get_by_text("已记入银行存款")).to_be_visible()
    desk.forgive(409)
    await expect(panel.get_by_text("已到账")).to_be_visible()
    await expect(cell).to_contain_text("已到账")
    await page.screenshot(path=tmp_path / "arrived.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    await panel.get_by_role("button", name="冲回").click()
    sheet = page.get_by_role("dialog", name="冲回到账")
    await sheet.get_by_label("原因").fill("回单号填错")
    await sheet.get_by_role("button", name="冲回").click()
    await expect(panel.get_by_text("待到账")).to_be_visible()
    assert await value(_AT_THE_BANK, even_day.day) == 0
