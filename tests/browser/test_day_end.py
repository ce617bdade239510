"""The end of a cashier's shift and of the accounting day at the console."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.finance.billing.commands import Charge, IssueInvoice
from hospital_core.finance.billing.service import charge, issue_invoice
from hospital_core.finance.payments.commands import SaveDrawer, TakeCash
from hospital_core.finance.payments.service import save_drawer, take_cash
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST
from tests.fixtures.finance import make_price_item, rows, run_system, value
from tests.fixtures.people import MadeStaff, make_staff, register, somebody, unique

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def _sold(cashier: MadeStaff, price: str) -> UUID:
    """Something paid for in cash at this cashier's window; returns the patient."""
    patient_id, encounter_id = await register(person=somebody()), new_id()
    item = await run_system(
        charge,
        Charge(
            patient_id=patient_id, encounter_id=encounter_id, price_item_id=await make_price_item(unit_price=price),
            source_kind="order", source_id=new_id(),
        ),
    )  # fmt: skip
    bill = await run_system(issue_invoice, IssueInvoice(patient_id=patient_id, charge_item_ids=[item.id]))
    paid = TakeCash(invoice_id=bill.id, tendered_fen=bill.total_fen)
    await run(cashier.ctx(), take_cash, paid)
    return patient_id


async def test_given_a_day_of_cash_then_the_shift_is_counted_note_by_note_and_printed(desk, server):
    drawer = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="5 号收费窗口"))
    cashier = await make_staff(name="钱小敏", roles=[StaffRole.CASHIER], at_window=False)
    page = await desk.log_in(cashier, "/shift")
    await page.get_by_role("button", name="开班").click()
    sheet = page.get_by_role("dialog", name="开班")
    await sheet.get_by_role("combobox", name="收款点").click()
    await page.get_by_role("option", name=f"5 号收费窗口（{drawer.code}）").click()
    await sheet.get_by_label("期初现金（元）").fill("100")
    await sheet.get_by_role("button", name="确认开班").click()
    await expect(page.get_by_text("抽屉应有现金")).to_be_visible()
    await _sold(cashier, "86.50")
    await page.keyboard.press("F9")
    sheet = page.get_by_role("dialog", name="缴款")
    await sheet.get_by_label("缴款金额（元）").fill("50")
    await sheet.get_by_role("button", name="登记缴款").click()
    # 100 + 86.50 − 50
    await expect(page.get_by_label("现金").get_by_text("¥136.50")).to_be_visible()
    await expect(sheet).to_be_hidden()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.keyboard.press("F4")
    sheet = page.get_by_role("dialog", name="结班")
    await sheet.get_by_label("100 元张数").fill("1")
    await sheet.get_by_label("20 元张数").fill("1")
    await sheet.get_by_label("5 元张数").fill("3")
    await sheet.get_by_label("1 元张数").fill("1")
    await expect(sheet.get_by_role("status")).to_contain_text("短款 ¥0.50")
    await desk.must_be_accessible()
    await sheet.get_by_label("长短款原因").fill("找零差五角")
    await sheet.get_by_role("button", name="确认结班").click()
    paper = page.get_by_role("dialog", name="班结单").get_by_role("article", name="班结单")
    await expect(paper).to_contain_text("100 元 × 1，20 元 × 1，5 元 × 3，1 元 × 1")
    await expect(paper).to_contain_text("找零差五角")
    await expect(paper).to_contain_text("钱小敏")
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("还没有开班")).to_be_visible()
    (shift,) = await rows("SELECT * FROM cashier_shift WHERE staff_id = $1", cashier.staff_id)
    assert (shift["expected_fen"], shift["counted_fen"]) == (13_650, 13_600)


async def test_given_open_shifts_then_the_day_waits_and_a_wrong_deposit_is_mirrored_in_red(desk, server):
    cashier = await make_staff(name="孙未结", roles=[StaffRole.CASHIER])
    await _sold(cashier, "20.00")
    manager = await make_staff(name="赵主任", roles=[StaffRole.MANAGER])
    page = await desk.log_in(manager, "/day-end")
    today = await value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date::text")
    await expect(page.get_by_role("table", name="收退款汇总")).to_contain_text("孙未结")
    await expect(page.get_by_role("table", name="分类收入")).to_contain_text("挂号费")
    await expect(page.get_by_text("个班次未结")).to_be_visible()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.get_by_role("button", name="日结", exact=True).click()
    await page.get_by_role("dialog", name="日结").get_by_role("button", name="日结").click()
    await expect(page.get_by_role("alert").filter(has_text="结班")).to_be_visible()
    desk.forgive(409)
    # The colleague has gone home: the manager counts the drawer.
    table = page.get_by_role("table", name="班次")
    row = table.get_by_role("row").filter(has_text="孙未结")
    await row.get_by_role("button", name=re.compile("^代结班")).click()
    sheet = page.get_by_role("dialog", name="结班")
    await sheet.get_by_label("实点现金（元）").fill("20")
    await sheet.get_by_role("button", name="确认结班").click()
    await expect(page.get_by_role("dialog", name="班结单")).to_contain_text("孙未结")
    await page.keyboard.press("Escape")
    await expect(row).to_contain_text("已结班")
    await page.get_by_role("button", name="打印日报表").click()
    paper = page.get_by_role("article", name="日报表")
    await expect(paper).to_contain_text(f"会计日期：{today}")
    assert b"/Font" in await page.pdf(), "the paper is not blank"
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")


async def test_given_a_deposit_of_too_much_then_its_mirror_image_stands_beside_it(desk, server):
    cashier = await make_staff(name="李缴款", roles=[StaffRole.CASHIER])
    await _sold(cashier, "77.70")
    page = await desk.log_in(cashier, "/shift")
    await expect(page.get_by_text("抽屉应有现金")).to_be_visible()
    await page.keyboard.press("F9")
    sheet = page.get_by_role("dialog", name="缴款")
    await sheet.get_by_label("缴款金额（元）").fill("77.7")
    await sheet.get_by_role("button", name="登记缴款").click()
    await expect(page.get_by_role("definition").filter(has_text="¥77.70").first).to_be_visible()
    await desk.log_out()
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/day-end")
    row = page.get_by_role("table", name="可红字更正的凭证").get_by_role("row").filter(has_text="¥77.70")
    await row.get_by_role("button", name=re.compile("^红字更正")).click()
    sheet = page.get_by_role("dialog", name="红字更正")
    await sheet.get_by_label("更正原因").fill("多录了一笔")
    await sheet.get_by_role("button", name="红字更正").click()
    await expect(row.filter(has_text="已红冲")).to_have_count(1)
    mirrored = await value(
        "SELECT count(*) FROM journal_line l JOIN journal_entry e ON e.id = l.entry_id "
        "WHERE e.kind = 'correction' AND l.account = 'cash_drawer' AND l.amount_fen = 7770"
    )
    assert mirrored == 1
