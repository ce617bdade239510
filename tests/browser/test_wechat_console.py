"""The console of the WeChat sandbox in Chromium: switches, orders, callbacks, bills."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from sandbox.wechat import WechatSandboxFiles, make_config
from tests.fixtures.wechat import Simulator, make_pay, new_number, start_simulator, stop_simulator

pytestmark = pytest.mark.browser

NOTIFY_URL = "http://127.0.0.1:9/notify"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> WechatSandboxFiles:
    return make_config(tmp_path_factory.mktemp("console") / "keys")


@pytest.fixture(scope="module")
def address(files: WechatSandboxFiles) -> Iterator[str]:
    process, address = start_simulator(files.simulator_config_path)
    yield address
    stop_simulator(process)


@pytest.fixture
async def simulator(address: str) -> AsyncIterator[Simulator]:
    simulator = Simulator(address)
    await simulator.post("/reset")
    await simulator.post("/settings", time_scale=1, clock_offset_seconds=0)
    yield simulator
    await simulator.http.aclose()


@pytest.fixture
async def pay(files: WechatSandboxFiles, address: str) -> AsyncIterator[AsyncWeChatPay]:
    async with make_pay(files, address) as client:
        yield client


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def console(browser: Browser, address: str, simulator: Simulator) -> AsyncIterator[Page]:
    """The page at workstation size; every complaint of the browser, the CSP's too, fails the test."""
    page = await browser.new_page(viewport={"width": 1366, "height": 768})
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "409" not in message.text:
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(address)
    await expect(page.get_by_role("status").first).to_have_text("运行中")
    yield page
    await page.close()
    assert complaints == []


async def placed(pay: AsyncWeChatPay, simulator: Simulator, **changes: object) -> str:
    number = new_number()
    order = {
        "description": "心血管内科 挂号费", "out_trade_no": number, "amount": {"total": 2500, "currency": "CNY"},
        "notify_url": NOTIFY_URL, "payer": {"openid": await simulator.person()}, **changes,
    }  # fmt: skip
    status, text = await pay.pay(**order)
    assert status == 200, text
    return number


async def test_switch_is_set_by_preset_and_by_form_and_taken_off_again(console: Page, simulator: Simulator) -> None:
    await console.get_by_role("button", name="回调重复三份").click()
    rules = console.locator("#rules")
    await expect(rules).to_contain_text("回调重复（并行送达）")
    await console.locator("#kind").select_option(label="账单尚未生成")
    await console.get_by_label("次数").fill("-1")
    await console.get_by_role("button", name="打开").click()
    await expect(rules.get_by_role("row")).to_have_count(3)
    assert {rule["kind"] for rule in (await simulator.get("/faults"))["rules"]} == {
        "callback_duplicate",
        "bill_not_ready",
    }
    await rules.get_by_role("button", name="关闭").first.click()
    await expect(rules.get_by_role("row")).to_have_count(2)
    await console.get_by_role("button", name="全部关闭").click()
    await expect(rules).to_contain_text("暂无")


async def test_orders_of_every_way_are_paid_and_their_callbacks_seen(
    console: Page, simulator: Simulator, pay: AsyncWeChatPay
) -> None:
    await placed(pay, simulator)
    scanned = await placed(pay, simulator, pay_type=WeChatPayType.NATIVE, payer=None)
    code = (await simulator.post(f"/users/{await simulator.person()}/payment-code"))["auth_code"]
    await simulator.fault("codepay_password", times=1)
    await pay.pay(
        description="自助机缴费", out_trade_no=new_number(), amount={"total": 800, "currency": "CNY"},
        payer={"auth_code": code}, scene_info={"store_info": {"out_id": "K1"}}, pay_type=WeChatPayType.CODEPAY,
    )  # fmt: skip
    orders = console.locator("#orders")
    await orders.get_by_role("button", name="付款", exact=True).click()
    await orders.get_by_role("button", name="扫码付款").click()
    await orders.get_by_role("button", name="输入密码").click()
    await expect(orders.get_by_text("已支付")).to_have_count(3)
    await expect(console.locator("#notifications")).to_contain_text("连接失败")
    await console.get_by_label("查找单号或商品").fill(scanned)
    await expect(orders.get_by_role("row")).to_have_count(2)


async def test_payment_code_is_shown_for_the_chosen_person(console: Page) -> None:
    await console.get_by_label("付款人（扫码与付款码）").select_option(label="周建国")
    await console.get_by_role("button", name="出示付款码").click()
    shown = console.locator("#auth-code")
    await expect(shown).to_be_visible()
    assert len((await shown.inner_text()).replace(" ", "")) == 18


async def test_bill_with_a_planted_difference_is_listed_and_opened(
    console: Page, simulator: Simulator, pay: AsyncWeChatPay
) -> None:
    number = await placed(pay, simulator)
    await console.locator("#orders").get_by_role("button", name="付款", exact=True).click()
    await console.get_by_role("button", name="账单金额不符").click()
    await console.get_by_role("button", name="生成并查看").click()
    bills = console.locator("#bills")
    await expect(bills).to_contain_text(f"支付金额不符：{number}")
    async with console.context.expect_page() as opened:
        await bills.get_by_role("link", name="查看").click()
    sheet = await opened.value
    await expect(sheet.locator("body")).to_contain_text("`25.01")


async def test_clock_and_settings_are_kept(console: Page, simulator: Simulator) -> None:
    await console.get_by_role("button", name="时钟拨到次日 10:00").click()
    await expect(console.locator("#clock")).to_contain_text(" 10:0")
    await console.get_by_label("退款处理（秒）").fill("7")
    await console.get_by_label("推送格式").select_option("xml")
    await console.get_by_role("button", name="保存设置").click()
    await expect(console.locator("#problem")).to_be_hidden()
    settings = (await simulator.get("/state"))["settings"]
    assert (settings["refund_seconds"], settings["push_format"]) == (7, "xml")
    await console.get_by_role("button", name="时钟归零").click()
    await expect(console.get_by_label("时钟偏移（秒）")).to_have_value("0")


async def test_what_cannot_be_done_is_told(console: Page) -> None:
    await console.get_by_label("账单日").fill("2026-01-01")
    await console.get_by_role("button", name="生成并查看").click()
    await expect(console.get_by_role("alert")).to_contain_text("账单文件不存在")


async def test_page_fits_the_screen(console: Page, simulator: Simulator, pay: AsyncWeChatPay, tmp_path: Path) -> None:
    await placed(pay, simulator)
    await simulator.fault("callback_duplicate", times=3, value=2)
    await expect(console.locator("#orders").get_by_role("row")).to_have_count(2)
    await console.screenshot(path=tmp_path / "console.png", full_page=True)
    wide = await console.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert wide, json.dumps(await console.evaluate("document.documentElement.scrollWidth"))
