"""Booked now, paid at the hospital (到院缴费), and a course of visits (疗程预约), on a patient's phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import Handset

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


def _choose(phone: Handset) -> Page:
    """A session of the demo's rehabilitation, where one pays when one comes; the first day that has one."""
    page = phone.page
    page.goto(f"{phone.url}departments")
    phone.log_in()
    page.get_by_role("link", name=re.compile("康复医学科")).click()
    days = page.locator(".days button, .chips button")
    for at in range(1, 6):
        days.nth(at).click()
        page.wait_for_timeout(700)
        if page.locator("a.session:not(.session--wait)").count():
            break
    page.locator("a.session:not(.session--wait)").first.click()
    page.get_by_role("button", name="添加就诊人").click()
    phone.add_patient()
    expect(page.get_by_text("本科室到院缴费")).to_be_visible()
    return page


def test_a_place_is_theirs_at_once_and_its_fee_is_paid_when_they_like(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = _choose(phone)
    page.screenshot(path=tmp_path / "booking.png", full_page=True)
    assert violations(page) == []
    page.get_by_role("button", name="确认预约").click()
    expect(page.get_by_role("heading", name=re.compile("到院缴费"))).to_be_visible()
    page.screenshot(path=tmp_path / "booked.png", full_page=True)
    assert violations(page) == []
    assert [(one["status"], one["fee_due"]) for one in phone.appointments()] == [("booked", True)]
    page.goto(f"{phone.url}appointments")
    expect(page.get_by_role("link", name=re.compile("到院缴费"))).to_be_visible()
    page.screenshot(path=tmp_path / "list.png")
    page.get_by_role("link", name=re.compile("到院缴费")).click()
    page.get_by_role("button", name=re.compile("现在缴费")).click()
    expect(page.get_by_text("缴费后即可签到取号")).to_be_visible()
    expect(page.get_by_role("timer")).to_have_count(0)
    page.screenshot(path=tmp_path / "pay.png", full_page=True)
    assert violations(page) == []
    phone.pay()
    expect(page.get_by_role("heading", name="缴费成功")).to_be_visible()
    page.screenshot(path=tmp_path / "paid.png", full_page=True)
    assert [(one["payment_status"], one["fee_due"]) for one in phone.appointments()] == [("paid", False)]
    page.goto(f"{phone.url}messages")
    expect(page.get_by_role("button", name=re.compile("缴费成功"))).to_be_visible()
    assert complaints == []


def test_a_course_is_seen_day_by_day_booked_at_once_and_given_back_at_once(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = _choose(phone)
    page.get_by_role("link", name=re.compile("疗程预约")).click()
    page.get_by_role("radio", name="每天").click()
    confirm = page.get_by_role("button", name=re.compile("确认预约 [2-9] 次"))
    expect(page.get_by_role("button", name=re.compile("确认预约 [1-9] 次"))).to_be_visible()
    page.screenshot(path=tmp_path / "plan.png", full_page=True)
    assert violations(page) == []
    for one in range(page.get_by_role("button", name=re.compile("^改为")).count()):
        page.get_by_role("button", name=re.compile("^改为")).first.click()
        assert one < 12
    page.screenshot(path=tmp_path / "plan-swapped.png", full_page=True)
    expect(confirm).to_be_enabled()
    confirm.click()
    expect(page.get_by_role("heading", name=re.compile("康复医学科 · 共"))).to_be_visible()
    page.screenshot(path=tmp_path / "course.png", full_page=True)
    assert violations(page) == []
    assert {one["status"] for one in phone.appointments()} == {"booked"}
    page.get_by_role("link", name=re.compile("到院缴费")).first.click()
    expect(page.get_by_role("link", name=re.compile("疗程第 1 次"))).to_be_visible()
    page.get_by_role("link", name=re.compile("疗程第 1 次")).click()
    page.get_by_role("button", name=re.compile("取消余下")).click()
    page.get_by_role("dialog").get_by_role("button", name="取消余下预约").click()
    expect(page.get_by_role("button", name="再次预约")).to_be_visible()
    assert {one["status"] for one in phone.appointments()} == {"cancelled"}
    assert complaints == []
