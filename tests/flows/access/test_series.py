"""A course of visits (疗程预约): looked at, booked together or not at all, moved, given back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from asyncpg import CheckViolationError, UniqueViolationError

from hospital_core.access.scheduling.commands import CancelAppointment, RescheduleAppointment
from hospital_core.access.scheduling.errors import SeriesDayRefused, SeriesNotOffered, SeriesTooLong
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.series_commands import BookSeries, CancelSeries, PlanSeries
from hospital_core.access.scheduling.series_queries import my_series, plan_series, series, series_of_patient
from hospital_core.access.scheduling.series_views import SeriesPlan, SeriesView
from hospital_core.access.scheduling.service import cancel_appointment, reschedule_appointment
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.series import book_series, cancel_series
from hospital_core.access.scheduling.states import SeriesTrouble
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel import relay
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    DAY,
    SYSTEM,
    Clinic,
    FakeMessenger,
    Person,
    book,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    pay_at_hospital,
    reading,
    rule,
    staff_context,
    state_of,
)
from tests.fixtures.finance import rows, value
from tests.flows.access.test_rush import keyed


@pytest.fixture
async def clinic(core: object) -> AsyncIterator[Clinic]:
    """A clinic whose patients pay when they come."""
    clinic = await make_clinic()
    async with pay_at_hospital(clinic):
        yield clinic


async def weeks(clinic: Clinic, *days: int, places: int = 3) -> list[ScheduleView]:
    """A session of the clinic's doctor on each of these days from now, at the same time."""
    return [await make_session(clinic=clinic, places=places, starts_in=DAY * day) for day in days]


async def plan(phone: Context, person: Person, first: ScheduleView, *, every: int, visits: int) -> SeriesPlan:
    command = PlanSeries(patient_id=person.patient_id, schedule_id=first.schedule_id, every_days=every, visits=visits)
    return await plan_series(reading(phone), command)


async def course(person: Person, sessions: Sequence[ScheduleView], ctx: Context | None = None) -> SeriesView:
    command = BookSeries(
        patient_id=person.patient_id, schedule_ids=tuple(one.schedule_id for one in sessions), every_days=2
    )
    return await run(ctx or person.phone, book_series, command)


async def counts(person: Person) -> list[int]:
    """What the day's limits have counted for a patient and an account."""
    ids = [person.patient_id, person.account_id]
    found = await rows("SELECT made FROM booking_count WHERE subject_id = ANY($1::uuid[]) ORDER BY subject", ids)
    return [row["made"] for row in found]


async def test_given_days_with_places_then_the_plan_finds_each_and_the_course_is_booked(
    clinic: Clinic, messenger: FakeMessenger
) -> None:
    sessions, person = await weeks(clinic, 1, 3, 5), await make_person()
    seen = await plan(person.phone, person, sessions[0], every=2, visits=3)
    assert [day.visit.schedule_id for day in seen.days if day.visit] == [one.schedule_id for one in sessions]
    assert {day.trouble for day in seen.days} == {None}
    made = await course(person, sessions)
    assert (made.wanted, made.left, made.department) == (3, 3, "心血管内科")
    assert {(one.status, one.payment_status, one.fee_due) for one in made.visits} == {("booked", "unpaid", True)}
    assert [one.starts_at for one in made.visits] == [one.starts_at for one in sessions]
    assert await counts(person) == [1, 1], "one wish, counted once"
    assert [one.id for one in (await my_series(reading(person.phone))).items] == [made.id]
    await relay.drain(8)
    told = [words for openid, _, _, words in messenger.sent if openid == person.openid]
    assert len(told) == 1, "one message for the course, the days are reminded of one by one"
    assert await value("SELECT count(*) FROM care_relation WHERE source_id = ANY($1::uuid[])",
                       [one.id for one in made.visits]) == 3  # fmt: skip


