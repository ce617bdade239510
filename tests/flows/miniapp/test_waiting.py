"""The second half of booking over HTTP: moving with the money said beforehand, waiting, objecting, arriving."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hospital_core.access.scheduling.ban_commands import SetBan
from hospital_core.access.scheduling.qr import presence_code
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service.bans import set_ban
from hospital_core.access.scheduling.states import BanKind, RuleScope
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.signed_codes import CodeKey
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    Clinic,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    now,
    rule,
    staff_context,
)
from tests.fixtures.finance import rows, value
from tests.fixtures.miniapp import PREFIX
from tests.fixtures.pocket import ServerCodeKey, phone_of
from tests.fixtures.server import Party, Server
from tests.fixtures.waiting import make_full_session

GROUP = "server"


@pytest.fixture(autouse=True)
def server_key() -> None:
    """Codes made in this process are the server's, as far as their key goes."""
    ports.provide(CodeKey, ServerCodeKey())


async def _priced(clinic: Clinic, fee_fen: int, **more: Any) -> Any:
    """A session of a colleague of the clinic's doctor, at its own price."""
    made = await make_session(clinic=await make_clinic(beside=clinic), **more)
    await rows("UPDATE schedule SET fee_fen = $2 WHERE id = $1 RETURNING id", made.schedule_id, fee_fen)
    return made


async def test_given_a_paid_place_then_each_option_says_what_moving_does_to_the_money(server: Server) -> None:
    clinic = await make_clinic()
    old = await make_session(clinic=clinic)
    person, held = await make_booked(session=old)
    same = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    cheaper, dearer, free = [
        await _priced(clinic, fee, starts_in=timedelta(days=3 + at)) for at, fee in enumerate((1000, 9900, 0))
    ]
    phone = await phone_of(server, person)
    said = await phone.got(f"{PREFIX}/appointments/{held.id}/move-options")
    assert (said["refusal"], said["moves_left"]) == (None, 2)
    money = {one["schedule_id"]: (one["fee_fen"], one["refund_fen"], one["dearer_fen"]) for one in said["items"]}
    assert money == {
        str(old.schedule_id): (2500, 0, 0),
        str(same.schedule_id): (2500, 0, 0),
        str(cheaper.schedule_id): (1000, 1500, 0),
        str(dearer.schedule_id): (9900, 0, 7400),
        str(free.schedule_id): (0, 2500, 0),
    }
    assert [one["same_doctor"] for one in said["items"]] == [True, True, False, False, False]
    refused = await phone.post(f"{PREFIX}/appointments/{held.id}/reschedule", {"schedule_id": str(dearer.schedule_id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.reschedule_dearer")


async def test_given_a_hold_when_moved_then_what_was_said_is_what_happens(server: Server) -> None:
    clinic = await make_clinic()
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=clinic))
    later = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    phone = await phone_of(server, person)
    said = await phone.got(f"{PREFIX}/appointments/{held.id}/move-options")
    assert all((one["refund_fen"], one["dearer_fen"]) == (0, 0) for one in said["items"])
    moved = await phone.did(f"{PREFIX}/appointments/{held.id}/reschedule", {"schedule_id": str(later.schedule_id)})
    assert (moved["status"], moved["previous_id"], moved["fee_fen"]) == ("pending", str(held.id), 2500)
    told = await phone.got(f"{PREFIX}/appointments/{held.id}/move-options")
    assert told["refusal"] == "该预约当前状态不能取消"
    assert told["items"] == []


async def test_given_no_moves_left_then_the_options_say_so_as_the_move_would(server: Server) -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic))
    phone = await phone_of(server, person)
    async with rule(RuleCode.RESCHEDULES_MAX, 0, scope=RuleScope.DEPARTMENT, key=str(clinic.department_id)):
        # The server's own book is at most a second old.
        await _until_said(phone, str(held.id))
        said = await phone.got(f"{PREFIX}/appointments/{held.id}/move-options")
    assert (said["refusal"], said["moves_left"], said["items"]) == ("改约次数已达上限", 0, [])


async def _until_said(phone: Party, appointment_id: str) -> None:
    for _ in range(100):
        await asyncio.sleep(0.05)
        if (await phone.got(f"{PREFIX}/appointments/{appointment_id}/move-options"))["refusal"] is not None:
            return
    raise AssertionError("the rule never reached the server")


