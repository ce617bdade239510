"""The console's planning rooms in Chromium: a clinic is stopped, another handed over, a rule changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import make_booked, make_clinic, make_session
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_a_manager_stops_a_clinic_and_sees_how_its_patients_stand(desk: Desk, server: Server) -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=1))
    await rows("UPDATE staff_member SET name = '欧阳停诊' WHERE id = $1 RETURNING id", session.staff_id)
    await make_booked(session=session)
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/clinic-day")
    await page.get_by_label("出诊日期").fill(day.isoformat())
    await page.get_by_label("筛选科室或医生").fill("欧阳停诊")
    row = page.get_by_role("region", name="当日出诊").get_by_role("row").filter(has_text="欧阳停诊")
    await expect(row).to_contain_text("正常")
    await row.focus()
    await page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    await sheet.get_by_role("button", name="停诊并通知患者").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请填写原因，患者会看到")
    await desk.must_be_accessible()
    await sheet.get_by_label("原因").fill("医生外出会诊")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("已停诊，通知 1 位患者")).to_be_visible()
    await expect(row).to_contain_text("停诊")
    change = page.get_by_role("region", name="停诊与替诊").get_by_role("row").filter(has_text="欧阳停诊")
    await expect(change).to_contain_text("医生外出会诊")
    assert await value("SELECT count(*) FROM disruption d JOIN clinic_change c ON c.id = d.change_id "
                       "WHERE c.schedule_id = $1 AND d.status = 'open'", session.schedule_id) == 1  # fmt: skip
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_a_manager_hands_a_clinic_to_a_colleague(desk: Desk, server: Server) -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    await rows("UPDATE staff_member SET name = '司徒替诊' WHERE id = $1 RETURNING id", colleague.doctor_id)
    await rows("UPDATE staff_member SET name = '上官原诊' WHERE id = $1 RETURNING id", clinic.doctor_id)
    session = await make_session(clinic=clinic)
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/clinic-day")
    await page.get_by_label("出诊日期").fill(day.isoformat())
    await page.get_by_label("筛选科室或医生").fill("上官原诊")
    await page.get_by_role("region", name="当日出诊").get_by_role("row").filter(has_text="上官原诊").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_text("替诊", exact=True).click()
    await sheet.get_by_label("替诊医生", exact=True).click()
    await page.get_by_role("option", name="司徒替诊 主任医师").click()
    await sheet.get_by_label("原因").fill("原医生生病")
    await sheet.get_by_role("button", name="安排替诊").click()
    change = page.get_by_role("region", name="停诊与替诊").get_by_role("row").filter(has_text="上官原诊 → 司徒替诊")
    await expect(change).to_contain_text("替诊")
    assert await value("SELECT staff_id FROM schedule WHERE id = $1", session.schedule_id) == colleague.doctor_id


_CROWD = """
INSERT INTO staff_member (id, version, staff_no, name, pinyin, initials, title, profession, department_id, specialty,
                          introduction, active)
SELECT gen_random_uuid(), 0, '0' || left($2, 8) || to_char(n, 'FM000'), '护士' || n, 'hushi', 'hs', '护师', 'nurse',
       $1, '', '', true
FROM generate_series(1, 60) AS n RETURNING id"""


async def test_given_a_department_of_sixty_then_the_day_is_named_and_any_doctor_of_it_is_found(
    desk: Desk, server: Server
) -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    await rows(_CROWD, clinic.department_id, clinic.department_id.hex)
    last = "UPDATE staff_member SET name = '东方替诊', staff_no = 'ZZ' || left(staff_no, 15) WHERE id = $1 RETURNING id"
    await rows(last, colleague.doctor_id)
    await rows("UPDATE staff_member SET name = '长孙原诊' WHERE id = $1 RETURNING id", clinic.doctor_id)
    session = await make_session(clinic=clinic, starts_in=timedelta(days=1))
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/clinic-day")
    await page.get_by_role("button", name="后一天").click()
    named = f"{day.month}月{day.day}日 周{'一二三四五六日'[day.weekday()]}"
    await expect(page.get_by_role("search")).to_contain_text(named)
    await page.get_by_label("筛选科室或医生").fill("长孙原诊")
    await page.get_by_role("region", name="当日出诊").get_by_role("row").filter(has_text="长孙原诊").click()
    sheet = page.get_by_role("dialog")
    await expect(sheet).to_contain_text(named)
    await sheet.get_by_text("替诊", exact=True).click()
    await sheet.get_by_label("替诊医生", exact=True).fill("东方")
    await page.get_by_role("option", name="东方替诊 主任医师").click()
    await sheet.get_by_label("原因").fill("原医生生病")
    await expect(sheet).to_contain_text("东方替诊")
    await sheet.get_by_role("button", name="安排替诊").click()
    await expect(page.get_by_role("region", name="停诊与替诊")).to_contain_text("长孙原诊 → 东方替诊")
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_a_manager_makes_and_withdraws_an_exception_of_a_rule(desk: Desk, server: Server) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/booking-rules")
    row = page.get_by_role("row").filter(has_text="每场加号上限")
    await row.click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_text("门诊类别", exact=True).click()
    await sheet.get_by_label("门诊类别", exact=True).last.click()
    await page.get_by_role("option", name="特需").click()
    await sheet.get_by_role("spinbutton", name="数值").fill("1")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="保存规则").click()
    await expect(row).to_contain_text("特需门诊 1")
    kept = "SELECT value FROM booking_rule WHERE code = $1 AND scope = 'service_kind' AND scope_key = 'special'"
    assert await value(kept, RuleCode.ADD_ON_PER_SESSION.value) == 1
    await row.click()
    await page.get_by_role("button", name="取消例外：特需门诊").click()
    await expect(page.get_by_text("特需门诊 的例外已取消")).to_be_visible()
    assert await value(kept, RuleCode.ADD_ON_PER_SESSION.value) is None
    await page.get_by_role("button", name="返回").click()
    await desk.must_be_accessible()
    await desk.must_fit()
