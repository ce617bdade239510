"""What booking obeys: kept places, release, limits, real names, revisits, and places that come back in secret."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment, RegisterWalkIn
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    NotReleased,
    RealNameRequired,
    SlotFull,
    TooLateToCancel,
    TooManyBookings,
)
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.queries import appointment, schedule, slots
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import book_appointment, cancel_appointment, register_walk_in
from hospital_core.access.scheduling.states import Pool, RuleScope, ServiceKind
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    fire_hold_timer,
    let_hold_lapse,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    now,
    reading,
    rule,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import rows, value


async def book_at_kiosk(*, person: Person, schedule_id: object) -> object:
    """A place taken in front of a kiosk."""
    command = BookAppointment.model_validate({"patient_id": person.patient_id, "schedule_id": schedule_id})
    return await run(person.kiosk, book_appointment, command)


def test_given_every_rule_that_staff_can_change_then_something_obeys_it(repository: Path) -> None:
    code = [path.read_text() for path in (repository / "hospital_core/access").rglob("*.py") if path.name != "rules.py"]
    idle = {rule.name for rule in RuleCode if not any(f"RuleCode.{rule.name}" in text for text in code)}
    assert not idle


async def test_given_places_kept_for_kiosks_then_phones_cannot_have_them_and_kiosks_can() -> None:
    kept = [PoolQuota(pool=Pool.KIOSK, places=1)]
    session = await make_session(clinic=await make_clinic(), places=2, pools=kept)
    shown = (await slots(reading(SYSTEM), session.schedule_id)).items
    assert len(shown) == 1
    await book(person=await make_person(), session=session)
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    await book_at_kiosk(person=await make_person(), schedule_id=session.schedule_id)
    with pytest.raises(SlotFull):
        await book_at_kiosk(person=await make_person(), schedule_id=session.schedule_id)


async def test_given_places_kept_for_phones_then_the_window_is_told_how_many_it_may_sell() -> None:
    kept = [PoolQuota(pool=Pool.MINIAPP, places=3), PoolQuota(pool=Pool.WINDOW, places=1)]
    session = await make_session(
        clinic=await make_clinic(fee="0"), places=5, starts_in=timedelta(minutes=30), pools=kept
    )
    assert (session.places_left, session.left_at_window) == (5, 2)
    registrar = await make_registrar()
    for _ in range(session.left_at_window):
        one = RegisterWalkIn(patient_id=(await make_person()).patient_id, schedule_id=session.schedule_id,
                             tendered_fen=0)  # fmt: skip
        await run(registrar, register_walk_in, one)
    left = await schedule(reading(SYSTEM), session.schedule_id)
    assert (left.places_left, left.left_at_window) == (3, 0)
    with pytest.raises(SlotFull):
        await run(registrar, register_walk_in, one.model_copy(update={"patient_id": (await make_person()).patient_id}))


async def test_given_unsold_kept_places_when_their_time_comes_then_they_are_everybodys_without_any_cleaner() -> None:
    kept = [PoolQuota(pool=Pool.WINDOW, places=2, returns_minutes_before=60)]
    early = await make_session(clinic=await make_clinic(), places=2, pools=kept, starts_in=timedelta(minutes=90))
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=early)
    late = await make_session(clinic=await make_clinic(), places=2, pools=kept, starts_in=timedelta(minutes=50))
    assert [slot.free for slot in (await slots(reading(SYSTEM), late.schedule_id)).items] == [True, True]
    await book(person=await make_person(), session=late)


async def test_given_a_session_before_its_release_then_nothing_is_shown_free_and_booking_says_when() -> None:
    opens = await now() + timedelta(hours=3)
    session = await make_session(clinic=await make_clinic(), released_at=opens)
    assert not any(slot.free for slot in (await slots(reading(SYSTEM), session.schedule_id)).items)
    with pytest.raises(NotReleased) as refused:
        await book(person=await make_person(), session=session)
    assert refused.value.fields["opens_at"] == opens.isoformat()


async def test_given_one_patient_in_two_sessions_of_a_department_and_half_day_then_the_second_is_refused() -> None:
    clinic = await make_clinic()
    first = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    second = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=2))
    other_department = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    next_day = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    person = await make_person()
    held = await book(person=person, session=first)
    with pytest.raises(AlreadyBooked) as refused:
        await book(person=person, session=second)
    assert refused.value.fields["appointment_id"] == str(held.id)
    await book(person=person, session=other_department)
    await book(person=person, session=next_day)


async def test_given_a_lapsed_hold_of_ones_own_then_it_does_not_stand_in_the_way() -> None:
    clinic, person = await make_clinic(), await make_person()
    first = await book(person=person, session=await make_session(clinic=clinic, starts_in=timedelta(days=2)))
    await let_hold_lapse(first.id)
    second = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=2))
    assert (await book(person=person, session=second)).number == 1
    assert (await appointment(reading(person.phone), first.id)).status == "cancelled"


async def test_given_a_seen_patient_then_another_visit_the_same_half_day_is_possible() -> None:
    clinic = await make_clinic()
    person, seen = await make_booked(session=await make_session(clinic=clinic))
    await rows("UPDATE appointment SET status = 'fulfilled', payment_status = 'paid' WHERE id = $1", seen.id)
    again = await make_session(clinic=await make_clinic(beside=clinic))
    assert (await book(person=person, session=again)).number == 1


async def test_given_the_limit_of_a_patient_then_the_next_is_refused_also_after_giving_one_back() -> None:
    person = await make_person()
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 2):
        held = [await book(person=person, session=await make_session(clinic=await make_clinic())) for _ in range(2)]
        await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held[0].id))
        with pytest.raises(TooManyBookings) as refused:
            await book(person=person, session=await make_session(clinic=await make_clinic()))
    assert refused.value.fields == {"subject": "patient", "most": 2}


async def test_given_many_at_once_for_one_account_then_exactly_the_limit_are_sold(core: Engines) -> None:
    person, sessions = await make_person(), [await make_session(clinic=await make_clinic()) for _ in range(8)]
    async with rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 3), rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 50):
        answers = await asyncio.gather(*(book(person=person, session=s) for s in sessions), return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 3, "TooManyBookings": 5}
    assert await value("SELECT made FROM booking_count WHERE subject_id = $1", person.account_id) == 3
    left = [await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'free'", s.schedule_id)
            for s in sessions]  # fmt: skip
    assert sorted(left) == [3, 3, 3, 4, 4, 4, 4, 4]


async def test_given_the_guard_off_then_the_limit_is_passed(core: Engines) -> None:
    """The control: without the condition in the count, the same attack sells more."""
    owner = await asyncpg.connect(core.owner)
    person, sessions = await make_person(), [await make_session(clinic=await make_clinic()) for _ in range(6)]
    async with rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 3), rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 50):
        await owner.execute("CREATE FUNCTION forget_count() RETURNS trigger LANGUAGE plpgsql AS "
                            "$$ BEGIN NEW.made := 1; RETURN NEW; END $$;"
                            "CREATE TRIGGER forget_count BEFORE INSERT OR UPDATE ON booking_count "
                            "FOR EACH ROW EXECUTE FUNCTION forget_count()")  # fmt: skip
        try:
            answers = await asyncio.gather(*(book(person=person, session=s) for s in sessions), return_exceptions=True)
        finally:
            await owner.execute("DROP TRIGGER forget_count ON booking_count; DROP FUNCTION forget_count()")
            await owner.close()
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 6}


async def test_given_a_file_without_documents_then_it_books_at_the_window_only() -> None:
    person = await make_person()
    await rows("UPDATE patient SET temporary = true, temporary_reason = 'newborn' WHERE id = $1 RETURNING id",
               person.patient_id)  # fmt: skip
    session = await make_session(clinic=await make_clinic())
    with pytest.raises(RealNameRequired):
        await book(person=person, session=session)
    async with rule(RuleCode.REAL_NAME_REQUIRED, 0):
        await book(person=person, session=session)


async def test_given_a_cut_off_then_giving_back_online_ends_with_it() -> None:
    person, held = await make_booked(
        session=await make_session(clinic=await make_clinic(), starts_in=timedelta(hours=5))
    )
    async with rule(RuleCode.CANCEL_BEFORE_MINUTES, 360, scope=RuleScope.SERVICE_KIND, key=ServiceKind.GENERAL):
        with pytest.raises(TooLateToCancel):
            await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
        assert (await appointment(reading(person.phone), held.id)).can_cancel is False


async def test_given_a_revisit_within_the_departments_days_then_it_costs_the_part_that_the_rule_says() -> None:
    clinic = await make_clinic(fee="50.00")
    person, seen = await make_booked(session=await make_session(clinic=clinic))
    await rows("UPDATE appointment SET status = 'fulfilled', payment_status = 'paid' WHERE id = $1", seen.id)
    key = str(clinic.department_id)
    again = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    async with (
        rule(RuleCode.REVISIT_DAYS, 3, scope=RuleScope.DEPARTMENT, key=key),
        rule(RuleCode.REVISIT_PERCENT, 20, scope=RuleScope.DEPARTMENT, key=key),
    ):
        held = await book(person=person, session=again)
        stranger = await book(person=await make_person(), session=again)
    assert (held.fee_fen, stranger.fee_fen) == (1000, 5000)
    assert await value("SELECT full_fee_fen FROM appointment WHERE id = $1", held.id) == 5000


async def test_given_a_free_revisit_then_it_is_booked_at_once() -> None:
    clinic = await make_clinic()
    person, seen = await make_booked(session=await make_session(clinic=clinic))
    await rows("UPDATE appointment SET status = 'fulfilled', payment_status = 'paid' WHERE id = $1", seen.id)
    again = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=2))
    async with rule(RuleCode.REVISIT_DAYS, 3, scope=RuleScope.DEPARTMENT, key=str(clinic.department_id)):
        held = await book(person=person, session=again)
    assert (held.status, held.payment_status, held.fee_fen) == ("booked", "paid", 0)


@pytest.mark.parametrize("comes_back", ["cancelled", "lapsed", "lapsed and tidied up"])
async def test_given_a_sought_after_place_that_comes_back_then_a_buyer_cannot_take_it_at_once(comes_back: str) -> None:
    session = await make_session(clinic=await make_clinic(), places=1, sought_after=True)
    scalper = await make_person()
    held = await book(person=scalper, session=session)
    if comes_back == "cancelled":
        await run(scalper.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    else:
        await let_hold_lapse(held.id)
    if comes_back == "lapsed and tidied up":
        await fire_hold_timer(held.id)
    for _ in range(3):
        with pytest.raises(SlotFull):
            await book(person=await make_person(), session=session)
    assert not any(slot.free for slot in (await slots(reading(SYSTEM), session.schedule_id)).items)
    hidden = await value("SELECT free_from - hospital_now() FROM slot WHERE schedule_id = $1", session.schedule_id)
    assert timedelta(minutes=28) < hidden <= timedelta(minutes=140)
    await rows("UPDATE slot SET free_from = hospital_now() WHERE schedule_id = $1 RETURNING id", session.schedule_id)
    assert (await book(person=await make_person(), session=session)).number == 1


async def test_given_an_ordinary_place_that_comes_back_then_it_is_free_at_once() -> None:
    """The control of the secret: without it cancel-and-rebook works."""
    session = await make_session(clinic=await make_clinic(), places=1)
    scalper = await make_person()
    held = await book(person=scalper, session=session)
    await run(scalper.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert (await book(person=await make_person(), session=session)).number == 1


async def test_given_sought_after_places_then_no_two_come_back_at_a_time_that_can_be_foretold() -> None:
    session = await make_session(clinic=await make_clinic(), places=6, sought_after=True)
    for _ in range(6):
        await book(person=await make_person(), session=session)
    drawn = await rows("SELECT returns_after_s FROM appointment WHERE schedule_id = $1", session.schedule_id)
    seconds = {row["returns_after_s"] for row in drawn}
    assert len(seconds) > 3
    assert all(30 * 60 <= one <= 120 * 60 for one in seconds)


async def test_given_no_revisit_days_here_then_a_second_visit_of_the_day_costs_as_ever() -> None:
    clinic, elsewhere = await make_clinic(fee="50.00"), await make_clinic()
    person, seen = await make_booked(session=await make_session(clinic=clinic))
    await rows("UPDATE appointment SET status = 'fulfilled', payment_status = 'paid' WHERE id = $1", seen.id)
    again = await make_session(clinic=await make_clinic(beside=clinic))
    async with rule(RuleCode.REVISIT_DAYS, 3, scope=RuleScope.DEPARTMENT, key=str(elsewhere.department_id)):
        held = await book(person=person, session=again)
    assert held.fee_fen == 5000, "0 days are no days, not this one"


@pytest.mark.parametrize("comes_back", ["cancelled", "lapsed"])
async def test_given_a_sought_after_place_shortly_before_its_time_then_its_return_is_a_secret_too(
    comes_back: str,
) -> None:
    session = await make_session(
        clinic=await make_clinic(), places=8, hours=0.5, starts_in=timedelta(minutes=40), sought_after=True
    )
    for _ in range(8):
        person = await make_person()
        held = await book(person=person, session=session)
        if comes_back == "cancelled":
            await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    back = await rows(
        "SELECT extract(epoch FROM starts_at - free_from) AS before_s, extract(epoch FROM free_from - hospital_now()) "
        "AS after_s FROM slot WHERE schedule_id = $1 ORDER BY number", session.schedule_id,
    )  # fmt: skip
    assert all(row["after_s"] > 5 * 60 for row in back), "never at once"
    assert all(row["before_s"] > 5 * 60 for row in back), "with time left to come"
    apart = {round(row["before_s"] / 10) for row in back}
    assert len(apart) > 4, "at no moment that can be foretold"
