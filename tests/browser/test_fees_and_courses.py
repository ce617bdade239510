"""At the desk: a fee that was left until the patient came (到院缴费), and a course of visits (疗程预约)."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff, register, somebody, unique

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_given_a_fee_left_until_now_then_cash_is_taken_and_the_number_given(
    desk: Desk, server: Any, tmp_path: Path
) -> None:
    patient_id, clinic = await register(person=somebody(name="周满堂")), await access.make_clinic()
    async with access.pay_at_hospital(clinic):
        person = await access.make_person(patient_id=patient_id)
        session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=30))
        held = await access.book(person=person, session=session)
        clerk = await make_staff(name="钱小敏", roles=[StaffRole.REGISTRAR, StaffRole.CASHIER])
        page = await desk.log_in(clerk, f"/cash/{patient_id}")
        due = page.get_by_role("list", name="到院缴费的预约")
        await expect(due.get_by_text("心血管内科")).to_be_visible()
        await page.screenshot(path=tmp_path / "due.png")
        await desk.must_be_accessible()
        await due.get_by_role("button", name=re.compile("^收挂号费")).click()
        await expect(page.get_by_label("实收现金")).to_be_focused()
        await page.keyboard.type("30")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="收费成功")).to_contain_text("找零")
        await page.keyboard.press("Escape")
        await expect(due.get_by_text("已缴费")).to_be_visible()
        await page.screenshot(path=tmp_path / "paid.png")
        await due.get_by_role("button", name="取号").click()
        await expect(page.get_by_text(re.compile("已取号"))).to_be_visible()
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "checked-in"


async def test_given_a_patient_then_a_course_is_planned_booked_and_the_rest_given_back(
    desk: Desk, server: Any, tmp_path: Path
) -> None:
    patient_id, clinic = await register(person=somebody(name="周常来")), await access.make_clinic()
    first = await access.make_session(clinic=clinic, starts_in=timedelta(days=1))
    for day in (3, 5):
        await access.make_session(clinic=clinic, starts_in=timedelta(days=day))
    department = unique("理疗科")
    await rows("UPDATE department SET name = $2 WHERE id = $1 RETURNING id", clinic.department_id, department)
    clerk = await make_staff(name="孙小敏", roles=[StaffRole.REGISTRAR])
    page = await desk.log_in(clerk, f"/patients/{patient_id}/courses")
    await expect(page.get_by_text("周常来")).to_be_visible()
    day = await value("SELECT day::text FROM schedule WHERE id = $1", first.schedule_id)
    await page.get_by_label("第一次的日期").fill(day)
    await page.keyboard.press("Enter")
    await page.get_by_label("筛选科室或医生").fill(department)
    table = page.get_by_role("table", name="可作为第一次的时段")
    await table.get_by_role("row").filter(has_text=department).click()
    await page.get_by_label("间隔天数").fill("2")
    await page.keyboard.press("Tab")
    plan = page.get_by_role("table", name="疗程每次的安排")
    await expect(plan.get_by_role("row")).to_have_count(5)
    await expect(page.get_by_role("button", name="确认预约 3 次")).to_be_enabled()
    await page.screenshot(path=tmp_path / "plan.png")
    await desk.must_be_accessible()
    await page.get_by_role("button", name="确认预约 3 次").click()
    await expect(page.get_by_text("余 3 次")).to_be_visible()
    await page.screenshot(path=tmp_path / "course.png")
    await page.get_by_role("button", name=re.compile("余下的预约$")).click()
    await page.get_by_role("button", name="取消余下预约").click()
    await expect(page.get_by_text("已结束")).to_be_visible()
    assert await value(
        "SELECT count(*) FROM appointment WHERE patient_id = $1 AND status = 'cancelled'", patient_id
    ) == 3  # fmt: skip
