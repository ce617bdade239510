"""The cashier's window with a queue in front of it: paying, mixed tenders, giving back, paying ahead, the receipts."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from backend.chromium import chromium_path
from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge, perform
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST
from tests.fixtures.finance import forged, make_price_item, run_system, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import MadeStaff, make_staff, register, somebody
from tests.fixtures.wechat import Simulator

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def _patient(name: str) -> tuple[UUID, str]:
    patient_id = await register(person=somebody(name=name))
    return patient_id, await value("SELECT patient_no FROM patient WHERE id = $1", patient_id)


async def _charged(
    patient_id: UUID, name: str, price: str, *, encounter_id: UUID | None = None, kind: str = "order"
) -> tuple[UUID, UUID]:
    """A charge of its own order: (item, order)."""
    order_id = new_id()
    item = Charge(
        patient_id=patient_id,
        encounter_id=encounter_id or new_id(),
        price_item_id=await make_price_item(unit_price=price, name=name),
        source_kind=kind,
        source_id=order_id,
    )
    return (await run_system(charge, item)).id, order_id


async def _cashier() -> MadeStaff:
    return await make_staff(name="钱小敏", roles=[StaffRole.CASHIER])


async def _payment_code(simulator: Simulator) -> str:
    return str((await simulator.post(f"/users/{await simulator.person()}/payment-code"))["auth_code"])


async def _serve(page: Page, number: str) -> None:
    """Number, Enter: the till of that person, the next key already in focus."""
    field = page.get_by_label("查找患者或收据")
    await field.fill(number)
    await expect(page.get_by_role("table", name="检索到的患者").get_by_role("row")).to_have_count(2)
    await field.press("Enter")
    await expect(page.get_by_role("button", name="结算收款")).to_be_focused()


async def test_given_two_orders_then_cash_is_taken_by_keys_alone_and_a_receipt_printed(desk, server):
    patient_id, number = await _patient("周大福")
    visit = new_id()
    await _charged(patient_id, "血常规（五分类）", "25.00", encounter_id=visit)
    await _charged(patient_id, "胸部正位片", "80.00", encounter_id=visit)
    await _charged(patient_id, "阿莫西林胶囊 0.25g×24粒", "12.50", kind="prescription")
    page = await desk.log_in(await _cashier(), "/cash")
    await expect(page.get_by_label("查找患者或收据")).to_be_focused()
    await desk.must_be_accessible()
    await _serve(page, number)
    await page.get_by_text("处方（1 项）", exact=True).click()
    till = page.get_by_role("region", name="收款")
    await expect(till).to_contain_text("¥105.00")
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.keyboard.press("F4")
    await expect(till.get_by_label("实收现金")).to_be_focused()
    await page.keyboard.type("200")
    await expect(till).to_contain_text("¥95.00")
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.keyboard.press("Enter")
    paper = page.get_by_role("dialog", name="收费成功")
    await expect(paper).to_contain_text("找零")
    await expect(paper.get_by_role("article", name="收据")).to_contain_text("壹佰零伍元整")
    await expect(paper.get_by_role("article", name="收据")).to_contain_text("周大福")
    await expect(paper.get_by_role("button", name="打印收据")).to_be_focused()
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("处方（1 项）", exact=True)).to_be_visible()
    await expect(page.get_by_text("血常规（五分类）")).to_have_count(0)
    await expect(paper).to_be_hidden()
    await page.keyboard.press("F2")
    await expect(page.get_by_label("查找患者或收据")).to_be_focused()
    assert await value("SELECT paid_fen FROM invoice WHERE patient_id = $1", patient_id) == 10_500
    assert await money_findings(patient_id) == []


async def test_given_the_next_number_and_enter_in_one_go_then_nobody_of_the_last_search_is_served(desk, server):
    (_, first), (second_id, second) = await _patient("孙在前"), await _patient("李在后")
    page = await desk.log_in(await _cashier(), "/cash")
    field = page.get_by_label("查找患者或收据")
    await field.fill(first)
    await expect(page.get_by_role("table", name="检索到的患者")).to_contain_text("孙在前")
    await field.fill(second)
    await field.press("Enter")
    await page.wait_for_url(re.compile(f"/cash/{second_id}"))
    await expect(page.locator(".who")).to_contain_text("李在后")


async def test_given_part_in_cash_and_a_dead_payment_code_then_the_rest_is_paid_by_bank_card(desk, server):
    patient_id, number = await _patient("吴混合")
    await _charged(patient_id, "心脏彩超", "260.00")
    page = await desk.log_in(await _cashier(), "/cash")
    await _serve(page, number)
    await page.keyboard.press("F4")
    till = page.get_by_role("region", name="收款")
    await till.get_by_label("本次支付").fill("60")
    await till.get_by_label("实收现金").fill("60")
    await page.keyboard.press("Enter")
    await expect(till.get_by_role("list", name="已收")).to_contain_text("¥60.00")
    await expect(till).to_contain_text("¥200.00")
    # A code of nobody: the simulator refuses it, nothing was taken, another way is chosen.
    await page.keyboard.press("F7")
    await till.get_by_label("付款码", exact=True).fill("139999999999999999")
    await page.keyboard.press("Enter")
    await expect(till.get_by_role("alert")).to_contain_text("请患者刷新付款码")
    desk.forgive(409)
    await desk.must_be_accessible()
    await page.keyboard.press("F10")
    await till.get_by_label("POS 凭证号").fill("POS000777")
    await page.keyboard.press("Enter")
    paper = page.get_by_role("dialog", name="收费成功")
    await expect(paper).to_contain_text("银行卡")
    await expect(paper).to_contain_text("现金")
    assert await value("SELECT status FROM invoice WHERE patient_id = $1", patient_id) == "balanced"
    assert await money_findings(patient_id) == []


async def test_given_a_code_to_scan_then_its_picture_stands_and_the_bill_can_be_taken_back(desk, server):
    patient_id, number = await _patient("郑扫码")
    await _charged(patient_id, "尿常规", "15.00")
    page = await desk.log_in(await _cashier(), "/cash")
    await _serve(page, number)
    await page.keyboard.press("F4")
    till = page.get_by_role("region", name="收款")
    await expect(till.get_by_label("实收现金")).to_be_focused()
    await page.keyboard.press("F8")
    await till.get_by_role("button", name="显示收款码").click()
    await expect(till.get_by_role("img", name="微信收款码")).to_be_visible()
    await expect(till).to_contain_text("等待患者扫码付款")
    await desk.must_be_accessible()
    # The patient changes their mind: cash in full, the code is withdrawn.
    await page.keyboard.press("F6")
    await till.get_by_role("group", name="常用金额").get_by_role("button").first.click()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="收费成功")).to_contain_text("¥15.00")
    assert await money_findings(patient_id) == []


async def test_given_a_performed_item_then_only_the_rest_goes_back_by_line(desk, server):
    patient_id, number = await _patient("冯退费")
    _, done = await _charged(patient_id, "静脉采血", "6.00")
    await _charged(patient_id, "肝功能检查", "48.00")
    cashier = await _cashier()
    page = await desk.log_in(cashier, "/cash")
    await _serve(page, number)
    await page.keyboard.press("F4")
    await page.get_by_label("实收现金").fill("54")
    await page.keyboard.press("Enter")
    paper = page.get_by_role("dialog", name="收费成功")
    await expect(paper).to_be_visible()
    receipt_no = await value("SELECT receipt_no FROM receipt WHERE patient_id = $1", patient_id)
    await expect(paper).to_contain_text(receipt_no)
    await page.keyboard.press("Escape")
    await expect(paper).to_be_hidden()
    await run_system(forged(lambda uow: perform(uow, "order", done)), None)
    # The receipt is scanned: its bill opens for refunding.
    await page.keyboard.press("F2")
    await page.get_by_label("查找患者或收据").fill(receipt_no)
    panel = page.get_by_role("region", name="退费", exact=True)
    await expect(panel).to_contain_text("已执行 1，须先退药或撤销执行")
    await expect(panel.get_by_label("退数量 静脉采血")).to_be_disabled()
    await panel.get_by_role("button", name="全选可退").click()
    await expect(panel.get_by_role("list", name="退到哪里")).to_contain_text("现金 立即退回")
    await expect(panel.get_by_role("list", name="退到哪里")).to_contain_text("¥48.00")
    await panel.get_by_role("button", name="医生停开").click()
    await desk.must_be_accessible()
    await desk.must_fit()
    await panel.get_by_role("button", name="退费", exact=True).click()
    await page.get_by_role("dialog", name="确认退费").get_by_role("button", name="确认退费").click()
    paper = page.get_by_role("dialog", name="退费成功")
    await expect(paper).to_contain_text("肆拾捌元整")
    await page.keyboard.press("Escape")
    await expect(panel.get_by_role("table", name="退款进度")).to_contain_text("已退款")
    assert await money_findings(patient_id) == []


async def test_given_cash_paid_ahead_then_the_card_pays_and_the_rest_goes_back(desk, server):
    patient_id, number = await _patient("陈预存")
    await _charged(patient_id, "针灸", "30.00")
    page = await desk.log_in(await _cashier(), "/cash")
    await _serve(page, number)
    await page.get_by_role("radiogroup", name="办理").get_by_text("预存款").click()
    await page.get_by_label("充值金额").fill("100")
    await desk.must_be_accessible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="预存成功")).to_contain_text("预存款余额 ¥100.00")
    await page.keyboard.press("Escape")
    await page.get_by_role("radiogroup", name="办理").get_by_text("缴费").click()
    await page.get_by_role("button", name="结算收款").click()
    await expect(page.get_by_label("实收现金")).to_be_focused()
    await page.keyboard.press("F9")
    await page.get_by_role("button", name="确认收款").click()
    await expect(page.get_by_role("dialog", name="收费成功")).to_contain_text("预存款")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("预存款 ¥70.00")).to_be_visible()
    await page.get_by_role("radiogroup", name="办理").get_by_text("预存款").click()
    await page.get_by_role("button", name="退还余额").click()
    sheet = page.get_by_role("dialog", name="退还余额")
    await sheet.get_by_label("原因").fill("不再就诊")
    await sheet.get_by_role("button", name="退还 ¥70.00").click()
    await expect(page.get_by_role("region", name="预存款余额")).to_contain_text("¥0.00")
    assert await money_findings(patient_id) == []


async def test_given_a_payment_code_and_a_bank_card_then_the_card_has_both_and_receipts_are_printed(
    desk, server, tmp_path
):
    patient_id, _ = await _patient("卫充值")
    simulator = Simulator(server.wechat_url)
    page = await desk.log_in(await _cashier(), f"/cash/{patient_id}?tab=card")
    form = page.get_by_role("form", name="充值")
    await expect(form.get_by_label("充值金额")).to_be_focused()
    await form.get_by_label("充值金额").fill("50")
    await page.keyboard.press("F7")
    await expect(form.get_by_label("付款码", exact=True)).to_be_focused()
    await form.get_by_label("付款码", exact=True).fill("139999999999999999")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("alert")).to_contain_text("请患者刷新付款码")
    desk.forgive(409)
    # The payer has to type a password: it is followed, and taken once, whatever is scanned meanwhile.
    await simulator.fault("codepay_password", times=1)
    await form.get_by_label("付款码", exact=True).fill(await _payment_code(simulator))
    await page.keyboard.press("Enter")
    await expect(form).to_contain_text("等待患者在手机上确认或输入密码")
    await expect(form.get_by_role("button", name="扣款充值")).to_be_disabled()
    await page.screenshot(path=tmp_path / "top-up-waiting.png")
    await desk.must_be_accessible()
    paper = page.get_by_role("dialog", name="预存成功")
    number_of = "SELECT out_trade_no FROM payment_intent WHERE patient_id = $1 AND status = 'open'"
    await simulator.post(f"/orders/{await value(number_of, patient_id)}/password")
    await expect(paper).to_contain_text("预存款余额 ¥50.00", timeout=20_000)
    await expect(paper).to_contain_text("微信付款码")
    receipt = "SELECT receipt_no FROM receipt WHERE patient_id = $1 ORDER BY id DESC LIMIT 1"
    await expect(paper).to_contain_text(await value(receipt, patient_id))
    await page.keyboard.press("Escape")
    await page.keyboard.press("F10")
    await form.get_by_label("充值金额").fill("20")
    await form.get_by_label("POS 凭证号").fill("POS000888")
    await page.keyboard.press("Enter")
    await expect(paper).to_contain_text("预存款余额 ¥70.00")
    await expect(paper).to_contain_text(await value(receipt, patient_id))
    await page.keyboard.press("Escape")
    table = page.get_by_role("table", name="本班充值")
    await expect(table.get_by_role("row")).to_have_count(3)
    await page.screenshot(path=tmp_path / "top-ups.png")
    await desk.must_be_accessible()
    await table.get_by_role("button", name=re.compile("^补打")).first.click()
    await expect(page.get_by_role("dialog", name="补打收据")).to_contain_text("银行卡")
    assert await money_findings(patient_id) == []


async def test_given_an_answer_that_got_lost_then_the_money_on_the_card_is_found_and_not_asked_for_again(desk, server):
    patient_id, _ = await _patient("蒋丢失")
    page = await desk.log_in(await _cashier(), f"/cash/{patient_id}?tab=card")

    async def lose(route):
        await route.fetch()
        await route.abort()

    await page.route("**/card/payment-code", lose)
    form = page.get_by_role("form", name="充值")
    await form.get_by_label("充值金额").fill("50")
    await page.keyboard.press("F7")
    await form.get_by_label("付款码", exact=True).fill(await _payment_code(Simulator(server.wechat_url)))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="预存成功")).to_contain_text("预存款余额 ¥50.00")
    desk.errors[:] = [error for error in desk.errors if "ERR_FAILED" not in error]
    await page.keyboard.press("Escape")
    await expect(form.get_by_label("充值金额")).to_have_value("")
    assert await value("SELECT count(*) FROM payment_intent WHERE patient_id = $1", patient_id) == 1


async def test_given_receipts_of_the_day_then_one_is_voided_and_no_number_is_missing(desk, server):
    patient_id, number = await _patient("褚作废")
    await _charged(patient_id, "换药", "20.00")
    page = await desk.log_in(await _cashier(), "/cash")
    await _serve(page, number)
    await page.keyboard.press("F4")
    await page.get_by_label("实收现金").fill("20")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="收费成功")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="收据").click()
    table = page.get_by_role("table", name="收据", exact=True)
    await expect(table).to_contain_text("褚*废")
    await expect(page.get_by_text("号码连续，没有缺号")).to_be_visible()
    await desk.must_be_accessible()
    await desk.must_fit()
    await table.get_by_role("button", name=re.compile("^作废")).click()
    sheet = page.get_by_role("dialog", name="作废收据")
    await sheet.get_by_label("作废原因").fill("打印机卡纸")
    await sheet.get_by_role("button", name="作废").click()
    await expect(table).to_contain_text("打印机卡纸")
    assert await value("SELECT count(*) FROM receipt WHERE patient_id = $1 AND voided_at IS NOT NULL", patient_id) == 1


async def test_given_a_receipt_then_its_paper_is_one_roll_of_its_own_length(desk, server):
    patient_id, number = await _patient("卫打印")
    for name in ("血常规（五分类）", "C反应蛋白测定", "胸部正位片"):
        await _charged(patient_id, name, "25.00")
    # A browser without a printer: the page's own print is told by what it leaves in force while it prints.
    await desk.page.add_init_script("window.print = () => { window.wasPrinted = true }")
    page = await desk.log_in(await _cashier(), "/cash")
    await _serve(page, number)
    await page.keyboard.press("F4")
    await page.get_by_label("实收现金").fill("75")
    await page.keyboard.press("Enter")
    paper = page.get_by_role("dialog", name="收费成功")
    await expect(paper.get_by_role("button", name="打印收据")).to_be_focused()
    await page.keyboard.press("Enter")
    assert await page.evaluate("window.wasPrinted") is True
    shown = await paper.get_by_role("article", name="收据").bounding_box()
    assert shown is not None
    pdf = await page.pdf(prefer_css_page_size=True)
    assert b"/Font" in pdf, "the paper is not blank"
    pages = _boxes(pdf)
    assert len(pages) == 1, "nothing else of the page is on the paper"
    (width_mm, height_mm) = pages[0]
    assert width_mm == pytest.approx(80, abs=1)
    assert height_mm == pytest.approx(shown["height"] * 25.4 / 96 + 8, abs=3)


def _boxes(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page in millimetres."""
    found = re.findall(rb"/MediaBox ?\[0 0 ([0-9.]+) ([0-9.]+)\]", pdf)
    return [(float(width) * 25.4 / 72, float(height) * 25.4 / 72) for width, height in found]
