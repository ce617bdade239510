"""The desks over HTTP: window, room, kiosk, screen, administrators, each as its page works."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from openapi_spec_validator import validate

from backend.api.kiosk import refusals
from backend.app import all_routes
from hospital_core.access.scheduling.ports import QrKey
from hospital_core.access.scheduling.qr import appointment_qr
from hospital_core.access.scheduling.queries import schedule
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from kiosk_agent import protocol
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.people import make_device, make_place, make_staff, national_id, new_key, register, somebody
from tests.fixtures.registry import reading
from tests.fixtures.server import QR_KEY, Party, Server, count, give_account

GROUP = "server"

STAFF, KIOSK, DISPLAY = "/api/staff/v1", "/api/kiosk/v1", "/api/display/v1"


class ServerQrKey:
    """The key with which the running server reads codes."""

    def secret(self) -> bytes:
        """Its bytes."""
        return QR_KEY


async def _open_clinic(server: Server, **session: Any) -> tuple[access.Clinic, UUID, Party]:
    clinic = await access.make_clinic()
    made = await access.make_session(clinic=clinic, **({"starts_in": timedelta(minutes=-5), "places": 20} | session))
    doctor = await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    return clinic, made.schedule_id, await server.staff(doctor)


# -- window and room


async def test_a_visit_from_the_window_to_the_end_of_the_consultation(server: Server) -> None:
    clinic, schedule_id, doctor = await _open_clinic(server)
    window, person = await server.role(StaffRole.REGISTRAR), somebody(name="赵建业")
    body = {"document_kind": "national_id", "document_no": person.document_no, "name": person.name}
    found = await window.did(f"{STAFF}/patients", body)
    assert found["created"] is True
    starts_at = await value("SELECT starts_at AT TIME ZONE 'Asia/Shanghai' FROM schedule WHERE id = $1", schedule_id)
    day = starts_at.date().isoformat()
    listed = await window.got(f"{STAFF}/schedules", day=day, department_id=str(clinic.department_id))
    assert [one["schedule_id"] for one in listed["items"]] == [str(schedule_id)]
    sold = await window.did(
        f"{STAFF}/walk-ins",
        {"patient_id": found["patient_id"], "schedule_id": str(schedule_id), "tendered_fen": 3000},
    )
    assert (sold["change_fen"], sold["ticket"]["status"], sold["ticket"]["ahead"]) == (500, "waiting", 0)
    rooms = await doctor.got(f"{STAFF}/my/rooms")
    assert [room["room_id"] for room in rooms["items"]] == [str(clinic.room_id)]
    called = await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
    assert called["ticket"]["name"] == "赵建业"
    ticket = f"{STAFF}/tickets/{called['ticket']['id']}"
    assert (await doctor.did(f"{ticket}/start"))["status"] == "in-progress"
    assert (await doctor.got(f"{STAFF}/patients/{found['patient_id']}"))["name"] == "赵建业"
    await doctor.did(f"{ticket}/finish")
    queue = await doctor.got(f"{STAFF}/my/queue")
    assert [row["patient_id"] for row in queue["finished_today"]] == [found["patient_id"]]
    assert queue["waiting"] == queue["called"] == queue["serving"] == []


async def test_given_too_little_cash_then_nothing_is_sold(server: Server) -> None:
    _, schedule_id, _ = await _open_clinic(server)
    window, patient_id = await server.role(StaffRole.REGISTRAR), await register(person=somebody())
    body = {"patient_id": str(patient_id), "schedule_id": str(schedule_id), "tendered_fen": 100}
    answer = await window.post(f"{STAFF}/walk-ins", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "payments.tender_too_small")
    assert await count("SELECT count(*) FROM appointment WHERE patient_id = $1", patient_id) == 0


async def test_a_nurse_at_the_desk_sees_the_queue_of_a_room_of_her_department_only(server: Server) -> None:
    clinic, schedule_id, _ = await _open_clinic(server)
    session = await _schedule(clinic)
    ticket = await access.make_ticket(session=session)
    nurse = await server.staff(await make_staff(roles=[StaffRole.NURSE], department_id=clinic.department_id))
    queue = await nurse.got(f"{STAFF}/my/queue", room_id=str(clinic.room_id))
    assert [row["ticket_id"] for row in queue["waiting"]] == [str(ticket.id)]
    stranger = await server.staff(await make_staff(roles=[StaffRole.NURSE]))
    assert (await stranger.get(f"{STAFF}/my/queue", room_id=str(clinic.room_id))).status_code == 404
    assert schedule_id == session.schedule_id


async def _schedule(clinic: access.Clinic) -> Any:
    return await schedule(reading(), await value("SELECT id FROM schedule WHERE room_id = $1", clinic.room_id))


# -- emergencies and oversight


async def test_an_emergency_look_opens_the_file_and_waits_for_its_review(server: Server) -> None:
    doctor = await server.sign_in(await make_staff(roles=[StaffRole.DOCTOR]))
    security = await server.role(StaffRole.SECURITY_ADMIN)
    patient_id = await register(person=somebody(name="孙昏迷"))
    file = f"{STAFF}/patients/{patient_id}"
    assert (await doctor.get(file)).status_code == 404
    opened = await doctor.did(f"{file}/break-glass", {"reason": "急诊抢救，需了解过敏史"})
    assert (await doctor.got(file))["name"] == "孙昏迷"
    waiting = (await security.got(f"{STAFF}/break-glass"))["items"]
    assert [one["patient_name_masked"] for one in waiting if one["id"] == opened["id"]] == ["孙*迷"]
    await security.did(f"{STAFF}/break-glass/{opened['id']}/review", {"verdict": "justified"})
    again = await security.post(f"{STAFF}/break-glass/{opened['id']}/review", {"verdict": "unjustified"})
    assert again.json()["code"] == "care_relations.break_glass_reviewed"


async def test_the_audit_trail_can_be_searched_and_searching_is_audited(server: Server) -> None:
    window, auditor = await server.role(StaffRole.REGISTRAR), await server.role(StaffRole.AUDIT_ADMIN)
    patient_id = await register(person=somebody(name="周审计"))
    await window.got(f"{STAFF}/patients/{patient_id}")
    await _until(lambda: count("SELECT count(*) FROM audit_row WHERE action = 'patients.read' AND patient_id = $1",
                               patient_id))  # fmt: skip
    found = (await auditor.got(f"{STAFF}/audit", patient_id=str(patient_id), action="patients."))["items"]
    assert [line["action"] for line in found] == ["patients.read", "patients.find_or_create_patient"]
    assert found[0]["actor_name"] == "王建国"
    assert found[0]["patient_name_masked"] == "周*计"
    later = await auditor.got(f"{STAFF}/audit", patient_id=str(patient_id), since=found[0]["at"])
    assert found[0]["id"] in [line["id"] for line in later["items"]]
    assert found[1]["id"] not in [line["id"] for line in later["items"]]
    older = await auditor.got(f"{STAFF}/audit", patient_id=str(patient_id), action="patients.", cursor=found[0]["id"])
    assert [line["id"] for line in older["items"]] == [found[1]["id"]]
    await _until(lambda: count("SELECT count(*) FROM audit_row WHERE action = 'audit.search' AND patient_id = $1",
                               patient_id))  # fmt: skip


async def _until(look: Any, within_s: float = 3.0) -> None:
    deadline = time.monotonic() + within_s
    while not await look():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_given_changed_roles_then_the_old_session_is_over(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.NURSE])
    nurse, security = await server.sign_in(staff), await server.role(StaffRole.SECURITY_ADMIN)
    assert (await nurse.get(f"{STAFF}/my/rooms")).is_success
    await security.did(f"{STAFF}/staff/{staff.staff_id}/roles", {"roles": ["cashier"]})
    assert (await nurse.get(f"{STAFF}/my/rooms")).status_code == 401
    assert (await (await server.sign_in(staff)).get(f"{STAFF}/my/rooms")).status_code == 403


async def test_a_new_colleague_is_hired_gets_an_account_and_signs_in(server: Server) -> None:
    administrator, security = await server.role(StaffRole.SYSTEM_ADMIN), await server.role(StaffRole.SECURITY_ADMIN)
    department_id, _ = await make_place()
    number = f"N{new_id().hex[-8:]}"
    hired = await administrator.did(
        f"{STAFF}/staff",
        {"staff_no": number, "name": "新来的", "profession": "nurse", "department_id": str(department_id)},
    )
    account = {"login": number.lower(), "password": "long enough words"}
    await administrator.did(f"{STAFF}/staff/{hired['id']}/account", account)
    await security.did(f"{STAFF}/staff/{hired['id']}/roles", {"roles": ["nurse"]})
    session = await server.party().did(f"{STAFF}/sessions", account)
    assert (session["staff"]["name"], session["roles"]) == ("新来的", ["nurse"])


# -- kiosk


async def _kiosk(server: Server) -> Party:
    return await server.device(await make_device())


async def test_a_kiosk_from_its_code_to_its_token(server: Server) -> None:
    administrator, anybody = await server.role(StaffRole.SYSTEM_ADMIN), server.party()
    _, lobby = await make_place()
    code = await administrator.did(
        f"{STAFF}/devices/enrolments", {"kind": "kiosk", "name": "一楼 3 号机", "location_id": str(lobby)}
    )
    key, public_key = new_key()
    enrolled = await anybody.did(
        f"{KIOSK}/enrolments", {"code": code["code"], "public_key": public_key, "software": "x"}
    )
    assert protocol.Enrolled.model_validate(enrolled).status is protocol.EnrolmentStatus.PENDING
    listed = (await administrator.got(f"{STAFF}/devices", kind="kiosk", status="pending"))["items"]
    assert enrolled["device_id"] in [device["id"] for device in listed]
    await administrator.did(f"{STAFF}/devices/{enrolled['device_id']}/approve", {})
    asked = await anybody.did(f"{KIOSK}/device-challenges", {"device_id": enrolled["device_id"]})
    signed = protocol.encode_bytes(key.sign(asked["challenge"].encode()))
    body = {"device_id": enrolled["device_id"], "challenge": asked["challenge"], "signature": signed}
    token = protocol.DeviceToken.model_validate(await anybody.did(f"{KIOSK}/device-tokens", body))
    kiosk = server.party(Authorization=f"Bearer {token.access_token}")
    device = protocol.KioskDevice.model_validate(await kiosk.got(f"{KIOSK}/device"))
    assert (device.name, device.hospital_name) == ("一楼 3 号机", "测试医院")
    assert device.location is not None
    assert device.location.id == lobby
    used = await anybody.post(
        f"{KIOSK}/enrolments", {"code": code["code"], "public_key": new_key()[1], "software": "x"}
    )
    assert used.json()["code"] == "devices.enrolment_code_wrong"


async def test_a_patient_checks_in_by_card(server: Server) -> None:
    clinic, _, _ = await _open_clinic(server)
    card = somebody(name="钱小满")
    person = await access.make_person(patient_id=await register(person=card))
    _, booked = await access.make_booked(session=await _schedule(clinic), person=person)
    patient = await server.kiosk_session(await _kiosk(server), document_no=card.document_no, name=card.name)
    today = protocol.KioskAppointments.model_validate(await patient.got(f"{KIOSK}/appointments")).items
    assert [(one.id, one.can_check_in, one.blocked_by) for one in today] == [(booked.id, True, None)]
    key = str(new_id())
    ticket = await patient.did(f"{KIOSK}/check-ins", {"appointment_id": str(booked.id)}, key=key)
    assert protocol.KioskTicket.model_validate(ticket).patient_name_masked == "钱*满"
    assert await patient.did(f"{KIOSK}/check-ins", {"appointment_id": str(booked.id)}, key=key) == ticket
    proof = await value("SELECT proof FROM audit_row WHERE action = 'queueing.check_in' AND patient_id = $1",
                        person.patient_id)  # fmt: skip
    assert proof == "id_card"
    after = (await patient.got(f"{KIOSK}/appointments"))["items"][0]
    assert (after["can_check_in"], after["blocked_by"]) == (False, "kiosk.already_checked_in")
    await patient.did(f"{KIOSK}/sessions/end")
    assert (await patient.get(f"{KIOSK}/appointments")).json()["code"] == "kiosk.session_ended"


async def test_given_the_next_patient_then_the_one_before_is_signed_off(server: Server) -> None:
    kiosk = await _kiosk(server)
    one, two = somebody(name="甲某某"), somebody(name="乙某某")
    await register(person=one)
    await register(person=two)
    first = await server.kiosk_session(kiosk, document_no=one.document_no, name=one.name)
    second = await server.kiosk_session(kiosk, document_no=two.document_no, name=two.name)
    assert (await first.get(f"{KIOSK}/appointments")).json()["code"] == protocol.KioskRefusal.SESSION_ENDED
    assert (await second.get(f"{KIOSK}/appointments")).is_success
    elsewhere = Party(first.http, second.headers | {"Authorization": (await _kiosk(server)).headers["Authorization"]})
    assert (await elsewhere.get(f"{KIOSK}/appointments")).status_code == 401


async def test_given_a_card_without_a_file_or_with_another_name_then_the_same_words(server: Server) -> None:
    kiosk, person = await _kiosk(server), somebody(name="吴本人")
    await register(person=person)
    strange = {"proof": "id_card", "document_no": national_id(), "name": "吴本人"}
    other = {"proof": "id_card", "document_no": person.document_no, "name": "吴他人"}
    answers = [await kiosk.post(f"{KIOSK}/sessions", body) for body in (strange, other)]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "kiosk.patient_not_found")}


async def _booked(server: Server, **session: Any) -> tuple[UUID, access.Person]:
    clinic, _, _ = await _open_clinic(server, **session)
    person, held = await access.make_booked(session=await _schedule(clinic))
    return held.id, person


def _code(appointment_id: UUID, now: Any) -> dict[str, str]:
    ports.provide(QrKey, ServerQrKey())
    return {"proof": "appointment_qr", "qr": appointment_qr(appointment_id, now)}


async def test_a_code_from_the_phone_opens_one_session_and_no_second_one(server: Server) -> None:
    appointment_id, _ = await _booked(server)
    shown = _code(appointment_id, await access.now())
    kiosk, another = await _kiosk(server), await _kiosk(server)
    opened = protocol.SessionOpened.model_validate(await kiosk.did(f"{KIOSK}/sessions", shown))
    assert opened.patient_name_masked == "张*丰"
    copied = await another.post(f"{KIOSK}/sessions", shown)
    assert (copied.status_code, copied.json()["code"]) == (409, protocol.KioskRefusal.QR_USED)


async def test_given_an_old_or_altered_code_then_its_own_word(server: Server) -> None:
    appointment_id, _ = await _booked(server)
    kiosk, now = await _kiosk(server), await access.now()
    old = await kiosk.post(f"{KIOSK}/sessions", _code(appointment_id, now - timedelta(minutes=5)))
    assert old.json()["code"] == protocol.KioskRefusal.QR_EXPIRED
    altered = _code(appointment_id, now)
    altered["qr"] = altered["qr"][:-1] + ("A" if altered["qr"][-1] != "A" else "B")
    assert (await kiosk.post(f"{KIOSK}/sessions", altered)).json()["code"] == protocol.KioskRefusal.QR_INVALID
    assert (await kiosk.post(f"{KIOSK}/sessions", {"proof": "appointment_qr"})).status_code == 422


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE appointment SET status = 'pending', payment_status = 'unpaid' WHERE id = $1", "kiosk.not_paid"),
        ("UPDATE appointment SET status = 'cancelled' WHERE id = $1", "kiosk.appointment_cancelled"),
        ("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", "kiosk.already_seen"),
    ],
)
async def test_given_an_appointment_that_cannot_be_checked_in_then_the_kiosk_says_why(
    server: Server, change: str, word: str
) -> None:
    appointment_id, person = await _booked(server)
    patient = await _by_code(server, appointment_id)
    await rows(f"{change} RETURNING id", appointment_id)
    answer = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(appointment_id)})
    assert (answer.status_code, answer.json()["code"]) == (409, word)
    assert await count("SELECT count(*) FROM queue_ticket WHERE patient_id = $1", person.patient_id) == 0


async def test_given_an_appointment_of_tomorrow_then_too_early(server: Server) -> None:
    appointment_id, _ = await _booked(server, starts_in=timedelta(hours=3))
    patient = await _by_code(server, appointment_id)
    answer = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(appointment_id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "kiosk.too_early")
    assert answer.json()["opens_at"]


async def test_given_somebody_elses_appointment_then_not_found(server: Server) -> None:
    mine, _ = await _booked(server)
    theirs, _ = await _booked(server)
    patient = await _by_code(server, mine)
    answer = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(theirs)})
    assert (answer.status_code, answer.json()["code"]) == (404, "kiosk.appointment_not_found")


async def _by_code(server: Server, appointment_id: UUID) -> Party:
    kiosk = await _kiosk(server)
    opened = await kiosk.did(f"{KIOSK}/sessions", _code(appointment_id, await access.now()))
    return Party(kiosk.http, kiosk.headers | {"X-Kiosk-Session": opened["session_token"]})


async def test_given_a_code_instead_of_a_card_then_no_account_is_shown_or_proven(server: Server) -> None:
    appointment_id, person = await _booked(server)
    await rows("UPDATE account_link SET proven_at = NULL, proof = NULL WHERE account_id = $1 RETURNING id",
               person.account_id)  # fmt: skip
    patient = await _by_code(server, appointment_id)
    asked = await patient.get(f"{KIOSK}/accounts"), await patient.post(f"{KIOSK}/accounts/{person.account_id}/prove")
    assert {(one.status_code, one.json()["code"]) for one in asked} == {(403, protocol.KioskRefusal.CARD_NEEDED)}
    assert await value("SELECT proven_at FROM account_link WHERE account_id = $1", person.account_id) is None


def test_every_word_of_the_kiosk_is_in_the_protocol() -> None:
    words = {word.code for word in (*refusals.SIGN_IN_WORDS, *refusals.CHECK_IN_WORDS, *refusals.PROVING_WORDS)}
    assert words <= set(protocol.KioskRefusal)


# -- screens


async def test_a_screen_from_its_code_to_its_board(server: Server) -> None:
    clinic, _, _ = await _open_clinic(server)
    ticket = await access.make_ticket(session=await _schedule(clinic))
    administrator, anybody = await server.role(StaffRole.SYSTEM_ADMIN), server.party()
    key, public_key = new_key()
    shown = await anybody.did(f"{DISPLAY}/pairings", {"public_key": public_key, "software": "screen 1"})

    async def sign_in() -> Any:
        asked = await anybody.did(f"{DISPLAY}/device-challenges", {"device_id": shown["device_id"]})
        signed = protocol.encode_bytes(key.sign(asked["challenge"].encode()))
        body = {"device_id": shown["device_id"], "challenge": asked["challenge"], "signature": signed}
        return await anybody.post(f"{DISPLAY}/device-tokens", body)

    waiting = await sign_in()
    assert (waiting.status_code, waiting.json()["code"]) == (403, "device.pending")
    pairing = {"code": shown["code"], "location_id": str(clinic.area_id), "name": "二楼候诊屏"}
    await administrator.did(f"{STAFF}/devices/pair", pairing)
    screen = server.party(Authorization=f"Bearer {(await sign_in()).json()['access_token']}")
    assert (await screen.got(f"{DISPLAY}/device"))["name"] == "二楼候诊屏"
    board = await screen.got(f"{DISPLAY}/board")
    assert board["area"]["id"] == str(clinic.area_id)
    assert [(one["id"], one["name"]) for one in board["tickets"]] == [(str(ticket.id), "张*丰")]
    await administrator.did(f"{STAFF}/devices/{shown['device_id']}/revoke")
    refused = await sign_in()
    assert (refused.status_code, refused.json()["code"]) == (401, "device.revoked")


# -- the description of all this


async def test_the_openapi_document_is_valid_and_complete(anybody: Party) -> None:
    document = await anybody.got("/openapi.json")
    validate(document)
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert {route.key for route in all_routes()} <= described
