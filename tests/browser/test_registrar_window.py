"""Monday morning at the registration window: the next patient without a mouse, nothing of the last one left over."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.browser.test_cashier_traps import SCAN
from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import value
from tests.fixtures.people import make_staff, register, somebody
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_given_the_next_card_under_the_scanner_then_its_patient_stands_there_and_nothing_was_sold(
    desk: Desk, server: Server
) -> None:
    clinic = await make_clinic()
    await make_session(clinic=clinic, places=20, starts_in=timedelta(minutes=-5))
    room = await value("SELECT name FROM location WHERE id = $1", clinic.room_id)
    first, second = await register(person=somebody(name="钱在前")), await register(person=somebody(name="郑在后"))
    number = await value("SELECT patient_no FROM patient WHERE id = $1", second)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{first}/walk-in")
    await page.get_by_role("table", name="今日可挂号的时段").get_by_role("row").filter(has_text=room).click()
    await page.get_by_label("实收现金").fill("50")
    await page.get_by_text("优先", exact=True).click()
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate(SCAN, number)
    await page.wait_for_url(re.compile(f"/patients/{second}/walk-in"))
    await expect(page.locator(".walkin__who")).to_contain_text("郑在后")
    till = page.get_by_role("form", name="收款")
    await expect(till).to_contain_text("请在左侧选择出诊时段")
    await expect(till.get_by_label("实收现金")).to_have_value("")
    assert await value("SELECT count(*) FROM appointment WHERE patient_id = ANY($1::uuid[])", [first, second]) == 0
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_given_a_zero_too_many_then_no_place_is_sold(desk: Desk, server: Server) -> None:
    clinic = await make_clinic()
    await make_session(clinic=clinic, places=20, starts_in=timedelta(minutes=-5))
    room = await value("SELECT name FROM location WHERE id = $1", clinic.room_id)
    patient_id = await register(person=somebody(name="卫手滑"))
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{patient_id}/walk-in")
    await page.get_by_role("table", name="今日可挂号的时段").get_by_role("row").filter(has_text=room).click()
    await expect(page.get_by_label("实收现金")).to_be_focused()
    await page.keyboard.type("1000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("找零 ¥975.00，请核对实收现金")).to_be_visible()
    assert await value("SELECT count(*) FROM appointment WHERE patient_id = $1", patient_id) == 0


async def test_given_a_search_then_the_way_back_shows_it_again_and_f2_begins_the_next(
    desk: Desk, server: Server
) -> None:
    person = somebody(name="蒋返回")
    await register(person=person)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/patients")
    await page.get_by_label("检索患者").fill(person.document_no)
    await page.get_by_role("button", name="为 蒋返回 挂号").click()
    await page.get_by_role("link", name="返回患者检索").click()
    await expect(page.get_by_role("table", name="检索到的患者")).to_contain_text("蒋返回")
    await page.get_by_role("button", name="为 蒋返回 挂号").click()
    await expect(page.get_by_role("heading", name="现场挂号")).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page.get_by_label("检索患者")).to_be_focused()
    await expect(page.get_by_label("检索患者")).to_have_value("")
