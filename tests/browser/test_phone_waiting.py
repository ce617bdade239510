"""The second half of booking on the phone: waiting, moving, objecting, arriving, changed clinics."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from hospital_core.access.scheduling.ban_commands import AnswerAppeal, SetBan
from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.qr import presence_code
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.access.scheduling.service.bans import answer_appeal, set_ban
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.states import BanKind
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.signed_codes import CodeKey
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    now,
    staff_context,
)
from tests.fixtures.finance import rows, value
from tests.fixtures.pocket import ServerCodeKey, phone_of, pocket
from tests.fixtures.server import Server
from tests.fixtures.waiting import make_full_session

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
LONDON = {"latitude": 51.5, "longitude": -0.12, "accuracy": 20}


@pytest.fixture(autouse=True)
def server_key() -> None:
    """Codes made in this process are the server's, as far as their key goes."""
    ports.provide(CodeKey, ServerCodeKey())


async def _day_of(schedule_id: object) -> str:
    day = await value("SELECT day FROM schedule WHERE id = $1", schedule_id)
    return str(day)


async def _join_on_phone(page, clinic: Clinic, day: str) -> None:
    await page.get_by_role("link", name=re.compile("约满 · 候补")).click()
    await expect(page.get_by_role("radio", name=re.compile("^王建国"))).to_be_checked()
    await page.get_by_role("button", name="开始候补").click()
    await expect(page.get_by_role("heading", name="第 1 位")).to_be_visible()


