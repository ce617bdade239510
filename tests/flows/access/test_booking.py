"""Taking places: who gets one, who does not, and why."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from hospital_core.access.scheduling.commands import BookAppointment, MakeSchedule
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    DoctorElsewhere,
    RoomTaken,
    SessionOver,
    SlotBegun,
    SlotFull,
    SlotTaken,
    WindowOnly,
)
from hospital_core.access.scheduling.queries import (
    appointment,
    bookable_departments,
    bookable_doctors,
    my_appointments,
    sessions,
    slots,
)
from hospital_core.access.scheduling.service import book_appointment, make_schedule
from hospital_core.access.scheduling.states import AppointmentPayment, AppointmentStatus, ServiceKind
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.kernel.errors import Busy, FieldProblem, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, is_valid_number
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import run
from hospital_core.registry.patients.errors import PatientMerged
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    fire_hold_timer,
    let_hold_lapse,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    now,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import rows, value


async def test_given_a_free_place_then_it_is_held_with_two_times_and_everything_copied() -> None:
    clinic, person = await make_clinic(), await make_person()
    session = await make_session(clinic=clinic)
    held = await book(person=person, session=session)
    assert (held.status, held.payment_status) == (AppointmentStatus.PENDING, AppointmentPayment.UNPAID)
    assert (held.number, held.fee_fen, held.starts_at) == (1, 2500, session.starts_at)
    assert (held.department, held.doctor, held.patient_name_masked) == ("心血管内科", "王建国", "张*丰")
    assert is_valid_number(NumberKind.APPOINTMENT, held.appointment_no)
    (row,) = await rows("SELECT * FROM appointment WHERE id = $1", held.id)
    assert row["pay_until"] - row["created_at"] == timedelta(minutes=15)
    assert row["held_until"] - row["pay_until"] == timedelta(minutes=2)
    assert (row["account_id"], row["channel"]) == (person.account_id, "miniapp")
    (timer,) = await rows(
        "SELECT d.not_before FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id "
        "WHERE e.name = 'AppointmentHoldLapses' AND e.payload->>'appointment_id' = $1",
        str(held.id),
    )
    assert timer["not_before"] == row["held_until"]
    shown = await appointment(reading(person.phone), held.id)
    assert shown == held


async def test_given_a_booking_then_only_access_and_kernel_tables_were_written() -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    before = await value("SELECT count(*) FROM charge_item")
    held = await book(person=person, session=session)
    assert await value("SELECT count(*) FROM charge_item") == before
    assert await value("SELECT count(*) FROM encounter WHERE id = $1", held.encounter_id) == 0


async def test_given_a_wanted_place_then_that_one_is_held_and_a_second_asker_is_told() -> None:
    session = await make_session(clinic=await make_clinic())
    third = (await slots(reading(SYSTEM), session.schedule_id)).items[2]
    held = await book(person=await make_person(), session=session, slot_id=third.slot_id)
    assert (held.number, held.starts_at) == (3, third.starts_at)
    with pytest.raises(SlotTaken):
        await book(person=await make_person(), session=session, slot_id=third.slot_id)
    free = {slot.number: slot.free for slot in (await slots(reading(SYSTEM), session.schedule_id)).items}
    assert free == {1: True, 2: True, 3: False, 4: True}


async def test_given_a_free_session_then_it_is_booked_at_once() -> None:
    person = await make_person()
    session = await make_session(clinic=await make_clinic(fee="0"))
    held = await book(person=person, session=session)
    assert await state_of(held.id) == ("booked", "paid")
    assert await value("SELECT count(*) FROM care_relation WHERE source_id = $1", held.id) == 1


async def _insisted(person: Person, session: ScheduleView) -> AppointmentView:
    """On a machine with much else to do a lock may come too late: whoever hears "busy" asks again."""
    for _ in range(5):
        with contextlib.suppress(Busy):
            return await book(person=person, session=session)
    raise AssertionError("busy, five times")


async def test_given_64_who_want_8_places_then_8_get_one_each_and_56_hear_full() -> None:
    session = await make_session(clinic=await make_clinic(), places=8)
    people = [await make_person() for _ in range(64)]
    answers = await asyncio.gather(*(_insisted(p, session) for p in people), return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 8, "SlotFull": 56}
    sold = await rows(
        "SELECT slot_id FROM appointment WHERE schedule_id = $1 AND status = 'pending'", session.schedule_id
    )
    assert len({row["slot_id"] for row in sold}) == len(sold) == 8
    numbers = {answer.appointment_no for answer in answers if not isinstance(answer, BaseException)}
    assert len(numbers) == 8


async def test_given_16_who_want_the_same_place_then_one_gets_it() -> None:
    session = await make_session(clinic=await make_clinic(), places=8)
    wanted = (await slots(reading(SYSTEM), session.schedule_id)).items[4].slot_id
    people = [await make_person() for _ in range(16)]
    answers = await asyncio.gather(
        *(book(person=p, session=session, slot_id=wanted) for p in people), return_exceptions=True
    )
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 1, "SlotTaken": 15}


_NAIVE_SALE = """
INSERT INTO appointment (id, version, appointment_no, slot_id, schedule_id, department_id, staff_id, patient_id,
                         channel, status, payment_status, starts_at, day, period, service_kind, fee_fen, full_fee_fen,
                         returns_after_s, pay_until, held_until, encounter_id, created_at)
