"""E-invoices at the cashier's desk, as they are in a browser."""

import re
from datetime import date
from pathlib import Path

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
