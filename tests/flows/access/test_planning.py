"""Templates, the calendar, generation and rules: from what staff plan to places that patients can book."""

import asyncio
from collections import Counter
from datetime import date, timedelta

import pytest

from backend import worker
from hospital_core.access.scheduling.days import minute_of
from hospital_core.access.scheduling.errors import NotReleased, TemplateOverlaps
from hospital_core.access.scheduling.planning_commands import (
    ClearCalendarDay,
    ClearRule,
    EndTemplate,
    GenerateDay,
    SaveCalendarDay,
    SetRule,
    StopClinic,
)
from hospital_core.access.scheduling.planning_queries import calendar, generation_problems, rules, templates
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.queries import bookable_doctors, sessions
from hospital_core.access.scheduling.rules import RuleCode, forget_rules
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.generating import due_days, generate_day
from hospital_core.access.scheduling.service.ruling import (
    clear_calendar_day,
    clear_rule,
    save_calendar_day,
    set_rule,
)
from hospital_core.access.scheduling.service.templates import end_template, save_template
from hospital_core.access.scheduling.states import CalendarDayKind, Pool, RuleScope, ServiceKind
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel.errors import FieldProblem, Forbidden, StateConflict
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, Clinic, book, make_clinic, make_person, make_session, now, reading
from tests.fixtures.finance import rows
from tests.fixtures.planning import TUESDAY, generate, make_template, next_weekday, template_of, today

pytestmark = pytest.mark.usefixtures("core")

NATIONAL_DAY, SWAPPED_SATURDAY = date(2026, 10, 1), date(2026, 10, 10)


@pytest.fixture(autouse=True)
async def _rules_as_they_are() -> None:
    """Each test finds the rules of the house."""
    await rows("DELETE FROM booking_rule RETURNING id")
    forget_rules()


async def _places(clinic: Clinic, day: date) -> list[tuple[int, str, object]]:
    found = await rows(
        "SELECT slot.number, slot.pool, slot.starts_at FROM slot JOIN schedule s ON s.id = slot.schedule_id "
        "WHERE s.staff_id = $1 AND s.day = $2 ORDER BY slot.number",
        clinic.doctor_id, day,
    )  # fmt: skip
    return [tuple(row) for row in found]


async def _sessions(clinic: Clinic, day: date) -> list[ScheduleView]:
    return (await sessions(reading(SYSTEM), clinic.department_id, day)).items


async def test_given_a_template_then_its_weekday_gets_the_session_once() -> None:
    clinic = await make_clinic()
    made = await make_template(clinic=clinic, sought_after=True)
    day = await next_weekday(TUESDAY)
    first, second = await generate(day, clinic=clinic), await generate(day, clinic=clinic)
    assert (first.sessions, first.places, second.sessions) == (1, 10, 0)
    assert (await generate(day + timedelta(days=1), clinic=clinic)).sessions == 0
    places = await _places(clinic, day)
    assert [number for number, _, _ in places] == list(range(1, 11))
    assert [start for _, _, start in places] == [minute_of(day, 480 + 12 * n) for n in range(10)]
    (row,) = await rows("SELECT * FROM schedule WHERE template_id = $1", made.id)
    assert (row["day"], row["period"], row["sought_after"], row["fee_fen"]) == (day, "morning", True, 2500)
    assert row["released_at"] == minute_of(day - timedelta(days=14), 420)


async def test_given_ten_generations_at_once_then_one_makes_the_day() -> None:
    clinic = await make_clinic()
    await make_template(clinic=clinic)
    day = await next_weekday(TUESDAY)
    made = await asyncio.gather(*(generate(day, clinic=clinic) for _ in range(10)))
    assert sorted(one.sessions for one in made) == [0] * 9 + [1]
    assert len(await _places(clinic, day)) == 10


async def _due(clinic: Clinic) -> list[GenerateDay]:
    return [command for command in await due_days(reading(SYSTEM)) if command.campus_id == clinic.campus_id]


