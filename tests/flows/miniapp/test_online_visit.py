"""An online follow-up visit over HTTP: from the phone at home into the room, and from the doctor's room there too."""

from __future__ import annotations

import asyncio
from uuid import UUID

from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import make_booked, make_clinic, make_person, make_session
from tests.fixtures.finance import rows
from tests.fixtures.online import make_online_session, make_online_visitor, make_seen, seat_of
from tests.fixtures.people import make_device, register, somebody
from tests.fixtures.pocket import phone_of
from tests.fixtures.registry import make_relation
from tests.fixtures.server import Server, give_account

GROUP = "server"

PHONE, STAFF, KIOSK = "/api/miniapp/v1", "/api/staff/v1", "/api/kiosk/v1"


async def _entered(patient_id: UUID) -> list[str]:
    """Who was let into rooms of a patient's visits, as the audit tells it; it is written within a second."""
    for _ in range(60):
        found = await rows(
            "SELECT actor_kind FROM audit_row WHERE action = 'queueing.enter_room' AND patient_id = $1", patient_id
        )
        if len(found) >= 2:
            break
        await asyncio.sleep(0.05)
    return sorted({row["actor_kind"] for row in found})


async def test_from_signing_in_at_home_into_the_room(server: Server) -> None:
    clinic = await make_clinic()
    person = await make_seen(clinic=clinic)
    _, held = await make_online_visitor(clinic=clinic, person=person)
    await make_relation(patient_id=person.patient_id, department_id=clinic.department_id, staff_id=clinic.doctor_id)
    phone, stranger = await phone_of(server, person), await phone_of(server, await make_person())
    staff = await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    doctor = await server.staff(staff)
    room, sign_in = f"{PHONE}/appointments/{held.id}/room", f"{PHONE}/appointments/{held.id}/online-check-in"

    assert (await phone.got(f"{PHONE}/appointments/{held.id}"))["service_kind"] == "online"
    early = await phone.get(room)
    assert (early.status_code, early.json()["code"]) == (409, "queueing.not_called_yet")
    code = await phone.get(f"{PHONE}/appointments/{held.id}/qr")
    assert (code.status_code, code.json()["code"]) == (409, "scheduling.online_visit")
    there = await phone.post(f"{PHONE}/appointments/{held.id}/check-in", {"presence_code": "HSP1.P.X"})
    assert there.status_code == 422
    ticket = await phone.did(sign_in, {})
    for asked in (await stranger.get(room), await stranger.post(sign_in, {})):
        assert (asked.status_code, asked.json()["code"]) == (404, "kernel.not_found")

    queue = await doctor.got(f"{STAFF}/my/queue", room_id=str(clinic.room_id))
    assert [(one["ticket_id"], one["online"]) for one in queue["waiting"]] == [(ticket["id"], True)]
    await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
    answer = await phone.get(room)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    theirs, doctors = answer.json(), await doctor.got(f"{STAFF}/tickets/{ticket['id']}/room")
    patient_seat, doctor_seat = seat_of(theirs["url"]), seat_of(doctors["url"])
    assert (patient_seat.room, patient_seat.moderator) == (doctor_seat.room, False)
    assert (doctor_seat.moderator, patient_seat.name) == (True, "张*丰")
    assert await _entered(person.patient_id) == ["account", "staff"]
    assert (await stranger.get(room)).status_code == 404


async def test_a_kiosk_says_where_an_online_visit_begins(server: Server) -> None:
    clinic, card = await make_clinic(), somebody(name="孟在家")
    person = await make_seen(clinic=clinic, person=await make_person(patient_id=await register(person=card)))
    _, held = await make_online_visitor(clinic=clinic, person=person)
    kiosk = await server.device(await make_device())
    patient = await server.kiosk_session(kiosk, document_no=card.document_no, name=card.name)
    (shown,) = (await patient.got(f"{KIOSK}/appointments"))["items"]
    assert (shown["id"], shown["can_check_in"], shown["blocked_by"]) == (str(held.id), False, "kiosk.online_visit")
    refused = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "kiosk.online_visit")


async def test_booking_a_first_visit_online_is_refused_with_its_own_code(server: Server) -> None:
    clinic, person = await make_clinic(), await make_person()
    session = await make_online_session(clinic=clinic)
    phone = await phone_of(server, person)
    wish = {"patient_id": str(person.patient_id), "schedule_id": str(session.schedule_id)}
    refused = await phone.post(f"{PHONE}/appointments", wish)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["days"]) == (409, "scheduling.online_first_visit", 180)
    assert "复诊" in problem["title"]


async def test_a_visit_in_person_is_not_signed_in_to_from_home(server: Server) -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic))
    phone = await phone_of(server, person)
    refused = await phone.post(f"{PHONE}/appointments/{held.id}/online-check-in", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.visit_in_person")