SELECT $1::uuid, 0, left($1::uuid::text, 20), slot.id, s.id, s.department_id, s.staff_id, $2, 'miniapp', 'pending',
       'unpaid', slot.starts_at, s.day, s.period, s.service_kind, s.fee_fen, s.fee_fen, 0, s.ends_at,
       s.ends_at, $1::uuid, hospital_now()
FROM slot JOIN schedule s ON s.id = slot.schedule_id WHERE slot.id = $3"""


async def _sell_naively(session: ScheduleView, buyers: int) -> Counter[str]:
    """Read, think, write: what booking would be without its statement."""
    slot_id = (await slots(reading(SYSTEM), session.schedule_id)).items[0].slot_id
    patients = [(await make_person()).patient_id for _ in range(buyers)]
    everybody_looked = asyncio.Barrier(buyers)

    async def sell(patient_id: UUID) -> None:
        async with pooled_connection() as connection:
            sold = await connection.fetchval("SELECT count(*) FROM appointment WHERE slot_id = $1", slot_id)
            await everybody_looked.wait()
            if sold == 0:
                await connection.execute(_NAIVE_SALE, uuid4(), patient_id, slot_id)

    answers = await asyncio.gather(*(sell(patient) for patient in patients), return_exceptions=True)
    return Counter(type(answer).__name__ for answer in answers)


async def test_given_naive_code_then_the_index_alone_still_sells_once() -> None:
    session = await make_session(clinic=await make_clinic(), places=1)
    assert await _sell_naively(session, 6) == {"NoneType": 1, "UniqueViolationError": 5}


async def test_given_naive_code_without_the_index_then_it_oversells(core: Engines) -> None:
    """The control: this is what the statement and the index prevent. The index comes back whatever happens."""
    owner = await asyncpg.connect(core.owner)
    index = await owner.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'place_sold_once'")
    session = await make_session(clinic=await make_clinic(), places=1)
    await owner.execute("DROP INDEX place_sold_once")
    try:
        assert await _sell_naively(session, 6) == {"NoneType": 6}
    finally:
        await owner.execute("DELETE FROM appointment WHERE schedule_id = $1", session.schedule_id)
        await owner.execute(index)
        await owner.close()


async def test_given_one_patient_twice_in_a_session_then_the_second_is_refused_also_at_once() -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=8)
    answers = await asyncio.gather(*(book(person=person, session=session) for _ in range(6)), return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 1, "AlreadyBooked": 5}
    with pytest.raises(AlreadyBooked) as refused:
        await book(person=person, session=session)
    assert "appointment_id" in refused.value.fields
    free = await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'free'", session.schedule_id)
    assert free == 7


async def test_given_the_last_place_is_locked_by_one_who_gives_up_then_the_next_gets_it() -> None:
    """Not full before it is certain: a lock that may still be given up is waited for."""
    session = await make_session(clinic=await make_clinic(), places=1)
    async with pooled_connection() as rival:
        giving_up = rival.transaction()
        await giving_up.start()
        await rival.execute("SELECT 1 FROM slot WHERE schedule_id = $1 FOR UPDATE", session.schedule_id)
        waiting = asyncio.create_task(book(person=await make_person(), session=session))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await giving_up.rollback()
        assert (await waiting).number == 1


async def test_given_a_lapsed_hold_then_its_place_is_sold_before_any_timer_ran() -> None:
    session = await make_session(clinic=await make_clinic(), places=1)
    first = await book(person=await make_person(), session=session)
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    await let_hold_lapse(first.id)
    second = await book(person=await make_person(), session=session)
    assert (await state_of(first.id), await state_of(second.id)) == (("cancelled", "unpaid"), ("pending", "unpaid"))
    await fire_hold_timer(first.id)
    assert await slot_status(second.id) == "taken", "the late timer of the first hold frees nothing"


async def test_given_the_own_hold_lapsed_then_the_patient_may_book_again() -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    first = await book(person=person, session=session)
    await let_hold_lapse(first.id)
    second = await book(person=person, session=session)
    assert (await state_of(first.id))[0] == "cancelled"
    assert (await state_of(second.id))[0] == "pending"


async def test_given_an_unpaid_hold_when_its_timer_fires_then_it_is_cancelled_and_the_place_is_free() -> None:
    held = await book(person=await make_person(), session=await make_session(clinic=await make_clinic()))
    await fire_hold_timer(held.id)
    assert (await state_of(held.id))[0] == "pending", "a timer that fires too early does nothing"
    again = await book(person=await make_person(), session=await make_session(clinic=await make_clinic()))
    await let_hold_lapse(again.id)
    await fire_hold_timer(again.id)
    assert (await state_of(again.id), await slot_status(again.id)) == (("cancelled", "unpaid"), "free")


async def test_given_places_that_have_begun_then_patients_get_only_later_ones() -> None:
    session = await make_session(clinic=await make_clinic(), places=4, starts_in=timedelta(hours=-1))
    first = (await slots(reading(SYSTEM), session.schedule_id)).items[0]
    assert not first.free
    with pytest.raises(SlotBegun):
        await book(person=await make_person(), session=session, slot_id=first.slot_id)
    assert (await book(person=await make_person(), session=session)).number >= 3


async def test_given_a_session_of_yesterday_then_it_is_over() -> None:
    session = await make_session(clinic=await make_clinic())
    await rows(
        "UPDATE schedule SET starts_at = starts_at - interval '2 days', ends_at = ends_at - interval '2 days' "
        "WHERE id = $1 RETURNING id",
        session.schedule_id,
    )
    await rows(
        "UPDATE slot SET starts_at = starts_at - interval '2 days' WHERE schedule_id = $1 RETURNING id",
        session.schedule_id,
    )
    with pytest.raises(SessionOver):
        await book(person=await make_person(), session=session)


async def test_given_an_emergency_session_then_phones_are_sent_to_the_window() -> None:
    session = await make_session(clinic=await make_clinic(kind="emergency"), service_kind=ServiceKind.EMERGENCY)
    with pytest.raises(WindowOnly):
        await book(person=await make_person(), session=session)


async def test_given_a_stranger_or_nothing_then_nothing_is_found() -> None:
    session, stranger, person = await make_session(clinic=await make_clinic()), await make_person(), await make_person()
    with pytest.raises(NotFound):
        await run(
            stranger.phone,
            book_appointment,
            BookAppointment(patient_id=person.patient_id, schedule_id=session.schedule_id),
        )
    with pytest.raises(NotFound):
        await run(person.phone, book_appointment, BookAppointment(patient_id=person.patient_id, schedule_id=new_id()))
    with pytest.raises(NotFound):
        await book(person=person, session=session, slot_id=new_id())
    held = await book(person=person, session=session)
    with pytest.raises(NotFound):
        await appointment(reading(stranger.phone), held.id)
    assert (await my_appointments(reading(stranger.phone))).items == []
    assert [a.id for a in (await my_appointments(reading(person.phone))).items] == [held.id]


async def test_given_an_unproven_link_then_older_appointments_stay_hidden() -> None:
    owner, session = await make_person(), await make_session(clinic=await make_clinic())
    old = await book(person=owner, session=session)
    await rows("UPDATE appointment SET created_at = created_at - interval '2 hours' WHERE id = $1 RETURNING id", old.id)
    newcomer = await make_person(patient_id=owner.patient_id, proven=False)
    new = await book(person=newcomer, session=await make_session(clinic=await make_clinic()))
    assert [a.id for a in (await my_appointments(reading(newcomer.phone))).items] == [new.id]
    assert {a.id for a in (await my_appointments(reading(owner.phone))).items} == {old.id, new.id}
    with pytest.raises(NotFound):
        await appointment(reading(newcomer.phone), old.id)


async def test_given_many_appointments_then_pages_follow_each_other() -> None:
    person = await make_person()
    booked = [await book(person=person, session=await make_session(clinic=await make_clinic())) for _ in range(3)]
    first = await my_appointments(reading(person.phone), limit=2)
    second = await my_appointments(reading(person.phone), cursor=first.next_cursor, limit=2)
    assert [a.id for a in [*first.items, *second.items]] == [a.id for a in reversed(booked)]
    assert second.next_cursor is None


async def test_given_appointments_of_one_moment_then_a_page_that_ends_among_them_loses_none() -> None:
    person = await make_person()
    booked = [await book(person=person, session=await make_session(clinic=await make_clinic())) for _ in range(5)]
    await rows("UPDATE appointment SET created_at = now() WHERE patient_id = $1 RETURNING id", person.patient_id)
    listed, cursor = [], None
    for _ in range(3):
        page = await my_appointments(reading(person.phone), cursor=cursor, limit=2)
        listed += [one.id for one in page.items]
        cursor = page.next_cursor
    assert (sorted(listed), cursor) == (sorted(one.id for one in booked), None)


async def test_given_sessions_then_phone_and_staff_see_what_each_may_book() -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, places=4, starts_in=timedelta(minutes=-30), hours=1)
    day = day_of(session.starts_at)
    (doctor,) = (await bookable_doctors(reading(SYSTEM), clinic.department_id, day)).items
    assert doctor.sessions[0].places_left == 1, "three of four have begun, for phones"
    (row,) = (await sessions(reading(SYSTEM), clinic.department_id, day)).items
    assert row.places_left == 4, "the window sells all of a running session"
    departments = {d.id: d.available_today for d in (await bookable_departments(reading(SYSTEM))).items}
    assert clinic.department_id in departments


async def test_given_the_doctor_or_the_room_is_taken_then_the_session_is_refused_with_the_reason() -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    other = await make_clinic(beside=clinic)

    def plan(**changed: object) -> MakeSchedule:
        fields = {
            "department_id": clinic.department_id, "staff_id": clinic.doctor_id, "room_id": clinic.room_id,
            "service_kind": "general", "starts_at": session.starts_at, "ends_at": session.ends_at,
            "price_item_id": clinic.price_item_id, "places": 2,
        }  # fmt: skip
        return MakeSchedule.model_validate({**fields, **changed})

    with pytest.raises(DoctorElsewhere):
        await run(SYSTEM, make_schedule, plan(room_id=other.room_id))
    with pytest.raises(RoomTaken):
        await run(SYSTEM, make_schedule, plan(staff_id=other.doctor_id))
    with pytest.raises(FieldProblem):
        await run(SYSTEM, make_schedule, plan(room_id=clinic.area_id))
    with pytest.raises(FieldProblem):
        await run(SYSTEM, make_schedule, plan(ends_at=session.starts_at))
    after = await run(
        SYSTEM, make_schedule, plan(starts_at=session.ends_at, ends_at=session.ends_at + timedelta(hours=1))
    )
    assert after.places_left == 2, "sessions may follow each other without a gap"


async def test_given_a_booked_place_then_its_session_time_bounds_the_time_to_pay() -> None:
    session = await make_session(clinic=await make_clinic(), places=7, starts_in=timedelta(minutes=-48), hours=1)
    held = await book(person=await make_person(), session=session)
    assert held.pay_until == session.ends_at
    assert held.pay_until < await now() + timedelta(minutes=13)


async def test_given_a_booked_patient_then_another_session_is_open_to_them() -> None:
    clinic = await make_clinic()
    person, _ = await make_booked(session=await make_session(clinic=clinic))
    other = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    assert (await book(person=person, session=other)).number == 1


async def test_given_a_merged_file_then_booking_names_the_survivor() -> None:
    source, survivor, session = await make_person(), await make_person(), await make_session(clinic=await make_clinic())
    await rows(
        "INSERT INTO patient_merge (id, source_id, survivor_id, reason, merged_by, merged_at) "
        "VALUES ($1, $2, $3, '同一人', $1, hospital_now()) RETURNING id",
        new_id(), source.patient_id, survivor.patient_id,
    )  # fmt: skip
    with pytest.raises(PatientMerged) as refused:
        await book(person=source, session=session)
    assert refused.value.fields["survivor_id"] == str(survivor.patient_id)
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", session.schedule_id) == 0


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 40, "１"])
async def test_given_a_made_up_cursor_then_it_is_refused(cursor: str) -> None:
    with pytest.raises(FieldProblem):
        await my_appointments(reading((await make_person()).phone), cursor=cursor)


async def test_given_a_confirmed_place_then_it_is_plainly_not_free() -> None:
    """A paid place has no ``held_until``: SQL's NULL must not leak into the list."""
    session = await make_session(clinic=await make_clinic(), places=2)
    await make_booked(session=session)
    assert [slot.free for slot in (await slots(reading(SYSTEM), session.schedule_id)).items] == [False, True]