async def test_given_days_that_cannot_be_had_then_the_plan_says_why_and_what_comes_nearest(clinic: Clinic) -> None:
    sessions, person = await weeks(clinic, 1, 3, 5, 7, 9, places=1), await make_person()
    colleague = await make_clinic(beside=clinic)
    beside = await make_session(clinic=colleague, starts_in=DAY * 3)
    day_after = await make_session(clinic=colleague, starts_in=DAY * 6)
    await book(person=await make_person(), session=sessions[1])
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(sessions[2].schedule_id,), reason="医生外出会诊"))
    await book(person=person, session=sessions[3])
    await rows("UPDATE schedule SET released_at = starts_at - interval '1 day' WHERE id = $1 RETURNING id",
               sessions[4].schedule_id)  # fmt: skip
    seen = await plan(person.phone, person, sessions[0], every=2, visits=8)
    trouble = [day.trouble for day in seen.days]
    assert trouble[:5] == [
        None, SeriesTrouble.FULL, SeriesTrouble.STOPPED, SeriesTrouble.BOOKED, SeriesTrouble.NOT_RELEASED,
    ]  # fmt: skip
    assert set(trouble[5:]) <= {SeriesTrouble.NO_CLINIC, SeriesTrouble.HOLIDAY, SeriesTrouble.NOT_RELEASED}
    assert trouble[-1] in (SeriesTrouble.NOT_RELEASED, SeriesTrouble.HOLIDAY), "beyond what can be booked at all"
    instead = [day.instead.schedule_id if day.instead else None for day in seen.days]
    assert instead[:3] == [None, beside.schedule_id, day_after.schedule_id]
    assert instead[3] is None, "what is offered for one day is not offered for another"


async def test_given_one_day_gone_meanwhile_then_nothing_is_booked_and_it_is_named(clinic: Clinic) -> None:
    sessions, person = await weeks(clinic, 1, 3, 5, places=1), await make_person()
    await book(person=await make_person(), session=sessions[1])
    with pytest.raises(SeriesDayRefused) as refused:
        await course(person, sessions)
    assert refused.value.fields == {"schedule_id": str(sessions[1].schedule_id), "reason": "scheduling.slot_full"}
    assert await value("SELECT count(*) FROM appointment WHERE patient_id = $1", person.patient_id) == 0
    assert (await counts(person), (await my_series(reading(person.phone))).items) == ([], [])


async def test_given_two_taps_then_there_is_one_course(clinic: Clinic) -> None:
    sessions, person = await weeks(clinic, 1, 3), await make_person()
    phone = keyed(person)
    made = await asyncio.gather(*(course(person, sessions, phone) for _ in range(4)))
    assert len({one.id for one in made}) == 1
    assert await value("SELECT count(*) FROM appointment WHERE patient_id = $1", person.patient_id) == 2


async def test_given_many_courses_at_once_over_the_same_places_then_each_is_whole_or_nothing(clinic: Clinic) -> None:
    sessions = await weeks(clinic, 1, 3, 5, places=2)
    people = [await make_person() for _ in range(6)]
    made = await asyncio.gather(*(course(one, sessions) for one in people), return_exceptions=True)
    whole = [one for one in made if isinstance(one, SeriesView)]
    assert len(whole) == 2
    assert {type(one) for one in made if not isinstance(one, SeriesView)} == {SeriesDayRefused}
    ids = [one.schedule_id for one in sessions]
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = ANY($1::uuid[])", ids) == 6


async def test_given_the_rules_then_courses_are_no_way_around_them(clinic: Clinic) -> None:
    person = await make_person()
    elsewhere = await weeks(await make_clinic(), 1, 3)
    with pytest.raises(SeriesNotOffered):
        await course(person, elsewhere)
    with pytest.raises(SeriesNotOffered):
        await plan(person.phone, person, elsewhere[0], every=2, visits=2)
    hunted = [await make_session(clinic=await make_clinic(beside=clinic), starts_in=DAY * n, sought_after=True)
              for n in (1, 3)]  # fmt: skip
    for ctx in (person.phone, await make_registrar()):
        with pytest.raises(SeriesNotOffered):
            await course(person, hunted, ctx)
    sessions = await weeks(clinic, 1, 3, 5)
    async with rule(RuleCode.SERIES_VISITS_MAX, 2):
        with pytest.raises(SeriesTooLong):
            await course(person, sessions)
    async with rule(RuleCode.SERIES_VISITS_MAX, 0):
        with pytest.raises(SeriesNotOffered):
            await course(person, sessions)
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 1):
        await course(person, sessions)
        with pytest.raises(SeriesDayRefused):
            await course(person, await weeks(clinic, 7, 9))
    with pytest.raises(FieldProblem):
        await course(await make_person(), [sessions[0], elsewhere[0]])
    with pytest.raises(NotFound):
        await course(person, sessions, (await make_person()).phone)
    with pytest.raises(Forbidden):
        await course(person, sessions, person.kiosk)