async def test_given_a_full_session_then_the_phone_may_wait_and_a_free_one_not(server: Server) -> None:
    clinic = await make_clinic()
    full, _ = await make_full_session(clinic=clinic)
    person = await make_person()
    phone = await phone_of(server, person)
    day, period = await _half_day(full.schedule_id)
    listed = await phone.got(f"{PREFIX}/departments/{clinic.department_id}/doctors", day=day)
    (session,) = listed["items"][0]["sessions"]
    assert (session["places_left"], session["can_wait"], session["period"]) == (0, True, period)
    page = await phone.got(f"{PREFIX}/doctors/{clinic.doctor_id}")
    assert [(one["can_wait"], one["period"]) for one in page["sessions"]] == [(True, period)]
    body = {"patient_id": str(person.patient_id), "department_id": str(clinic.department_id), "day": day}
    joined = await phone.did(f"{PREFIX}/waitlist", {**body, "period": period, "staff_id": str(clinic.doctor_id)})
    assert (joined["status"], joined["position"], joined["doctor"]) == ("waiting", 1, "王建国")
    again = await phone.post(f"{PREFIX}/waitlist", {**body, "period": period})
    assert (again.status_code, again.json()["code"]) == (409, "scheduling.already_waiting")
    free = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=3))
    day, _ = await _half_day(free.schedule_id)
    listed = await phone.got(f"{PREFIX}/departments/{free.department_id}/doctors", day=day)
    assert [one["can_wait"] for one in listed["items"][0]["sessions"]] == [False]


async def _half_day(schedule_id: Any) -> tuple[str, str]:
    (row,) = await rows("SELECT day, period FROM schedule WHERE id = $1", schedule_id)
    return row["day"].isoformat(), row["period"]


async def test_given_a_full_session_today_then_its_line_is_closed(server: Server) -> None:
    clinic = await make_clinic()
    full, _ = await make_full_session(clinic=clinic, starts_in=timedelta(minutes=5))
    phone = await phone_of(server, await make_person())
    day, _ = await _half_day(full.schedule_id)
    listed = await phone.got(f"{PREFIX}/departments/{clinic.department_id}/doctors", day=day)
    assert [(one["places_left"], one["can_wait"]) for one in listed["items"][0]["sessions"]] == [(0, False)]


async def test_given_a_ban_then_it_is_objected_to_once_and_only_by_its_own_phone(server: Server) -> None:
    person = await make_person()
    await run(_manager(), set_ban, SetBan(patient_id=person.patient_id, kind=BanKind.NO_SHOW, days=30, reason="爽约"))
    phone, stranger = await phone_of(server, person), await phone_of(server, await make_person())
    (ban,) = (await phone.got(f"{PREFIX}/bans"))["items"]
    assert (ban["live"], ban["can_appeal"]) == (True, True)
    theirs = await stranger.post(f"{PREFIX}/bans/{ban['id']}/appeal", {"text": "不是我"})
    nobodys = await stranger.post(f"{PREFIX}/bans/{new_id()}/appeal", {"text": "不是我"})
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.json()["code"] == nobodys.json()["code"]
    objected = await phone.did(f"{PREFIX}/bans/{ban['id']}/appeal", {"text": "当天到院，机器坏了"})
    assert (objected["can_appeal"], objected["appeal"]["status"]) == (False, "open")
    again = await phone.post(f"{PREFIX}/bans/{ban['id']}/appeal", {"text": "再说一次"})
    assert (again.status_code, again.json()["code"]) == (409, "scheduling.already_appealed")


def _manager() -> Any:
    return staff_context(staff_id=new_id(), role=StaffRole.MANAGER)


async def test_given_a_screens_code_then_the_phone_arrives_and_a_stranger_does_not(server: Server) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    person, held = await make_booked(session=session)
    phone, stranger = await phone_of(server, person), await phone_of(server, await make_person())
    body = {"presence_code": presence_code(clinic.area_id, await now())}
    assert (await stranger.post(f"{PREFIX}/appointments/{held.id}/check-in", body)).status_code == 404
    ticket = await phone.did(f"{PREFIX}/appointments/{held.id}/check-in", body)
    assert ticket["status"] == "waiting"
    assert await value("SELECT status FROM appointment WHERE id = $1", held.id) == "checked-in"


@pytest.mark.parametrize("path", ["move-options", "qr", "queue-place", ""])
async def test_given_anybody_elses_appointment_then_it_is_as_if_there_were_none(server: Server, path: str) -> None:
    _, held = await make_booked(session=await make_session(clinic=await make_clinic()))
    stranger = await phone_of(server, await make_person())
    theirs = await stranger.get(f"{PREFIX}/appointments/{held.id}/{path}".rstrip("/"))
    nobodys = await stranger.get(f"{PREFIX}/appointments/{new_id()}/{path}".rstrip("/"))
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.json()["title"] == nobodys.json()["title"]
