"""A paid examination from the phone's list to the room that does it, and the same at the desk."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.days import day_of, minute_of
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import SYSTEM, Person, make_person, now
from tests.fixtures.examinations import Room, book_charge, make_charge, make_examination_item, make_examination_room
from tests.fixtures.finance import make_price_item, rows, value
from tests.fixtures.people import make_staff, register, somebody
from tests.fixtures.pocket import pocket
from tests.fixtures.registry import unique
from tests.fixtures.server import Server, give_account

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the phone is not built"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def _room() -> tuple[Room, str]:
    """A department of its own for ultrasound, and its name."""
    room, name = await make_examination_room(name="肝胆胰脾彩色多普勒超声"), unique("超声医学科")
    rename = "UPDATE department SET name = $2 WHERE id = $1 RETURNING id"
    await rows(rename, room.clinic.department_id, name)
    await rows("UPDATE location SET name = '超声检查1室' WHERE id = $1 RETURNING id", room.clinic.room_id)
    return room, name


async def _ordered(room: Room, person: Person) -> None:
    """Two examinations of one room, paid."""
    _, heart = await make_examination_item(department_id=room.clinic.department_id, name="心脏彩色多普勒超声")
    for price_item_id in (room.price_item_id, heart):
        await make_charge(patient_id=person.patient_id, price_item_id=price_item_id)


async def test_given_two_paid_examinations_then_the_phone_books_moves_and_cancels_their_place(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    room, _ = await _room()
    person = await make_person(name="沈知秋")
    await _ordered(room, person)
    late = minute_of(day_of(await now()) + timedelta(days=1), 16 * 60)
    await room.session(starts_in=late - await now(), places=12, hours=4)
    for day in range(2, 6):
        await room.session(starts_in=timedelta(days=day), places=12, hours=3)
    async with pocket(browser, server, person) as phone:
        page = await phone.open()
        await expect(page.get_by_role("button", name=re.compile("2 项检查待预约"))).to_be_visible()
        await phone.must_be_kind(tmp_path / "home.png")
        await page.get_by_role("button", name=re.compile("2 项检查待预约")).click()
        await expect(page.get_by_role("heading", name="待预约（2 项）")).to_be_visible()
        await phone.must_be_kind(tmp_path / "list.png")
        await page.get_by_role("button", name="选择检查时间").first.click()
        await expect(page.get_by_text("同一科室的其他检查，一起做")).to_be_visible()
        await expect(page.get_by_role("region", name="检查须知")).to_contain_text("空腹 8 小时")
        await expect(page.locator(".session > p")).to_have_text(["下午 · 超声检查1室", "晚上 · 超声检查1室"])
        await page.locator(".slot").nth(2).click()
        await expect(page.get_by_text("共 2 项一起做")).to_be_visible()
        await phone.must_be_kind(tmp_path / "choose.png")
        await page.get_by_role("button", name="确认预约").click()
        await expect(page.get_by_role("heading", name="预约详情")).to_be_visible()
        await expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
        await expect(page.get_by_role("region", name="检查须知")).to_contain_text("空腹 8 小时")
        await expect(page.get_by_role("region", name="检查项目")).to_contain_text("心脏彩色多普勒超声")
        await phone.must_be_kind(tmp_path / "booked.png")
        await page.get_by_role("button", name="改约到其他时间").click()
        await expect(page.get_by_role("heading", name="改检查时间")).to_be_visible()
        await page.locator(".day").nth(2).click()
        await expect(page.locator(".day").nth(2)).to_have_attribute("aria-pressed", "true")
        await page.locator(".slot").first.click()
        await page.get_by_role("button", name="确认改约").click()
        await expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
        await phone.open("examinations")
        await expect(page.get_by_role("link", name=re.compile("已预约"))).to_contain_text("心脏彩色多普勒超声")
        await phone.must_be_kind(tmp_path / "both.png")
        await page.get_by_role("link", name=re.compile("已预约")).click()
        await page.get_by_role("button", name="取消预约").click()
        await page.get_by_role("dialog").get_by_role("button", name="取消预约").click()
        await expect(page.get_by_role("heading", name="已取消")).to_be_visible()
        await phone.open("examinations")
        await expect(page.get_by_role("heading", name="待预约（2 项）")).to_be_visible()
    standing = "SELECT count(*) FROM appointment WHERE patient_id = $1 AND status = 'booked'"
    assert await value(standing, person.patient_id) == 0


async def test_given_the_desk_then_it_books_shares_and_gives_back_a_place(desk: Desk, tmp_path: Path) -> None:
    room, _ = await _room()
    person = await make_person(patient_id=await register(person=somebody(name="章文秀")))
    await _ordered(room, person)
    await room.session(starts_in=timedelta(minutes=20), places=6)
    await room.session(starts_in=timedelta(days=1), places=12, hours=3)
    page = await desk.log_in(
        await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{person.patient_id}/examinations"
    )
    table = page.get_by_role("table", name="检查预约")
    await expect(table.get_by_text("待预约")).to_have_count(2)
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "list.png")
    await page.get_by_role("button", name="预约 心脏彩色多普勒超声").click()
    sheet = page.get_by_role("dialog")
    await sheet.locator(".el-checkbox", has_text="肝胆胰脾彩色多普勒超声").click()
    await expect(sheet.get_by_role("checkbox")).not_to_be_checked()
    await sheet.locator(".pick__day").nth(1).click()
    await sheet.locator(".pick__slot").nth(3).click()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "choose.png")
    await sheet.get_by_role("button", name=re.compile("^预约 ")).click()
    await expect(table.get_by_text("已预约")).to_have_count(1)
    await page.get_by_role("button", name="肝胆胰脾彩色多普勒超声 一起做").click()
    await page.get_by_role("dialog").get_by_role("button", name="一起做").click()
    await expect(table.get_by_text("已预约")).to_have_count(2)
    await page.screenshot(path=tmp_path / "booked.png")
    await page.get_by_role("button", name="取消 心脏彩色多普勒超声 的预约").click()
    await page.get_by_role("dialog").get_by_role("button", name="取消预约").click()
    await expect(table.get_by_text("待预约")).to_have_count(2)


async def test_given_a_called_patient_then_the_technician_sees_what_is_to_be_done_and_does_it(
    desk: Desk, tmp_path: Path
) -> None:
    room, _ = await _room()
    person = await make_person(patient_id=await register(person=somebody(name="章文秀")))
    session = await room.session(starts_in=timedelta(minutes=20), places=6)
    charge_id = await make_charge(patient_id=person.patient_id, price_item_id=room.price_item_id)
    held = await book_charge(by=person, charge_id=charge_id, session=session)
    await run(SYSTEM, check_in, CheckIn(appointment_id=held.id))
    technician = await give_account(
        staff_id=room.clinic.doctor_id, department_id=room.clinic.department_id, roles=[StaffRole.TECHNICIAN]
    )
    page = await desk.log_in(technician, "/queue")
    await expect(page.get_by_role("table", name="候诊患者")).to_contain_text("章文秀")
    await page.keyboard.press("F2")
    current = page.get_by_role("region", name="当前患者")
    await expect(current.get_by_text("肝胆胰脾彩色多普勒超声")).to_be_visible()
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "called.png")
    await page.get_by_role("button", name=re.compile("开始接诊")).click()
    await page.get_by_role("button", name=re.compile("^结束接诊")).click()
    await page.get_by_role("dialog").get_by_role("button", name="结束接诊").click()
    await expect(current.get_by_text("诊室空闲")).to_be_visible()
    assert await value("SELECT performed_quantity FROM charge_item WHERE id = $1", charge_id) == 1
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "fulfilled"


async def test_given_a_manager_then_an_examination_is_put_on_the_list_and_its_preparation_changed(
    desk: Desk, tmp_path: Path
) -> None:
    _, department = await _room()
    name = unique("24小时动态心电图")
    await make_price_item(unit_price="220.00", name=name)
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/examination-items")
    await page.get_by_role("button", name="新检查项目").click()
    sheet = page.get_by_role("dialog")
    for field, text in (("收费项目", name), ("检查科室", department)):
        box = sheet.get_by_role("combobox", name=field, exact=True)
        await box.click()
        await box.fill(text)
        await page.get_by_role("option", name=text).first.click()
    await sheet.get_by_role("textbox", name="检查须知").fill("请先洗澡，穿宽松上衣")
    await sheet.get_by_role("spinbutton", name="至少提前小时").fill("12")
    await desk.must_be_accessible()
    await page.screenshot(path=tmp_path / "item.png")
    await sheet.get_by_role("button", name="保存检查项目").click()
    await page.get_by_role("textbox", name="查找检查项目").fill(name)
    row = page.get_by_role("table", name="检查项目").get_by_role("row").filter(has_text=name)
    await expect(row).to_contain_text("12 小时")
    await row.get_by_role("button", name=re.compile("^修改")).click()
    await sheet.get_by_role("textbox", name="检查须知").fill("戴机 24 小时内不能洗澡")
    await sheet.get_by_role("button", name="保存检查项目").click()
    await expect(row).to_contain_text("戴机 24 小时内不能洗澡")
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "items.png")
