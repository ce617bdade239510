"""The board of the day in Chromium: figures, curves with their tables, and news without a reload."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from backend.chromium import chromium_path
from hospital_core.access.queueing.commands import CallNext
from hospital_core.access.queueing.service import call_next
from hospital_core.finance.payments.commands import RequestRefund, TakeCash
from hospital_core.finance.payments.service import request_refund, take_cash
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, LARGE, SMALL, Desk
from tests.fixtures.access import make_booked, make_clinic, make_session, make_ticket
from tests.fixtures.finance import make_invoice, rows, run_cashier
from tests.fixtures.people import make_staff
from tests.fixtures.registry import unique
from tests.fixtures.server import Server
from tests.flows.http.test_board import begun

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def figure(page: Page, title: str) -> int:
    """The number of a tile."""
    tile = page.locator("dl > div").filter(has=page.get_by_text(title, exact=True))
    return int(await tile.locator("dd").first.inner_text())


async def test_a_manager_watches_the_day(desk: Desk, server: Server, tmp_path: Path) -> None:
    name, clinic = unique("骨科"), await make_clinic()
    await rows("UPDATE department SET name = $2 WHERE id = $1 RETURNING id", clinic.department_id, name)
    session = await make_session(clinic=clinic, starts_in=await begun(), places=24)
    for _ in range(3):
        await make_ticket(session=session)
    await make_booked(session=session)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    billed = await make_invoice()
    await run_cashier(take_cash, TakeCash(invoice_id=billed.invoice.id, tendered_fen=10_000))
    await run_cashier(request_refund, RequestRefund(
        invoice_id=billed.invoice.id, amount_fen=2_000, reason="退费", source_kind="appointment", source_id=new_id()
    ))  # fmt: skip
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/board")
    await expect(page.get_by_role("region", name="收款渠道").get_by_role("row").filter(has_text="现金")).to_be_visible()
    before = await figure(page, "到诊")
    assert before >= 3
    await expect(page.locator("canvas")).to_have_count(4)
    await make_ticket(session=session)
    await expect(page.locator("dl > div").filter(has=page.get_by_text("到诊", exact=True))).to_contain_text(
        re.compile(rf"到诊\s*({'|'.join(str(before + more) for more in range(1, 20))})\b"), timeout=20_000
    )
    own = page.get_by_role("region", name="科室")
    await own.get_by_role("button", name="以表格查看科室").click()
    cells = own.get_by_role("row").filter(has_text=name).get_by_role("cell")
    assert (await cells.all_inner_texts())[:4] == ["5", "4", "3", "0"]
    await desk.must_be_accessible()
    await own.get_by_role("button", name="以表格查看科室").click()
    for size, shot in ((LARGE, "board-1920.png"), (SMALL, "board-1366.png")):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.wait_for_timeout(400)
        await page.screenshot(path=tmp_path / shot, full_page=True)
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_given_an_unchanged_day_then_it_is_not_sent_again(desk: Desk, server: Server) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/board")
    await expect(page.get_by_text("每 10 秒更新")).to_be_visible()
    known = None
    for _ in range(6):  # what is new is sent: a quarter of an hour may begin, holds of this run lapse
        async with page.expect_response(lambda answer: answer.url.endswith("/board"), timeout=25_000) as news:
            pass
        answer = await news.value
        if answer.headers["etag"] == known:
            assert (await answer.request.sizes())["responseBodySize"] == 0
            return
        known = answer.headers["etag"]
    pytest.fail("the board never stood still")


async def test_a_manager_looks_at_one_campus_alone(desk: Desk, server: Server, tmp_path: Path) -> None:
    name, clinic, other = unique("东区"), await make_clinic(), await make_clinic()
    await rows("UPDATE campus SET name = $2 WHERE id = $1 RETURNING id", clinic.campus_id, name)
    for place, arrivals in ((clinic, 2), (other, 1)):
        session = await make_session(clinic=place, starts_in=await begun(), places=24)
        for _ in range(arrivals):
            await make_ticket(session=session)
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/board")
    await expect(page.locator("canvas")).to_have_count(4)
    assert await figure(page, "到诊") >= 3
    choice = page.get_by_role("combobox", name="院区")
    await choice.click()
    await choice.fill(name)
    await page.get_by_role("option", name=name).click()
    await expect(
        page.locator("dl > div").filter(has=page.get_by_text("到诊", exact=True)).locator("dd").first
    ).to_have_text("2")
    await expect(page.get_by_text("手机充值只计入全院")).to_be_visible()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "campus.png")


async def test_a_registrar_has_no_board(desk: Desk, server: Server) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/board")
    await expect(page).not_to_have_url(re.compile("/board$"))
    await expect(page.get_by_role("navigation").get_by_role("link", name="今日看板")).to_have_count(0)
