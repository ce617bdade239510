"""The kiosk's page in a real browser: one visit, its faults, large type, accessibility, silence of the console."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from kiosk_agent.pages import DIST
from tests.fixtures.fake_hospital import CARD_NAME, CARD_NO, EMPTY_NO, FEE_NO, LATE_NO, QR_TEXT, linked_account
from tests.fixtures.kiosk import Program, running_agent, running_hospital

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the kiosk's page is not built"),
]
TARGET_MIN_PX = 64
BODY_MIN_PX = 28


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Program]:
    with running_hospital(tmp_path) as program:
        yield program


@pytest.fixture
def agent(tmp_path: Path, hospital: Program) -> Iterator[Program]:
    with running_agent(tmp_path, hospital.url) as program:
        yield program


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, agent: Program, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1080, "height": 1920}, bypass_csp=False, reduced_motion="reduce")
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(agent.url + "/")
    _at(opened, "home", 20)
    yield opened
    context.close()


def _at(page: Page, stage: str, timeout_s: float = 30) -> None:
    page.wait_for_selector(f"[data-stage={stage}] main h1", timeout=timeout_s * 1000)


def _lay_card(agent: Program, document_no: str = CARD_NO) -> None:
    agent.post("/_sim/id-card", document_no=document_no, name=CARD_NAME)


def _small_things(page: Page) -> list[str]:
    """Buttons under the target size and text under the reading size."""
    return page.evaluate(
        """([target, body]) => {
          const small = []
          for (const one of document.querySelectorAll('button')) {
            const box = one.getBoundingClientRect()
            if (box.width < target || box.height < target) small.push(`button ${one.innerText}`)
          }
          for (const one of document.querySelectorAll('p, h1, h2, li, dt, dd, button, time')) {
            const size = parseFloat(getComputedStyle(one).fontSize)
            if (one.innerText?.trim() && size < body) small.push(`${size}px ${one.innerText}`)
          }
          return small
        }""",
        [TARGET_MIN_PX, BODY_MIN_PX],
    )


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


def test_visit_from_card_to_slip_and_nothing_left_behind(page: Page, agent: Program, complaints: list[str]) -> None:
    _lay_card(agent)
    _at(page, "appointments")
    expect(page.get_by_role("heading", name="张*丰，您今天的预约")).to_be_visible()
    expect(page.get_by_text(re.compile(r"还没到签到时间，\d\d:\d\d 起可以签到"))).to_be_visible()
    page.get_by_role("button", name="签到：").click()
    _at(page, "result")
    expect(page.locator("main h1")).to_contain_text("A012")
    expect(page.get_by_text("请取走凭条")).to_be_visible()
    page.get_by_role("button", name="完成").click()
    _at(page, "home")
    assert "张" not in page.content()
    assert "A012" not in page.content()
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert complaints == []


def test_fee_that_is_due_is_paid_by_phone_and_the_slip_comes_by_itself(
    page: Page, agent: Program, hospital: Program, complaints: list[str], tmp_path: Path
) -> None:
    _lay_card(agent, FEE_NO)
    _at(page, "appointments")
    expect(page.get_by_text("挂号费 ¥25.00")).to_be_visible()
    page.screenshot(path=tmp_path / "due.png")
    assert (_violations(page), _small_things(page)) == ([], [])
    page.get_by_role("button", name="缴费取号：").click()
    _at(page, "paying")
    expect(page.get_by_role("img", name="缴费二维码")).to_be_visible()
    assert page.evaluate("document.querySelector('.pay__code').naturalWidth") > 0, "the code is a picture, not a gap"
    page.screenshot(path=tmp_path / "paying.png")
    assert (_violations(page), _small_things(page)) == ([], [])
    hospital.post("/_fake/set", fees_paid=True)
    _at(page, "result")
    expect(page.get_by_text("康复医学科")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("size", ["标准字号", "放大字号"])
def test_payment_code_under_the_scanner_is_refused_waited_for_and_pays(
    page: Page, agent: Program, hospital: Program, complaints: list[str], tmp_path: Path, size: str
) -> None:
    if size == "放大字号":
        page.get_by_role("button", name=size).click()
    _lay_card(agent, FEE_NO)
    _at(page, "appointments")
    page.get_by_role("button", name="缴费取号：").click()
    _at(page, "paying")
    expect(page.get_by_role("heading", name="或出示付款码")).to_be_visible()
    found = {"ways": _small_things(page) + _violations(page) + _cut_off(page)}
    page.screenshot(path=tmp_path / "ways.png")
    agent.post("/_sim/scan", text="124567890123456783")
    told = page.get_by_role("alert").filter(has_text="余额不足，没有扣款")
    expect(told).to_contain_text("换一张银行卡")
    expect(page.get_by_role("img", name="缴费二维码")).to_be_visible()
    found["refused"] = _small_things(page) + _violations(page) + _cut_off(page)
    page.screenshot(path=tmp_path / "refused.png")
    agent.post("/_sim/scan", text="144567890123456782")
    expect(page.get_by_role("heading", name="等待您在手机上确认")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="请看手机")).to_be_visible()
    expect(page.get_by_role("img", name="缴费二维码")).to_have_count(0)
    expect(told).to_have_count(0)
    assert "144567890123456782" not in page.content()
    found["waits"] = _small_things(page) + _violations(page) + _cut_off(page)
    page.screenshot(path=tmp_path / "waits.png")
    hospital.post("/_fake/set", fees_paid=True)
    _at(page, "result")
    assert {stage: problems for stage, problems in found.items() if problems} == {}
    assert complaints == []


def _cut_off(page: Page) -> list[str]:
    """Whether one would have to scroll."""
    fits = page.evaluate(
        "(one => [one.scrollHeight <= one.clientHeight, one.scrollWidth <= one.clientWidth])"
        "(document.querySelector('main'))"
    )
    return [] if fits == [True, True] else [f"does not fit: {fits}"]


def test_code_typed_by_a_wedge_scanner_opens_the_session(page: Page) -> None:
    # A scanner types within milliseconds; on a machine that stalls in between the page takes it for a person's typing.
    for _ in range(4):
        page.keyboard.type(QR_TEXT, delay=1)
        page.keyboard.press("Enter")
        with suppress(PlaywrightTimeout):
            _at(page, "appointments", timeout_s=5)
            break
    _at(page, "appointments")


def test_visit_by_keyboard_alone(page: Page, agent: Program) -> None:
    _lay_card(agent)
    _at(page, "appointments")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="签到：")).to_be_focused()
    page.keyboard.press("Enter")
    _at(page, "result")


def test_every_stage_is_large_enough_and_accessible(page: Page, agent: Program, complaints: list[str]) -> None:
    found: dict[str, list[str]] = {"home": _small_things(page) + _violations(page)}
    page.get_by_role("button", name="帮助").click()
    found["help"] = _small_things(page) + _violations(page)
    page.keyboard.press("Escape")
    _lay_card(agent)
    _at(page, "appointments")
    found["appointments"] = _small_things(page) + _violations(page)
    page.get_by_role("button", name="签到：").click()
    _at(page, "result")
    found["result"] = _small_things(page) + _violations(page)
    _lay_card(agent, LATE_NO)
    _at(page, "appointments")
    page.get_by_role("button", name="签到：").click()
    _at(page, "refused")
    expect(page.get_by_role("heading", name="已过签到时间")).to_be_visible()
    found["refused"] = _small_things(page) + _violations(page)
    assert {stage: problems for stage, problems in found.items() if problems} == {}
    assert complaints == []


def _link(hospital: Program, who: str = "card") -> None:
    """Two phones wait for the patient's word, one has it, one has no number to be known by."""
    accounts = [
        linked_account("138****0001", relation="parent"),
        linked_account("139****0002", relation="other"),
        linked_account(None),
        linked_account("136****0003", relation="spouse", proven=True),
    ]
    hospital.post("/_fake/set", accounts={who: accounts})


