"""WeChat sandbox pages in Chromium: a person logs in, consents, pays and goes back to the phone page."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from sandbox.wechat import WechatSandboxFiles, make_config
from tests.fixtures.wechat import Simulator, make_pay, new_number, start_simulator, stop_simulator

pytestmark = pytest.mark.browser

NOTIFY_URL = "http://127.0.0.1:9/notify"  # nobody listens: the pages do not depend on the merchant's answer
HOST_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>waiting</title>
<script>
addEventListener("message", (event) => { document.title = event.origin + " " + JSON.stringify(event.data) })
</script>
<iframe src="{address}" width="400" height="700"></iframe>"""


@pytest.fixture(scope="module")
async def phone() -> AsyncIterator[str]:
    """Origin of a stand-in for our phone page. A real server: Chromium lets only local pages frame local ones."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        framed = parse_qs(urlsplit(target).query).get("frame", ["about:blank"])[0]
        body = HOST_PAGE.replace("{address}", escape(framed)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, phone: str) -> WechatSandboxFiles:
    return make_config(tmp_path_factory.mktemp("sheets") / "keys", return_origins=[phone])


@pytest.fixture(scope="module")
def address(files: WechatSandboxFiles) -> Iterator[str]:
    process, address = start_simulator(files.simulator_config_path)
    yield address
    stop_simulator(process)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for path in map(shutil.which, names) if path), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def simulator(address: str) -> AsyncIterator[Simulator]:
    simulator = Simulator(address)
    await simulator.post("/reset")
    yield simulator
    await simulator.http.aclose()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone-sized page; any console error (also a CSP violation) fails the test."""
    context = await browser.new_context(viewport={"width": 400, "height": 780}, locale="zh-CN", reduced_motion="reduce")
    page = await context.new_page()
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []


async def order(files: WechatSandboxFiles, simulator: Simulator) -> str:
    """The query of a pay sheet for a fresh order, as the phone page would build it."""
    async with make_pay(files, simulator.address) as pay:
        amount, payer = {"total": 123450, "currency": "CNY"}, {"openid": await simulator.person()}
        _, text = await pay.pay("门诊挂号费", new_number(), amount, payer, notify_url=NOTIFY_URL)
        prepay_id = json.loads(text)["prepay_id"]
        signed = {"appId": files.appid, "timeStamp": "1795000000", "nonceStr": "abc"}
        signed["package"] = f"prepay_id={prepay_id}"
        signature = pay.sign(list(signed.values()))
    values = {"prepay_id": prepay_id, **signed, "signType": "RSA", "paySign": signature}
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())


async def test_person_pays_in_a_frame_and_the_phone_page_hears_it(page, files, simulator, phone):
    sheet = f"{simulator.address}/pay?{await order(files, simulator)}"
    await page.goto(f"{phone}/pay?frame={quote(sheet, safe='')}")
    frame = page.frame_locator("iframe")
    await frame.locator("#amount", has_text="¥1,234.50").wait_for()
    assert await frame.locator("#merchant").inner_text() == "演示医院"
    await frame.get_by_role("button", name="立即支付").click()
    await frame.get_by_text("支付成功").wait_for()
    await page.wait_for_function("document.title !== 'waiting'")
    title = await page.title()
    assert title.startswith(simulator.address)
    assert '"type":"wechat-pay","result":"ok"' in title
    assert [o["trade_state"] for o in (await simulator.get("/state"))["orders"].values()] == ["SUCCESS"]


async def test_person_cancels_and_returns_unpaid(page, files, simulator, phone):
    back = quote(f"{phone}/orders?tab=1", safe="")
    await page.goto(f"{simulator.address}/pay?{await order(files, simulator)}&redirect={back}")
    await page.get_by_role("button", name="取消").click()
    await page.wait_for_url(f"{phone}/orders?tab=1&wechat_pay=cancel")
    assert [o["trade_state"] for o in (await simulator.get("/state"))["orders"].values()] == ["NOTPAY"]


async def test_paid_person_goes_back_by_itself(page, files, simulator, phone):
    back = quote(f"{phone}/orders", safe="")
    await page.goto(f"{simulator.address}/pay?{await order(files, simulator)}&redirect={back}")
    await page.get_by_role("button", name="立即支付").click()
    await page.wait_for_url(f"{phone}/orders?wechat_pay=ok")
    assert [o["trade_state"] for o in (await simulator.get("/state"))["orders"].values()] == ["SUCCESS"]


@pytest.mark.parametrize("target", ["http://evil.example/x", "javascript:alert(1)", "//evil.example"])
async def test_foreign_return_address_keeps_the_person_here(page, simulator, target):
    await page.goto(f"{simulator.address}/login?redirect_uri={quote(target, safe='')}")
    await page.get_by_role("button", name="林晓棠").click()
    await page.get_by_text("返回地址不在允许的范围内").wait_for()
    assert page.url.startswith(f"{simulator.address}/login")


async def test_log_in_gives_codes_and_consent_uses_the_same_person(page, files, simulator, phone):
    back = quote(f"{phone}/", safe="")
    await page.goto(f"{simulator.address}/login?redirect_uri={back}&scope=phone&state=s1")
    await page.get_by_role("button", name="周建国").click()
    await page.wait_for_url(f"{phone}/?**")
    values = parse_qs(urlsplit(page.url).query)
    assert set(values) == {"code", "phone_code", "state"}

    template = files.template_ids["queue_called"]
    consent = f"{simulator.address}/authorize?scope=subscribe&template_ids={template}&redirect_uri={back}"
    await page.goto(consent)
    await page.get_by_text("申请向 周建国 发送以下消息").wait_for()
    await page.get_by_role("button", name="允许").click()
    await page.wait_for_url(f"{phone}/?subscribed={template}")
    assert list((await simulator.get("/state"))["quotas"].values()) == [1]

    await page.goto(f"{simulator.address}/authorize?scope=phone&redirect_uri={back}")
    await page.get_by_text("138****0002").wait_for()
    await page.get_by_role("button", name="拒绝").click()
    await page.wait_for_url(f"{phone}/?error=denied")


async def test_new_person_is_made_and_logged_in(page, simulator, phone):
    await page.goto(f"{simulator.address}/login?redirect_uri={quote(phone + '/', safe='')}")
    await page.get_by_text("新用户").click()
    await page.get_by_label("昵称").fill("<b>小李</b>")
    await page.get_by_role("textbox", name="手机号").fill("13900000008")
    await page.get_by_role("button", name="创建并登录").click()
    await page.wait_for_url(f"{phone}/?code=**")
    assert (await simulator.get("/users"))["items"][-1]["nickname"] == "<b>小李</b>"


async def test_console_shows_an_order_and_switches_a_fault(page, files, simulator):
    await order(files, simulator)
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto(simulator.address)
    await page.get_by_role("cell", name="门诊挂号费").wait_for()
    await page.locator("#kind").select_option("callback_drop")
    await page.get_by_role("button", name="打开").click()
    await page.get_by_role("cell", name="回调丢失").wait_for()
    assert [rule["kind"] for rule in (await simulator.get("/faults"))["rules"]] == ["callback_drop"]
    await page.locator("#rules").get_by_role("button", name="关闭").click()
    await page.locator("#rules").get_by_text("暂无").wait_for()
    await page.locator("#orders").get_by_role("button", name="付款").click()
    await page.locator("#orders").get_by_text("已支付").wait_for()
