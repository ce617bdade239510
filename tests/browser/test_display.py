"""The waiting-room screen in a real browser: pairing, calls, privacy, a cut line, accessibility, both orientations."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.lobby import Lobby

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "queue_display/web/dist/index.html").exists(), reason="the page is not built"),
]
LANDSCAPE = {"width": 1920, "height": 1080}
PORTRAIT = {"width": 1080, "height": 1920}
SHORT_PORTRAIT = {"width": 1200, "height": 1920}
SHOWN_S = 1.0
STALE_S = 10_000
HEALS_MS = 15_000

OpenScreen = Callable[..., Page]


@pytest.fixture
def open_screen(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[OpenScreen]:
    """A television with an empty memory; ``?demo=1`` pairs itself with the area that is open now."""
    contexts = []

    def open_one(query: str = "?demo=1", size: dict[str, int] = LANDSCAPE, prepare: Any = None) -> Page:
        context = chromium.new_context(viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
        contexts.append(context)
        page = complaints.watch(context.new_page())
        if prepare is not None:
            prepare(page)
        page.goto(f"{lobby.base}/display/{query}")
        return page

    yield open_one
    for context in contexts:
        context.close()


def _live(page: Page) -> Page:
    expect(page.get_by_role("status")).to_have_text("实时", timeout=15_000)
    return page


def test_code_typed_by_administrator_turns_bare_screen_into_board(open_screen: OpenScreen, lobby: Lobby) -> None:
    page = open_screen("")
    code = re.sub(r"\D", "", page.locator(".pairing__code").inner_text())
    assert re.fullmatch(r"\d{6}", code)
    expect(page.get_by_role("heading", name="请管理员在工作台「设备」中输入配对码")).to_be_visible()
    body = {"code": code, "location_id": lobby.now["area_id"], "name": "测试候诊屏"}
    lobby.staff("system_admin").post("/api/staff/v1/devices/pair", body)
    expect(page.get_by_role("heading", level=1)).to_contain_text(lobby.now["area_name"], timeout=10_000)
    stored = json.loads(page.evaluate("localStorage.getItem('hospital.display.identity')"))
    page.reload()
    _live(page)
    assert json.loads(page.evaluate("localStorage.getItem('hospital.display.identity')")) == stored


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
def test_pairing_code_fits_and_is_accessible(
    open_screen: OpenScreen, complaints: Complaints, size: dict[str, int]
) -> None:
    page = open_screen("", size=size)
    code = page.locator(".pairing__code")
    expect(code).to_have_text(re.compile(r"^\s*\d{3}\s*\d{3}\s*$"))
    digits = re.sub(r"\D", "", code.inner_text())
    expect(code).to_have_accessible_name("配对码 " + " ".join(digits))
    expect(page.locator(".pairing__left")).to_contain_text("配对码剩余有效时间")
    assert page.evaluate(_OUTSIDE) == []
    assert violations(page) == []
    assert complaints == []


# Whatever has words must lie wholly on the glass, and nothing may need scrolling.
_OUTSIDE = """() => {
  const { scrollWidth, scrollHeight } = document.documentElement
  const fits = scrollWidth <= innerWidth && scrollHeight <= innerHeight
  const outside = [...document.querySelectorAll('.pairing > *')].filter((one) => {
    const own = one.getBoundingClientRect()
    return own.left < 0 || own.top < 0 || own.right > innerWidth || own.bottom > innerHeight
  })
  return [...(fits ? [] : [`${scrollWidth}x${scrollHeight}`]), ...outside.map((one) => one.className || one.tagName)]
}"""


def test_call_is_on_the_glass_within_a_second_with_masked_name(
    open_screen: OpenScreen, lobby: Lobby, complaints: Complaints
) -> None:
    lobby.clear()
    page = _live(open_screen())
    waiting = lobby.walk_in("欧阳小雪", "elderly")
    row = page.get_by_role("listitem").filter(has_text=waiting["display_no"])
    expect(row).to_contain_text("欧阳*雪")
    expect(row).to_contain_text("老年优先")
    called = lobby.call_next()
    page.wait_for_function(
        "no => document.querySelector('.call__number')?.textContent === no", arg=called["display_no"]
    )
    assert time.monotonic() - called["answered_at"] < SHOWN_S
    card = page.get_by_role("region", name="正在叫号")
    expect(card).to_contain_text("欧阳*雪")
    expect(card).to_contain_text(called["room"])
    assert "小雪" not in page.content()
    assert complaints == []


def test_chime_is_silent_until_touched_then_rings_two_notes_a_call(open_screen: OpenScreen, lobby: Lobby) -> None:
    lobby.clear()
    page = _live(open_screen(prepare=lambda page: page.add_init_script(_ASLEEP)))
    lobby.walk_in("李雷")
    lobby.call_next()
    expect(page.locator(".call__now--new")).to_be_visible()
    assert page.evaluate("window.notes") == 0
    button = page.get_by_role("button", name="点此开启声音")
    button.click()
    expect(button).to_have_count(0)
    _wait_for_notes(page, 2)
    lobby.walk_in("王建国")
    lobby.call_next()
    _wait_for_notes(page, 4)


def _wait_for_notes(page: Page, notes: int) -> None:
    """Not ``wait_for_function``: it evaluates text in the page, which the policy forbids."""
    for _ in range(200):
        if page.evaluate("window.notes") == notes:
            break
        page.wait_for_timeout(50)
    assert page.evaluate("window.notes") == notes


# Whether headless Chromium lets a page make sounds differs from run to run; here it sleeps until it is resumed.
_ASLEEP = """
window.notes = 0
const knob = () => ({ setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {}, value: 0 })
const node = (more) => ({ connect: (next) => next, ...more })
window.AudioContext = class extends EventTarget {
  state = 'suspended'
  currentTime = 0
  destination = node({})
  createOscillator() { return node({ frequency: knob(), start() { window.notes++ }, stop() {} }) }
  createGain() { return node({ gain: knob() }) }
  async resume() { this.state = 'running'; this.dispatchEvent(new Event('statechange')) }
  async close() {}
}
"""


def test_passed_number_moves_to_its_own_list_and_recall_rings_again(open_screen: OpenScreen, lobby: Lobby) -> None:
    lobby.clear()
    page = _live(open_screen())
    number = lobby.walk_in("李雷")["display_no"]
    called = lobby.call_next()
    announced = page.locator("[aria-live=assertive]")
    expect(announced).to_have_text(f"请 {number} 到 {called['room']}")
    doctor = lobby.staff("doctor")
    flash = page.locator(".call__now--new")
    expect(flash).to_be_visible()
    expect(flash).to_have_count(0, timeout=7_000)
    doctor.post(f"/api/staff/v1/tickets/{called['id']}/recall")
    expect(flash).to_be_visible()
    doctor.post(f"/api/staff/v1/tickets/{called['id']}/pass")
    expect(page.locator(".board__passed")).to_contain_text(number)
    expect(page.get_by_text("暂无叫号，请安心等候")).to_be_visible()


def test_department_that_keeps_names_off_screens_shows_only_the_number(open_screen: OpenScreen, lobby: Lobby) -> None:
    lobby.clear()
    lobby.show_numbers_only(True)
    try:
        page = _live(open_screen())
        lobby.walk_in("慕容晓岚")
        called = lobby.call_next()
        expect(page.locator(".call__number")).to_have_text(called["display_no"])
        expect(page.locator(".call__name")).to_have_count(0)
        assert "慕容" not in page.content()
        assert "岚" not in page.content()
    finally:
        lobby.show_numbers_only(False)


class Line:
    """The websocket between a screen and the server, with a switch."""

    def __init__(self) -> None:
        self.is_cut = False
        self.change: Callable[[str], str] = lambda text: text

    def lay(self, page: Page) -> None:
        page.route_web_socket(re.compile("/ws/display$"), self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(lambda text: None if self.is_cut else server.send(text))
        server.on_message(lambda text: None if self.is_cut else route.send(self.change(str(text))))


def test_silent_server_is_told_within_ten_seconds_and_heals_by_itself(open_screen: OpenScreen, lobby: Lobby) -> None:
    lobby.clear()
    line = Line()
    page = _live(open_screen(prepare=line.lay))
    line.is_cut = True
    expect(page.get_by_role("status")).to_have_text(re.compile(r"连接中断 \d\d:\d\d:\d\d 数据"), timeout=STALE_S)
    missed = lobby.walk_in("王建国")["display_no"]
    assert missed not in page.content()
    line.is_cut = False
    expect(page.get_by_role("status")).to_have_text("实时", timeout=HEALS_MS)
    expect(page.get_by_role("listitem").filter(has_text=missed)).to_be_visible()


def test_minute_of_silence_greys_numbers_and_names_the_desk(open_screen: OpenScreen, lobby: Lobby) -> None:
    line = Line()

    def prepare(page: Page) -> None:
        page.clock.install()
        line.lay(page)

    page = _live(open_screen(prepare=prepare))
    line.is_cut = True
    page.clock.fast_forward(61_000)
    expect(page.get_by_role("alert")).to_have_text("屏幕信息可能不是最新，请以分诊台为准", timeout=STALE_S)
    expect(page.locator(".board__call")).to_have_css("filter", "grayscale(1)")


def test_server_that_may_be_late_says_so(open_screen: OpenScreen) -> None:
    line = Line()
    page = _live(open_screen(prepare=line.lay))
    line.change = lambda text: text.replace('"live":true', '"live":false')
    expect(page.get_by_role("status")).to_have_text("实时更新暂停", timeout=STALE_S)
    line.change = lambda text: text
    expect(page.get_by_role("status")).to_have_text("实时", timeout=STALE_S)


def test_revoked_screen_goes_dark_at_once_and_may_ask_again(open_screen: OpenScreen, lobby: Lobby) -> None:
    page = _live(open_screen())
    device_id = json.loads(page.evaluate("localStorage.getItem('hospital.display.identity')"))["device_id"]
    lobby.staff("system_admin").post(f"/api/staff/v1/devices/{device_id}/revoke")
    expect(page.get_by_role("heading", name="本屏已停用")).to_be_visible(timeout=3_000)
    assert page.locator(".board").count() == 0
    page.get_by_role("button", name="重新配对").click()
    _live(page)
    assert json.loads(page.evaluate("localStorage.getItem('hospital.display.identity')"))["device_id"] != device_id


CROWD = ("张三丰", "欧阳小雪", "李雷", "王建国", "司马懿", "赵一", "孙悟空", "钱多多", "周芷若", "吴承恩", "郑和")
PRIORITIES = (None, "elderly", None, "soldier", None, None, "elderly", None, None, None, None)


def test_code_for_checking_in_is_on_the_glass_and_a_new_one_follows(open_screen: OpenScreen) -> None:
    page = _live(open_screen())
    picture = page.get_by_role("img", name="院内签到码")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.complete && one.naturalWidth > 0")
    before = picture.get_attribute("src")
    assert before is not None
    expect(picture).not_to_have_attribute("src", before, timeout=25_000)


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT, SHORT_PORTRAIT], ids=["landscape", "portrait", "short-portrait"])
def test_full_board_fits_and_is_accessible(
    open_screen: OpenScreen, lobby: Lobby, complaints: Complaints, size: dict[str, int]
) -> None:
    lobby.clear()
    for name, priority in zip(CROWD, PRIORITIES, strict=True):
        lobby.walk_in(name, priority)
    page = _live(open_screen(size=size))
    called = lobby.call_next()
    expect(page.locator(".call__number")).to_have_text(called["display_no"])
    assert page.locator(".list li").count() == 8
    assert page.evaluate(_CUT_OFF) == []
    assert violations(page) == []
    assert complaints == []
    lobby.clear()


# Whatever has words must lie wholly inside the box that clips it, and a row's words inside the row.
_CUT_OFF = """() => {
  const cut = []
  for (const one of document.querySelectorAll('.board h1, .board h2, .board li, .board td, .board th, .call p')) {
    const box = one.closest('section, header').getBoundingClientRect()
    const own = one.getBoundingClientRect()
    if (own.bottom > box.bottom + 1 || own.right > box.right + 1 || one.scrollWidth > one.clientWidth + 1 ||
        (one.matches('.list li') && one.scrollHeight > one.clientHeight + 1))
      cut.push(`${one.className || one.tagName} ${one.textContent}`)
  }
  return cut
}"""
