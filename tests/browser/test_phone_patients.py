"""The patients of a phone: the default one, one that is removed, and the code that says who somebody is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from hospital_core.registry.accounts.identity_codes import PREFIX
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import Person, book, make_clinic, make_session
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_account, make_device, make_link, make_staff, somebody
from tests.fixtures.pocket import Pocket, phone_of, pocket, read_qr_of
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
IDENTIFY = "/api/staff/v1/patients/identify"


@pytest.fixture
async def holder() -> Person:
    """A phone whose holder has linked themselves, proven, and a child."""
    account = await make_account()
    own = await make_link(account=account, person=somebody(name="沈知秋"), relation=Relation.SELF)
    await make_link(account=account, person=somebody(name="沈小满", years=6), relation=Relation.CHILD)
    await rows("UPDATE account_link SET proven_at = now() WHERE id = $1 RETURNING id", own.link_id)
    return Person(own.patient_id, account.account_id, "")


@pytest.fixture
async def phone(browser: Browser, server: Server, holder: Person) -> AsyncIterator[Pocket]:
    async with pocket(browser, server, holder) as opened:
        yield opened


async def test_the_code_on_the_screen_is_read_once_and_renews_itself(
    phone: Pocket, server: Server, holder: Person, tmp_path: Path
) -> None:
    window, kiosk = await server.role(StaffRole.REGISTRAR), await server.device(await make_device())
    page = await phone.open("patients")
    await page.get_by_role("button", name="出示就诊码").first.click()
    image = page.get_by_role("img", name="就诊码")
    await expect(image).to_be_visible()
    await expect(page.get_by_role("heading", name="沈*秋")).to_be_visible()
    await phone.must_be_kind(tmp_path / "identity.png")
    code = await read_qr_of(image)
    assert code.startswith(PREFIX)
    found = await window.did(IDENTIFY, {"code": code})
    assert (found["patient"]["id"], found["proven"]) == (str(holder.patient_id), True)
    again = await kiosk.post("/api/kiosk/v1/sessions", {"proof": "identity_code", "qr": code}, key="")
    assert (again.status_code, again.json()["code"]) == (409, "kiosk.qr_used")
    address = await image.get_attribute("src")
    await page.clock.install()
    await page.reload()
    await expect(image).to_be_visible()
    first = await image.get_attribute("src")
    assert first != address
    await page.clock.run_for(46_000)
    await expect(image).not_to_have_attribute("src", str(first))
    fresh = await read_qr_of(image)
    assert (await window.did(IDENTIFY, {"code": fresh}))["patient"]["id"] == str(holder.patient_id)


async def test_the_code_of_an_unproven_patient_says_where_it_works(phone: Pocket, tmp_path: Path) -> None:
    page = await phone.open("identity")
    await expect(page.get_by_role("radio", name="沈*秋（本人）")).to_be_checked()
    await page.get_by_role("radio", name="沈*满（子女）").click()
    await expect(page.get_by_role("heading", name="沈*满")).to_be_visible()
    await expect(page.get_by_text("还没有核验：就诊码可以在窗口使用")).to_be_visible()
    await expect(page.get_by_role("img", name="就诊码")).to_be_visible()
    await phone.must_be_kind(tmp_path / "unproven.png")


async def test_a_default_is_chosen_and_a_booking_begins_with_it(phone: Pocket, tmp_path: Path) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    page = await phone.open("patients")
    child = page.get_by_role("listitem").filter(has_text="沈*满")
    await expect(child.get_by_text("监护人：沈*秋（本人）")).to_be_visible()
    await phone.must_be_kind(tmp_path / "patients.png")
    await child.get_by_role("button", name="设为默认").click()
    await expect(child.get_by_text("默认", exact=True)).to_be_visible()
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    await phone.open(f"departments/{clinic.department_id}/sessions/{session.schedule_id}?day={day}")
    await expect(page.get_by_role("radio", name="沈*满（子女）")).to_be_checked()
    await phone.must_be_kind(tmp_path / "booking.png")


async def test_removing_a_patient_names_what_is_still_open(
    phone: Pocket, server: Server, holder: Person, tmp_path: Path
) -> None:
    (child,) = await rows(
        "SELECT patient_id FROM account_link WHERE account_id = $1 AND relation = 'child'", holder.account_id
    )
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    held = await book(person=Person(child["patient_id"], holder.account_id, ""), session=session)
    page = await phone.open("patients")
    row = page.get_by_role("listitem").filter(has_text="沈*满")
    await row.get_by_role("button", name="移除").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("心血管内科")
    await expect(dialog).to_contain_text("预约仍然有效")
    await phone.must_be_kind(tmp_path / "remove.png")
    await dialog.get_by_role("button", name="移除").click()
    await expect(row).to_have_count(0)
    gone = await (await phone_of(server, holder)).get(f"/api/miniapp/v1/appointments/{held.id}")
    assert gone.status_code == 404
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "pending"


@pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built")
async def test_the_windows_scanner_opens_the_file_of_the_code_and_says_why_not_the_second_time(
    desk: Desk, server: Server, holder: Person
) -> None:
    link_id = await value("SELECT id FROM account_link WHERE patient_id = $1", holder.patient_id)
    shown = await phone_of(server, holder)
    code = (await shown.got(f"/api/miniapp/v1/patients/{link_id}/identity-code"))["text"]
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/patients")
    await page.get_by_label("检索患者").focus()
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("就诊码：沈知秋，本人的手机")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_contain_text("沈知秋")
    await expect(page.get_by_label("检索患者")).to_have_value("")
    await page.keyboard.press("Escape")
    await page.get_by_label("检索患者").fill(code)
    await expect(page.get_by_role("alert").filter(has_text="就诊码已使用过")).to_be_visible()
    desk.forgive(409)
