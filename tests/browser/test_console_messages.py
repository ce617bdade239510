"""What became of messages to patients, as the manager's desk shows it."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.browser.desk import DIST, Desk
from tests.fixtures.access import _insert, make_person
from tests.fixtures.finance import value
from tests.fixtures.people import make_staff
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the console is not built"),
]


async def test_the_desk_sees_what_was_sent_and_why_not(desk: Desk, server: Server, tmp_path: Path) -> None:
    person, now = await make_person(), await value("SELECT hospital_now()")
    for minutes, status, kind, result, errcode in (
        (1, "waiting", "clinic_stopped", "unavailable", None),
        (2, "refused", "ticket_called", "not_subscribed", 43101),
        (3, "sent", "appointment_confirmed", "sent", None),
        (4, "refused", "payment_received", "no_quota", None),
    ):
        message_id, at = new_id(), now + timedelta(minutes=60 - minutes)
        await _insert(
            "notification", id=message_id, version=0, account_id=person.account_id, patient_id=person.patient_id,
            kind=kind, source_id=new_id(), status=status, spent=False, created_at=at,
        )  # fmt: skip
        await _insert(
            "message_attempt", notification_id=message_id, template=kind, started_at=at, finished_at=at, result=result,
            errcode=errcode,
        )  # fmt: skip
    page = await desk.log_in(await make_staff(roles=[StaffRole.MANAGER]), "/sent-messages")
    table = page.get_by_role("table", name="消息发送记录")
    lines = table.locator("tbody tr")
    for number, words in enumerate(
        (
            ("停诊通知", "待发送", "微信没有应答，稍后自动再发"),
            ("请前往诊室就诊", "未发送", "微信：患者未订阅（43101）"),
            ("预约成功", "已发送", "微信已受理"),
            ("缴费成功", "未发送", "患者没有授权，或授权已用完"),
        )
    ):
        for text in words:
            await expect(lines.nth(number)).to_contain_text(text)
    await desk.must_be_accessible()
    await desk.must_fit()
    await page.screenshot(path=tmp_path / "sent.png")
    await page.get_by_role("combobox", name="状态").click(force=True)
    await page.get_by_role("option", name="未发送").click()
    await expect(lines.first).to_contain_text("请前往诊室就诊")
    await expect(table.get_by_text("已发送", exact=True)).to_have_count(0)
