"""A phone whose own clock is wrong, and through whose network no live connection gets: the hospital's time counts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from tests.fixtures.access import book, make_clinic, make_person, make_session, now
from tests.fixtures.pocket import pocket
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


@pytest.mark.parametrize("wrong", [timedelta(hours=1), timedelta(hours=-1)])
async def test_given_a_wrong_clock_then_a_held_place_counts_down_by_the_hospitals_time(
    browser: Browser, server: Server, wrong: timedelta
) -> None:
    person = await make_person(name="沈知秋")
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    async with pocket(browser, server, person) as phone:
        await phone.page.clock.install(time=await now() + wrong)
        await phone.page.route_web_socket(re.compile("/ws/"), lambda socket: None)
        page = await phone.open(f"appointments/{held.id}/pay")
        await expect(page.get_by_role("button", name="微信支付 ¥25.00")).to_be_visible()
        minutes = int((await page.get_by_role("timer").inner_text()).split(":")[0])
        left = (held.pay_until - await now()).total_seconds() / 60
        assert abs(minutes - left) <= 1
