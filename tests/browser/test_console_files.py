"""The patient's file at the console: found in an emergency, its allergies, its document, the files merged into it."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.async_api import Locator, Page, expect

from backend.chromium import chromium_path
from hospital_core.kernel.numbers import BarcodeKind, barcode_text
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST
from tests.fixtures.access import SYSTEM
from tests.fixtures.people import MadeStaff, make_staff, national_id, register, somebody
from tests.fixtures.registry import make_relation, make_temporary_patient, merge

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


def file_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="患者档案", exact=True)


async def agree(page: Page, verb: str) -> None:
    """Answer the question that is asked with its verb, and wait until it is gone."""
    question = page.get_by_role("dialog", name=verb, exact=True)
    await question.get_by_role("button", name=verb, exact=True).click()
    await expect(question).to_have_count(0)


async def patient_no_of(patient_id: UUID) -> str:
    number: str = await Reading(SYSTEM).fetch_value("SELECT patient_no FROM patient WHERE id = $1", patient_id)
    return number


async def doctor_of(patient_id: UUID) -> MadeStaff:
    doctor = await make_staff(roles=[StaffRole.DOCTOR])
    await make_relation(patient_id=patient_id, department_id=doctor.department_id)
    return doctor


# -- found in an emergency


async def test_doctor_scans_a_wristband_and_opens_the_file_in_an_emergency(desk, server):
    patient_id = await register(person=somebody(name="吴抢救"))
    page = await desk.log_in(await make_staff(roles=[StaffRole.DOCTOR]), "/emergency")
    result = page.get_by_role("region", name="查找结果")
    await desk.must_be_accessible()
    number = page.get_by_label("病历号、腕带或证件号")
    await expect(number).to_be_focused()
    await number.fill(national_id())
    await page.keyboard.press("Enter")
    await expect(result).to_contain_text("没有这个号码的患者")

    await number.fill("")
    await page.keyboard.type(barcode_text(BarcodeKind.PATIENT, await patient_no_of(patient_id)))
    await page.keyboard.press("Enter")
    await expect(result).to_contain_text("吴*救")
    assert "吴抢救" not in await page.content()
    ask = result.get_by_role("button", name="紧急授权")
    await expect(ask).to_be_focused()
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="紧急授权")
    await sheet.get_by_label("紧急原因").fill("昏迷抢救，核对过敏史")
    await sheet.get_by_role("button", name="打开档案 30 分钟").click()
    await expect(file_of(page)).to_contain_text("吴抢救")
    await expect(file_of(page)).to_contain_text("紧急授权查看中")
    await desk.must_be_accessible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(result).to_contain_text("扫描腕带或证件")
    await expect(number).to_have_value("")


async def test_nurse_finds_a_patient_of_her_department_and_the_file_opens_at_once(desk, server):
    person = somebody()
    nurse = await make_staff(roles=[StaffRole.NURSE])
    await make_relation(patient_id=await register(person=person), department_id=nurse.department_id)
    page = await desk.log_in(nurse)
    await page.get_by_role("navigation", name="主导航").get_by_role("link", name="紧急调阅").click()
    await page.get_by_label("病历号、腕带或证件号").fill(person.document_no)
    await page.keyboard.press("Enter")
    await expect(file_of(page)).to_contain_text(person.name)
    await expect(file_of(page)).not_to_contain_text("紧急授权查看中")


# -- allergies


async def test_doctor_records_an_allergy_rests_it_and_strikes_it(desk, server):
    patient_id = await register(person=somebody())
    page = await desk.log_in(await doctor_of(patient_id), f"/patients/{patient_id}")
    allergies = file_of(page).get_by_role("region", name="过敏史")
    await allergies.get_by_role("button", name="添加过敏").click()
    sheet = page.get_by_role("dialog", name="添加过敏")
    await sheet.get_by_role("button", name="登记过敏").click()
    await expect(sheet).to_contain_text("请填写过敏原")
    await desk.must_be_accessible()
    await sheet.get_by_label("过敏原").fill("青霉素类")
    await sheet.locator("label").filter(has_text="重度").click()
    await expect(sheet).to_contain_text("喉头水肿")
    await sheet.get_by_label("反应").fill("用药后休克")
    await page.keyboard.press("Enter")
    await expect(sheet).to_have_count(0)
    await expect(allergies).to_contain_text("青霉素类 重度 · 用药后休克")
    await desk.must_be_accessible()

    await allergies.get_by_role("button", name="青霉素类 已缓解").click()
    await agree(page, "已缓解")
    await expect(allergies).to_contain_text("无过敏史记录")
    await desk.must_be_accessible()
    await allergies.get_by_role("button", name="青霉素类 复发").click()
    await agree(page, "复发")
    await expect(allergies).to_contain_text("青霉素类 重度")
    await allergies.get_by_role("button", name="青霉素类 录入有误").click()
    await agree(page, "录入有误")
    await expect(allergies).not_to_contain_text("青霉素类")


async def test_registrar_adds_an_allergy_once_and_takes_none_away(desk, server):
    patient_id = await register(person=somebody())
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{patient_id}")
    sheet = page.get_by_role("dialog", name="添加过敏")
    for _ in range(2):
        await page.get_by_role("button", name="添加过敏").click()
        await sheet.get_by_label("过敏原").fill("花生")
        await sheet.locator("label").filter(has_text="轻度").click()
        await sheet.get_by_role("button", name="登记过敏").click()
        await expect(file_of(page).get_by_role("region", name="过敏史")).to_contain_text("花生 轻度")
    await expect(sheet.get_by_role("alert").filter(has_text="该过敏原已有记录")).to_be_visible()
    desk.forgive(409)
    await expect(file_of(page).get_by_role("button", name="花生 录入有误")).to_have_count(0)


# -- a temporary file


async def test_registrar_completes_a_temporary_file(desk, server):
    patient_id = await make_temporary_patient()
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{patient_id}")
    await expect(file_of(page)).to_contain_text("临时档案 · 意识不清")
    await desk.must_be_accessible()
    await page.get_by_role("button", name="补全临时档案").click()
    sheet = page.get_by_role("dialog", name="补全临时档案")
    await sheet.get_by_label("证件号码").fill("123")
    await sheet.get_by_label("姓名").fill("钱有证")
    await sheet.get_by_role("button", name="补全档案").click()
    await expect(sheet).to_contain_text("身份证号应为 18 位")
    desk.forgive(422)
    await desk.must_be_accessible()
    await sheet.get_by_label("证件号码").fill(national_id())
    await sheet.get_by_role("button", name="补全档案").click()
    await expect(file_of(page)).to_contain_text("钱有证")
    await expect(file_of(page)).not_to_contain_text("临时档案")


async def test_given_a_document_that_has_a_file_then_the_registrar_is_led_to_the_merge_and_may_undo_it(desk, server):
    person = somebody()
    known, temporary = await register(person=person), await make_temporary_patient()
    old_number = await patient_no_of(temporary)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), f"/patients/{temporary}")
    await page.get_by_role("button", name="补全临时档案").click()
    sheet = page.get_by_role("dialog", name="补全临时档案")
    await sheet.get_by_label("证件号码").fill(person.document_no)
    await sheet.get_by_label("姓名").fill(person.name)
    await sheet.get_by_role("button", name="补全档案").click()
    await expect(sheet.get_by_role("alert").filter(has_text=await patient_no_of(known))).to_be_visible()
    await desk.must_be_accessible()
    await sheet.get_by_role("button", name="比较并合并").click()
    pair = page.get_by_role("dialog", name="比较并合并档案")
    await expect(pair.get_by_role("radio").nth(1)).to_be_checked()
    await pair.get_by_label("合并原因").fill("本人持身份证核对")
    await pair.get_by_role("button", name="合并为一份档案").click()

    merged = file_of(page).get_by_role("region", name="已并入的档案")
    await expect(merged).to_contain_text(old_number)
    await expect(merged).to_contain_text("本人持身份证核对")
    await expect(page).to_have_url(f"{desk.origin}/console/patients/{known}")
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await desk.must_be_accessible()
    await merged.get_by_role("button", name=f"撤销合并 {old_number}").click()
    await page.get_by_label("撤销原因").fill("核对后为两人")
    await page.get_by_role("dialog", name="撤销合并").get_by_role("button", name="撤销合并").click()
    await expect(merged).to_have_count(0)


async def test_doctor_reads_the_old_numbers_and_undoes_nothing(desk, server):
    survivor, source = await register(person=somebody()), await register(person=somebody())
    await merge(source_id=source, survivor_id=survivor)
    page = await desk.log_in(await doctor_of(survivor), f"/patients/{survivor}")
    merged = file_of(page).get_by_role("region", name="已并入的档案")
    await expect(merged).to_contain_text(await patient_no_of(source))
    await expect(merged.get_by_role("button")).to_have_count(0)


# -- keys


async def test_given_a_key_right_after_escape_then_it_is_not_lost_and_in_a_dialog_it_does_nothing(desk, server):
    person = somebody()
    await register(person=person)
    page = await desk.log_in(await make_staff(roles=[StaffRole.REGISTRAR]), "/patients")
    form = page.get_by_role("dialog", name="新建患者档案")
    await page.get_by_label("检索患者").fill(person.document_no)
    row = page.get_by_role("table", name="检索到的患者").get_by_role("row").filter(has_text=person.name)
    for _ in range(3):
        await row.click()
        await expect(file_of(page)).to_contain_text(person.name)
        await page.keyboard.press("F4")
        await expect(form).to_have_count(0)
        await page.keyboard.press("Escape")
        await page.keyboard.press("F4")  # the file is still fading
        await expect(form).to_be_visible()
        await form.get_by_label("姓名").fill("赵快手")
        await expect(file_of(page)).to_have_count(0)
        await expect(form.get_by_label("姓名")).to_have_value("赵快手")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
