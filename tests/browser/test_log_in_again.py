"""A session that ends while somebody types: the log-in covers the page, and what was typed is there afterwards."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import SYSTEM
from tests.fixtures.finance import value
from tests.fixtures.people import MadeStaff, make_staff, unique
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


def _name() -> str:
    """A name nobody else has; names hold no digits."""
    return "陶" + "".join(chr(0x4E00 + byte) for byte in secrets.token_bytes(3))


async def _end_session(staff: MadeStaff) -> None:
    await Reading(SYSTEM).fetch(
        "UPDATE staff_session SET ended_at = hospital_now() WHERE account_id = $1 RETURNING id", staff.account_id
    )


async def _half_written(desk: Desk, staff: MadeStaff, name: str) -> None:
    """A new file that is typed in, whose session ends before the button is pressed."""
    page = await desk.log_in(staff, "/patients")
    await page.keyboard.press("F4")
    sheet = page.get_by_role("dialog", name="新建患者档案")
    await sheet.get_by_role("combobox", name="证件类型").click()
    await page.get_by_role("option", name="护照").click()
    await sheet.get_by_label("证件号码").fill(unique("E10000"))
    await sheet.get_by_label("姓名").fill(name)
    await sheet.get_by_text("女", exact=True).click()
    await sheet.get_by_label("出生日期").fill("19900307")
    await page.wait_for_load_state("networkidle")
    await _end_session(staff)
    await sheet.get_by_role("button", name="建立档案").click()
    await expect(page.get_by_role("dialog", name="重新登录")).to_contain_text("已填写的内容还在")
    desk.forgive(401)


async def test_given_a_form_half_written_then_it_is_there_after_the_log_in_and_one_press_saves_it(
    desk: Desk, server: Server
) -> None:
    staff, name = await make_staff(roles=[StaffRole.REGISTRAR]), _name()
    await _half_written(desk, staff, name)
    page = desk.page
    await expect(page.get_by_label("登录名")).to_be_focused()
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("F2")
    await expect(page.get_by_role("dialog", name="重新登录")).to_be_visible()
    await desk.fill_log_in(staff)
    await expect(page.get_by_role("dialog", name="重新登录")).to_have_count(0)
    sheet = page.get_by_role("dialog", name="新建患者档案")
    await expect(sheet.get_by_role("alert")).to_have_text("已重新登录，请再按一次")
    await expect(sheet.get_by_label("姓名")).to_have_value(name)
    assert await value("SELECT count(*) FROM patient WHERE name = $1", name) == 0
    await sheet.get_by_role("button", name="建立档案").click()
    await expect(page.get_by_text("已建立档案")).to_be_visible()
    assert await value("SELECT count(*) FROM patient WHERE name = $1", name) == 1


async def test_given_a_list_that_was_asked_for_then_it_comes_after_the_log_in_by_itself(
    desk: Desk, server: Server
) -> None:
    staff = await make_staff(roles=[StaffRole.REGISTRAR])
    page = await desk.log_in(staff, "/patients")
    await page.wait_for_load_state("networkidle")
    await _end_session(staff)
    await page.get_by_label("检索患者").fill("没有这个人")
    await expect(page.get_by_role("dialog", name="重新登录")).to_be_visible()
    desk.forgive(401)
    await desk.fill_log_in(staff)
    await expect(page.get_by_text("没有找到患者")).to_be_visible()
    await expect(page.get_by_label("检索患者")).to_have_value("没有这个人")


async def test_given_somebody_else_then_they_see_nothing_of_it_and_nothing_is_saved(desk: Desk, server: Server) -> None:
    name = _name()
    await _half_written(desk, await make_staff(roles=[StaffRole.REGISTRAR]), name)
    await desk.fill_log_in(await make_staff(roles=[StaffRole.REGISTRAR]))
    page = desk.page
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_label("检索患者")).to_be_visible()
    assert name not in await page.content()
    assert await value("SELECT count(*) FROM patient WHERE name = $1", name) == 0
