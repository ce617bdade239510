"""The console's planning rooms in Chromium: the week that repeats, the calendar, the release, rules said as times."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from backend.chromium import chromium_path
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, LARGE, SMALL, Desk
from tests.fixtures.access import Clinic, make_clinic
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.planning import TUESDAY, make_template, next_weekday
from tests.fixtures.registry import unique
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def _named_clinic() -> tuple[Clinic, str]:
    """A clinic that no other test has, and the name that its department, doctor, room and fee share."""
    name, clinic = unique("内科"), await make_clinic()
    for table, row_id in (
        ("department", clinic.department_id), ("staff_member", clinic.doctor_id), ("location", clinic.room_id),
        ("price_item", clinic.price_item_id),
    ):  # fmt: skip
        await rows(f"UPDATE {table} SET name = $2 WHERE id = $1 RETURNING id", row_id, name)
    await rows("UPDATE price_item SET category = 'registration' WHERE id = $1 RETURNING id", clinic.price_item_id)
    return clinic, name


async def _choose(page: Page, field: str, name: str, *, within: str = "dialog") -> None:
    """Type into a choice list and take the line."""
    place = page.get_by_role("dialog") if within == "dialog" else page.get_by_role("search")
    box = place.get_by_role("combobox", name=field, exact=True)
    await box.click()
    await box.fill(name)
    await page.get_by_role("option", name=name).first.click()


async def test_a_manager_plans_changes_and_ends_a_weekly_session(desk: Desk, server: Server, tmp_path: Path) -> None:
    clinic, name = await _named_clinic()
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/templates")
    await _choose(page, "科室", name, within="search")
    await page.get_by_role("button", name="新增周二上午出诊").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_role("button", name="保存模板").click()
    await expect(sheet.get_by_text("请选择医生")).to_be_visible()
    await _choose(page, "医生", name)
    await _choose(page, "诊室", name)
    await _choose(page, "收费项目", name)
    await sheet.get_by_role("spinbutton", name="每号分钟").fill("12")
    await sheet.get_by_role("spinbutton", name="每号分钟").press("Tab")
    await expect(sheet.get_by_role("spinbutton", name="号数", exact=True)).to_have_value("20")
    await sheet.get_by_role("button", name="增加渠道配额").click()
    await sheet.get_by_role("spinbutton", name="窗口号数").fill("5")
    await sheet.get_by_role("spinbutton", name="窗口号数").press("Tab")
    preview = sheet.get_by_role("status")
    await expect(preview).to_contain_text("每场 20 个号，每号 12 分钟：08:00、08:12、08:24、08:36 …")
    await expect(preview).to_contain_text("周二")
    await expect(sheet.get_by_text("公共 15 个")).to_be_visible()
    await page.screenshot(path=tmp_path / "template-sheet.png")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="保存模板").click()
    await expect(page.get_by_text(f"{name} 周二上午的模板已保存")).to_be_visible()
    week = page.get_by_role("region", name="一周出诊")
    card = week.get_by_role("button", name=name)
    await expect(card).to_contain_text("08:00–12:00")
    await expect(card).to_contain_text("¥25.00")

    # A second one at the same time is refused with the reason, and nothing is lost of what was entered.
    await page.get_by_role("button", name="新增周二上午出诊").click()
    for field in ("医生", "诊室", "收费项目"):
        await _choose(page, field, name)
    await sheet.get_by_role("button", name="保存模板").click()
    await expect(sheet.get_by_role("alert")).to_contain_text("该医生此时段已有模板")
    desk.forgive(409)
    await sheet.get_by_role("button", name="返回").click()

    await card.click()
    await sheet.get_by_label("结束", exact=True).fill("11:00")
    await sheet.get_by_role("spinbutton", name="号数", exact=True).fill("15")
    await sheet.get_by_role("button", name="保存模板").click()
    await expect(card).to_contain_text("08:00–11:00")
    kept = "SELECT ends_minute, places FROM schedule_template WHERE department_id = $1"
    assert [tuple(row) for row in await rows(kept, clinic.department_id)] == [(660, 15)]
    await page.screenshot(path=tmp_path / "templates.png")
    await desk.must_be_accessible()
    await desk.must_fit()

    await page.get_by_text("按医生", exact=True).click()
    await _choose(page, "医生", "王建国", within="search")
    await page.get_by_text("按科室", exact=True).click()
    await card.click()
    await sheet.get_by_role("button", name="结束这个模板").click()
    await sheet.get_by_label("最后一天").fill("2026-01-01")
    await sheet.get_by_role("button", name="结束模板", exact=True).click()
    await expect(page.get_by_text(f"{name} 周二的模板到 2026-01-01 为止")).to_be_visible()
    await expect(card).to_have_count(0)


async def test_a_manager_says_what_a_day_is_and_takes_it_back(desk: Desk, server: Server, tmp_path: Path) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/calendar")
    year = int((await value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date")).year)
    for _ in range(2031 - year):
        await page.get_by_role("button", name="下一年").click()
    await expect(page.get_by_role("status")).to_contain_text("2031 年的放假安排尚未收入系统")
    await page.get_by_role("button", name="5月2日 周五 平常日").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="5月3日 周六")
    await sheet.get_by_text("调休上班", exact=True).click()
    await sheet.get_by_text("周二", exact=True).click()
    await sheet.get_by_role("button", name="保存这一天").click()
    await expect(sheet.get_by_text("请写明原因")).to_be_visible()
    await sheet.get_by_label("原因").fill("劳动节调休")
    await page.screenshot(path=tmp_path / "day-sheet.png")
    await desk.must_be_accessible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("5月3日 周六 已设为调休上班")).to_be_visible()
    day = page.get_by_role("button", name="5月3日 周六 调休上班 劳动节调休 人工设置")
    await expect(day).to_be_visible()
    kept = "SELECT kind, as_weekday, name FROM calendar_day WHERE day = '2031-05-03'"
    assert [tuple(row) for row in await rows(kept)] == [("makeup", 2, "劳动节调休")]
    await day.click()
    await page.get_by_role("dialog").get_by_role("button", name="恢复为公布的安排").click()
    await expect(page.get_by_role("button", name="5月3日 周六 平常日")).to_be_visible()
    assert await rows(kept) == []
    for _ in range(2031 - 2026):
        await page.get_by_role("button", name="上一年").click()
    await expect(page.get_by_role("button", name="10月1日 周四 节假日")).to_be_visible()
    await page.screenshot(path=tmp_path / "calendar.png")
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_a_manager_releases_a_day_that_was_not_made(desk: Desk, server: Server, tmp_path: Path) -> None:
    clinic, day = await make_clinic(), await next_weekday(TUESDAY, after_days=2)
    blocked = await make_clinic()
    template = await make_template(clinic=clinic, works_on_holidays=True)
    await rows("UPDATE department SET name = '停用的科室', active = false WHERE id = $1 RETURNING id",
               (await make_template(clinic=blocked, works_on_holidays=True)).department_id)  # fmt: skip
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/release")
    words = f"{day.month}月{day.day}日 周二"
    row = page.get_by_role("region", name="放号计划").get_by_role("row").filter(has_text=words)
    await expect(row).to_contain_text("未生成")
    await page.get_by_role("button", name=f"立即生成 {words}").click()
    await expect(page.get_by_text(f"{words} 生成")).to_be_visible()
    made = (
        "SELECT count(*) FROM slot JOIN schedule s ON s.id = slot.schedule_id WHERE s.template_id = $1 AND s.day = $2"
    )
    assert await value(made, template.id, day) == 10
    trouble = page.get_by_role("region", name="没有放出的号").get_by_role("row").filter(has_text="停用的科室")
    await expect(trouble.first).to_contain_text("科室、医生或诊室已停用；恢复使用，或结束这个模板")
    await page.screenshot(path=tmp_path / "release.png")
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_a_manager_sets_a_time_of_day_as_a_time(desk: Desk, server: Server, tmp_path: Path) -> None:
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/booking-rules")
    row = page.get_by_role("row").filter(has_text="候补截止时刻")
    await expect(row).to_contain_text("20:00")
    await row.click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_label("时刻", exact=True).fill("19:30")
    await page.screenshot(path=tmp_path / "rule-clock.png")
    await desk.must_be_accessible()
    kept = "SELECT value FROM booking_rule WHERE code = $1"
    try:
        await sheet.get_by_role("button", name="保存规则").click()
        await expect(page.get_by_text("候补截止时刻 已设为 19:30")).to_be_visible()
        await expect(row).to_contain_text("19:30")
        assert await value(kept, RuleCode.WAITLIST_CLOSES_MINUTE.value) == 1170
    finally:
        await rows("DELETE FROM booking_rule WHERE code = $1 RETURNING id", RuleCode.WAITLIST_CLOSES_MINUTE.value)
    await expect(page.get_by_role("row").filter(has_text="到院就诊前")).to_contain_text("2 小时")
    await expect(page.get_by_role("row").filter(has_text="实名预约")).to_contain_text("开启")
    await page.screenshot(path=tmp_path / "rules.png")
    for size in (LARGE, SMALL):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
    await desk.must_be_accessible()
