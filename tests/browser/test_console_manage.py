"""The console's rooms for what waits for a person: doubtful files, stuck money, code tables, log-ins and passwords."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from backend.chromium import chromium_path
from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.importing import import_file
from hospital_core.registry.staff.commands import ChangeRoles, HireStaff, OpenStaffAccount
from hospital_core.registry.staff.log_in import open_staff_account
from hospital_core.registry.staff.service import change_roles, hire_staff
from hospital_core.registry.staff.states import Profession, StaffRole
from tests.browser.desk import DIST
from tests.fixtures.finance import rows, value
from tests.fixtures.people import PASSWORD, MadeStaff, make_place, make_staff, register, somebody, unique
from tests.fixtures.registry import make_price_item
from tests.fixtures.trouble import make_abnormal_refund, make_mismatch, make_unanswered

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]
CHOSEN = "purple giraffe 42"


def _name(surname: str) -> str:
    """A name that nobody else in this run has."""
    return surname + unique("")[-6:].translate(str.maketrans("0123456789", "甲乙丙丁戊己庚辛壬癸"))


# -- doubtful files


async def _pair(name: str) -> tuple[str, str]:
    """Two files of one name, sex and birth date: their numbers. The worker finds that they look alike."""
    numbers = []
    for person in (somebody(), somebody()):
        patient_id = await register(person=type(person)(name, person.document_no))
        numbers.append(await value("SELECT patient_no FROM patient WHERE id = $1", patient_id))
    return numbers[0], numbers[1]


async def test_registrar_decides_about_files_that_look_alike(desk, server):
    same, other = _name("同"), _name("异")
    # What other tests left on the list would be pages of it.
    await rows("UPDATE patient_duplicate SET status = 'dismissed' WHERE status = 'open' RETURNING id")
    await _pair(same)
    await _pair(other)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/duplicates")
    first = page.get_by_role("region", name=re.compile("疑似重复")).filter(has_text=same)
    second = page.get_by_role("region", name=re.compile("疑似重复")).filter(has_text=other)
    # The worker may still be comparing; the page is asked again as a person would.
    refresh, more = page.get_by_role("button", name="刷新"), page.get_by_role("button", name="显示更多")

    async def shown() -> None:
        await refresh.click()
        while await more.count():
            before = await page.get_by_role("region", name=re.compile("疑似重复")).count()
            await more.click()
            await expect(page.get_by_role("region", name=re.compile("疑似重复"))).not_to_have_count(before)

    for _ in range(20):
        await shown()
        if await first.count() and await second.count():
            break
    await expect(first).to_contain_text("姓名、性别、出生日期相同")
    await expect(first).to_contain_text("较早的档案")
    await desk.must_be_accessible()
    await desk.must_fit()

    await second.get_by_role("button", name=re.compile("不是同一人")).click()
    await page.get_by_role("dialog", name="不是同一人").get_by_role("button", name="不是同一人").click()
    await expect(second).to_have_count(0)
    await shown()
    await first.get_by_role("button", name=re.compile("^合并")).click()
    await expect(page.get_by_role("table", name="两份档案对照")).to_contain_text("建档日期")
    await page.get_by_label("合并原因").fill("本人持两本证件核对")
    await page.get_by_role("button", name="合并为一份档案").click()
    await expect(page.get_by_text("已合并到")).to_be_visible()
    await expect(first).to_have_count(0)
    statuses = (
        "SELECT array_agg(d.status ORDER BY p.name) FROM patient_duplicate d JOIN patient p ON p.id = d.earlier_id"
    )
    assert sorted(await value(f"{statuses} WHERE p.name IN ($1, $2)", same, other)) == ["dismissed", "merged"]


# -- money


async def test_cashier_sends_a_refund_again_and_sees_what_the_channel_says(desk, server):
    name = "张待退"
    _, number = await make_abnormal_refund(name=name)
    page = await desk.log_in(await make_staff(roles=[StaffRole.CASHIER]), "/money")
    row = page.get_by_role("table", name="异常退款").get_by_role("row").filter(has_text=number)
    await expect(row).to_contain_text("商户账户余额不足")
    await expect(row).to_contain_text("¥50.00")
    await expect(row).to_contain_text("张*退")
    await expect(page.get_by_role("main")).not_to_contain_text(name)
    await desk.must_be_accessible()
    await desk.must_fit()
    await row.get_by_role("button", name=f"查询结果 {number}").click()
    await expect(page.get_by_text("渠道没有新的结果")).to_be_visible()
    await row.get_by_role("button", name=f"重新退款 {number}").click()
    sheet = page.get_by_role("dialog", name="重新退款")
    await expect(sheet).to_contain_text(number)
    await sheet.get_by_role("button", name="重新退款").click()
    # The simulator has never heard of this payment; its no comes back into the same line by itself.
    await expect(row).to_contain_text("渠道拒绝退款（")
    await desk.must_be_accessible()


async def test_cashier_asks_about_a_strange_payment_and_writes_down_what_was_done(desk, server):
    notice_id, order = await make_mismatch(name="李多付")
    page = await desk.log_in(await make_staff(roles=[StaffRole.CASHIER]), "/money")
    row = page.get_by_role("table", name="支付不符").get_by_role("row").filter(has_text=order)
    await expect(row).to_contain_text("付款金额与订单不符")
    await expect(row).to_contain_text("¥0.01")
    await expect(row).to_contain_text("¥50.00")
    await row.get_by_role("button", name=f"重新查单 {order}").click()
    await expect(page.get_by_text("渠道答复：没有这个订单")).to_be_visible()
    await row.get_by_role("button", name=f"登记处理结果 {order}").click()
    sheet = page.get_by_role("dialog", name="登记处理结果")
    await sheet.get_by_role("button", name="登记并移出清单").click()
    await expect(sheet).to_contain_text("请写明处理结果")
    await sheet.get_by_label("处理结果").fill("已在商户平台全额退回付款人")
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="登记并移出清单").click()
    await expect(row).to_have_count(0)
    note = await value("SELECT note FROM mismatch_settlement WHERE notice_id = $1", notice_id)
    assert note == "已在商户平台全额退回付款人"


async def test_cashier_sees_a_payment_of_which_the_channel_says_nothing(desk, server):
    notice_id, order = await make_unanswered(name="王等待")
    page = await desk.log_in(await make_staff(roles=[StaffRole.CASHIER]), "/money")
    row = page.get_by_role("table", name="支付不符").get_by_role("row").filter(has_text=order)
    await expect(row).to_contain_text("渠道一直没有说明是否付款")
    await expect(row).to_contain_text("未知")
    await expect(row).not_to_contain_text("渠道单号")
    await row.get_by_role("button", name=f"重新查单 {order}").click()
    await expect(page.get_by_text("渠道答复：没有这个订单")).to_be_visible()
    await row.get_by_role("button", name=f"登记处理结果 {order}").click()
    sheet = page.get_by_role("dialog", name="登记处理结果")
    await expect(sheet).to_contain_text(f"支付单号 {order}。")
    await desk.must_be_accessible()
    await sheet.get_by_label("处理结果").fill("商户平台查明未付款")
    await sheet.get_by_role("button", name="登记并移出清单").click()
    await expect(row).to_have_count(0)
    note = await value("SELECT note FROM mismatch_settlement WHERE notice_id = $1", notice_id)
    assert note == "商户平台查明未付款"


# -- the catalogue


async def test_code_tables_and_categories_are_what_the_server_has(desk, server):
    system = unique("sys")
    for edition, lines in (("2.0", "A00,霍乱\nB00,疱疹\n"), ("3.0", "A00,霍乱\n")):
        await import_file(system_context(), system=system, edition=edition, content=f"code,name\n{lines}".encode())
    await make_price_item()
    page = await desk.log_in(await make_staff(roles=[StaffRole.DOCTOR]), "/concepts")
    await page.get_by_role("combobox", name="编码体系").click()
    await page.get_by_role("option", name=system).click()
    results = page.get_by_role("region", name="检索结果")
    await expect(results).to_contain_text("2.0 · 2 条")
    await page.get_by_label("检索编码").fill("疱疹")
    await expect(page.get_by_text("没有找到编码")).to_be_visible()
    await page.get_by_role("combobox", name="版本").click()
    await page.get_by_role("option", name="2.0").click()
    await expect(page.get_by_role("table", name="检索到的编码")).to_contain_text("B00")
    await desk.must_be_accessible()
    await desk.open("/prices")
    await page.get_by_role("combobox", name="类别").click()
    await expect(page.get_by_role("option", name=re.compile("^挂号费")).first).to_be_visible()


# -- log-ins


async def test_security_administrator_opens_a_closed_account_again(desk, server):
    nurse = await make_staff(name="孙再来", roles=[StaffRole.NURSE])
    number = await value("SELECT staff_no FROM staff_member WHERE id = $1", nurse.staff_id)
    page = await desk.log_in(await make_staff(roles=[StaffRole.SECURITY_ADMIN]), "/staff")
    await page.get_by_label("检索职工").fill(number)
    row = page.get_by_role("row").filter(has_text=number)
    await row.click()
    drawer = page.get_by_role("dialog", name="职工")
    for act, state in (("停用账号", "已停用"), ("启用账号", "可登录")):
        await drawer.get_by_role("button", name=act).click()
        await page.get_by_role("dialog", name=act).get_by_role("button", name=act).click()
        await expect(row).to_contain_text(state)
    await expect(drawer.get_by_role("button", name="停用账号")).to_be_visible()
    await desk.must_be_accessible()


async def test_staff_choose_another_password_for_themselves(desk, server):
    staff = await make_staff(roles=[StaffRole.REGISTRAR])
    page = await desk.log_in(staff)
    await page.get_by_role("link", name="修改密码").click()
    old, chosen, again = (page.get_by_label(label, exact=True) for label in ("现在的密码", "新密码", "再填一次新密码"))
    await old.fill("not the password")
    await chosen.fill(CHOSEN)
    await again.fill("another one")
    await page.get_by_role("button", name="修改密码").click()
    await expect(page.get_by_text("两次填写的新密码不一致")).to_be_visible()
    await desk.must_be_accessible()
    await again.fill(CHOSEN)
    await page.get_by_role("button", name="修改密码").click()
    await expect(page.get_by_role("alert").filter(has_text="原密码不正确")).to_be_visible()
    desk.forgive(422)
    await old.fill(PASSWORD)
    await desk.must_fit()
    await page.get_by_role("button", name="修改密码").click()
    await expect(page.get_by_role("heading", name="患者与挂号")).to_be_visible()
    await desk.log_out()
    changed = MadeStaff(
        staff.staff_id, staff.account_id, staff.department_id, staff.login, CHOSEN, staff.totp_secret, staff.roles
    )
    await desk.log_in(changed)


async def test_new_colleague_must_choose_a_password_first(desk, server):
    administrator, chief = (
        await make_staff(roles=[StaffRole.SYSTEM_ADMIN]),
        await make_staff(roles=[StaffRole.SECURITY_ADMIN]),
    )
    nurse = await _hired_by(administrator, chief)
    page = await desk.log_in(nurse, "/queue")
    await expect(page.get_by_text("现在的密码是管理员设置的")).to_be_visible()
    await desk.open("/queue")
    await expect(page.get_by_role("heading", name="修改密码")).to_be_visible()
    assert await page.get_by_role("navigation", name="主导航").get_by_role("link").count() == 0
    await desk.must_be_accessible()
    await page.get_by_label("现在的密码").fill(PASSWORD)
    await page.get_by_label("新密码", exact=True).fill(CHOSEN)
    await page.get_by_label("再填一次新密码").fill(CHOSEN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="今日队列")).to_be_visible()


async def _hired_by(administrator: MadeStaff, chief: MadeStaff) -> MadeStaff:
    """A nurse whose account and first password are the administrator's work."""
    department_id, _ = await make_place()
    hire = HireStaff(staff_no=unique("S"), name="新来的", profession=Profession.NURSE, department_id=department_id)
    hired = await run(administrator.ctx(), hire_staff, hire)
    opening = OpenStaffAccount(staff_id=hired.id, login=unique("u"), password=SecretStr(PASSWORD))
    account = await open_staff_account(administrator.ctx(), opening)
    await run(chief.ctx(), change_roles, ChangeRoles(staff_id=hired.id, roles=[StaffRole.NURSE]))
    return MadeStaff(hired.id, account.account_id, department_id, account.login, PASSWORD, None, (StaffRole.NURSE,))