def test_patient_proves_the_phone_they_know_and_checks_in(
    page: Page, agent: Program, hospital: Program, complaints: list[str]
) -> None:
    _link(hospital)
    _lay_card(agent)
    _at(page, "appointments")
    page.get_by_role("button", name="核验手机关联").click()
    _at(page, "accounts")
    ours = page.get_by_role("listitem").filter(has_text="138****0001")
    expect(ours).to_contain_text("登记为：您的子女")
    expect(page.get_by_role("listitem").filter(has_text="136****0003")).to_contain_text("已核验")
    expect(page.get_by_role("listitem").filter(has_text="没有绑定手机号").get_by_role("button")).to_have_count(0)
    ours.get_by_role("button", name="核验").click()
    dialog = page.get_by_role("alertdialog", name="认得这个号码吗？")
    expect(dialog).to_contain_text("138****0001")
    expect(dialog).to_contain_text("可以查看您的全部就诊记录")
    expect(dialog.get_by_role("button", name="不是我的手机")).to_be_focused()
    dialog.get_by_role("button", name="不是我的手机").click()
    expect(dialog).to_have_count(0)
    assert hospital.get("/_fake")["proofs"] == {}
    ours.get_by_role("button", name="核验").click()
    dialog.get_by_role("button", name="确认").click()
    _at(page, "proven")
    expect(page.get_by_text("138****0001")).to_be_visible()
    assert len(hospital.get("/_fake")["proofs"]) == 1
    page.get_by_role("button", name="继续办理").click()
    _at(page, "appointments")
    page.get_by_role("button", name="签到：").click()
    _at(page, "result")
    page.get_by_role("button", name="完成").click()
    _at(page, "home")
    assert "****" not in page.content()
    assert complaints == []


