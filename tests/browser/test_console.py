"""The staff console in Chromium against the real server: what each desk does in a day, by keyboard where it can be.

Every page is watched: an error in the console that the test did not expect fails it.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.access.queueing.commands import WalkIn
from hospital_core.access.queueing.service import register_and_check_in
from hospital_core.access.scheduling.queries import schedule
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.care_relations.commands import BreakGlassCommand
from hospital_core.registry.care_relations.service import break_glass
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST
from tests.fixtures.access import SYSTEM, Clinic, make_clinic, make_registrar, make_session
from tests.fixtures.access import make_person as make_phone_person
from tests.fixtures.finance import make_payer
from tests.fixtures.people import MadeStaff, make_device, make_staff, register, somebody, unique
from tests.fixtures.server import Server, give_account

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


@pytest.fixture
async def clinic(server: Server) -> Clinic:
    """A clinic whose doctor sees patients now."""
    opened = await make_clinic()
    await make_session(clinic=opened, places=20, starts_in=timedelta(minutes=-5))
    return opened


async def doctor_of(clinic: Clinic) -> MadeStaff:
    return await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])


async def waiting_patient(clinic: Clinic, name: str) -> str:
    """A patient whom the window has just registered; gives the number on the slip."""
    session = await running_session(clinic)
    command = WalkIn(patient_id=await make_payer(name=name), schedule_id=session.schedule_id, tendered_fen=2500)
    sold = await run(await make_registrar(), register_and_check_in, command)
    return sold.ticket.display_no


async def running_session(clinic: Clinic) -> ScheduleView:
    found: UUID = await Reading(SYSTEM).fetch_value("SELECT id FROM schedule WHERE room_id = $1", clinic.room_id)
    return await schedule(Reading(SYSTEM), found)


# -- signing in


async def test_wrong_password_is_said_in_words(desk, server):
    staff = await make_staff()
    await desk.open("/")
    await desk.page.get_by_label("登录名").fill(staff.login)
    await desk.page.get_by_label("密码", exact=True).fill("not the password")
    await desk.must_be_accessible()
    await desk.page.get_by_role("button", name="登录").click()
    await expect(desk.page.get_by_role("alert").filter(has_text="用户名、密码或动态口令不正确")).to_be_visible()
    desk.forgive(401)


async def test_session_ended_elsewhere_leads_back_after_a_new_log_in(desk, server):
    staff = await make_staff(roles=[StaffRole.REGISTRAR])
    page = await desk.log_in(staff, "/patients")
    await page.reload()
    await expect(page.get_by_role("heading", name="患者与挂号")).to_be_visible()
    await page.wait_for_load_state("networkidle")  # what the page asks for by itself has been answered
    await Reading(SYSTEM).fetch(
        "UPDATE staff_session SET ended_at = hospital_now() WHERE account_id = $1 RETURNING id", staff.account_id
    )
    await page.get_by_label("检索患者").fill("陈")
    await expect(page.get_by_text("登录已结束")).to_be_visible()
    desk.forgive(401)
    await desk.fill_log_in(staff)
    await expect(page.get_by_role("heading", name="患者与挂号")).to_be_visible()
    await desk.log_out()
    await expect(page.get_by_label("登录名")).to_be_visible()


async def test_menu_shows_only_what_the_role_may_do(desk, server):
    page = await desk.log_in(await make_staff(roles=[StaffRole.AUDIT_ADMIN]), "/devices")
    links = page.get_by_role("navigation", name="主导航").get_by_role("link")
    assert await links.all_inner_texts() == ["审计检索"]
    assert page.url.endswith("/console/audit")


# -- the doctor's room


async def test_doctor_works_through_the_queue_by_keyboard(desk, clinic):
    first, second = await waiting_patient(clinic, "赵一鸣"), await waiting_patient(clinic, "钱二喜")
    page = await desk.log_in(await doctor_of(clinic))
    current = page.get_by_role("region", name="当前患者")
    await expect(current).to_contain_text("还有 2 位患者候诊")
    await desk.must_be_accessible()

    await page.keyboard.press("F2")
    await expect(current).to_contain_text(first)
    await expect(current).to_contain_text("赵一鸣")
    await page.keyboard.press("F4")
    await expect(current).to_contain_text("已呼叫 2 次")
    await page.keyboard.press("F8")
    await expect(current).to_contain_text("诊室空闲")
    await page.get_by_role("button", name=f"召回 {first} 赵一鸣").click()
    await expect(page.get_by_role("table", name="候诊患者")).to_contain_text("赵一鸣")

    await page.keyboard.press("F2")
    await expect(current).to_contain_text("已叫号")
    called = await current.locator("strong").first.inner_text()
    assert called in (first, second)
    await page.keyboard.press("F9")
    await expect(current).to_contain_text("接诊中")
    await desk.must_be_accessible()
    await page.keyboard.press("F9")
    await expect(page.get_by_role("dialog")).to_contain_text(f"结束 {called}")
    await desk.must_be_accessible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("table", name="今日已就诊患者")).to_contain_text(called)
    await expect(current).to_contain_text("诊室空闲")
    await desk.must_fit()


async def test_check_in_appears_in_the_room_without_a_reload(desk, clinic):
    page = await desk.log_in(await doctor_of(clinic))
    await expect(page.get_by_text("没有候诊的患者", exact=True)).to_be_visible()
    await expect(page.get_by_text("实时", exact=True)).to_be_visible()
    number = await waiting_patient(clinic, "孙三省")
    await expect(page.get_by_role("table", name="候诊患者")).to_contain_text(number, timeout=3_000)


async def test_lost_connection_is_said_and_the_queue_stays_readable(desk, clinic):
    number = await waiting_patient(clinic, "李四海")
    page = await desk.log_in(await doctor_of(clinic))
    await expect(page.get_by_role("table", name="候诊患者")).to_contain_text(number)
    await page.context.set_offline(True)
    await expect(page.get_by_role("alert").filter(has_text="网络已断开")).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page.get_by_text("网络已断开，请检查网络连接").first).to_be_visible()
    await expect(page.get_by_role("table", name="候诊患者")).to_contain_text(number)
    await page.context.set_offline(False)
    await expect(page.get_by_text("实时", exact=True)).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page.get_by_role("region", name="当前患者")).to_contain_text(number)
    # Sockets that fail for want of a network are reported by the browser, never by the page.
    desk.errors[:] = [error for error in desk.errors if "ERR_INTERNET_DISCONNECTED" not in error]


# -- the registration window


async def test_registrar_sells_a_place_for_cash_and_gives_a_slip(desk, clinic):
    person = somebody()
    await register(person=person)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]))
    await page.get_by_label("检索患者").fill(person.document_no)
    await expect(page.get_by_role("table", name="检索到的患者")).to_contain_text(person.name)
    assert person.document_no not in await page.get_by_role("table", name="检索到的患者").inner_text()
    await desk.must_be_accessible()
    await page.get_by_role("button", name=f"为 {person.name} 挂号").click()

    room = await Reading(SYSTEM).fetch_value("SELECT name FROM location WHERE id = $1", clinic.room_id)
    await page.get_by_role("table", name="今日可挂号的时段").get_by_role("row").filter(has_text=room).click()
    await page.keyboard.type("20")
    await expect(page.get_by_text("还差 ¥5.00")).to_be_visible()
    await page.get_by_role("button", name="¥100").click()
    await expect(page.get_by_text("¥75.00")).to_be_visible()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.get_by_role("button", name="收款并挂号").click()
    slip = page.get_by_role("article", name="排队凭条")
    await expect(slip).to_contain_text("¥25.00")
    await expect(page.get_by_role("dialog")).to_contain_text("找零 ¥75.00")
    await expect(slip.get_by_role("img")).to_be_visible()
    await desk.must_be_accessible()
    sold = await Reading(SYSTEM).fetch_value(
        "SELECT count(*) FROM queue_ticket WHERE patient_id = (SELECT id FROM patient WHERE name = $1 "
        "ORDER BY created_at DESC LIMIT 1) AND status = 'waiting'",
        person.name,
    )
    assert sold == 1


async def test_registrar_opens_files_with_and_without_a_document(desk, server):
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/patients")
    person = somebody()
    await page.keyboard.press("F4")
    await page.get_by_label("证件号码").fill(person.document_no[:-1] + ("0" if person.document_no[-1] != "0" else "1"))
    await page.get_by_label("姓名").fill(person.name)
    await desk.must_be_accessible()
    await page.get_by_role("button", name="建立档案").click()
    await expect(page.get_by_role("dialog").get_by_role("alert").first).to_be_visible()
    desk.forgive(422)
    await page.get_by_label("证件号码").fill(person.document_no)
    await page.get_by_label("姓名").press("Enter")
    file = page.get_by_role("dialog", name="患者档案", exact=True)
    await expect(file).to_contain_text(person.name)
    assert person.document_no not in await file.inner_text()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await page.keyboard.press("F4")
    await page.get_by_role("combobox", name="证件类型").click()
    await page.get_by_role("option", name="暂无证件").click()
    await page.get_by_role("combobox", name="暂无证件的原因").click()
    await page.get_by_role("option", name="意识不清").click()
    await page.get_by_label("姓名").fill("无名氏")
    await page.get_by_role("button", name="建立档案").click()
    await expect(file).to_contain_text("临时档案 · 意识不清")
    await desk.must_be_accessible()


async def test_registrar_merges_two_files_and_undoes_it(desk, server):
    one, two = somebody(), somebody()
    name = "并" + unique("")[-6:].translate(str.maketrans("0123456789", "甲乙丙丁戊己庚辛壬癸"))
    for person in (one, two):
        await register(person=type(person)(name, person.document_no))
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/patients")
    await page.get_by_label("检索患者").fill(name)
    boxes = page.get_by_role("checkbox", name=f"选择 {name}")
    await expect(boxes).to_have_count(2)
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await page.get_by_role("button", name="比较并合并").click()
    await expect(page.get_by_role("table", name="两份档案对照")).to_contain_text("建档日期")
    await desk.must_be_accessible()
    await page.get_by_label("合并原因").fill("本人持两本证件核对")
    await page.get_by_role("button", name="合并为一份档案").click()
    await expect(page.get_by_text("已合并到")).to_be_visible()
    await expect(boxes).to_have_count(1)
    await page.get_by_role("button", name="撤销合并").click()
    await page.get_by_label("撤销原因").fill("核对后为两人")
    await page.get_by_role("dialog").get_by_role("button", name="撤销合并").click()
    await expect(boxes).to_have_count(2)


# -- emergencies


async def test_doctor_opens_a_file_in_an_emergency_and_it_is_reviewed(desk, browser, server):
    patient = (await make_phone_person(name="吴急诊")).patient_id
    page = await desk.log_in(await make_staff(name="郑抢救", roles=[StaffRole.DOCTOR]), f"/patients/{patient}")
    await page.get_by_role("button", name="紧急授权").click()
    desk.forgive(404)
    sheet = page.get_by_role("dialog", name="紧急授权")
    await sheet.get_by_role("button", name="打开档案 30 分钟").click()
    await expect(sheet).to_contain_text("请写明紧急原因")
    await desk.must_be_accessible()
    await sheet.get_by_label("紧急原因").fill("昏迷抢救，核对过敏史")
    await sheet.get_by_role("button", name="打开档案 30 分钟").click()
    await expect(page.get_by_role("dialog", name="患者档案", exact=True)).to_contain_text("吴急诊")
    await expect(page.get_by_text("紧急授权查看中")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await desk.log_out()

    # A refresh may have been under way when the session ended; the browser reports it, the page rightly does not.
    desk.errors[:] = [error for error in desk.errors if "status of 401 " not in error]
    page = await desk.log_in(await make_staff(roles=[StaffRole.SECURITY_ADMIN]), "/break-glass")
    await expect(page.get_by_role("table", name="待复核的紧急授权")).to_contain_text("昏迷抢救，核对过敏史")
    await desk.must_be_accessible()
    row = page.get_by_role("row").filter(has_text="郑抢救").first
    before = await page.get_by_role("row").filter(has_text="郑抢救").count()
    await row.get_by_role("button", name="认定合理").click()
    await page.get_by_role("dialog").get_by_role("button", name="认定合理").click()
    await expect(page.get_by_role("row").filter(has_text="郑抢救")).to_have_count(before - 1)


# -- administration


async def test_administrator_approves_a_device_for_its_place(desk, server):
    made = await make_device(kind=DeviceKind.KIOSK, approved=False)
    page = await desk.log_in(await make_staff(roles=[StaffRole.SYSTEM_ADMIN]), "/devices")
    waiting = page.get_by_role("region", name="待审核的设备")
    await desk.must_be_accessible()
    ours = waiting.get_by_role("button", name=f"审核 {made.view.name}")
    before = await ours.count()
    await ours.first.click()
    await expect(page.get_by_role("dialog", name="审核设备")).to_contain_text(made.view.name)
    await desk.must_be_accessible()
    await page.get_by_role("button", name="通过审核").click()
    await expect(ours).to_have_count(before - 1)
    active = await Reading(SYSTEM).fetch_value("SELECT count(*) FROM device WHERE status = 'active' AND name = $1",
                                               made.view.name)  # fmt: skip
    assert active >= 1

    await page.get_by_role("button", name="生成注册码").click()
    await page.get_by_label("设备名称").fill("急诊大厅自助机")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("后失效，只能使用一次")).to_be_visible()
    await desk.must_be_accessible()


async def test_administrator_dates_a_price_change(desk, server):
    code, name = unique("P"), "测试处置费"
    page = await desk.log_in(await make_staff(roles=[StaffRole.SYSTEM_ADMIN]), "/prices")
    await page.get_by_role("button", name="新项目").click()
    await page.get_by_label("编码", exact=True).fill(code)
    await page.get_by_label("名称", exact=True).fill(name)
    category = page.get_by_role("dialog").get_by_role("combobox", name="类别")
    await category.fill("治疗")
    await category.press("Enter")
    await page.get_by_label("单价（元），立即生效").fill("12.5")
    await desk.must_be_accessible()
    await page.get_by_role("button", name="保存项目").click()
    await page.get_by_label("检索收费项目").fill(code)
    await page.get_by_role("row").filter(has_text=code).click()
    await page.get_by_label("新单价").fill("13.75")
    await page.get_by_role("button", name="立即调价").click()
    history = page.get_by_role("table", name="历史价格")
    await expect(history).to_contain_text("¥13.75")
    await expect(history).to_contain_text("¥12.50")
    await desk.must_be_accessible()


async def test_security_administrator_changes_roles(desk, server):
    nurse = await make_staff(name="周护士", roles=[StaffRole.NURSE])
    number = await Reading(SYSTEM).fetch_value("SELECT staff_no FROM staff_member WHERE id = $1", nurse.staff_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.SECURITY_ADMIN]), "/staff")
    await page.get_by_label("检索职工").fill(number)
    await page.get_by_role("row").filter(has_text=number).click()
    await page.get_by_role("dialog").locator("label").filter(has_text="挂号员").click()
    await page.get_by_role("button", name="保存角色").click()
    await expect(page.get_by_role("row").filter(has_text=number)).to_contain_text("挂号员")
    await desk.must_be_accessible()


async def test_auditor_narrows_to_one_person(desk, server):
    doctor = await make_staff(name="冯留痕")
    patient = (await make_phone_person()).patient_id
    await run(doctor.ctx(), break_glass, BreakGlassCommand(patient_id=patient, reason="抢救需要核对"))
    page = await desk.log_in(await make_staff(roles=[StaffRole.AUDIT_ADMIN]), "/audit")
    await page.get_by_role("row").filter(has_text="冯留痕").first.click()
    await desk.must_be_accessible()
    await page.get_by_role("button", name="只看此操作者").click()
    await expect(page.get_by_role("button", name="只看操作者 冯留痕")).to_be_visible()
    lines = page.get_by_role("table", name="审计记录").locator("tbody tr")
    await expect(lines).to_have_count(1)
    await desk.must_be_accessible()


ROOMS: dict[StaffRole, tuple[str, ...]] = {
    StaffRole.SYSTEM_ADMIN: ("/staff", "/places", "/concepts", "/parked-events"),
    StaffRole.REGISTRAR: ("/patients", "/prices"),
    StaffRole.DOCTOR: ("/queue",),
}


@pytest.mark.parametrize("role", list(ROOMS))
async def test_every_room_is_accessible_and_fits(desk, role):
    await desk.log_in(await make_staff(roles=[role]))
    for path in ROOMS[role]:
        await desk.open(path)
        await desk.page.get_by_role("main").wait_for()
        await desk.page.wait_for_load_state("networkidle")
        await desk.must_fit()
        await desk.must_be_accessible()
