"""The patient's phone in a real browser: a booking in three taps, money, faults, the queue, accessibility."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import API, Handset, call_until, check_in
from tests.fixtures.lobby import Lobby

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
PHONE = {"width": 390, "height": 844}
SMALL = {"width": 360, "height": 640}
TARGET_MIN_PX = 44
CALLED_WITHIN_MS = 5_000

OpenPhone = Callable[..., Handset]


@pytest.fixture
def open_phone(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[OpenPhone]:
    """Phones with an empty memory."""
    contexts = []

    def open_one(size: dict[str, int] = PHONE) -> Handset:
        context = chromium.new_context(viewport=size, locale="zh-CN", reduced_motion="reduce")  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Handset(complaints.watch(context.new_page()), lobby)

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def phone(open_phone: OpenPhone) -> Iterator[Handset]:
    opened = open_phone()
    yield opened
    opened.heal()


def _flaws(page: Page) -> list[str]:
    """What a person with large fingers, weak eyes or a small phone would stumble over."""
    small = page.evaluate(
        """(least) => [...document.querySelectorAll('button, a, select, input')]
          .filter((one) => one.getClientRects().length > 0 && !one.closest('label'))
          .filter((one) => one.offsetHeight < least || one.offsetWidth < least)
          .map((one) => `small: ${one.outerHTML.slice(0, 80)}`)""",
        TARGET_MIN_PX,
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*violations(page), *small, *(["wider than the screen"] if wide else [])]


def test_new_patient_books_pays_and_holds_the_code(phone: Handset, complaints: Complaints, tmp_path: Path) -> None:
    page = phone.page
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png")
        found[name] = _flaws(page)

    page.goto(phone.url)
    expect(page.get_by_role("heading", name="江州市第一人民医院")).to_be_visible()
    look("signed-out")
    page.get_by_role("button", name="预约挂号").click()
    look("log-in")
    phone.log_in()
    expect(page.get_by_role("link", name=re.compile("骨科"))).to_be_visible()
    look("departments")
    phone.choose_session()
    page.get_by_role("button", name="添加就诊人").click()
    look("new-patient")
    phone.add_patient()
    expect(page.get_by_role("radio", name="沈*秋（本人）")).to_be_checked()
    look("booking")
    phone.confirm()
    look("payment")
    phone.pay()
    expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
    look("paid")
    page.get_by_role("button", name="查看预约与签到码").click()
    expect(page.get_by_role("img", name="签到二维码")).to_be_visible()
    look("appointment")
    for path, sign in (("", "下一次就诊"), ("appointments", "我的预约"), ("patients", "待核验"), ("me", "长辈版")):
        page.goto(phone.url + path)
        expect(page.get_by_text(sign).first).to_be_visible()
        look(path or "home")
    page.goto(f"{phone.url}messages")
    expect(page.get_by_role("button", name=re.compile("预约成功"))).to_be_visible()
    look("messages")
    assert found == {name: [] for name in found}
    assert complaints == []


def test_known_patient_needs_three_taps(phone: Handset, complaints: Complaints) -> None:
    phone.arrive_at_payment(days_ahead=2)
    phone.page.goto(f"{phone.url}departments")
    phone.choose_session()
    phone.confirm()
    assert [one["status"] for one in phone.appointments()] == ["pending", "pending"]
    assert complaints == []


def test_cancelled_payment_leaves_the_place_and_the_same_order(phone: Handset) -> None:
    phone.arrive_at_payment(days_ahead=1)
    phone.give_up_paying()
    expect(phone.page.get_by_text("您取消了支付，号源仍为您保留")).to_be_visible()
    phone.pay()
    expect(phone.page.get_by_role("heading", name="预约成功")).to_be_visible()
    assert [one["payment_status"] for one in phone.appointments()] == ["paid"]


def test_unconfirmed_payment_says_so_and_offers_no_second_one(phone: Handset) -> None:
    phone.arrive_at_payment(days_ahead=1)
    phone.fault("callback_drop", "TRANSACTION")
    phone.fault("api_500", "query")
    phone.pay()
    page = phone.page
    expect(page.get_by_role("heading", name="支付结果确认中")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="支付结果确认中")).to_be_visible()
    page.wait_for_timeout(3_000)
    expect(page.get_by_role("button", name=re.compile("^微信支付"))).to_have_count(0)
    phone.heal()
    expect(page.get_by_role("heading", name="预约成功")).to_be_visible(timeout=30_000)


def test_lost_answer_is_asked_again_and_books_once(phone: Handset) -> None:
    answers = []

    def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        answers.append(route.request.headers["idempotency-key"])
        if len(answers) > 1:
            return route.continue_()
        route.fetch()
        return route.abort("connectionreset")

    phone.page.route(f"**{API}/appointments", lose_the_first)
    phone.arrive_at_payment(days_ahead=1)
    assert len(answers) == 2
    assert answers[0] == answers[1]
    assert len(phone.appointments()) == 1


def test_double_tap_books_once(phone: Handset) -> None:
    sent: list[str] = []
    page = phone.page
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" and r.url.endswith("/appointments") else None)
    page.goto(f"{phone.url}departments")
    phone.log_in()
    phone.choose_session(days_ahead=1)
    page.get_by_role("button", name="添加就诊人").click()
    phone.add_patient()
    page.get_by_role("button", name="确认预约").dblclick()
    expect(page.get_by_role("timer")).to_be_visible()
    assert len(sent) == 1


def test_place_taken_meanwhile_is_said_and_another_can_be_chosen(open_phone: OpenPhone, complaints: Complaints) -> None:
    quick, slow = open_phone(), open_phone()
    for one in (quick, slow):
        one.page.goto(f"{one.url}departments")
        one.log_in()
        one.choose_session(days_ahead=1)
        one.page.get_by_role("button", name="添加就诊人").click()
        one.add_patient()
    place = slow.page.get_by_role("radiogroup", name="就诊时间").get_by_role("radio", checked=True)
    wanted = place.inner_text()
    # The slow phone does not hear of the other's booking before it confirms.
    slow.page.route("**/slots", lambda route: route.abort())
    quick.page.get_by_role("radio", name=wanted, exact=True).click()
    quick.confirm()
    slow.page.get_by_role("button", name="确认预约").click()
    expect(slow.page.get_by_text("该号已被他人预约，请另选一个")).to_be_visible()
    expect(slow.page.get_by_role("button", name="确认预约")).to_be_disabled()
    slow.page.unroute("**/slots")
    still_offered = slow.page.get_by_role("radio", name=wanted, exact=True, disabled=False)
    expect(still_offered).to_have_count(0, timeout=15_000)
    slow.page.get_by_role("radiogroup", name="就诊时间").get_by_role("radio", disabled=False).first.click()
    slow.confirm()
    assert [one["status"] for one in slow.appointments()] == ["pending"]
    # The refusal itself is an answer the browser notes; nothing else may complain.
    assert [line for line in complaints if "409" not in line and "ERR_FAILED" not in line] == []


def test_queue_counts_down_and_the_call_fills_the_screen(phone: Handset, lobby: Lobby, complaints: Complaints) -> None:
    phone.arrive_at_payment()
    phone.pay()
    page = phone.page
    page.get_by_role("button", name="查看预约与签到码").click()
    expect(page.get_by_role("img", name="签到二维码")).to_be_visible()
    lobby.clear()
    lobby.walk_in("韩若溪")
    (booked,) = phone.appointments()
    qr = phone.api().get(f"{API}/appointments/{booked['id']}/qr")["text"]
    ticket = check_in(lobby, qr, booked["id"])
    place = page.get_by_role("region", name="排队进度")
    expect(place.get_by_text(ticket["display_no"])).to_be_visible(timeout=15_000)
    expect(place.get_by_text("实时")).to_be_visible()
    expect(place).to_contain_text(re.compile("前面还有|下一位就是您"))
    call_until(lobby, ticket["display_no"])
    expect(place.get_by_text("正在叫您的号")).to_be_visible(timeout=CALLED_WITHIN_MS)
    expect(place.get_by_text(f"请到 {lobby.room()['room']}")).to_be_visible()
    assert _flaws(page) == []
    lobby.clear_room()
    expect(page.get_by_role("heading", name="已就诊")).to_be_visible()
    assert complaints == []


def test_paid_booking_is_given_back_and_refunded(phone: Handset) -> None:
    phone.arrive_at_payment(days_ahead=1)
    phone.pay()
    page = phone.page
    page.get_by_role("button", name="查看预约与签到码").click()
    page.get_by_role("button", name="取消预约").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("将原路退回")
    dialog.get_by_role("button", name="取消预约").click()
    expect(page.get_by_role("heading", name=re.compile("已取消 · (退款中|已退款)"))).to_be_visible()
    expect(page.get_by_role("heading", name="已取消 · 已退款")).to_be_visible(timeout=30_000)


def test_offline_says_so_and_comes_back(phone: Handset) -> None:
    page = phone.page
    page.goto(f"{phone.url}departments")
    phone.log_in()
    expect(page.locator(".dept").first).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("网络已断开，内容可能不是最新")).to_be_visible()
    expect(page.locator(".dept").first).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("网络已断开，内容可能不是最新")).to_be_hidden()


def test_ended_session_leads_to_log_in_and_back(phone: Handset) -> None:
    page = phone.page
    page.goto(f"{phone.url}departments")
    phone.log_in()
    expect(page.locator(".dept").first).to_be_visible()
    phone.api().post(f"{API}/sessions/end")
    page.goto(f"{phone.url}patients")
    expect(page.get_by_text("登录已失效，请重新登录")).to_be_visible()
    page.get_by_role("button", name="微信登录").click()
    page.locator("#people button", has_text=phone.nickname).click()
    expect(page.get_by_role("heading", name="就诊人", exact=True)).to_be_visible()


def test_phone_number_kept_back_at_log_in_is_bound_later(phone: Handset, complaints: Complaints) -> None:
    page = phone.page
    page.goto(f"{phone.url}departments")
    phone.log_in(gives_number=False)
    expect(page.locator(".dept").first).to_be_visible()
    page.goto(f"{phone.url}me")
    expect(page.get_by_text("还没有绑定手机号")).to_be_visible()
    page.get_by_role("link", name="绑定手机号").click()
    page.get_by_role("button", name="使用微信手机号").click()
    page.locator("#allow").click()
    expect(page.get_by_text(re.compile(r"^199\*{4}\d{4}$"))).to_be_visible()
    assert complaints == []


def test_log_in_with_a_foreign_state_is_refused(phone: Handset) -> None:
    user = phone.lobby.facts["wechat"]["users"][0]["openid"]
    code = _json(phone, f"/_sim/users/{user}/login-code")["code"]
    phone.page.goto(f"{phone.url}login?code={code}&state=somebody-elses")
    expect(phone.page.get_by_text("登录没有完成，请再试一次")).to_be_visible()
    phone.page.wait_for_function("localStorage.getItem('hospital.phone.session') === null")


def test_small_phone_in_large_type_shows_everything(open_phone: OpenPhone, complaints: Complaints) -> None:
    phone = open_phone(SMALL)
    page = phone.page
    page.goto(phone.url)
    page.get_by_role("button", name="长辈版").click()
    page.wait_for_function("parseFloat(getComputedStyle(document.documentElement).fontSize) > 20")
    found = {"home": _flaws(page)}
    phone.arrive_at_payment()
    found["payment"] = _flaws(page)
    phone.pay()
    page.get_by_role("button", name="查看预约与签到码").click()
    expect(page.get_by_role("img", name="签到二维码")).to_be_visible()
    found["appointment"] = _flaws(page)
    for path in ("departments", "patients", "patients/new", "me", "appointments"):
        page.goto(phone.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        found[path] = _flaws(page)
    assert found == {name: [] for name in found}
    assert complaints == []


def _json(phone: Handset, path: str) -> Any:
    return phone.page.request.post(phone.wechat + path, data={}).json()