def test_patient_without_appointment_is_told_and_may_prove(page: Page, agent: Program, hospital: Program) -> None:
    _link(hospital, "empty")
    _lay_card(agent, EMPTY_NO)
    _at(page, "appointments")
    expect(page.get_by_role("heading", name="今天没有您的预约")).to_be_visible()
    page.get_by_role("button", name="核验手机关联").click()
    _at(page, "accounts")
    page.get_by_role("button", name="返回").click()
    _at(page, "appointments")


@pytest.mark.parametrize("size", ["标准字号", "放大字号"])
def test_proving_is_large_enough_and_accessible(
    page: Page, agent: Program, hospital: Program, complaints: list[str], size: str
) -> None:
    _link(hospital)
    if size == "放大字号":
        page.get_by_role("button", name=size).click()
    _lay_card(agent)
    _at(page, "appointments")
    found = {"appointments": _small_things(page) + _violations(page)}
    page.get_by_role("button", name="核验手机关联").click()
    _at(page, "accounts")
    found["accounts"] = _small_things(page) + _violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="核验 138****0001").click()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    found["dialog"] = _small_things(page) + _violations(page)
    page.get_by_role("button", name="确认").click()
    _at(page, "proven")
    found["proven"] = _small_things(page) + _violations(page)
    assert {stage: problems for stage, problems in found.items() if problems} == {}
    assert complaints == []


def test_large_type_grows_by_two_fifths_and_is_reset_for_the_next(page: Page, agent: Program) -> None:
    def size() -> float:
        return float(page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)"))

    def must_become(expected: float) -> None:
        is_there = "x => Math.abs(parseFloat(getComputedStyle(document.documentElement).fontSize) - x) < x / 100"
        page.wait_for_function(is_there, arg=expected)

    normal = size()
    page.get_by_role("button", name="放大字号").click()
    expect(page.get_by_role("button", name="标准字号")).to_have_attribute("aria-pressed", "true")
    must_become(normal * 1.4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    _lay_card(agent)
    _at(page, "appointments")
    assert size() > normal
    page.get_by_role("button", name="退出").click()
    _at(page, "home")
    must_become(normal)


def test_low_mode_brings_everything_within_reach(page: Page, agent: Program) -> None:
    page.get_by_role("button", name="低位模式").click()
    _lay_card(agent)
    _at(page, "appointments")
    box = page.get_by_role("button", name="签到：").bounding_box()
    assert box is not None
    assert box["y"] > 0.4 * 1920


def test_page_is_drawn_with_a_chinese_font(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": "main h1"})["nodeId"]
    fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    assert any("CJK" in font["familyName"] or "WenQuanYi" in font["familyName"] for font in fonts)


def test_server_gone_shows_out_of_service_in_seconds(page: Page, hospital: Program) -> None:
    hospital.kill()
    _at(page, "paused", 5)
    expect(page.get_by_role("heading", name="暂停服务")).to_be_visible()
    assert _small_things(page) + _violations(page) == []


def test_agent_gone_clears_the_glass(page: Page, agent: Program) -> None:
    _lay_card(agent)
    _at(page, "appointments")
    agent.kill()
    _at(page, "starting", 5)
    assert "张" not in page.content()


def test_simulator_panel_shows_the_printed_slip(page: Page, agent: Program, complaints: list[str]) -> None:
    panel = page.context.new_page()
    panel.on("console", lambda message: complaints.append(message.text))
    panel.goto(agent.url + "/_sim")
    panel.get_by_role("button", name="张三丰").click()
    _at(page, "appointments")
    page.get_by_role("button", name="签到：").click()
    expect(panel.get_by_role("img")).to_be_visible(timeout=10_000)
    assert panel.evaluate("document.querySelector('img').naturalWidth") == 576
    assert _violations(panel) == []
    assert complaints == []
