"""The cashier's shift at the console: begun and ended where the patients stand."""

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.finance.payments.commands import SaveDrawer
from hospital_core.finance.payments.service import save_drawer
from hospital_core.registry.staff.states import StaffRole
from tests.browser.test_console import DIST
from tests.fixtures.finance import run_system, value
from tests.fixtures.people import make_staff, unique

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_registrar_begins_a_shift_and_ends_it_with_a_difference(desk, server):
    drawer = await run_system(save_drawer, SaveDrawer(code=unique("W"), name="9 号窗口"))
    staff = await make_staff(roles=[StaffRole.REGISTRAR], at_window=False)
    page = await desk.log_in(staff, "/patients")
    await expect(page.get_by_text("未开班")).to_be_visible()
    await page.get_by_role("button", name="开班").click()
    sheet = page.get_by_role("dialog", name="开班")
    await sheet.get_by_role("combobox", name="收款点").click()
    await page.get_by_role("option", name=f"9 号窗口（{drawer.code}）").click()
    await sheet.get_by_label("期初现金（元）").fill("200")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="确认开班").click()
    await expect(page.get_by_text("9 号窗口 班次中")).to_be_visible()
    await page.get_by_role("button", name="结班").click()
    sheet = page.get_by_role("dialog", name="结班")
    await expect(sheet).to_contain_text("账面应有 ¥200.00")
    await sheet.get_by_label("实点现金（元）").fill("199.5")
    await sheet.get_by_label("长短款原因").fill("少五角")
    await sheet.get_by_role("button", name="确认结班").click()
    await expect(page.get_by_text("未开班")).to_be_visible()
    counted = await value("SELECT counted_fen - expected_fen FROM cashier_shift WHERE staff_id = $1", staff.staff_id)
    assert counted == -50