async def test_given_a_downtime_then_the_due_days_reach_two_days_beyond_the_window_and_are_all_made() -> None:
    clinic = await make_clinic()
    await make_template(clinic=clinic)
    due = await _due(clinic)
    first = await next_weekday(TUESDAY)
    last = await today() + timedelta(days=16)
    expected = [day for day in (first + timedelta(weeks=n) for n in range(3)) if day <= last]
    assert [command.day for command in due if command.day >= first] == expected
    for command in due:
        assert (await run(SYSTEM, generate_day, command)).sessions == 1
    assert await _due(clinic) == []


async def test_given_the_worker_then_it_makes_what_is_due_and_a_second_worker_nothing() -> None:
    clinic = await make_clinic()
    await make_template(clinic=clinic)
    await asyncio.gather(worker._plan(), worker._plan())
    assert await _due(clinic) == []
    made = await rows("SELECT day FROM schedule WHERE staff_id = $1", clinic.doctor_id)
    assert len(made) == len({row["day"] for row in made}) > 0


async def test_given_quotas_then_channels_share_early_and_late_numbers_and_the_rest_is_everybodys() -> None:
    clinic = await make_clinic()
    pools = (PoolQuota(pool=Pool.WINDOW, places=4, returns_minutes_before=60), PoolQuota(pool=Pool.PHONE, places=2))
    await make_template(clinic=clinic, places=12, pools=pools)
    day = await next_weekday(TUESDAY)
    await generate(day, clinic=clinic)
    kept = [pool for _, pool, _ in await _places(clinic, day)]
    assert Counter(kept) == {"window": 4, "phone": 2, "public": 6}
    assert Counter(kept[:6]) == Counter(kept[6:]) == {"window": 2, "phone": 1, "public": 3}
    returns = await rows(
        "SELECT DISTINCT slot.pool, slot.pool_until FROM slot JOIN schedule s ON s.id = slot.schedule_id "
        "WHERE s.staff_id = $1", clinic.doctor_id,
    )  # fmt: skip
    assert {row["pool"]: row["pool_until"] for row in returns} == {
        "window": minute_of(day, 420), "phone": None, "public": None,
    }  # fmt: skip


async def test_given_a_session_made_by_hand_then_the_template_is_left_out_and_reported_until_it_fits() -> None:
    clinic = await make_clinic()
    day = await next_weekday(TUESDAY)
    by_hand = await make_session(clinic=clinic, starts_in=minute_of(day, 540) - await now(), hours=1)
    made = await make_template(clinic=clinic)
    assert (await generate(day, clinic=clinic)).problems == 1
    (problem,) = [p for p in (await generation_problems(reading(SYSTEM))).items if p.template_id == made.id]
    assert (problem.day, problem.trouble) == (day, "room_taken")
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(by_hand.schedule_id,), reason="医生出差"))
    assert (await generate(day, clinic=clinic)).sessions == 1
    assert not [p for p in (await generation_problems(reading(SYSTEM))).items if p.template_id == made.id]


async def test_given_no_price_or_a_closed_room_then_the_template_is_reported() -> None:
    clinic = await make_clinic()
    made = await make_template(clinic=clinic)
    await rows("UPDATE location SET active = false WHERE id = $1 RETURNING id", clinic.room_id)
    day = await next_weekday(TUESDAY)
    assert (await generate(day, clinic=clinic)).problems == 1
    (problem,) = [p for p in (await generation_problems(reading(SYSTEM))).items if p.template_id == made.id]
    assert problem.trouble == "closed"


async def test_given_a_holiday_then_only_clinics_that_work_on_holidays_take_place() -> None:
    clinic, emergency = await make_clinic(), await make_clinic()
    day = await next_weekday(TUESDAY)
    await make_template(clinic=clinic)
    await make_template(clinic=emergency, works_on_holidays=True)
    await run(SYSTEM, save_calendar_day, SaveCalendarDay(day=day, kind=CalendarDayKind.HOLIDAY, name="院庆"))
    try:
        assert (await generate(day, clinic=clinic)).sessions == 0
        assert (await generate(day, clinic=emergency)).sessions == 1
    finally:
        cleared = await run(SYSTEM, clear_calendar_day, ClearCalendarDay(day=day))
    assert cleared.edited is False
    assert (await generate(day, clinic=clinic)).sessions == 1


