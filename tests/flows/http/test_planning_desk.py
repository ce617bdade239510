"""Planning over HTTP: from a manager's template to a patient's choice when the clinic is stopped."""

from datetime import timedelta
from typing import Any

from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.finance import value
from tests.fixtures.planning import TUESDAY, make_template, next_weekday, template_of
from tests.fixtures.registry import make_relation
from tests.fixtures.server import Server, give_account
from tests.flows.http.house import phone

GROUP = "server"

STAFF, PHONE = "/api/staff/v1", "/api/miniapp/v1"


async def test_a_template_becomes_sessions_that_a_phone_can_book(server: Server) -> None:
    clinic, person = await access.make_clinic(), await access.make_person()
    manager, patient = await server.role(StaffRole.MANAGER), phone(server, person.account_id)
    day = await next_weekday(TUESDAY)
    pools = [{"pool": "window", "places": 3, "returns_minutes_before": 60}]
    body = template_of(clinic).model_dump(mode="json") | {"pools": pools}
    saved = await manager.did(f"{STAFF}/schedule-templates", body)
    assert (saved["version"], saved["pools"]) == (0, pools)
    twice = await manager.post(f"{STAFF}/schedule-templates", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "scheduling.template_overlaps")
    made = await manager.did(
        f"{STAFF}/schedules/generate", {"day": day.isoformat(), "campus_id": str(clinic.campus_id)}
    )
    assert (made["sessions"], made["places"], made["problems"]) == (1, 10, 0)
    doctors = await patient.got(f"{PHONE}/departments/{clinic.department_id}/doctors", day=day.isoformat())
    (session,) = doctors["items"][0]["sessions"]
    assert session["places_left"] == 7, "three are the window's until an hour before"
    ended = await manager.did(f"{STAFF}/schedule-templates/{saved['id']}/end", {"valid_until": "2026-01-01"})
    assert ended["valid_until"] == "2026-01-01"
    listed = await manager.got(f"{STAFF}/schedule-templates", staff_id=str(clinic.doctor_id))
    assert listed["items"] == []


async def test_rules_and_the_calendar_are_read_and_changed(server: Server) -> None:
    manager, nurse = await server.role(StaffRole.MANAGER), await server.role(StaffRole.NURSE)
    clinic = await access.make_clinic()
    exception = {"code": "hold_minutes", "scope": "department", "scope_key": str(clinic.department_id)}
    changed = await manager.did(f"{STAFF}/booking-rules", exception | {"value": 20})
    assert [one["value"] for one in changed["exceptions"] if one["name"] == "心血管内科"] == [20]
    wrong = await manager.post(f"{STAFF}/booking-rules", exception | {"value": 600})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/value")
    listed = {rule["code"]: rule for rule in (await nurse.got(f"{STAFF}/booking-rules"))["items"]}
    assert (listed["window_days"]["unit"], listed["window_days"]["highest"]) == ("天", 60)
    await manager.did(f"{STAFF}/booking-rules/clear", exception)
    days = (await nurse.got(f"{STAFF}/calendar", first="2026-10-01", last="2026-10-10"))["items"]
    assert [(day["kind"], day["weekday"]) for day in (days[0], days[9])] == [("holiday", 4), ("makeup", 5)]
    kept = await manager.did(f"{STAFF}/calendar-days", {"day": "2031-05-03", "kind": "makeup", "as_weekday": 2})
    assert (kept["edited"], kept["weekday"], kept["known"]) == (True, 2, False)
    await manager.did(f"{STAFF}/calendar-days/clear", {"day": "2031-05-03"})
    assert (await nurse.post(f"{STAFF}/calendar-days", {"day": "2031-05-03", "kind": "holiday"})).status_code == 403


