"""The whole way of an examination in the demo: charged by a doctor, paid and booked on the phone, done in the room."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import API, Handset, call_until, check_in
from tests.fixtures.lobby import Lobby, Staff, new_document, new_phone

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
STAFF = "/api/staff/v1"
ITEM = "常规十二导联心电图"


@pytest.fixture
def seen(lobby: Lobby) -> dict[str, Any]:
    """Somebody whom the doctor has just seen and charged an electrocardiogram."""
    window, doctor = lobby.staff("registrar"), lobby.staff("doctor")
    person = {"name": "沈知秋", "document_kind": "national_id", "document_no": new_document(), "sex": "female"}
    patient = window.post(f"{STAFF}/patients", {**person, "phone": new_phone()})
    body = {"patient_id": patient["patient_id"], "schedule_id": lobby.running_schedule(), "tendered_fen": 20_000}
    ticket = window.post(f"{STAFF}/walk-ins", body)["ticket"]
    call_until(lobby, ticket["display_no"])
    visit = doctor.post(f"{STAFF}/tickets/{ticket['id']}/start")
    (item,) = doctor.get(f"{STAFF}/price-items", q=ITEM)["items"]
    doctor.post(f"{STAFF}/encounters/{visit['id']}/charges", {"price_item_id": item["id"], "quantity": "1"})
    doctor.post(f"{STAFF}/tickets/{ticket['id']}/finish")
    return {**person, "patient_id": patient["patient_id"]}


def _technicians(lobby: Lobby) -> Iterator[Staff]:
    """Those of the department of electrocardiograms: the fourth five of the demo's."""
    for number in range(16, 21):
        yield Staff(lobby.base).sign_in(f"technician{number}", lobby.facts["password"])


def _at_work(lobby: Lobby, booked: dict[str, Any]) -> tuple[Staff, dict[str, Any]]:
    """Whose session in the room the examination was booked of: shifts follow each other there."""
    at = datetime.fromisoformat(booked["starts_at"])
    for technician in _technicians(lobby):
        for found in technician.get(f"{STAFF}/my/rooms")["items"]:
            begins, ends = (datetime.fromisoformat(found[name]) for name in ("starts_at", "ends_at"))
            if found["room"] == booked["room"] and begins <= at < ends:
                return technician, found
    raise AssertionError(f"nobody works in {booked['room']} at {at}")


def test_an_examination_is_charged_paid_booked_and_done(
    phone: Handset, lobby: Lobby, seen: dict[str, Any], complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.goto(f"{phone.url}patients/new")
    phone.log_in()
    page.get_by_label("姓名").fill(seen["name"])
    page.get_by_label("证件号码").fill(seen["document_no"])
    expect(page.get_by_text("号码有效")).to_be_visible()
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.get_by_text("沈*秋")).to_be_visible()
    account_id = page.evaluate("JSON.parse(localStorage.getItem('hospital.phone.session')).account.id")
    lobby.staff("registrar").post(f"{STAFF}/patients/{seen['patient_id']}/accounts/{account_id}/prove")

    page.goto(f"{phone.url}bills")
    page.get_by_role("button", name="去缴费").click()
    expect(page.get_by_role("heading", name="缴费单")).to_be_visible()
    phone.pay()
    expect(page.get_by_text("缴费成功")).to_be_visible()
    page.get_by_role("button", name="预约检查时间").click()
    expect(page.get_by_role("heading", name=ITEM)).to_be_visible()
    page.get_by_role("button", name="选择检查时间").click()
    page.locator(".slot").first.click()
    page.get_by_role("button", name="确认预约").click()
    expect(page.get_by_role("region", name="检查须知")).to_contain_text("安静休息")
    assert violations(page) == []
    page.screenshot(path=tmp_path / "booked.png", full_page=True)

    (booked,) = [one for one in phone.appointments() if one["service_kind"] == "examination"]
    if not booked["can_check_in"]:
        return  # between midnight and six the room's day is more than two hours away
    code = phone.api().get(f"{API}/appointments/{booked['id']}/qr")["text"]
    ticket = check_in(lobby, code, booked["id"])
    technician, room = _at_work(lobby, booked)
    called = technician.post(f"{STAFF}/queue/call-next", {"room_id": room["room_id"]})["ticket"]
    assert called["display_no"] == ticket["display_no"]
    (to_do,) = technician.get(f"{STAFF}/appointments/{booked['id']}/examinations")["items"]
    assert to_do["name"] == ITEM
    technician.post(f"{STAFF}/tickets/{called['id']}/start")
    technician.post(f"{STAFF}/tickets/{called['id']}/finish")
    page.reload()
    expect(page.get_by_text("已就诊").first).to_be_visible()
    page.goto(f"{phone.url}examinations")
    expect(page.get_by_text("没有要预约的检查")).to_be_visible()
    page.goto(f"{phone.url}messages")
    expect(page.get_by_role("button", name=re.compile("检查预约成功"))).to_contain_text("安静休息")
    page.screenshot(path=tmp_path / "messages.png")
    assert complaints == []
