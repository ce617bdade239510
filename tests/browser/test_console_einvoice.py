"""E-invoices at the cashier's desk, as they are in a browser."""

import re
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import _insert
from tests.fixtures.einvoice import make_e_invoice
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_the_desk_sees_why_one_failed_and_cannot_send_it_without_a_platform(
    desk: Desk, server: Server, tmp_path: Path
) -> None:
    failed = await make_e_invoice(status="failed")
    await make_e_invoice(status="reversed")
    issued = await make_e_invoice()
    bus_no = await value("SELECT bus_no FROM e_invoice WHERE id = $1", failed)
    cashier = await make_staff(roles=[StaffRole.CASHIER])
    page = await desk.log_in(cashier, "/e-invoices")
    await expect(page.get_by_text("本院尚未接入医疗电子票据平台")).to_be_visible()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "list.png")
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name=f"重试 {bus_no}"))
    await expect(row).to_contain_text("平台没有应答")
    await expect(row).to_contain_text("不会重复开票")
    await row.get_by_role("button", name="重试").click()
    await expect(page.get_by_role("alert").filter(has_text="尚未接入医疗电子票据平台")).to_be_visible()
    desk.forgive(412)

    (known,) = await rows("SELECT v.bill_no, i.invoice_no FROM e_invoice v JOIN invoice i ON i.id = v.invoice_id "
                          "WHERE v.id = $1", issued)  # fmt: skip
    await page.get_by_label("票据、红票、结算单或病案号").fill(known["invoice_no"])
    await page.get_by_role("button", name="查询").click()
    await expect(page.get_by_role("button", name=re.compile("^重试"))).to_have_count(0)
    await page.get_by_role("cell", name=known["bill_no"]).click()
    drawer = page.get_by_role("dialog")
    await expect(drawer.get_by_text("a1b2c3")).to_be_visible()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "drawer.png")


async def test_the_desk_sees_each_difference_of_a_day(desk: Desk, server: Server, tmp_path: Path) -> None:
    check_id, day = new_id(), date(2026, 11, 21)
    await _insert(
        "e_invoice_check", id=check_id, day=day, checked_at=await value("SELECT hospital_now()"), issued_count=3,
        issued_fen=15_000, platform_issued_count=4, platform_issued_fen=20_001, red_count=1, red_fen=5_000,
        platform_red_count=1, platform_red_fen=5_000, differences=3,
    )  # fmt: skip
    bill = (await rows("SELECT invoice_id FROM e_invoice WHERE id = $1", await make_e_invoice()))[0]["invoice_id"]
    bill_no = {"bus_no": "B0000000017-1", "bill_no": "0000000042"}
    for kind, ours, theirs in (
        ("missing_here", None, 5_000),
        ("amount_differs", 5_000, 5_001),
        ("not_issued", 5_000, None),
    ):
        known = {"invoice_id": bill} if kind == "not_issued" else bill_no
        await _insert(
            "e_invoice_difference", check_id=check_id, kind=kind, red=False, our_fen=ours, platform_fen=theirs, **known
        )
    manager = await make_staff(roles=[StaffRole.MANAGER])
    page = await desk.log_in(manager, "/e-invoices")
    await page.get_by_text("日核对", exact=True).click()
    row = page.get_by_role("row").filter(has_text="2026-11-21")
    await expect(row).to_contain_text("3 处差异")
    await desk.must_be_accessible()
    await row.click()
    drawer = page.get_by_role("dialog")
    for words in ("本院没有", "金额不同", "已结清未开票"):
        await expect(drawer.get_by_text(words, exact=True)).to_be_visible()
    number = await value("SELECT invoice_no FROM invoice WHERE id = $1", bill)
    await expect(drawer.get_by_text(f"结算单 {number}")).to_be_visible()
    await expect(drawer.get_by_role("button", name="补开票据")).to_be_visible()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "differences.png")


async def make_copy(stock_id: UUID, number: int, **columns: Any) -> UUID:
    """A blank of a range that was used, as the platform left it."""
    paper_id, now = new_id(), await value("SELECT hospital_now()")
    known = {"status": "printed", "asked_at": now, "printed_at": now, "paper_no": f"{number:010d}", "tries": 1}
    await _insert("paper_copy", id=paper_id, version=0, stock_id=stock_id, number=number, **(known | columns))
    return paper_id


# Every platform in a test counts from one: a patient's number is nobody else's.
_WHOSE = "SELECT p.patient_no FROM e_invoice e JOIN patient p ON p.id = e.patient_id WHERE e.id = $1"