async def test_given_a_worked_weekend_then_fridays_clinics_run_unless_staff_say_another_day() -> None:
    clinic = await make_clinic()
    await make_template(clinic=clinic, weekday=5)
    await make_template(clinic=clinic, weekday=3, starts_minute=600, ends_minute=660)
    saturday = await next_weekday(6)
    await run(SYSTEM, save_calendar_day, SaveCalendarDay(day=saturday, kind=CalendarDayKind.MAKEUP))
    try:
        await generate(saturday, clinic=clinic)
        assert [s.starts_at for s in await _sessions(clinic, saturday)] == [minute_of(saturday, 480)]
        makeup = SaveCalendarDay(day=saturday, kind=CalendarDayKind.MAKEUP, as_weekday=3)
        assert (await run(SYSTEM, save_calendar_day, makeup)).weekday == 3
        await generate(saturday, clinic=clinic)
        assert len(await _sessions(clinic, saturday)) == 2
    finally:
        await run(SYSTEM, clear_calendar_day, ClearCalendarDay(day=saturday))


async def test_given_the_library_then_it_knows_holidays_swaps_and_what_it_does_not_know() -> None:
    days = {day.day: day for day in (await calendar(reading(SYSTEM), date(2026, 9, 30), date(2026, 10, 11))).items}
    assert (days[NATIONAL_DAY].kind, days[NATIONAL_DAY].name) == ("holiday", "国庆节")
    assert (days[SWAPPED_SATURDAY].kind, days[SWAPPED_SATURDAY].weekday) == ("makeup", 5)
    (unknown,) = (await calendar(reading(SYSTEM), date(2031, 10, 1), date(2031, 10, 1))).items
    assert (unknown.known, unknown.kind, unknown.weekday) == (False, "workday", 3)
    with pytest.raises(FieldProblem):
        await calendar(reading(SYSTEM), date(2026, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"ends_minute": 480}, "/ends_minute"),
        ({"places": 3}, "/places"),
        ({"valid_until": date(2025, 1, 1)}, "/valid_until"),
        ({"pools": [{"pool": "window", "places": 11}]}, "/pools"),
        ({"pools": [{"pool": "window", "places": 1}, {"pool": "window", "places": 1}]}, "/pools"),
        ({"pools": [{"pool": "add_on", "places": 1}]}, "/pools"),
    ],
)
async def test_given_a_template_that_makes_no_sense_then_its_field_is_named(
    changed: dict[str, object], pointer: str
) -> None:
    with pytest.raises(FieldProblem) as refused:
        await make_template(clinic=await make_clinic(), **changed)
    assert refused.value.fields["errors"][0]["pointer"] == pointer


async def test_given_places_that_do_not_exist_then_the_template_is_refused() -> None:
    clinic, elsewhere = await make_clinic(), await make_clinic()
    with pytest.raises(FieldProblem):
        await make_template(clinic=clinic, staff_id=clinic.room_id)
    with pytest.raises(FieldProblem):
        await make_template(clinic=clinic, room_id=elsewhere.room_id)
    with pytest.raises(Forbidden):
        await run(clinic.doctor, save_template, template_of(clinic))


async def test_given_an_overlapping_template_then_it_is_refused_until_the_first_has_ended() -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    first = await make_template(clinic=clinic)
    for changed in ({}, {"room_id": colleague.room_id}, {"staff_id": colleague.doctor_id}):
        with pytest.raises(TemplateOverlaps):
            await make_template(clinic=clinic, starts_minute=590, ends_minute=650, **changed)
    await make_template(clinic=clinic, starts_minute=600, ends_minute=660)
    await make_template(clinic=clinic, weekday=3)
    await run(SYSTEM, end_template, EndTemplate(template_id=first.id, valid_until=date(2026, 6, 30)))
    await make_template(clinic=clinic, valid_from=date(2026, 7, 1))
    assert len((await templates(reading(SYSTEM), staff_id=clinic.doctor_id)).items) == 3


