"""What goes wrong at a window with a long queue: codes in the wrong place, slips of the finger, lost answers."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from backend.chromium import chromium_path
from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge
from hospital_core.finance.payments.commands import SaveDrawer
from hospital_core.finance.payments.service import save_drawer
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.finance import make_price_item, run_system, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import MadeStaff, make_staff, register, somebody, unique
from tests.fixtures.server import Server
from tests.fixtures.wechat import Simulator

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]

# What a scanner in keyboard mode does: all keys within a few milliseconds, then Enter.
SCAN = """code => {
  const key = name => document.activeElement.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }))
  for (const letter of code) key(letter)
  key('Enter')
}"""


async def _patient(name: str, *prices: str) -> UUID:
    """A patient who owes these, each of its own order."""
    patient_id = await register(person=somebody(name=name))
    for price in prices:
        item = Charge(
            patient_id=patient_id, encounter_id=new_id(), source_kind="order", source_id=new_id(),
            price_item_id=await make_price_item(unit_price=price, name=f"检验 {price}"),
        )  # fmt: skip
        await run_system(charge, item)
    return patient_id


async def _cashier() -> MadeStaff:
    return await make_staff(name="钱小敏", roles=[StaffRole.CASHIER])


async def _at_till(desk: Desk, patient_id: UUID) -> Page:
    page = await desk.log_in(await _cashier(), f"/cash/{patient_id}")
    await expect(page.get_by_role("button", name="结算收款")).to_be_focused()
    await page.keyboard.press("F4")
    await expect(page.get_by_label("实收现金")).to_be_focused()
    return page


async def test_given_no_field_in_focus_then_a_payment_code_is_charged_and_never_searched_for(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("何扫码", "31.00")
    simulator = Simulator(server.wechat_url)
    page = await _at_till(desk, patient_id)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.keyboard.press("F9")
    await page.evaluate("document.activeElement.blur()")
    code = str((await simulator.post(f"/users/{await simulator.person()}/payment-code"))["auth_code"])
    await page.evaluate(SCAN, code)
    await expect(page.get_by_role("dialog", name="收费成功")).to_contain_text("微信付款码")
    assert not [url for url in asked if code in url], "a code that pays stands in no address"
    assert await money_findings(patient_id) == []


async def test_given_a_payment_code_in_the_search_then_it_leaves_the_field_and_the_network_alone(
    desk: Desk, server: Server
) -> None:
    page = await desk.log_in(await _cashier(), "/cash")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.get_by_label("查找患者或收据").fill("134567890123456781")
    await expect(page.get_by_text("这是付款码")).to_be_visible()
    await expect(page.get_by_label("查找患者或收据")).to_have_value("")
    # An identity number of five provinces begins like a payment code and is searched for all the same.
    await page.get_by_label("查找患者或收据").fill("110101199003070134")
    await expect(page.get_by_text("没有找到患者")).to_be_visible()
    assert [url for url in asked if "q=110101199003070134" in url]
    assert not [url for url in asked if "134567890123456781" in url]


async def test_given_a_zero_too_many_then_no_cash_is_taken_until_it_is_looked_at(desk: Desk, server: Server) -> None:
    patient_id = await _patient("吕手滑", "36.50")
    page = await _at_till(desk, patient_id)
    till = page.get_by_role("region", name="收款")
    await page.keyboard.type("5000")
    await page.keyboard.press("Enter")
    await expect(till.get_by_text("找零 ¥4,963.50，请核对实收现金")).to_be_visible()
    await expect(till.get_by_role("button", name="确认收款")).to_be_disabled()
    assert await value("SELECT count(*) FROM payment_intent WHERE patient_id = $1", patient_id) == 0
    await till.get_by_label("实收现金").fill("50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="收费成功")).to_contain_text("¥13.50")


async def _lose(route: Route) -> None:
    await route.fetch()
    await route.abort()


async def test_given_an_answer_that_got_lost_then_the_change_is_still_said(desk: Desk, server: Server) -> None:
    patient_id = await _patient("施找零", "36.50")
    page = await _at_till(desk, patient_id)
    await page.route("**/cash", _lose)
    await page.keyboard.type("50")
    await page.keyboard.press("Enter")
    paper = page.get_by_role("dialog", name="收费成功")
    await expect(paper.get_by_role("status")).to_contain_text("找零 ¥13.50")
    desk.errors[:] = [error for error in desk.errors if "ERR_FAILED" not in error]
    assert await value("SELECT count(*) FROM payment_intent WHERE patient_id = $1", patient_id) == 1
    assert await money_findings(patient_id) == []


async def test_given_part_in_cash_then_its_change_is_said_beside_what_is_left(desk: Desk, server: Server) -> None:
    page = await _at_till(desk, await _patient("张部分", "160.00"))
    till = page.get_by_role("region", name="收款")
    await till.get_by_label("本次支付").fill("60")
    await till.get_by_label("实收现金").fill("100")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("已收一部分，找零 ¥40.00，还差 ¥100.00")).to_be_visible()


async def test_given_a_receipt_that_was_not_drawn_then_no_paper_without_a_number_and_one_press_makes_it(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("孔收据", "18.00")
    page = await _at_till(desk, patient_id)
    await page.route("**/receipts", lambda route: route.abort())
    await page.keyboard.type("20")
    await page.keyboard.press("Enter")
    note = page.get_by_role("status").filter(has_text="收据还没有打印")
    await expect(note).to_contain_text("找零 ¥2.00")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await desk.must_be_accessible()
    await page.unroute("**/receipts")
    await note.get_by_role("button", name="打印收据").click()
    receipt_no = await value("SELECT receipt_no FROM receipt WHERE patient_id = $1", patient_id)
    await expect(page.get_by_role("article", name="收据")).to_contain_text(receipt_no)
    desk.errors[:] = [error for error in desk.errors if "ERR_FAILED" not in error]


async def test_given_fees_that_could_not_be_read_then_nobody_is_told_that_nothing_is_owed(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("曹未读")
    await desk.page.route("**/fees-due", lambda route: route.abort())
    page = await desk.log_in(await _cashier(), f"/cash/{patient_id}")
    await expect(page.get_by_role("alert").filter(has_text="到院缴费的预约没有读到")).to_be_visible()
    await expect(page.get_by_text("没有待缴费用", exact=True)).to_have_count(0)
    await desk.must_be_accessible()
    await page.unroute("**/fees-due")
    await page.get_by_role("button", name="重试").click()
    await expect(page.get_by_text("没有待缴费用", exact=True)).to_be_visible()
    desk.errors[:] = [error for error in desk.errors if "ERR_FAILED" not in error]


async def _paid_bill(desk: Desk, patient_id: UUID) -> tuple[Page, str]:
    page = await _at_till(desk, patient_id)
    await page.get_by_role("group", name="常用金额").get_by_role("button").first.click()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="收费成功")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("radiogroup", name="办理").get_by_text("退费").click()
    await page.get_by_role("region", name="已缴费的结算单").get_by_role("row").nth(1).click()
    return page, await value("SELECT receipt_no FROM receipt WHERE patient_id = $1", patient_id)


async def test_given_a_quantity_that_cannot_go_back_then_its_line_is_not_left_out_unseen(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("严退费", "12.00", "30.00")
    page, _ = await _paid_bill(desk, patient_id)
    panel = page.get_by_role("region", name="退费", exact=True)
    await panel.get_by_role("button", name="全选可退").click()
    await expect(panel.get_by_role("list", name="退到哪里")).to_contain_text("¥42.00")
    await panel.get_by_role("button", name="患者要求").click()
    for text in ("1。", "2", "0"):
        await panel.get_by_label("退数量 检验 12.00").fill(text)
        await expect(panel.get_by_role("alert")).to_contain_text("检验 12.00：退数量须大于 0，最多 1")
        await expect(panel.get_by_role("button", name="退费", exact=True)).to_be_disabled()
    await desk.must_be_accessible()
    await panel.get_by_label("退数量 检验 12.00").fill("")
    await expect(panel.get_by_role("list", name="退到哪里")).to_contain_text("¥30.00")
    await expect(panel.get_by_role("checkbox", name="检验 12.00")).not_to_be_checked()


async def test_given_a_lost_receipt_then_it_is_printed_again_from_the_bill_by_whoever_prints_it(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("华补打", "25.00")
    page, receipt_no = await _paid_bill(desk, patient_id)
    await page.get_by_role("region", name="退费", exact=True).get_by_role("button", name="补打收据").click()
    paper = page.get_by_role("dialog", name="补打收据")
    await expect(paper).to_contain_text(receipt_no)
    await expect(paper).to_contain_text("补打人 钱小敏")
    assert await value("SELECT count(*) FROM receipt WHERE patient_id = $1", patient_id) == 1


async def test_given_a_refusal_of_one_receipt_then_the_next_sheet_does_not_repeat_it(
    desk: Desk, server: Server
) -> None:
    patient_id = await _patient("金旧话", "25.00", "30.00")
    page = await _at_till(desk, patient_id)
    await page.get_by_role("group", name="常用金额").get_by_role("button").first.click()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="收费成功")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="收据").click()
    table = page.get_by_role("table", name="收据", exact=True)
    void = table.get_by_role("button", name=re.compile("^作废")).first
    await void.click()
    sheet = page.get_by_role("dialog", name="作废收据")
    await page.route("**/void", lambda route: route.fulfill(status=409, json={"title": "已经作废过了", "code": "x"}))
    await sheet.get_by_label("作废原因").fill("卡纸")
    await sheet.get_by_role("button", name="作废").click()
    await expect(sheet.get_by_role("alert")).to_contain_text("已经作废过了")
    desk.forgive(409)
    await sheet.get_by_role("button", name="返回").click()
    await expect(sheet).to_be_hidden()
    await void.click()
    await expect(sheet.get_by_label("作废原因")).to_have_value("")
    await expect(sheet.get_by_role("alert")).to_have_count(0)


async def test_given_a_sheet_that_is_not_filled_in_then_it_says_what_is_missing(desk: Desk, server: Server) -> None:
    drawer = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="7 号收费窗口"))
    page = await desk.log_in(await make_staff(roles=[StaffRole.CASHIER], at_window=False), "/shift")
    await page.keyboard.press("F4")
    sheet = page.get_by_role("dialog", name="开班")
    await sheet.get_by_role("button", name="确认开班").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请选择收款点")
    await sheet.get_by_role("combobox", name="收款点").click()
    await page.get_by_role("option", name=f"7 号收费窗口（{drawer.code}）").click()
    await sheet.get_by_role("button", name="确认开班").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请填写期初现金，没有备用金请填 0")
    await desk.must_be_accessible()
    await sheet.get_by_label("期初现金（元）").fill("100")
    await sheet.get_by_role("button", name="确认开班").click()
    await expect(page.get_by_text("抽屉应有现金")).to_be_visible()
    await page.keyboard.press("F9")
    sheet = page.get_by_role("dialog", name="缴款")
    await sheet.get_by_label("缴款金额（元）").fill("一百")
    await sheet.get_by_role("button", name="登记缴款").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请填写缴款金额，最多两位小数")
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await page.keyboard.press("F4")
    sheet = page.get_by_role("dialog", name="结班")
    await sheet.get_by_role("button", name="确认结班").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请清点并填写实点现金")
    await sheet.get_by_label("100 元张数").fill("1张")
    await sheet.get_by_role("button", name="确认结班").click()
    await expect(sheet.get_by_role("alert")).to_have_text("张数须填写整数")
    await sheet.get_by_label("100 元张数").fill("2")
    await sheet.get_by_role("button", name="确认结班").click()
    await expect(sheet.get_by_role("alert")).to_have_text("实点与账面不符，请填写长短款原因")
    assert await value("SELECT status FROM cashier_shift WHERE drawer_id = $1", drawer.id) == "open"
