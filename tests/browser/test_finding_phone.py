"""Finding the right door on the phone: live search, the symptom guide, a doctor's page, down to a booking."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import Handset
from tests.fixtures.lobby import Lobby

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
PHONE = {"width": 390, "height": 844}
TARGET_MIN_PX = 44


@pytest.fixture
def phone(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[Handset]:
    """A phone signed in by a new person, at the page where a booking begins."""
    context = chromium.new_context(viewport=PHONE, locale="zh-CN", reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    opened = Handset(complaints.watch(context.new_page()), lobby)
    opened.page.goto(f"{opened.url}departments")
    opened.log_in()
    expect(opened.page.get_by_role("searchbox")).to_be_visible()
    yield opened
    context.close()


def _flaws(page: Page) -> list[str]:
    small = page.evaluate(
        """(least) => [...document.querySelectorAll('button, a, select, input')]
          .filter((one) => one.getClientRects().length > 0 && !one.closest('label'))
          .filter((one) => one.offsetHeight < least || one.offsetWidth < least)
          .map((one) => `small: ${one.outerHTML.slice(0, 80)}`)""",
        TARGET_MIN_PX,
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*violations(page), *small, *(["wider than the screen"] if wide else [])]


def test_what_is_typed_finds_departments_and_doctors_as_it_is_typed(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page, box = phone.page, phone.page.get_by_role("searchbox")
    departments = page.get_by_role("region", name="科室")
    box.fill("高血压")
    expect(departments.get_by_role("link").first).to_contain_text("心血管内科")
    expect(departments.get_by_role("link").first).to_contain_text("疾病：高血压")
    expect(page.get_by_role("region", name="医生").get_by_role("link").first).to_contain_text("心血管内科")
    page.screenshot(path=tmp_path / "search.png")
    flaws = _flaws(page)
    box.fill("xnk")
    expect(departments.get_by_role("link").first).to_contain_text("又称：心内科")
    box.fill("狗咬伤")
    expect(page.get_by_role("region", name="急诊")).to_contain_text("急诊外科")
    page.screenshot(path=tmp_path / "urgent.png")
    flaws += _flaws(page)
    box.fill("没有这样的词")
    expect(page.get_by_role("button", name="试试智能导诊")).to_be_visible()
    box.fill("")
    expect(page.get_by_role("button", name="今天有号")).to_be_visible()
    assert flaws == []
    assert complaints == []


def test_letters_of_an_input_method_are_not_searched_before_they_are_a_word(phone: Handset) -> None:
    page, asked = phone.page, []
    page.on("request", lambda request: asked.append(request.url) if "/search?" in request.url else None)
    box = page.get_by_role("searchbox")
    box.focus()
    typist = page.context.new_cdp_session(page)
    for composed in ("t", "to", "tou", "tou'tong"):
        typist.send("Input.imeSetComposition", {"text": composed, "selectionStart": 0, "selectionEnd": len(composed)})
        page.wait_for_timeout(300)
    assert asked == [], "half a syllable is no question"
    typist.send("Input.insertText", {"text": "头痛"})
    expect(page.get_by_role("region", name="科室").get_by_role("link").first).to_contain_text("神经内科")
    assert len(asked) == 1


def test_given_no_network_then_the_search_says_so_and_goes_on_afterwards(phone: Handset) -> None:
    page = phone.page
    page.get_by_role("searchbox").fill("骨折")
    expect(page.get_by_role("region", name="科室").get_by_role("link").first).to_contain_text("骨科")
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("牙痛")
    expect(page.get_by_text("以下为之前的内容")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("searchbox").fill("牙疼")
    expect(page.get_by_role("region", name="科室").get_by_role("link").first).to_contain_text("口腔科")


def test_a_symptom_leads_to_a_department_and_an_emergency_to_the_emergency_room(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.get_by_role("link", name=re.compile("智能导诊")).click()
    expect(page.get_by_role("link", name=re.compile("^胸部"))).to_be_visible()
    page.screenshot(path=tmp_path / "parts.png")
    flaws = _flaws(page)
    page.get_by_role("link", name=re.compile("^胸部")).click()
    page.get_by_role("button", name="心慌、心跳不齐").click()
    page.get_by_role("radio", name="其他人").click()
    page.get_by_role("button", name="女", exact=True).click()
    page.get_by_label("年龄").fill("46")
    page.screenshot(path=tmp_path / "symptoms.png")
    page.get_by_role("button", name="查看建议").click()
    advice = page.get_by_role("status", name="导诊建议")
    expect(advice).to_contain_text("建议今天就诊")
    expect(advice.get_by_role("link")).to_contain_text(["心血管内科"])
    page.screenshot(path=tmp_path / "advice.png")
    flaws += _flaws(page)
    page.get_by_role("button", name="胸口持续压榨样疼痛、出冷汗").click()
    expect(advice).to_have_count(0)
    page.get_by_role("button", name="查看建议").click()
    expect(advice).to_contain_text("请立即前往急诊")
    expect(advice).to_contain_text("急诊内科")
    expect(advice).not_to_contain_text("心血管内科")
    expect(advice.get_by_role("link", name="拨打 120")).to_have_attribute("href", "tel:120")
    page.screenshot(path=tmp_path / "emergency.png")
    flaws += _flaws(page)
    assert flaws == []
    assert complaints == []


def test_a_doctors_page_leads_to_a_booking(phone: Handset, complaints: Complaints, tmp_path: Path) -> None:
    page = phone.page
    page.get_by_role("searchbox").fill(phone.lobby.now["staff_name"])
    page.get_by_role("region", name="医生").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name=phone.lobby.now["staff_name"])).to_be_visible()
    expect(page.get_by_role("heading", name="擅长")).to_be_visible()
    expect(page.get_by_role("heading", name="简介")).to_be_visible()
    picture = page.locator("header img")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.complete && one.naturalWidth > 0")
    page.screenshot(path=tmp_path / "doctor.png")
    flaws = _flaws(page)
    page.locator("a.time").first.click()
    expect(page.get_by_role("heading", name="确认预约")).to_be_visible()
    expect(page.get_by_text(phone.lobby.now["staff_name"]).first).to_be_visible()
    assert flaws == []
    assert complaints == []