async def test_given_a_full_doctor_then_one_waits_is_offered_the_place_and_takes_it(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic(fee="0.00")
    full, [(holder, held)] = await make_full_session(clinic=clinic)
    day = await _day_of(full.schedule_id)
    person = await make_person(name="沈知秋")
    async with pocket(browser, server, person) as phone:
        page = await phone.open(f"departments/{clinic.department_id}?day={day}")
        await expect(page.get_by_text("的号都约满了")).to_be_visible()
        await phone.must_be_kind(tmp_path / "full.png")
        await page.get_by_role("link", name=re.compile("约满 · 候补")).click()
        await expect(page.get_by_role("radio", name=re.compile("^王建国"))).to_be_checked()
        await expect(page.get_by_role("radio", name="沈*秋（本人）")).to_be_checked()
        await phone.must_be_kind(tmp_path / "join.png")
        await page.get_by_role("button", name="开始候补").click()
        await expect(page.get_by_role("heading", name="第 1 位")).to_be_visible()
        await phone.must_be_kind(tmp_path / "waiting.png")
        await run(holder.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
        await expect(page.get_by_role("heading", name="等到号了")).to_be_visible(timeout=30_000)
        await phone.must_be_kind(tmp_path / "offer.png")
        await phone.open()
        todo = page.get_by_role("region", name="等您处理")
        await expect(todo.get_by_role("link")).to_contain_text(["候补等到号了"])
        await phone.must_be_kind(tmp_path / "home.png")
        await todo.get_by_role("link").click()
        await page.get_by_role("button", name="接受这个号").click()
        await expect(page.get_by_role("heading", name="预约成功")).to_be_visible()
        await phone.open("waits")
        await expect(page.get_by_role("link", name=re.compile("候补成功"))).to_be_visible()
        await phone.must_be_kind(tmp_path / "waits.png")
    taken = await value("SELECT status FROM appointment WHERE patient_id = $1", person.patient_id)
    assert taken == "booked"


async def test_given_an_offer_with_a_fee_then_it_leads_to_paying_and_can_be_declined(
    browser: Browser, server: Server
) -> None:
    clinic = await make_clinic()
    full, [(holder, held)] = await make_full_session(clinic=clinic)
    person = await make_person(name="沈知秋")
    async with pocket(browser, server, person) as phone:
        day = await _day_of(full.schedule_id)
        page = await phone.open(f"departments/{clinic.department_id}?day={day}")
        await _join_on_phone(page, clinic, day)
        await run(holder.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
        await expect(page.get_by_role("button", name="去支付 ¥25.00")).to_be_visible(timeout=30_000)
        await page.get_by_role("button", name="去支付 ¥25.00").click()
        await expect(page.get_by_role("heading", name="支付挂号费")).to_be_visible()
        await expect(page.get_by_role("timer")).to_be_visible()
        await page.get_by_role("button", name="返回", exact=True).click()
        await expect(page.get_by_role("button", name="不要这个号").or_(page.get_by_text("去确认"))).to_be_visible()
        await phone.open("waits")
        await page.get_by_role("link", name=re.compile("有号了")).click()
        await page.get_by_role("button", name="不要这个号").click()
        await page.get_by_role("dialog").get_by_role("button", name="放弃").click()
        await expect(page.get_by_role("heading", name="已放弃")).to_be_visible()
    assert await value("SELECT status FROM waitlist_entry WHERE patient_id = $1", person.patient_id) == "declined"


async def test_given_somebody_who_waits_then_they_leave_when_they_like(browser: Browser, server: Server) -> None:
    clinic = await make_clinic()
    full, _ = await make_full_session(clinic=clinic)
    person = await make_person(name="沈知秋")
    async with pocket(browser, server, person) as phone:
        day = await _day_of(full.schedule_id)
        page = await phone.open(f"departments/{clinic.department_id}?day={day}")
        await _join_on_phone(page, clinic, day)
        await page.get_by_role("button", name="退出候补").click()
        await page.get_by_role("dialog").get_by_role("button", name="退出候补").click()
        await expect(page.get_by_role("heading", name="已退出候补")).to_be_visible()


async def test_given_a_booking_when_moved_then_the_money_is_said_before_and_a_dearer_place_is_not_to_be_had(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic), person=await make_person(name="沈知秋"))
    # What SQL has paid has no bill: this walk moves to a place that costs nothing before and after.
    await rows("UPDATE appointment SET fee_fen = 0 WHERE id = $1 RETURNING id", held.id)
    free = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    await rows("UPDATE schedule SET fee_fen = 0 WHERE staff_id = $1 RETURNING id", clinic.doctor_id)
    await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    async with pocket(browser, server, person) as phone:
        page = await phone.open(f"appointments/{held.id}")
        await page.get_by_role("button", name="改约到其他时间").click()
        await expect(page.get_by_text("还可以改约 2 次")).to_be_visible()
        await page.get_by_role("button", name="本科室全部").click()
        await phone.must_be_kind(tmp_path / "move.png")
        await page.get_by_role("button", name="原来的医生").click()
        await page.locator("button.option").nth(1).click()
        await expect(page.get_by_role("radiogroup", name="就诊时间").get_by_role("radio", checked=True)).to_be_visible()
        await expect(page.get_by_role("button", name="确认改约")).to_be_enabled()
        await phone.must_be_kind(tmp_path / "move-chosen.png")
        await page.get_by_role("button", name="确认改约").click()
        await expect(page.get_by_role("heading", name="预约详情")).to_be_visible()
        await phone.must_be_kind(tmp_path / "moved.png")
        await phone.open(f"appointments/{held.id}")
        await expect(page.get_by_role("link", name="查看改约后的预约")).to_be_visible()
        await phone.open(f"appointments/{held.id}/move")
        await expect(page.get_by_role("alert")).to_have_text("该预约当前状态不能取消")
    assert await value("SELECT schedule_id FROM appointment WHERE previous_id = $1", held.id) == free.schedule_id


async def test_given_a_paid_place_then_every_choice_says_what_becomes_of_the_fee(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic), person=await make_person(name="沈知秋"))
    for days, fee in ((2, 1000), (3, 9900), (4, 0)):
        made = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=days))
        await rows("UPDATE schedule SET fee_fen = $2 WHERE id = $1 RETURNING id", made.schedule_id, fee)
    async with pocket(browser, server, person) as phone:
        page = await phone.open(f"appointments/{held.id}/move")
        await page.get_by_role("button", name="本科室全部").click()
        for words in (
            "已付，不用再付",
            "差额 ¥15.00 原路退回",
            "比原来贵 ¥74.00，不能直接改约",
            "免费，已付的 ¥25.00 原路退回",
        ):
            await expect(page.get_by_text(words)).to_be_visible()
        await page.screenshot(path=tmp_path / "prices.png", full_page=True)
        await page.locator("button.option", has_text="不能直接改约").click(force=True)
        await expect(page.get_by_role("button", name="确认改约")).to_have_count(0)


