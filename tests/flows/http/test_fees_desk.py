"""A fee that is paid at the hospital (到院缴费), over HTTP: refused at the door, paid there, then in."""

from datetime import timedelta
from typing import Any

import pytest

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from kiosk_agent import protocol
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_device, register, somebody
from tests.fixtures.server import Party, Server
from tests.fixtures.wechat import Simulator

GROUP = "server"

STAFF, KIOSK = "/api/staff/v1", "/api/kiosk/v1"


@pytest.fixture
async def booked(server: Server) -> Any:
    """Somebody with a card whose place of today is to be paid for when they come."""
    clinic, person = await access.make_clinic(), somebody(name="钱满堂")
    patient_id = await register(person=person)
    await rows(
        "INSERT INTO booking_rule (id, version, code, scope, scope_key, value, changed_at) "
        "VALUES ($1, 0, 'pay_at_hospital', 'department', $2, 1, now()) RETURNING id",
        new_id(), str(clinic.department_id),
    )  # fmt: skip
    access.forget_rules()
    holder = await access.make_person(patient_id=patient_id)
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    held = await access.book(person=holder, session=session)
    return person, patient_id, held


async def _kiosk(server: Server, person: Any) -> Party:
    kiosk = await server.device(await make_device())
    return await server.kiosk_session(kiosk, document_no=person.document_no, name=person.name)


async def test_given_a_kiosk_then_a_code_is_scanned_and_the_patient_is_in(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    (one,) = (await patient.got(f"{KIOSK}/appointments"))["items"]
    shown = protocol.KioskAppointment.model_validate(one)
    assert (shown.can_check_in, shown.blocked_by, shown.fee_due_fen) == (False, protocol.KioskRefusal.FEE_DUE, 2500)
    refused = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "kiosk.fee_due")
    fee = f"{KIOSK}/appointments/{held.id}/payment"
    code = protocol.FeeCode.model_validate(await patient.did(fee))
    assert (code.amount_fen, "<svg" in code.picture_svg) == (2500, True)
    assert (await patient.did(f"{fee}-check"))["paid"] is False
    code_url = await value(
        "SELECT p.code_url FROM payment_intent p JOIN charge_item c USING (invoice_id) WHERE c.source_id = $1", held.id
    )
    wechat = Simulator(server.wechat_url)
    await wechat.post("/pay", code_url=code_url, openid=await wechat.person())
    assert (await patient.did(f"{fee}-check"))["paid"] is True
    ticket = await patient.did(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)})
    assert protocol.KioskTicket.model_validate(ticket).patient_name_masked == "钱*堂"
    again = await patient.post(fee)
    assert (again.status_code, again.json()["code"]) == (409, "kiosk.already_checked_in")


async def test_given_a_window_then_it_is_listed_billed_paid_in_cash_and_the_number_given(
    server: Server, booked: Any
) -> None:
    _, patient_id, held = booked
    window = await server.role(StaffRole.REGISTRAR)
    (due,) = (await window.got(f"{STAFF}/patients/{patient_id}/fees-due"))["items"]
    assert (due["id"], due["fee_due"]) == (str(held.id), True)
    at_the_door = await window.post(f"{STAFF}/appointments/{held.id}/check-in", {})
    assert (at_the_door.status_code, at_the_door.json()["code"]) == (409, "scheduling.fee_due")
    assert at_the_door.json()["fee_fen"] == 2500
    bill = await window.did(f"{STAFF}/appointments/{held.id}/bill")
    paid = await window.did(f"{STAFF}/invoices/{bill['id']}/cash", {"tendered_fen": 3000})
    assert paid["change_fen"] == 500
    ticket = await window.did(f"{STAFF}/appointments/{held.id}/check-in", {})
    assert ticket["display_no"]
    assert (await window.got(f"{STAFF}/patients/{patient_id}/fees-due"))["items"] == []


async def test_given_the_desk_then_a_course_is_looked_at_booked_and_given_back(server: Server) -> None:
    window, patient_id = await server.role(StaffRole.REGISTRAR), await register(person=somebody())
    clinic = await access.make_clinic()
    sessions = [await access.make_session(clinic=clinic, starts_in=timedelta(days=day)) for day in (1, 3)]
    asked = {"patient_id": str(patient_id), "schedule_id": str(sessions[0].schedule_id), "every_days": 2, "visits": 2}
    plan = await window.did(f"{STAFF}/series/plan", asked)
    assert [day["visit"]["schedule_id"] for day in plan["days"]] == [str(one.schedule_id) for one in sessions]
    agreed = {"patient_id": str(patient_id), "every_days": 2,
              "schedule_ids": [str(one.schedule_id) for one in sessions]}  # fmt: skip
    made = await window.did(f"{STAFF}/series", agreed)
    assert [one["id"] for one in (await window.got(f"{STAFF}/patients/{patient_id}/series"))["items"]] == [made["id"]]
    again = await window.post(f"{STAFF}/series", agreed)
    assert (again.status_code, again.json()["code"]) == (409, "scheduling.series_day_refused")
    assert again.json()["reason"] == "scheduling.already_booked"
    assert (await window.did(f"{STAFF}/series/{made['id']}/cancel"))["left"] == 0