async def test_given_two_overlapping_templates_at_once_then_one_is_kept() -> None:
    clinic = await make_clinic()
    saved = await asyncio.gather(*(make_template(clinic=clinic) for _ in range(4)), return_exceptions=True)
    assert Counter(type(one).__name__ for one in saved) == {"TemplateView": 1, "TemplateOverlaps": 3}


async def test_given_a_changed_template_then_an_older_version_is_refused() -> None:
    clinic = await make_clinic()
    first = await make_template(clinic=clinic)
    changed = await make_template(clinic=clinic, template_id=first.id, version=first.version, places=20)
    assert (changed.id, changed.places, changed.version) == (first.id, 20, first.version + 1)
    with pytest.raises(StateConflict):
        await make_template(clinic=clinic, template_id=first.id, version=first.version, places=30)


async def test_given_a_day_beyond_the_window_then_it_is_generated_but_hidden_until_release() -> None:
    clinic, person = await make_clinic(), await make_person()
    await make_template(clinic=clinic)
    day = await next_weekday(TUESDAY, after_days=15)
    await generate(day, clinic=clinic)
    (session,) = await _sessions(clinic, day)
    assert (await bookable_doctors(reading(person.phone), clinic.department_id, day)).items == []
    with pytest.raises(NotReleased):
        await book(person=person, session=session)
    wider = SetRule(
        code=RuleCode.WINDOW_DAYS, scope=RuleScope.DEPARTMENT, scope_key=str(clinic.department_id), value=28
    )
    await run(SYSTEM, set_rule, wider)
    (doctor,) = (await bookable_doctors(reading(person.phone), clinic.department_id, day)).items
    assert doctor.sessions[0].places_left == 10
    assert (await book(person=person, session=session)).status == "pending"


async def test_given_rules_then_they_are_bounded_listed_with_exceptions_and_can_be_cleared() -> None:
    clinic = await make_clinic()
    manager = SYSTEM
    with pytest.raises(FieldProblem):
        await run(manager, set_rule, SetRule(code=RuleCode.HOLD_MINUTES, value=1))
    with pytest.raises(FieldProblem):
        await run(manager, set_rule, SetRule(code=RuleCode.RELEASE_MINUTE, scope=RuleScope.DEPARTMENT, scope_key=str(
            clinic.department_id), value=400))  # fmt: skip
    with pytest.raises(FieldProblem):
        await run(manager, set_rule, SetRule(
            code=RuleCode.HOLD_MINUTES, scope=RuleScope.DEPARTMENT, scope_key="nobody", value=20))  # fmt: skip
    with pytest.raises(Forbidden):
        await run(clinic.doctor, set_rule, SetRule(code=RuleCode.HOLD_MINUTES, value=20))
    exception = {"scope": RuleScope.SERVICE_KIND, "scope_key": ServiceKind.EXPERT.value}
    await run(manager, set_rule, SetRule(code=RuleCode.HOLD_MINUTES, value=20))
    changed = await run(manager, set_rule, SetRule(code=RuleCode.HOLD_MINUTES, value=10, **exception))
    assert (changed.value, [(e.name, e.value) for e in changed.exceptions]) == (20, [("专家门诊", 10)])
    listed = {rule.code: rule for rule in (await rules(reading(SYSTEM))).items}
    assert set(listed) == set(RuleCode)
    cleared = await run(manager, clear_rule, ClearRule(code=RuleCode.HOLD_MINUTES, **exception))
    assert cleared.exceptions == []
    assert (await run(manager, clear_rule, ClearRule(code=RuleCode.HOLD_MINUTES))).value == 15