async def test_the_desk_sees_blanks_and_copies_and_asks_for_one_back(
    desk: Desk, server: Server, tmp_path: Path
) -> None:
    cashier = await make_staff(roles=[StaffRole.CASHIER, StaffRole.MANAGER])
    drawer_id = await value("SELECT drawer_id FROM cashier_shift WHERE staff_id = $1", cashier.staff_id)
    wanted, plain, now = await make_e_invoice(), await make_e_invoice(), await value("SELECT hospital_now()")
    page = await desk.log_in(cashier, "/e-invoices")
    await page.get_by_text("纸质票据", exact=True).click()
    await page.get_by_role("button", name="领用空白票据").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_label("收款点").click()
    code = await value("SELECT code FROM cash_drawer WHERE id = $1", drawer_id)
    await page.get_by_role("option", name=re.compile(rf"（{code}）")).click()
    await sheet.get_by_label("票据代码").fill("P110600")
    await sheet.get_by_label("首张票号").fill("0000000101")
    await sheet.get_by_label("末张票号").fill("0000000200")
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "hand-out.png")
    await sheet.get_by_role("button", name="确认领用").click()
    row = page.get_by_role("row").filter(has_text="0000000101–0000000200")
    await expect(row).to_contain_text("我的窗口")
    stock_id = await value("SELECT id FROM paper_stock WHERE drawer_id = $1", drawer_id)
    await rows("UPDATE paper_stock SET next_number = 104 WHERE id = $1 RETURNING id", stock_id)
    paper_id = await make_copy(stock_id, 101, e_invoice_id=wanted)
    await make_copy(stock_id, 102, status="void", void_reason="打印机卡纸", voided_at=now)
    await make_copy(stock_id, 103, status="void-failed", void_reason="破损", failure_text="平台没有应答")
    await rows(
        "UPDATE e_invoice SET paper_id = $2, paper_wanted_at = hospital_now() WHERE id = $1 RETURNING id",
        wanted,
        paper_id,
    )
    await page.reload()
    await page.get_by_text("纸质票据", exact=True).click()
    await expect(row).to_contain_text("0000000104")
    await expect(row).to_contain_text("1 张待处理")
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "blanks.png")
    await row.click()
    await expect(page.get_by_role("dialog").get_by_text("打印机卡纸")).to_be_visible()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "used.png")
    await page.keyboard.press("Escape")

    await row.get_by_role("button", name="退回余票").click()
    await expect(page.get_by_role("dialog")).to_contain_text("0000000104–0000000200")
    await page.get_by_role("button", name="确认退回").click()
    await expect(page.get_by_role("dialog").get_by_text("请写明退回原因")).to_be_visible()
    await page.screenshot(path=tmp_path / "return.png")
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")

    await page.get_by_text("票据", exact=True).click()
    row = page.get_by_role("row").filter(has_text=await value(_WHOSE, wanted))
    await expect(row).to_contain_text("已退费，待收回纸质票据")
    await row.click()
    drawer = page.get_by_role("dialog")
    await expect(drawer.get_by_text("请收回纸质票据并作废")).to_be_visible()
    await expect(drawer.get_by_role("button", name="收回作废")).to_be_visible()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "wanted.png")
    await page.keyboard.press("Escape")
    await page.get_by_role("row").filter(has_text=await value(_WHOSE, plain)).click()
    await expect(drawer.get_by_text("0000000104")).to_be_visible()
    await drawer.get_by_role("button", name="票号一致，换开纸质").click()
    await expect(page.get_by_role("alert").filter(has_text="尚未接入医疗电子票据平台")).to_be_visible()
    desk.forgive(412)
    await page.screenshot(path=tmp_path / "convert.png")
    await page.keyboard.press("Escape")

    await page.get_by_role("radiogroup").get_by_text("纸质票据", exact=True).click()
    row = page.get_by_role("row").filter(has_text="0000000101–0000000200")
    await row.get_by_role("button", name="退回余票").click()
    await page.get_by_label("退回原因").fill("窗口停用")
    await page.get_by_role("button", name="确认退回").click()
    await expect(row).to_contain_text("退回 0000000104–0000000200 共 97 张：窗口停用")
    await expect(row.get_by_role("button", name="退回余票")).to_have_count(0)
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "returned.png")
    await rows("UPDATE e_invoice SET paper_wanted_at = NULL WHERE id = $1 RETURNING id", wanted)
