"""One visit in the real pages: phone, kiosk, screen and console, as the people before them would do it.

With ``HOSPITAL_SHOTS=1`` the pictures of the README are taken on the way.
"""

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints
from tests.fixtures.lobby import Lobby, new_document, new_phone

GROUP = "demo"

PAGES = ("backend/web/console", "backend/web/demo", "miniapp_api/web", "queue_display/web", "kiosk_agent/web")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not all((ROOT / page / "dist/index.html").exists() for page in PAGES), reason="the pages are not built"
    ),
]
NAME, MASKED = "沈知秋", "沈*秋"
SHOWN_S = 1.0
PICTURE_MAX_BYTES = 300_000

Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, complaints: Complaints) -> Iterator[Open]:
    """A device of its own: nothing is shared with the others but the hospital."""
    contexts = []

    def open_one(url: str, width: int, height: int, **options: Any) -> Page:
        options.setdefault("viewport", {"width": width, "height": height})
        context = chromium.new_context(reduced_motion="reduce", locale="zh-CN", **options)
        contexts.append(context)
        page = complaints.watch(context.new_page())
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()


def _shot(page: Page, name: str) -> None:
    if os.environ.get("HOSPITAL_SHOTS"):
        page.wait_for_timeout(300)
        _save(page.screenshot(), name)


def _save(picture: bytes, name: str) -> None:
    """A palette is enough for pages, and a third of the size."""
    path = ROOT / "docs/images" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(path, optimize=True)
    assert path.stat().st_size < PICTURE_MAX_BYTES


def test_visit_walks_through_every_page(open_page: Open, lobby: Lobby, complaints: Complaints) -> None:
    lobby.clear()
    urls = lobby.facts["urls"]
    phone = open_page(urls["phone"], 390, 844, device_scale_factor=2, has_touch=True)
    kiosk = open_page(urls["kiosk"], 1080, 1920)
    screen = open_page(urls["display"] + "?demo=1", 1920, 1080)
    console = open_page(urls["console"], 1440, 900)

    _log_in_with_wechat(phone, lobby)
    _add_patient(phone, lobby)
    _book(phone, lobby)
    _pay(phone, urls["phone"])
    number = _check_in(phone, kiosk, lobby)
    _look_at_slip(lobby)
    _sign_in_doctor(console, lobby)
    _call(console, screen, phone, number, lobby)
    _see_and_finish(console, screen, phone, number)
    assert complaints == []
    lobby.clear()


def test_first_page_shows_the_four_parties_at_once(open_page: Open, lobby: Lobby) -> None:
    page = open_page(lobby.facts["urls"]["home"], 1440, 900)
    glass = {name: page.frame_locator(f"iframe[title={title}]") for name, title in _FRAMES.items()}
    expect(glass["phone"].get_by_role("button", name="微信登录")).to_be_visible(timeout=15_000)
    expect(glass["kiosk"].get_by_role("heading", name="您好，请签到取号")).to_be_visible(timeout=60_000)
    expect(glass["display"].get_by_role("heading", level=1)).to_contain_text(lobby.now["area_name"], timeout=15_000)
    expect(glass["console"].get_by_label("登录名")).to_be_visible(timeout=15_000)
    for title in _FRAMES.values():
        box = page.locator(f"iframe[title={title}]").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1440
        assert box["y"] + box["height"] <= 900
    if os.environ.get("HOSPITAL_SHOTS"):
        _stage_demo(page, lobby)
    page.get_by_role("button", name="全部账号").click()
    page.get_by_role("button", name="显示动态口令").first.click()
    expect(page.get_by_role("dialog").locator("code", has_text=re.compile(r"^\d{6}$"))).to_be_visible()
    page.get_by_role("button", name="关闭").click()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="候诊屏", exact=True).click()
    expect(page.locator("iframe[title=候诊区叫号屏]")).to_be_visible()
    expect(page.locator("iframe[title=患者手机]")).to_be_hidden()


def _stage_demo(page: Page, lobby: Lobby) -> None:
    """Somebody is called and others wait, so that the picture shows a morning at work."""
    lobby.clear()
    for name, priority in (("沈知秋", None), ("陆予安", None), ("宋清和", "elderly"), ("欧阳若溪", None)):
        lobby.walk_in(name, priority)
    lobby.call_next()
    console = page.frame_locator(f"iframe[title={_FRAMES['console']}]")
    console.get_by_label("登录名").fill(lobby.now["staff_login"])
    console.get_by_label("密码", exact=True).fill(lobby.facts["password"])
    console.get_by_role("button", name="登录", exact=True).click()
    expect(console.get_by_label("当前患者")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="候诊屏叫号").click()
    _shot(page, "demo")
    lobby.clear()


_FRAMES = {"phone": "患者手机", "kiosk": "大厅自助机", "display": "候诊区叫号屏", "console": "医生工作台"}


def _log_in_with_wechat(phone: Page, lobby: Lobby) -> None:
    _shot(phone, "phone-home")
    phone.get_by_role("button", name="微信登录").click()
    phone.wait_for_url(re.compile(r"/login"))
    if lobby.base in phone.url:
        phone.get_by_role("button", name="微信登录").click()
    phone.get_by_text("新用户").click()
    phone.get_by_label("昵称").fill("知秋")
    phone.get_by_role("textbox", name="手机号").fill(new_phone())
    phone.get_by_role("button", name="创建并登录").click()
    phone.wait_for_url(lambda url: url.startswith(lobby.base) and "/login" not in url)


