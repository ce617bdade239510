"""What no page of ours sends: days at the end of the calendar, a used code spelled otherwise, bodies without bottom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.qr import appointment_qr
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.signed_codes import CodeKey
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.miniapp import PREFIX
from tests.fixtures.people import make_device
from tests.fixtures.pocket import ServerCodeKey, phone_of
from tests.fixtures.server import Party, Server

GROUP = "server"

KIOSK = "/api/kiosk/v1"
ENDS_OF_TIME = ["0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31"]


@pytest.fixture(autouse=True)
def server_key() -> None:
    """Codes made in this process are the server's, as far as their key goes."""
    ports.provide(CodeKey, ServerCodeKey())


@pytest.mark.parametrize("day", ENDS_OF_TIME)
async def test_given_a_day_at_the_end_of_the_calendar_then_it_is_refused_or_empty(server: Server, day: str) -> None:
    person = await access.make_person()
    phone = await phone_of(server, person)
    department_id = (await access.make_clinic()).department_id
    body = {"patient_id": str(person.patient_id), "department_id": str(department_id), "day": day, "period": "morning"}
    staff = await server.role(StaffRole.MANAGER)
    answers = [
        await phone.post(f"{PREFIX}/waitlist", body),
        await phone.get(f"{PREFIX}/departments/{department_id}/doctors", day=day),
        await staff.get("/api/staff/v1/waitlist", day=day),
        await staff.get("/api/staff/v1/clinic-changes", day=day),
    ]
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]


async def _kiosk_with(server: Server, held_id: Any) -> tuple[Party, str]:
    kiosk = await server.device(await make_device())
    return kiosk, appointment_qr(held_id, await access.now())


@pytest.mark.parametrize("tail", ["", " ", "\n", "\x1c", "\x1f", "\t\x1d "])
async def test_given_a_used_code_spelled_otherwise_then_it_stays_used(server: Server, tail: str) -> None:
    session = await access.make_session(clinic=await access.make_clinic(), starts_in=timedelta(minutes=30))
    _, held = await access.make_booked(session=session)
    kiosk, code = await _kiosk_with(server, held.id)
    await kiosk.did(f"{KIOSK}/sessions", {"proof": "appointment_qr", "qr": code}, key="")
    again = await kiosk.post(f"{KIOSK}/sessions", {"proof": "appointment_qr", "qr": code + tail}, key="")
    assert (again.status_code, again.json()["code"]) in {(409, "kiosk.qr_used"), (422, "kiosk.qr_invalid")}


async def test_given_a_stopped_clinic_then_the_kiosk_says_so_in_its_own_words(server: Server) -> None:
    session = await access.make_session(clinic=await access.make_clinic(), starts_in=timedelta(minutes=30))
    _, held = await access.make_booked(session=session)
    command = StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊")
    await run(access.SYSTEM, stop_clinic, command)
    kiosk, code = await _kiosk_with(server, held.id)
    opened = await kiosk.did(f"{KIOSK}/sessions", {"proof": "appointment_qr", "qr": code}, key="")
    patient = Party(kiosk.http, kiosk.headers | {"X-Kiosk-Session": opened["session_token"]})
    (today,) = (await patient.got(f"{KIOSK}/appointments"))["items"]
    assert (today["can_check_in"], today["blocked_by"]) == (False, "kiosk.clinic_stopped")
    refused = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)}, key=str(new_id()))
    assert (refused.status_code, refused.json()["code"]) == (409, "kiosk.clinic_stopped")


@pytest.mark.parametrize("depth", [150, 600, 1000, 3000])
async def test_given_a_body_however_deep_then_it_is_refused_as_any_wrong_one(server: Server, depth: int) -> None:
    doctor = await server.role(StaffRole.DOCTOR)
    deep = b'{"reason": ' + b"[" * depth + b"]" * depth + b"}"
    headers = doctor.headers | {"Content-Type": "application/json", "Idempotency-Key": str(new_id())}
    for path in (f"/patients/{new_id()}/break-glass", "/session/password"):
        answer = await doctor.http.post(f"/api/staff/v1{path}", content=deep, headers=headers)
        assert answer.status_code in (400, 422), (path, answer.text)
