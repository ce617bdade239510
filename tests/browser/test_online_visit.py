"""An online follow-up visit from both sides: the phone signs in and waits, the doctor calls, they meet in the room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, RULES, Desk
from tests.fixtures.access import make_clinic
from tests.fixtures.engines import Engines
from tests.fixtures.online import make_online_visitor, make_seen, start_rooms, stop_rooms, video_settings
from tests.fixtures.pocket import pocket
from tests.fixtures.registry import make_relation
from tests.fixtures.server import Server, give_account, running_server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


@pytest.fixture(scope="module")
def rooms() -> Iterator[str]:
    """The video server's address."""
    process, address = start_rooms()
    yield address
    stop_rooms(process)


@pytest.fixture(scope="module")
async def server(core: Engines, rooms: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server that knows the video server."""
    video = video_settings(rooms).model_dump()
    async with running_server(core, tmp_path_factory.mktemp("server"), video=video) as running:
        yield running


async def _enter(page: Page, name: str) -> Page:
    """Follow the link into the room, which opens beside the page."""
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name=name).click()
    return await opened.value


async def test_given_an_online_visit_then_both_meet_in_its_room(
    browser: Browser, server: Server, desk: Desk, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    person = await make_seen(clinic=clinic)
    _, held = await make_online_visitor(clinic=clinic, person=person)
    await make_relation(patient_id=person.patient_id, department_id=clinic.department_id, staff_id=clinic.doctor_id)
    doctor = await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    async with pocket(browser, server, person) as phone:
        page = await phone.open()
        await expect(page.get_by_text("线上复诊，请签到候诊")).to_be_visible()
        page = await phone.open(f"appointments/{held.id}")
        await expect(page.get_by_role("button", name="签到候诊")).to_be_visible()
        await expect(page.get_by_text("到院签到")).to_have_count(0)
        await expect(page.get_by_role("img", name="签到")).to_have_count(0)
        await phone.must_be_kind(tmp_path / "booked.png")
        await page.get_by_role("button", name="签到候诊").click()
        await expect(page.get_by_text("下一位就是您")).to_be_visible()
        await expect(page.get_by_role("link", name="进入诊室")).to_have_count(0)
        await phone.must_be_kind(tmp_path / "waiting.png")

        console = await desk.log_in(doctor)
        waiting = console.get_by_role("row").filter(has_text="线上")
        await expect(waiting).to_be_visible()
        await console.screenshot(path=tmp_path / "desk-waiting.png")
        await console.keyboard.press("F2")
        current = console.get_by_role("region", name="当前患者")
        await expect(current.get_by_text("已叫号，等待患者进入视频诊室")).to_be_visible()
        await expect(current.get_by_role("link", name="进入视频诊室")).to_be_visible()
        await desk.must_be_accessible()
        await desk.must_fit()
        await console.screenshot(path=tmp_path / "desk-called.png")

        await expect(page.get_by_text("轮到您了")).to_be_visible()
        await expect(page.get_by_role("link", name="进入诊室")).to_be_visible()
        await phone.must_be_kind(tmp_path / "called.png")
        patients_room = await _enter(page, "进入诊室")
        await expect(patients_room.get_by_text("您是患者")).to_be_visible()
        doctors_room = await _enter(console, "进入视频诊室")
        await expect(doctors_room.get_by_text("您是医生")).to_be_visible()
        for room in (patients_room, doctors_room):
            await expect(room.locator(".seat--present")).to_have_count(2)
        await patients_room.get_by_label("要说的话").fill("医生您好，血压 130/80")
        await patients_room.keyboard.press("Enter")
        await expect(doctors_room.get_by_text("医生您好，血压 130/80")).to_be_visible()
        await doctors_room.get_by_label("要说的话").fill("很好，继续原来的药")
        await doctors_room.get_by_role("button", name="发送").click()
        await expect(patients_room.get_by_text("很好，继续原来的药")).to_be_visible()
        await patients_room.get_by_role("button", name="打开摄像头预览").click()
        await expect(patients_room.get_by_text("不影响文字交流")).to_be_visible()
        for room in (patients_room, doctors_room):
            found = await Axe().run(room, options={"runOnly": RULES})
            assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []
        await patients_room.screenshot(path=tmp_path / "room-patient.png")
        await doctors_room.screenshot(path=tmp_path / "room-doctor.png")
        await expect(patients_room.get_by_role("button", name="结束视频")).to_have_count(0)

        await console.keyboard.press("F9")
        await expect(current.get_by_text("接诊中")).to_be_visible()
        await expect(page.get_by_text("正在就诊")).to_be_visible()
        await doctors_room.get_by_role("button", name="结束视频").click()
        await expect(patients_room.get_by_text("医生已结束本次视频")).to_be_visible()