async def test_a_stopped_clinic_is_answered_on_the_phone_and_at_the_window(server: Server) -> None:
    clinic = await access.make_clinic()
    session = await access.make_session(clinic=clinic)
    other = await access.make_session(clinic=clinic, starts_in=timedelta(days=2))
    mover, caller = await access.make_person(), await access.make_person()
    for person in (mover, caller):
        await access.make_booked(session=session, person=person)
    manager, window = await server.role(StaffRole.MANAGER), await server.role(StaffRole.REGISTRAR)
    stop = {"schedule_ids": [str(session.schedule_id)], "reason": "医生外出会诊"}
    (change,) = (await manager.did(f"{STAFF}/schedules/stop", stop))["items"]
    assert (change["told"], change["open"]) == (2, 2)

    patient = phone(server, mover.account_id)
    (asked,) = (await patient.got(f"{PHONE}/disruptions"))["items"]
    assert (asked["reason"], asked["choices"]) == ("医生外出会诊", ["move", "refund"])
    where = (await patient.got(f"{PHONE}/disruptions/{asked['id']}/move-targets"))["items"]
    assert [one["schedule_id"] for one in where] == [str(other.schedule_id)]
    move = {"choice": "move", "schedule_id": str(other.schedule_id)}
    answer = f"{PHONE}/disruptions/{asked['id']}/answer"
    assert (await patient.did(answer, move))["status"] == "moved"
    again = await patient.post(answer, {"choice": "refund"})
    assert (again.status_code, again.json()["code"]) == (409, "scheduling.disruption_settled")
    (moved,) = (await patient.got(f"{PHONE}/appointments"))["items"]
    assert (moved["status"], moved["starts_at"][:10]) == ("booked", other.starts_at.isoformat()[:10])

    met = (await window.got(f"{STAFF}/clinic-changes/{change['id']}/disruptions"))["items"]
    (open_one,) = [one for one in met if one["status"] == "open"]
    await window.got(f"{STAFF}/disruptions/{open_one['id']}/move-targets")
    day = await value("SELECT day FROM schedule WHERE id = $1", session.schedule_id)
    listed = (await manager.got(f"{STAFF}/clinic-changes", day=day.isoformat()))["items"]
    assert [(one["moved"], one["open"]) for one in listed if one["id"] == change["id"]] == [(1, 1)]


async def test_a_substitute_takes_over_and_a_doctor_adds_a_named_patient(server: Server) -> None:
    clinic = await access.make_clinic()
    colleague = await access.make_clinic(beside=clinic)
    session = await access.make_session(clinic=clinic, places=1)
    person, added = await access.make_person(), await access.make_person()
    await access.make_booked(session=session, person=person)
    manager = await server.role(StaffRole.MANAGER)
    body = {"staff_id": str(colleague.doctor_id), "reason": "原医生生病"}
    change = await manager.did(f"{STAFF}/schedules/{session.schedule_id}/substitute", body)
    assert (change["kind"], change["told"]) == ("substitute", 1)
    patient = phone(server, person.account_id)
    (asked,) = (await patient.got(f"{PHONE}/disruptions"))["items"]
    assert (await patient.did(f"{PHONE}/disruptions/{asked['id']}/answer", {"choice": "keep"}))["status"] == "kept"

    doctor = await server.staff(
        await give_account(staff_id=colleague.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    )
    await make_relation(patient_id=added.patient_id, department_id=clinic.department_id, staff_id=colleague.doctor_id)
    given = await doctor.did(f"{STAFF}/schedules/{session.schedule_id}/add-ons", {"patient_id": str(added.patient_id)})
    assert (given["number"], given["status"]) == (2, "pending")
    (mine,) = (await phone(server, added.account_id).got(f"{PHONE}/appointments"))["items"]
    assert (mine["id"], mine["payment_status"]) == (given["id"], "unpaid")


async def test_coming_days_say_what_is_planned_made_and_from_when_on_it_is_for_sale(server: Server) -> None:
    clinic, day = await access.make_clinic(), await next_weekday(TUESDAY, after_days=2)
    manager = await server.role(StaffRole.MANAGER)

    async def figures() -> dict[str, Any]:
        days = (await manager.got(f"{STAFF}/release-days"))["items"]
        assert len(days) >= 17, "today, the window of fourteen days, and two that are made ahead"
        return dict(next(one for one in days if one["day"] == day.isoformat()))

    before = await figures()
    await make_template(clinic=clinic, works_on_holidays=True)
    planned = await figures()
    assert [planned[name] - before[name] for name in ("planned", "missing", "places")] == [1, 1, 0]
    body = {"day": day.isoformat(), "campus_id": str(clinic.campus_id)}
    await manager.did(f"{STAFF}/schedules/generate", body)
    made = await figures()
    assert [made[name] - before[name] for name in ("missing", "sessions", "places", "places_left")] == [0, 1, 10, 10]
    assert made["released_from"] <= made["released_until"]
    (own,) = (await manager.got(f"{STAFF}/schedule-templates", staff_id=str(clinic.doctor_id)))["items"]
    assert own["fee_fen"] == 2500
