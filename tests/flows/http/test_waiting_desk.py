"""Waiting, moving, arriving and being barred, over HTTP, with the worker serving the lines."""

import asyncio
from datetime import timedelta
from typing import Any

from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_device
from tests.fixtures.server import Party, Server
from tests.fixtures.waiting import IN_THREE_DAYS, make_full_session
from tests.flows.http.house import phone

GROUP = "server"

STAFF, PHONE = "/api/staff/v1", "/api/miniapp/v1"


async def offered(patient: Party, entry_id: str) -> dict[str, Any]:
    """An entry once the worker has served its line."""
    for _ in range(400):
        entry = await patient.got(f"{PHONE}/waitlist/{entry_id}")
        if entry["status"] == "offered":
            return dict(entry)
        await asyncio.sleep(0.05)
    raise AssertionError(entry)


async def test_a_place_that_comes_back_goes_down_the_line_on_two_phones(server: Server) -> None:
    session, ((sitting, held),) = await make_full_session()
    first, second = await access.make_person(), await access.make_person()
    day, period = (await rows("SELECT day, period FROM schedule WHERE id = $1", session.schedule_id))[0].values()
    wanted = {"department_id": str(session.department_id), "day": day.isoformat(), "period": period}
    phones = [phone(server, one.account_id) for one in (first, second)]
    entries = []
    for person, patient in zip((first, second), phones, strict=True):
        entries.append(await patient.did(f"{PHONE}/waitlist", wanted | {"patient_id": str(person.patient_id)}))
    assert [entry["position"] for entry in entries] == [1, 2]
    twice = await phones[0].post(f"{PHONE}/waitlist", wanted | {"patient_id": str(first.patient_id)})
    assert (twice.status_code, twice.json()["code"]) == (409, "scheduling.already_waiting")

    await phone(server, sitting.account_id).did(f"{PHONE}/appointments/{held.id}/cancel")
    mine = await offered(phones[0], entries[0]["id"])
    assert mine["offer"]["fee_fen"] == 2500
    unpaid = await phones[0].post(f"{PHONE}/waitlist/{mine['id']}/answer", {"accept": True})
    assert (unpaid.status_code, unpaid.json()["code"]) == (409, "scheduling.payment_needed")
    assert (await phones[0].did(f"{PHONE}/waitlist/{mine['id']}/answer", {"accept": False}))["status"] == "declined"
    next_one = await offered(phones[1], entries[1]["id"])
    assert next_one["offer"]["appointment_id"] != mine["offer"]["appointment_id"]

    registrar = await server.role(StaffRole.REGISTRAR)
    query = {"day": day.isoformat(), "department_id": str(session.department_id)}
    listed = (await registrar.got(f"{STAFF}/waitlist", **query))["items"]
    assert [one["status"] for one in listed] == ["declined", "offered"]
    assert (await phones[0].got(f"{PHONE}/waitlist"))["items"][0]["id"] == mine["id"]


async def test_an_appointment_moves_to_another_day_and_both_know_of_each_other(server: Server) -> None:
    clinic, person = await access.make_clinic(), await access.make_person()
    held = await access.book(person=person, session=await access.make_session(clinic=clinic))
    there = await access.make_session(clinic=await access.make_clinic(beside=clinic), starts_in=IN_THREE_DAYS)
    patient, stranger = phone(server, person.account_id), phone(server, (await access.make_person()).account_id)
    path, body = f"{PHONE}/appointments/{held.id}/reschedule", {"schedule_id": str(there.schedule_id)}
    assert (await stranger.post(path, body)).status_code == 404
    moved = await patient.did(path, body)
    assert (moved["previous_id"], moved["status"]) == (str(held.id), "pending")
    old = await patient.got(f"{PHONE}/appointments/{held.id}")
    assert (old["status"], old["next_id"]) == ("cancelled", moved["id"])


async def test_the_code_on_the_waiting_rooms_screen_checks_a_phone_in_once(server: Server) -> None:
    clinic, person = await access.make_clinic(), await access.make_person()
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    _, held = await access.make_booked(session=session, person=person)
    screen = await server.device(await make_device(kind=DeviceKind.DISPLAY, location_id=clinic.area_id), "display")
    code = await screen.got("/api/display/v1/presence-code")
    assert code["svg"].startswith("<?xml") or code["svg"].startswith("<svg")
    assert (await screen.got("/api/display/v1/presence-code"))["text"] != code["text"]
    patient, path = phone(server, person.account_id), f"{PHONE}/appointments/{held.id}/check-in"
    forged = await patient.post(path, {"presence_code": code["text"][:-1] + "1"})
    assert forged.json()["code"] == "queueing.presence_code_invalid"
    assert (await patient.post(path, {})).status_code == 422
    ticket = await patient.did(path, {"presence_code": code["text"]})
    assert ticket["status"] == "waiting"
    again = await patient.post(path, {"presence_code": code["text"]})
    assert (again.status_code, again.json()["code"]) == (409, "queueing.presence_code_used")
    here = {"latitude": 30.26, "longitude": 117.04}
    assert (await patient.post(path, here | {"accuracy_m": 10})).json()["code"] == "queueing.location_unknown"
    admin = await server.role(StaffRole.SYSTEM_ADMIN)
    await admin.did(f"{STAFF}/campuses/{clinic.campus_id}/locate", here | {"radius_m": 200})
    assert (await patient.did(path, here | {"accuracy_m": 10}))["id"] == ticket["id"]
    away = await patient.post(path, {"latitude": 30.27, "longitude": 117.04, "accuracy_m": 10})
    assert (away.json()["code"], away.json()["radius_m"]) == ("queueing.not_at_hospital", 200)


async def test_a_barred_patient_objects_on_the_phone_and_is_heard_at_the_desk(server: Server) -> None:
    person, session = await access.make_person(), await access.make_session(clinic=await access.make_clinic())
    registrar, patient = await server.role(StaffRole.REGISTRAR), phone(server, person.account_id)
    ban = {"patient_id": str(person.patient_id), "kind": "no_show", "days": 30, "reason": "多次爽约"}
    made = await registrar.did(f"{STAFF}/bans", ban)
    overlaps = await registrar.post(f"{STAFF}/bans", ban)
    assert (overlaps.status_code, overlaps.json()["code"]) == (409, "scheduling.ban_overlaps")
    booking = {"patient_id": str(person.patient_id), "schedule_id": str(session.schedule_id)}
    refused = await patient.post(f"{PHONE}/appointments", booking)
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.booking_banned")
    assert (refused.json()["ban_kind"], refused.json()["until"][:16]) == ("no_show", made["ends_at"][:16])
    (mine,) = (await patient.got(f"{PHONE}/bans"))["items"]
    await patient.did(f"{PHONE}/bans/{mine['id']}/appeal", {"text": "当日急诊住院"})
    manager = await server.role(StaffRole.MANAGER)
    open_ones = (await manager.got(f"{STAFF}/bans", appealed="true"))["items"]
    assert mine["id"] in [one["id"] for one in open_ones]
    answer = {"accept": True, "answer": "情况属实"}
    assert (await manager.did(f"{STAFF}/bans/{mine['id']}/answer-appeal", answer))["live"] is False
    await patient.did(f"{PHONE}/appointments", booking)
    audited = await value("SELECT count(*) FROM audit_row WHERE object_id = $1::uuid", mine["id"])
    assert audited == 3
    of_person = (await registrar.got(f"{STAFF}/bans", patient_id=str(person.patient_id), live="false"))["items"]
    assert [one["appeal"]["answer"] for one in of_person] == ["情况属实"]