def _add_patient(phone: Page, lobby: Lobby) -> None:
    phone.goto(f"{lobby.base}/phone/patients/new")
    phone.get_by_role("radio", name="本人").click()
    phone.get_by_label("姓名").fill(NAME)
    phone.get_by_label("证件号码").fill(new_document())
    phone.get_by_role("button", name="添加", exact=True).click()
    expect(phone.get_by_text(MASKED).first).to_be_visible()


def _book(phone: Page, lobby: Lobby) -> None:
    room = lobby.room()
    phone.goto(f"{lobby.base}/phone/departments")
    phone.get_by_role("link", name=re.compile(re.escape(room["department"]))).first.click()
    phone.locator(f"a[href*='{room['schedule_id']}']").click()
    phone.get_by_role("radio", name=re.compile(re.escape(MASKED))).click()
    times = phone.get_by_role("radiogroup", name="就诊时间")
    times.get_by_role("radio", disabled=False).first.click()
    _shot(phone, "phone-booking")
    phone.get_by_role("button", name="确认预约").click()


def _pay(phone: Page, phone_url: str) -> None:
    _shot(phone, "phone-pay")
    phone.get_by_role("button", name=re.compile("^微信支付")).click()
    phone.get_by_role("button", name="立即支付").click()
    phone.get_by_text("支付成功").wait_for()
    phone.get_by_role("button", name="完成").click()
    phone.wait_for_url(re.compile(re.escape(phone_url)))
    expect(phone.get_by_role("heading", name="预约成功")).to_be_visible(timeout=20_000)


def _check_in(phone: Page, kiosk: Page, lobby: Lobby) -> str:
    """The kiosk reads the very picture that the phone shows."""
    phone.goto(re.sub(r"/pay.*$", "", phone.url))
    picture = phone.get_by_role("img", name="签到二维码")
    expect(picture).to_be_visible(timeout=15_000)
    phone.wait_for_function("() => document.querySelector('img.code__image')?.complete")
    codes = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.screenshot())))
    assert [code.format for code in codes] == [zxingcpp.BarcodeFormat.QRCode]
    _shot(kiosk, "kiosk-home")
    with httpx.Client(base_url=lobby.facts["kiosk"]["url"], trust_env=False) as agent:
        agent.post("/_sim/scan", json={"text": codes[0].text}).raise_for_status()
    expect(kiosk.get_by_role("heading", name=f"{MASKED}，您今天的预约")).to_be_visible(timeout=15_000)
    kiosk.get_by_role("button", name="签到：").click()
    shown = kiosk.locator(".result__number")
    expect(shown).to_be_visible(timeout=15_000)
    expect(kiosk.get_by_text("请取走凭条")).to_be_visible(timeout=15_000)
    _shot(kiosk, "kiosk-ticket")
    number = shown.inner_text()
    expect(phone.get_by_label("排队进度")).to_contain_text(number, timeout=15_000)
    return number


def _look_at_slip(lobby: Lobby) -> None:
    with httpx.Client(base_url=lobby.facts["kiosk"]["url"], trust_env=False) as agent:
        newest = agent.get("/_sim/prints").raise_for_status().json()["items"][0]
        picture = agent.get(newest["url"]).raise_for_status().content
    slip = Image.open(io.BytesIO(picture))
    assert slip.width in (384, 576)
    assert zxingcpp.read_barcodes(slip) != []
    if os.environ.get("HOSPITAL_SHOTS"):
        _save(picture, "slip")


def _sign_in_doctor(console: Page, lobby: Lobby) -> None:
    console.get_by_label("登录名").fill(lobby.now["staff_login"])
    console.get_by_label("密码", exact=True).fill(lobby.facts["password"])
    console.get_by_role("button", name="登录", exact=True).click()
    expect(console.get_by_role("button", name=re.compile("^叫号"))).to_be_enabled(timeout=15_000)


def _call(console: Page, screen: Page, phone: Page, number: str, lobby: Lobby) -> None:
    with console.expect_response("**/queue/call-next") as answer:
        console.get_by_role("button", name=re.compile("^叫号")).click()
    assert answer.value.ok
    answered_at = time.monotonic()
    screen.wait_for_function("no => document.querySelector('.call__number')?.textContent === no", arg=number)
    assert time.monotonic() - answered_at < SHOWN_S
    expect(screen.get_by_role("region", name="正在叫号")).to_contain_text(MASKED)
    assert NAME not in screen.content()
    expect(phone.get_by_label("排队进度")).to_contain_text("正在叫您的号", timeout=15_000)
    expect(console.get_by_label("当前患者")).to_contain_text(NAME)
    if os.environ.get("HOSPITAL_SHOTS"):
        for name, priority in (("陆予安", None), ("宋清和", "elderly"), ("欧阳若溪", None), ("程子墨", "soldier")):
            lobby.walk_in(name, priority)
        if screen.get_by_role("button", name="点此开启声音").count():
            screen.get_by_role("button", name="点此开启声音").click()
        console.wait_for_timeout(2_000)
        for page, picture in ((phone, "phone-queue"), (console, "console-queue"), (screen, "display")):
            _shot(page, picture)


def _see_and_finish(console: Page, screen: Page, phone: Page, number: str) -> None:
    console.get_by_role("button", name=re.compile("^开始接诊")).click()
    expect(screen.get_by_text("暂无叫号，请安心等候")).to_be_visible()
    expect(screen.get_by_role("row").filter(has_text=number)).to_be_visible()
    console.get_by_role("button", name=re.compile("^结束接诊")).click()
    console.get_by_role("dialog").get_by_role("button", name="结束接诊").click()
    expect(screen.get_by_role("row").filter(has_text=number)).to_have_count(0)
    expect(phone.get_by_text("本次就诊已结束").or_(phone.get_by_text("已就诊")).first).to_be_visible(timeout=15_000)
