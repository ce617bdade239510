"""The console's room for search words and the symptom guide, and what patients read of a colleague."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import expect

from backend.chromium import chromium_path
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import make_clinic
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.registry import unique
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def _named_clinic(kind: str = "outpatient") -> tuple[str, str]:
    """A clinic that no other test has; its id and name."""
    name, clinic = unique("门诊"), await make_clinic(kind=kind)
    await rows("UPDATE department SET name = $2 WHERE id = $1 RETURNING id", clinic.department_id, name)
    return str(clinic.doctor_id), name


async def test_a_manager_keeps_the_rules_of_the_guide(desk: Desk, server: Server, tmp_path: Path) -> None:
    _, clinic = await _named_clinic()
    _, emergency = await _named_clinic("emergency")
    part = unique("部位")
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/guide")
    for symptom, urgency, department in (("隐痛", "普通", clinic), ("剧痛", "立即急诊", emergency)):
        await page.get_by_role("button", name="新规则").click()
        sheet = page.get_by_role("dialog")
        await sheet.get_by_role("combobox", name="部位").fill(part)
        await page.get_by_role("option", name=part).click()
        await sheet.get_by_label("症状", exact=True).fill(symptom)
        await sheet.get_by_text(urgency, exact=True).click()
        await sheet.get_by_role("combobox", name="指向科室").click()
        await sheet.get_by_role("combobox", name="指向科室").fill(department)
        await page.get_by_role("option", name=department).click()
        await sheet.get_by_label("给患者的提醒").fill(f"{symptom}时不要进食")
        if symptom == "剧痛":
            await page.screenshot(path=tmp_path / "rule-sheet.png")
            await desk.must_be_accessible()
        await sheet.get_by_role("button", name="保存规则").click()
        await expect(page.get_by_text(f"{part}「{symptom}」的规则已保存")).to_be_visible()
    lines = page.get_by_role("region", name="导诊规则").locator("tbody tr").filter(has_text=part)
    await expect(lines).to_have_count(2)
    await expect(lines.nth(1)).to_contain_text("立即急诊")
    await page.get_by_role("button", name=f"上移 剧痛（{emergency}）").click()
    await expect(lines.nth(0)).to_contain_text("剧痛")
    await page.get_by_role("button", name=f"停用 隐痛（{clinic}）").click()
    await expect(lines.nth(1)).to_contain_text("已停用")
    await page.screenshot(path=tmp_path / "rules.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    kept = await rows("SELECT symptom, active FROM guide_rule WHERE body_part = $1 ORDER BY position", part)
    assert [tuple(row) for row in kept] == [("剧痛", True), ("隐痛", False)]


async def test_a_manager_keeps_search_words(desk: Desk, server: Server, tmp_path: Path) -> None:
    _, clinic = await _named_clinic()
    word = unique("偏头痛")
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/guide")
    await page.get_by_text("检索词", exact=True).click()
    for again in (False, True):
        await page.get_by_role("button", name="新检索词").click()
        sheet = page.get_by_role("dialog")
        await sheet.get_by_label("检索词", exact=True).fill(word)
        await sheet.get_by_role("combobox", name="科室").click()
        await sheet.get_by_role("combobox", name="科室").fill(clinic)
        await page.get_by_role("option", name=clinic).click()
        await sheet.get_by_role("button", name="保存检索词").click()
        if again:
            await expect(sheet.get_by_role("alert")).to_contain_text("该检索词已指向这个科室或医生")
            desk.forgive(409)
            await desk.must_be_accessible()
            await sheet.get_by_role("button", name="返回").click()
        else:
            await expect(page.get_by_text(f"{word} 已保存")).to_be_visible()
    await page.get_by_role("search").get_by_label("检索词").fill(word)
    line = page.get_by_role("region", name="检索词").locator("tbody tr").filter(has_text=word)
    await expect(line).to_contain_text(clinic)
    await page.screenshot(path=tmp_path / "words.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    await line.get_by_role("button", name="删除").click()
    await page.get_by_role("dialog").get_by_role("button", name="删除检索词").click()
    await expect(page.get_by_text("没有符合条件的检索词")).to_be_visible()
    assert await value("SELECT count(*) FROM search_word WHERE word = $1", word) == 0


async def test_an_administrator_gives_a_doctor_a_photo_and_an_introduction(
    desk: Desk, server: Server, tmp_path: Path
) -> None:
    doctor_id, clinic = await _named_clinic()
    photo, noise = tmp_path / "portrait.jpg", Image.effect_noise((2400, 3200), 90).convert("RGB")
    noise.save(photo, quality=95)
    assert photo.stat().st_size > 1_000_000, "as a telephone takes it"
    nothing = tmp_path / "letter.png"
    nothing.write_text("no picture")
    page = await desk.log_in(await make_staff(roles=[StaffRole.SYSTEM_ADMIN]), "/staff")
    await page.get_by_role("combobox", name="科室").fill(clinic)
    await page.get_by_role("option", name=clinic).click()
    await page.get_by_role("region", name="职工").locator("tbody tr").filter(has_text="王建国").click()
    public = page.get_by_role("region", name="患者可见的介绍")
    chooser = public.get_by_label("选择照片")
    await chooser.set_input_files(nothing)
    await expect(public.get_by_role("alert")).to_contain_text("不是可用的图片")
    await chooser.set_input_files(photo)
    await expect(page.get_by_text("王建国 的照片已更新")).to_be_visible()
    await public.get_by_role("button", name="修改介绍").click()
    await public.get_by_label("擅长").fill("冠心病介入治疗")
    await public.get_by_label("简介").fill("从医二十年。")
    await public.get_by_role("button", name="保存介绍").click()
    await expect(page.get_by_text("王建国 的介绍已保存")).to_be_visible()
    await expect(public.get_by_role("definition").filter(has_text="从医二十年。")).to_be_visible()
    await expect(public.get_by_role("button", name="移除照片")).to_be_visible()
    await page.screenshot(path=tmp_path / "staff.png")
    await desk.must_be_accessible()
    await desk.must_fit()
    kept = await rows(
        "SELECT media_type, octet_length(content) AS size FROM staff_photo WHERE staff_id = $1", doctor_id
    )
    assert [(row["media_type"], row["size"] < 200 * 1024) for row in kept] == [("image/jpeg", True)]
    await public.get_by_role("button", name="移除照片").click()
    await page.get_by_role("dialog", name="移除照片").get_by_role("button", name="移除照片").click()
    await expect(page.get_by_text("王建国 的照片已移除")).to_be_visible()
    assert await value("SELECT count(*) FROM staff_photo WHERE staff_id = $1", doctor_id) == 0