async def test_given_a_ban_then_the_patient_reads_why_and_objects_once(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    person = await make_person(name="沈知秋")
    manager = staff_context(staff_id=new_id(), role=StaffRole.MANAGER)
    ban = await run(
        manager,
        set_ban,
        SetBan(patient_id=person.patient_id, kind=BanKind.NO_SHOW, days=30, reason="90 天内 3 次未就诊"),
    )
    async with pocket(browser, server, person) as phone:
        page = await phone.open("bans")
        await expect(page.get_by_text("限约中")).to_be_visible()
        await expect(page.get_by_text("多次预约未就诊")).to_be_visible()
        await page.get_by_role("button", name="我要申诉").click()
        await page.get_by_label("请写明情况").fill("当天已到院，自助机没有反应。")
        await phone.must_be_kind(tmp_path / "appeal.png")
        await page.get_by_role("button", name="提交申诉").click()
        await expect(page.get_by_text("医院正在处理")).to_be_visible()
        await expect(page.get_by_role("button", name="我要申诉")).to_have_count(0)
        await run(manager, answer_appeal, AnswerAppeal(ban_id=ban.id, accept=True, answer="核实属实"))
        await page.reload()
        await expect(page.get_by_text("申诉通过，限约已解除")).to_be_visible()
        await phone.must_be_kind(tmp_path / "bans.png")


async def test_given_a_patient_at_the_hospital_then_the_screens_code_signs_them_in(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    person, held = await make_booked(session=session, person=await make_person(name="沈知秋"))
    async with pocket(browser, server, person) as phone:
        page = await phone.open()
        await page.get_by_role("region", name="等您处理").get_by_role("link", name=re.compile("到院后请签到")).click()
        await expect(page.get_by_role("heading", name="到院签到")).to_be_visible()
        await phone.must_be_kind(tmp_path / "sign-in.png")
        field = page.get_by_label("签到码内容")
        await field.fill(presence_code(clinic.area_id, await now() - timedelta(minutes=2)))
        await page.get_by_role("button", name="用签到码签到").click()
        await expect(page.get_by_role("alert").filter(has_text="签到码已过期")).to_be_visible()
        phone.forgive(422)
        await phone.must_be_kind(tmp_path / "refused.png")
        # A small keyboard and a Chinese one: what they make of the code is understood.
        await field.fill(presence_code(clinic.area_id, await now()).lower().replace(".", "。"))
        await page.get_by_role("button", name="用签到码签到").click()
        await expect(page.get_by_role("heading", name="预约详情")).to_be_visible()
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "checked-in"


async def test_given_the_phones_place_then_far_away_is_refused_in_words_and_near_signs_in(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    # Outside China the two maps agree, so the phone's point is the hospital's.
    await rows("UPDATE campus SET latitude = 51.5, longitude = -0.12 WHERE id = $1 RETURNING id", clinic.campus_id)
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    person, held = await make_booked(session=session, person=await make_person(name="沈知秋"))
    away = {**LONDON, "latitude": 51.6}
    async with pocket(browser, server, person, geolocation=away, permissions=["geolocation"]) as phone:
        page = await phone.open(f"appointments/{held.id}/sign-in")
        await page.get_by_role("button", name="我已到院，定位签到").click()
        await expect(page.get_by_role("alert").filter(has_text="您不在医院签到范围内")).to_be_visible()
        [refusal] = [error for error in phone.errors if "status of" in error]
        phone.errors.remove(refusal)
        await phone.must_be_kind(tmp_path / "away.png")
        await page.context.set_geolocation(LONDON)  # type: ignore[arg-type]
        await page.get_by_role("button", name="我已到院，定位签到").click()
        await expect(page.get_by_role("heading", name="预约详情")).to_be_visible()
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "checked-in"


async def test_given_no_leave_to_locate_then_the_phone_says_what_else_works(browser: Browser, server: Server) -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30))
    person, held = await make_booked(session=session)
    async with pocket(browser, server, person) as phone:
        page = await phone.open(f"appointments/{held.id}/sign-in")
        await page.get_by_role("button", name="我已到院，定位签到").click()
        await expect(page.get_by_role("alert").filter(has_text="改用屏幕上的签到码")).to_be_visible()


async def test_given_a_stopped_clinic_then_the_patient_chooses_another_time_before_the_deadline(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    person, held = await make_booked(session=session, person=await make_person(name="沈知秋"))
    await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    async with pocket(browser, server, person) as phone:
        page = await phone.open()
        await page.get_by_role("region", name="等您处理").get_by_role("link", name=re.compile("停诊")).click()
        await expect(page.get_by_role("heading", name="王建国 医生停诊")).to_be_visible()
        await expect(page.get_by_text("自动退号并全额退费")).to_be_visible()
        await phone.must_be_kind(tmp_path / "stopped.png")
        await page.get_by_role("radio", name=re.compile("改到其他时间")).click()
        await page.get_by_role("radiogroup", name="可改约时段").get_by_role("radio").first.click()
        await phone.must_be_kind(tmp_path / "stopped-move.png")
        await page.get_by_role("button", name="确认改到其他时间").click()
        await expect(page.get_by_role("status").filter(has_text="已改约")).to_be_visible()
        await phone.open(f"appointments/{held.id}")
        await expect(page.get_by_role("heading", name="预约详情")).to_be_visible()
    assert await value("SELECT status FROM disruption WHERE appointment_id = $1", held.id) == "moved"


async def test_given_anybody_elses_things_then_their_pages_show_nothing(browser: Browser, server: Server) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    stranger = await make_person()
    assert (await (await phone_of(server, stranger)).get(f"/api/miniapp/v1/appointments/{held.id}")).status_code == 404
    async with pocket(browser, server, stranger) as phone:
        page = await phone.open(f"appointments/{held.id}/move")
        await expect(page.get_by_role("alert").first).to_be_visible()
        await expect(page.locator("button.option")).to_have_count(0)
        await expect(page.get_by_text("张*丰")).to_have_count(0)
        phone.errors.clear()
