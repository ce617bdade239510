"""Money on the phone in a real browser: bills put together and paid, a receipt, the card, records, settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import API, Handset, call_until
from tests.fixtures.lobby import Lobby, new_document, new_phone

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
SMALL = {"width": 375, "height": 812}
STAFF = "/api/staff/v1"
TARGET_MIN_PX = 44


@pytest.fixture
def phone(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[Handset]:
    context = chromium.new_context(viewport=SMALL, locale="zh-CN", reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    opened = Handset(complaints.watch(context.new_page()), lobby)
    yield opened
    opened.heal()
    context.close()


@pytest.fixture
def seen(lobby: Lobby) -> dict[str, Any]:
    """Somebody whom the doctor has just seen and charged two things; name, document and patient."""
    window, doctor = lobby.staff("registrar"), lobby.staff("doctor")
    person = {"name": "沈知秋", "document_kind": "national_id", "document_no": new_document(), "sex": "female"}
    patient = window.post(f"{STAFF}/patients", {**person, "phone": new_phone()})
    body = {"patient_id": patient["patient_id"], "schedule_id": lobby.running_schedule(), "tendered_fen": 20_000}
    ticket = window.post(f"{STAFF}/walk-ins", body)["ticket"]
    call_until(lobby, ticket["display_no"])
    visit = doctor.post(f"{STAFF}/tickets/{ticket['id']}/start")
    for word, quantity in (("血常规", "1"), ("阿司匹林", "2")):
        item = doctor.get(f"{STAFF}/price-items", q=word)["items"][0]
        charge = {"price_item_id": item["id"], "quantity": quantity}
        doctor.post(f"{STAFF}/encounters/{visit['id']}/charges", charge)
    doctor.post(f"{STAFF}/tickets/{ticket['id']}/finish")
    return {**person, "patient_id": patient["patient_id"]}


def link(phone: Handset, person: dict[str, Any]) -> None:
    """Log in, add the person, and have the desk prove it."""
    page = phone.page
    page.goto(f"{phone.url}patients/new")
    phone.log_in()
    page.get_by_label("姓名").fill(person["name"])
    page.get_by_label("证件号码").fill(person["document_no"])
    expect(page.get_by_text("号码有效")).to_be_visible()
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.get_by_role("heading", name="就诊人", exact=True)).to_be_visible()
    expect(page.get_by_text("沈*秋")).to_be_visible()
    account_id = page.evaluate("JSON.parse(localStorage.getItem('hospital.phone.session')).account.id")
    phone.lobby.staff("registrar").post(f"{STAFF}/patients/{person['patient_id']}/accounts/{account_id}/prove")


def flaws(page: Page) -> list[str]:
    """What a person with large fingers or weak eyes would stumble over."""
    small = page.evaluate(
        """(least) => [...document.querySelectorAll('button, a, select, input')]
          .filter((one) => one.getClientRects().length > 0 && !one.closest('label'))
          .filter((one) => one.offsetHeight < least || one.offsetWidth < least)
          .map((one) => `small: ${one.outerHTML.slice(0, 80)}`)""",
        TARGET_MIN_PX,
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*violations(page), *small, *(["wider than the screen"] if wide else [])]


def test_charges_are_chosen_paid_and_receipted(
    phone: Handset, seen: dict[str, Any], complaints: Complaints, tmp_path: Path
) -> None:
    page, found = phone.page, {}

    def look(name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        found[name] = flaws(page)

    link(phone, seen)
    page.goto(phone.url)
    expect(page.get_by_text(re.compile("^待缴 ¥"))).to_be_visible()
    look("home")
    page.get_by_role("button", name=re.compile("门诊缴费")).click()
    expect(page.get_by_text("已选 2 项")).to_be_visible()
    look("bills")
    page.evaluate("document.documentElement.classList.add('elder')")
    look("bills-large")
    page.evaluate("document.documentElement.classList.remove('elder')")
    page.get_by_label(re.compile("阿司匹林")).uncheck()
    expect(page.get_by_text("已选 1 项")).to_be_visible()
    page.get_by_label(re.compile("阿司匹林")).check()
    page.get_by_role("button", name="去缴费").click()
    expect(page.get_by_role("heading", name="缴费单")).to_be_visible()
    look("bill")
    phone.give_up_paying()
    expect(page.get_by_text("您取消了支付，缴费单仍然保留")).to_be_visible()
    expect(page.get_by_role("timer")).to_be_visible()
    look("bill-open")
    page.evaluate("document.documentElement.classList.add('elder')")
    look("bill-large")
    page.evaluate("document.documentElement.classList.remove('elder')")
    page.get_by_role("button", name=re.compile("^继续微信支付")).click()
    page.locator("#pay").click()
    expect(page.get_by_role("heading", name="缴费成功")).to_be_visible()
    look("paid")
    page.get_by_role("button", name="开具电子收据").click()
    expect(page.get_by_text(re.compile(r"No\. NET-"))).to_be_visible()
    look("receipt")
    page.goto(f"{phone.url}payments")
    expect(page.get_by_role("link", name=re.compile("微信支付"))).to_have_count(1)
    look("payments")
    page.get_by_role("link", name=re.compile("微信支付")).click()
    expect(page.get_by_text("支付成功")).to_be_visible()
    look("payment")
    page.goto(f"{phone.url}bills")
    expect(page.get_by_text("没有待缴费用")).to_be_visible()
    look("nothing")
    assert {name: flaw for name, flaw in found.items() if flaw} == {}
    assert complaints == []


def test_card_is_topped_up_pays_with_wechat_and_gives_the_rest_back(
    phone: Handset, seen: dict[str, Any], complaints: Complaints, tmp_path: Path
) -> None:
    page, found = phone.page, {}

    def look(name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        found[name] = flaws(page)

    link(phone, seen)
    page.goto(f"{phone.url}card")
    expect(page.get_by_text("还没有明细")).to_be_visible()
    page.get_by_label("其他金额（元）").fill("30")
    look("card-empty")
    phone.pay()
    expect(page.get_by_role("heading", name="充值成功")).to_be_visible()
    look("topped-up")
    page.get_by_role("button", name="查看预存款").click()
    expect(page.get_by_text("+¥30.00")).to_be_visible()
    look("card")
    page.evaluate("document.documentElement.classList.add('elder')")
    look("card-large")
    page.goto(f"{phone.url}bills")
    page.get_by_role("button", name="去缴费").click()
    page.get_by_label(re.compile("预存款 \\+ 微信支付")).check()
    look("mixed")
    page.get_by_role("button", name=re.compile("^微信支付")).click()
    page.get_by_role("button", name="确认支付").click()
    page.locator("#cancel").click()
    expect(page.get_by_text("已付 ¥30.00，还需支付")).to_be_visible()
    look("partly")
    page.get_by_role("button", name="取消缴费单").click()
    page.get_by_role("dialog").get_by_role("button", name="取消缴费单").click()
    expect(page.get_by_role("button", name="去缴费")).to_be_visible()
    page.goto(f"{phone.url}card")
    page.get_by_label("退多少（元，选填）").fill("30.01")
    expect(page.get_by_text("请填写 0.01 元至 ¥30.00 之间的金额")).to_be_visible()
    page.get_by_label("退多少（元，选填）").fill("12.5")
    page.get_by_role("button", name="退还 ¥12.50").click()
    page.get_by_role("button", name="申请退款").click()
    expect(page.get_by_text("¥17.50").first).to_be_visible()
    look("part-back")
    page.get_by_role("button", name="退还余额").click()
    look("ask-back")
    page.get_by_role("button", name="申请退款").click()
    expect(page.get_by_text("已申请退款，可在缴费记录中查看进度")).to_be_visible()
    page.goto(f"{phone.url}payments")
    expect(page.get_by_role("link", name=re.compile("退款 · 预存款充值"))).to_have_count(2)
    look("refunds")
    page.get_by_role("link", name=re.compile("退款 · 预存款充值")).first.click()
    expect(page.get_by_label("退款进度")).to_have_count(2)
    look("refund")
    assert {name: flaw for name, flaw in found.items() if flaw} == {}
    assert complaints == []


def test_lost_callback_shows_confirming_and_never_a_second_payment(
    phone: Handset, seen: dict[str, Any], complaints: Complaints
) -> None:
    page = phone.page
    link(phone, seen)
    page.goto(f"{phone.url}bills")
    page.get_by_role("button", name="去缴费").click()
    page.get_by_role("button", name=re.compile("^微信支付")).click()
    phone.fault("callback_drop", "TRANSACTION")
    phone.fault("api_500", "query")
    page.locator("#pay").click()
    expect(page.get_by_role("heading", name="支付结果确认中")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("微信支付"))).to_have_count(0)
    phone.heal()
    expect(page.get_by_role("heading", name="缴费成功")).to_be_visible(timeout=30_000)
    assert complaints == []


def test_settings_show_what_is_left_and_ask_again(phone: Handset, complaints: Complaints, tmp_path: Path) -> None:
    page = phone.page
    page.goto(f"{phone.url}settings")
    phone.log_in()
    expect(page.get_by_text("未开启").first).to_be_visible()
    page.get_by_label(re.compile("缴费成功")).check()
    page.screenshot(path=tmp_path / "settings.png", full_page=True)
    page.evaluate("scrollTo(0, 0)")  # half under the heading that stays, a box looks too small
    assert flaws(page) == []
    page.get_by_role("button", name="开启选中的 1 种提醒").click()
    page.get_by_role("button", name="允许").click()
    expect(page.get_by_text("还可提醒 1 次")).to_be_visible()
    page.get_by_role("radio", name="大字（长辈版）").click()
    assert "elder" in page.evaluate("document.documentElement.className")
    page.screenshot(path=tmp_path / "settings-large.png", full_page=True)
    page.reload()
    assert "elder" in page.evaluate("document.documentElement.className")
    assert complaints == []


def test_unproven_patient_is_told_why_so_little_is_shown(
    phone: Handset, seen: dict[str, Any], complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.goto(f"{phone.url}patients/new")
    phone.log_in()
    page.get_by_label("姓名").fill(seen["name"])
    page.get_by_label("证件号码").fill(seen["document_no"])
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.get_by_role("heading", name="就诊人", exact=True)).to_be_visible()
    expect(page.get_by_text("沈*秋")).to_be_visible()
    page.goto(f"{phone.url}bills")
    expect(page.get_by_text("还没有核验就诊人")).to_be_visible()
    assert flaws(page) == []
    page.goto(f"{phone.url}card")
    expect(page.get_by_role("button", name="去核验")).to_be_visible()
    page.screenshot(path=tmp_path / "unproven.png", full_page=True)
    assert phone.api().get(f"{API}/bills")["items"] == []
    assert complaints == []


def fill_card(phone: Handset, yuan: str) -> None:
    """The desk proves who holds a place here; put money on their card by WeChat, and come back to where one was."""
    page, here = phone.page, phone.page.url
    patient_id = phone.appointments()[0]["patient_id"]
    account_id = page.evaluate("JSON.parse(localStorage.getItem('hospital.phone.session')).account.id")
    phone.lobby.staff("registrar").post(f"{STAFF}/patients/{patient_id}/accounts/{account_id}/prove")
    page.goto(f"{phone.url}card")
    page.get_by_label("其他金额（元）").fill(yuan)
    phone.pay()
    expect(page.get_by_role("heading", name="充值成功")).to_be_visible()
    page.goto(here)


def test_registration_fee_is_paid_from_the_card_and_comes_back_to_it(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    phone.arrive_at_payment(days_ahead=1)
    expect(page.get_by_role("radio")).to_have_count(0)
    fill_card(phone, "300")
    page.get_by_label(re.compile("^预存款")).check()
    page.screenshot(path=tmp_path / "fee-card.png", full_page=True)
    assert flaws(page) == []
    page.evaluate("document.documentElement.classList.add('elder')")
    page.screenshot(path=tmp_path / "fee-card-large.png", full_page=True)
    assert flaws(page) == []
    page.get_by_role("button", name=re.compile("^预存款支付")).click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
    page.screenshot(path=tmp_path / "fee-paid.png", full_page=True)
    (made,) = phone.appointments()
    assert (made["status"], made["payment_status"]) == ("booked", "paid")
    card = f"{API}/patients/{made['patient_id']}/card"
    assert phone.api().get(card)["balance_fen"] == 30_000 - made["fee_fen"]
    phone.api().post(f"{API}/appointments/{made['id']}/cancel")
    assert phone.api().get(card)["balance_fen"] == 30_000
    assert complaints == []


def test_registration_fee_is_paid_from_the_card_as_far_as_it_goes_and_by_wechat(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    phone.arrive_at_payment(days_ahead=1)
    fill_card(phone, "5")
    page.get_by_label(re.compile("预存款 \\+ 微信支付")).check()
    page.screenshot(path=tmp_path / "fee-mixed.png", full_page=True)
    assert flaws(page) == []
    page.get_by_role("button", name=re.compile("^微信支付")).click()
    page.get_by_role("button", name="确认支付").click()
    page.locator("#cancel").click()
    expect(page.get_by_text("已付 ¥5.00，还需支付")).to_be_visible()
    expect(page.get_by_text("您取消了支付，号源仍为您保留")).to_be_visible()
    page.screenshot(path=tmp_path / "fee-partly.png", full_page=True)
    assert flaws(page) == []
    phone.pay()
    expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
    assert complaints == []
