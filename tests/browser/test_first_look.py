"""What a newcomer finds on the phone: the demo's first user was here before, and may be seen online."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import Handset
from tests.fixtures.lobby import Lobby

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


@pytest.fixture(scope="module")
def known(chromium: Browser, demo: dict[str, object]) -> Iterator[Handset]:
    """The phone of the first user whom the simulated WeChat offers, signed in."""
    context = chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    lobby = Lobby(dict(demo))
    phone = Handset(Complaints().watch(context.new_page()), lobby, nickname=str(demo["phone_user"]))
    phone.page.goto(f"{phone.url}departments")
    phone.page.get_by_role("button", name="微信登录").click()
    phone.page.locator("#people button", has_text=phone.nickname).click()
    expect(phone.page.get_by_role("link", name=re.compile("24小时便民门诊"))).to_be_visible()
    yield phone
    context.close()
    lobby.close()


def _inside(page: Page, selector: str) -> bool:
    """Whether all of these stand within the screen's width."""
    boxes = [one.bounding_box() for one in page.locator(selector).all()]
    return bool(boxes) and all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 375 for box in boxes)


def test_given_the_first_user_then_visits_payments_and_e_invoices_lie_behind_them(
    known: Handset, tmp_path: Path
) -> None:
    page = known.page
    page.goto(f"{known.url}payments")
    expect(page.get_by_text(re.compile("^24小时便民门诊诊查费"))).to_be_visible()
    page.goto(f"{known.url}invoices")
    bills = page.locator(".bill")
    expect(bills).to_have_count(4)
    expect(page.get_by_text("开具中")).to_have_count(0)
    page.screenshot(path=tmp_path / "invoices.png")
    assert _inside(page, ".bill__money"), "the amount is what one looks for"
    assert _inside(page, ".bill .tag")
    assert violations(page) == []
    page.goto(f"{known.url}appointments")
    page.get_by_text("已结束", exact=True).click()
    expect(page.get_by_text("心血管内科").first).to_be_visible()
    page.screenshot(path=tmp_path / "visits.png")


def test_given_the_first_user_then_an_online_follow_up_is_booked_at_once(known: Handset) -> None:
    page = known.page
    page.goto(f"{known.url}departments")
    page.get_by_role("link", name=re.compile("24小时便民门诊")).click()
    page.get_by_role("button", name=re.compile("^明天")).click()
    page.locator("a.session", has_text="线上").first.click()
    known.confirm()
