"""The console's rooms for lines and bans in Chromium: who waits and until when, who is barred and who objects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.access.scheduling.ban_commands import AppealBan, SetBan
from hospital_core.access.scheduling.ban_views import BanView
from hospital_core.access.scheduling.service.bans import appeal_ban, set_ban
from hospital_core.access.scheduling.states import BanKind
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import SYSTEM, Person, make_clinic, make_person
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.registry import unique
from tests.fixtures.server import Server
from tests.fixtures.waiting import line_up, make_full_session
from tests.flows.http.house import phone

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_a_registrar_sees_who_waits_and_how_long_an_offer_holds(
    desk: Desk, server: Server, tmp_path: Path
) -> None:
    name, clinic = unique("儿科"), await make_clinic()
    await rows("UPDATE department SET name = $2 WHERE id = $1 RETURNING id", clinic.department_id, name)
    session, ((sitting, held),) = await make_full_session(clinic=clinic)
    for who in ("赵小一", "钱小二", "孙小三"):
        await line_up(session, person=await make_person(name=who))
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/waitlist")
    await page.get_by_label("就诊日期").fill(day.isoformat())
    line = page.get_by_role("group").filter(has_text=name).last
    await expect(line).to_contain_text("等候 3 人")
    first = line.get_by_role("row").filter(has_text="赵*一")
    await expect(first).to_contain_text("第 1 位")
    await expect(line).not_to_contain_text("赵小一")
    await phone(server, sitting.account_id).did(f"/api/miniapp/v1/appointments/{held.id}/cancel")
    # The worker offers the place, and the page hears of it by itself.
    await expect(first).to_contain_text("已到号，待答复")
    await expect(first).to_contain_text("¥25.00")
    await expect(first.get_by_role("cell").last).to_have_text(re.compile(r"^\d+:\d{2}(:\d{2})?$"))
    await expect(line).to_contain_text("等候 2 人")
    await expect(line.get_by_role("row").filter(has_text="钱*二")).to_contain_text("第 1 位")
    await page.screenshot(path=tmp_path / "waitlist.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.get_by_role("button", name="后一天").click()
    await expect(page.get_by_text("没有人候补")).to_be_visible()


async def _barred(kind: BanKind, name: str) -> tuple[Person, BanView, str]:
    person = await make_person(name=name)
    ban = await run(
        SYSTEM, set_ban, SetBan(patient_id=person.patient_id, kind=kind, days=30, reason="一个月内三次未到")
    )
    return person, ban, str(ban.patient_no)


async def test_a_manager_hears_an_objection_and_lifts_a_ban(desk: Desk, server: Server, tmp_path: Path) -> None:
    objector, objected, number = await _barred(BanKind.NO_SHOW, "吴不服")
    await run(objector.phone, appeal_ban, AppealBan(ban_id=objected.id, text="当天在贵院急诊住院，有住院号"))
    _, mistaken, other = await _barred(BanKind.SCALPING, "郑误判")
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/bans")
    page_rows = page.get_by_role("region", name="限约名单").get_by_role("row")
    await expect(page_rows.filter(has_text=number)).to_contain_text("当天在贵院急诊住院")
    await page.get_by_role("button", name=f"处理申诉 {number}").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_role("button", name="答复患者").click()
    await expect(sheet.get_by_role("alert")).to_have_text("请选择申诉是否成立")
    await sheet.get_by_text("申诉成立，解除限约").click()
    await sheet.get_by_label("答复", exact=True).fill("情况属实，已解除")
    await page.screenshot(path=tmp_path / "appeal.png")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="答复患者").click()
    await expect(page.get_by_text("吴*服 的申诉成立，限约已解除")).to_be_visible()
    await expect(page_rows.filter(has_text=number)).to_have_count(0)

    await page.get_by_text("生效中", exact=True).click()
    await page.get_by_label("筛选患者").fill(other)
    await page.get_by_role("button", name=f"解除限约 {other}").click()
    await sheet.get_by_role("button", name="解除限约").click()
    await expect(sheet.get_by_text("请写明解除原因")).to_be_visible()
    await sheet.get_by_label("解除原因").fill("同名误判")
    await sheet.get_by_role("button", name="解除限约").click()
    await expect(page.get_by_text("郑*判 的限约已解除")).to_be_visible()
    assert await value("SELECT lift_reason FROM booking_ban WHERE id = $1", mistaken.id) == "同名误判"
    await page.get_by_text("全部", exact=True).click()
    await page.get_by_label("筛选患者").fill("")
    await expect(page_rows.filter(has_text=number)).to_contain_text("答复：情况属实，已解除")
    await page.screenshot(path=tmp_path / "bans.png")
    await desk.must_be_accessible()
    await desk.must_fit()


async def test_a_registrar_bars_somebody_who_then_reads_why(desk: Desk, server: Server, tmp_path: Path) -> None:
    person = await make_person(name=unique("倒号人"))
    number = str(await value("SELECT patient_no FROM patient WHERE id = $1", person.patient_id))
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/bans")
    await page.get_by_role("button", name="设置限约").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_role("button", name="限约", exact=True).click()
    await expect(sheet.get_by_role("alert")).to_have_text("请先查找并选择患者")
    await sheet.get_by_label("查找患者").fill(number)
    await sheet.get_by_role("row").filter(has_text=number).click()
    await sheet.get_by_role("button", name="限约", exact=True).click()
    await expect(sheet.get_by_role("alert")).to_have_text("请写明说明，患者会看到")
    await sheet.get_by_label("说明").fill("多次为他人代抢专家号")
    await page.screenshot(path=tmp_path / "ban.png")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="限约", exact=True).click()
    await expect(page.get_by_text("已限约 30 天")).to_be_visible()
    await page.get_by_text("生效中", exact=True).click()
    await page.get_by_label("筛选患者").fill(number)
    await expect(
        page.get_by_role("region", name="限约名单").get_by_role("row").filter(has_text=number)
    ).to_contain_text("多次为他人代抢专家号")
    said = await phone(server, person.account_id).got("/api/miniapp/v1/bans")
    assert [one["reason"] for one in said["items"]] == ["多次为他人代抢专家号"]