async def test_given_the_window_then_any_clinic_is_booked_as_a_course_and_paid_there() -> None:
    sessions, person = await weeks(await make_clinic(), 1, 3), await make_person()
    registrar = await make_registrar()
    seen = await plan(registrar, person, sessions[0], every=2, visits=2)
    assert all(day.visit for day in seen.days)
    made = await course(person, sessions, registrar)
    assert {(one.status, one.payment_status) for one in made.visits} == {("booked", "unpaid")}
    assert [one.id for one in (await series_of_patient(reading(registrar), person.patient_id)).items] == [made.id]
    nobody = staff_context(staff_id=new_id(), role=StaffRole.PHARMACIST)
    with pytest.raises((Forbidden, NotFound)):
        await course(await make_person(), sessions, nobody)


async def test_given_a_course_then_its_visits_are_ordinary_and_the_rest_goes_in_one_tap(clinic: Clinic) -> None:
    sessions, person = await weeks(clinic, 1, 3, 5, 8), await make_person()
    made = await course(person, sessions[:3])
    first, second, _ = (one.id for one in made.visits)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=first))
    command = RescheduleAppointment(appointment_id=second, schedule_id=sessions[3].schedule_id)
    moved = await run(person.phone, reschedule_appointment, command)
    seen = await series(reading(person.phone), made.id)
    assert (seen.left, moved.id in {one.id for one in seen.visits}) == (2, True)
    with pytest.raises(NotFound):
        await series(reading((await make_person()).phone), made.id)
    stranger = (await make_person()).phone
    with pytest.raises(NotFound):
        await run(stranger, cancel_series, CancelSeries(series_id=made.id))
    after = await run(person.phone, cancel_series, CancelSeries(series_id=made.id))
    again = await run(person.phone, cancel_series, CancelSeries(series_id=made.id))
    assert (after.left, again.left) == (0, 0)
    assert {await state_of(one.id) for one in after.visits} == {("cancelled", "unpaid")}
    free = "SELECT count(*) FROM slot WHERE schedule_id = ANY($1::uuid[]) AND status = 'free'"
    assert await value(free, [one.schedule_id for one in sessions]) == 12


async def test_given_wrong_courses_then_the_database_refuses_them(clinic: Clinic) -> None:
    sessions, person = await weeks(clinic, 1, 3), await make_person()
    made = await course(person, sessions)

    async def wrong(*, wanted: int = 2, every: int = 7) -> None:
        await rows(
            "INSERT INTO booking_series (id, patient_id, department_id, every_days, wanted, made_at) "
            "VALUES ($1, $2, $3, $4, $5, now()) RETURNING id",
            new_id(), person.patient_id, clinic.department_id, every, wanted,
        )  # fmt: skip

    for name, asked in (("booking_series_length", {"wanted": 13}), ("booking_series_length", {"wanted": 1}),
                        ("booking_series_interval", {"every": 0})):  # fmt: skip
        with pytest.raises(CheckViolationError, match=name):
            await wrong(**asked)
    visit: UUID = made.visits[0].id
    with pytest.raises(UniqueViolationError, match="series_visit_once"):
        await rows("INSERT INTO series_visit (id, series_id, appointment_id) VALUES ($1, $2, $3) RETURNING id",
                   new_id(), made.id, visit)  # fmt: skip
