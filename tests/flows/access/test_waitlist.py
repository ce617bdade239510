"""Waiting for a place: first come, first served, and nobody else sees what comes back meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hospital_core.access.scheduling.ban_commands import SetBan
from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    AlreadyWaiting,
    BookingBanned,
    NothingToWaitFor,
    NotOffered,
    PaymentNeeded,
    SlotFull,
    SlotTaken,
    StillBookable,
    TooManyWaits,
    WaitlistClosed,
)
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.queries import bookable_doctors, slots
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import (
    book_appointment,
    book_in_rush,
    cancel_appointment,
    taking,
)
from hospital_core.access.scheduling.service.bans import set_ban
from hospital_core.access.scheduling.service.offering import answer_by, serve_line
from hospital_core.access.scheduling.service.waitlist import answer_offer, leave_waitlist
from hospital_core.access.scheduling.statements import is_waited_for
from hospital_core.access.scheduling.states import BanKind, Pool
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, LeaveWaitlist, ServeLine
from hospital_core.access.scheduling.waitlist_queries import due_lines, my_waits, waitlist, waitlist_entry
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.kernel import relay
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    deliver,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    now,
    open_payment,
    reading,
    rule,
    state_of,
)
from tests.fixtures.finance import FakeGateway, rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.waiting import IN_THREE_DAYS, line_up, make_full_session


async def give_up(person: Person, appointment_id: UUID) -> None:
    """A patient cancels."""
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=appointment_id))


async def seen(person: Person, entry: WaitlistEntryView) -> WaitlistEntryView:
    """An entry as its patient sees it now."""
    return await waitlist_entry(reading(person.phone), entry.id)


async def serve(session: ScheduleView) -> None:
    """The worker looks at the line of a session."""
    (row,) = await rows("SELECT department_id, day, period FROM schedule WHERE id = $1", session.schedule_id)
    await run(SYSTEM, serve_line, ServeLine(**dict(row)))


async def answer(person: Person, entry: WaitlistEntryView, *, accept: bool) -> WaitlistEntryView:
    """A patient answers an offer."""
    return await run(person.phone, answer_offer, AnswerOffer(entry_id=entry.id, accept=accept))


async def free_shown(session: ScheduleView) -> int:
    """How many places of a session phones show as free."""
    return sum(slot.free for slot in (await slots(reading(SYSTEM), session.schedule_id)).items)


async def test_given_a_free_place_then_nobody_waits_for_one() -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=IN_THREE_DAYS)
    with pytest.raises(StillBookable):
        await line_up(session)


async def test_given_a_full_doctor_beside_a_free_one_then_one_waits_for_the_doctor_only() -> None:
    clinic = await make_clinic()
    session, _ = await make_full_session(clinic=clinic)
    await make_session(clinic=await make_clinic(beside=clinic), starts_in=IN_THREE_DAYS)
    with pytest.raises(StillBookable):
        await line_up(session)
    _, entry = await line_up(session, doctor=True)
    assert (entry.status, entry.position, entry.doctor) == ("waiting", 1, "王建国")


async def test_given_three_who_wait_then_they_stand_in_the_order_they_came() -> None:
    session, _ = await make_full_session()
    line = [await line_up(session) for _ in range(3)]
    assert [(await seen(*one)).position for one in line] == [1, 2, 3]
    await run(line[0][0].phone, leave_waitlist, LeaveWaitlist(entry_id=line[0][1].id))
    assert [(await seen(*one)).position for one in line] == [None, 1, 2]
    day = line[0][1].day
    listed = await waitlist(reading(SYSTEM), day, session.department_id)
    assert [one.id for one in listed.items] == [entry.id for _, entry in line]


async def test_given_a_cancelled_place_then_the_first_gets_it_pays_and_has_it(gateway: FakeGateway) -> None:
    session, ((sitting, held),) = await make_full_session()
    first, second = await line_up(session), await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    offered = await seen(*first)
    assert offered.status == "offered"
    assert offered.offer is not None
    assert (await seen(*second)).position == 1
    number = await open_payment(gateway, person=first[0], appointment_id=offered.offer.appointment_id)
    await deliver(gateway.pay(number))
    assert (await seen(*first)).status == "booked"
    assert await state_of(offered.offer.appointment_id) == ("booked", "paid")
    assert await money_findings(first[0].patient_id) == []


async def test_given_an_offer_that_lapses_then_the_next_gets_it_at_once_even_of_a_sought_after_doctor() -> None:
    session, ((sitting, held),) = await make_full_session(sought_after=True)
    first, second = await line_up(session), await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    assert (await seen(*first)).status == "waiting"  # the secret moment has not come
    await rows("UPDATE slot SET free_from = hospital_now() WHERE schedule_id = $1 RETURNING id", session.schedule_id)
    await serve(session)
    offered = await seen(*first)
    assert offered.offer is not None
    await let_hold_lapse(offered.offer.appointment_id)
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    await fire_hold_timer(offered.offer.appointment_id)
    assert ((await seen(*first)).status, (await seen(*second)).status) == ("lapsed", "offered")


async def test_given_the_last_in_line_declines_a_sought_after_place_then_it_is_hidden_from_all_others() -> None:
    session, ((sitting, held),) = await make_full_session(sought_after=True)
    only = await line_up(session)
    await give_up(sitting, held.id)
    await rows("UPDATE slot SET free_from = hospital_now() WHERE schedule_id = $1 RETURNING id", session.schedule_id)
    await serve(session)
    assert (await answer(*only, accept=False)).status == "declined"
    await relay.drain(8)
    assert await free_shown(session) == 0
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)


async def test_given_a_declined_offer_then_the_next_gets_it_and_the_decliner_cannot_take_it_back() -> None:
    session, ((sitting, held),) = await make_full_session()
    first, second = await line_up(session), await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    assert (await answer(*first, accept=False)).status == "declined"
    await relay.drain(8)
    assert (await seen(*second)).status == "offered"
    with pytest.raises(NotOffered):
        await answer(*first, accept=True)


async def test_given_an_offered_place_given_back_as_any_other_then_it_goes_on() -> None:
    session, ((sitting, held),) = await make_full_session()
    first, second = await line_up(session), await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    offer = (await seen(*first)).offer
    assert offer is not None
    await give_up(first[0], offer.appointment_id)
    await relay.drain(8)
    assert ((await seen(*first)).status, (await seen(*second)).status) == ("declined", "offered")


async def test_given_a_place_without_fee_then_it_is_held_until_it_is_confirmed() -> None:
    session, ((sitting, held),) = await make_full_session(clinic=await make_clinic(fee="0.00"))
    first = await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    offer = (await seen(*first)).offer
    assert offer is not None
    assert await state_of(offer.appointment_id) == ("pending", "unpaid")
    assert (await answer(*first, accept=True)).status == "booked"
    assert await state_of(offer.appointment_id) == ("booked", "paid")


async def test_given_a_place_with_a_fee_then_saying_yes_is_paying() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    await give_up(sitting, held.id)
    await relay.drain(8)
    with pytest.raises(PaymentNeeded):
        await answer(*first, accept=True)


async def test_given_somebody_in_line_then_a_returned_place_is_shown_to_nobody_and_sold_to_nobody() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    await give_up(sitting, held.id)
    (place,) = (await slots(reading(SYSTEM), session.schedule_id)).items
    assert not place.free
    day = first[1].day
    (doctor,) = (await bookable_doctors(reading(SYSTEM), session.department_id, day)).items
    assert [one.places_left for one in doctor.sessions] == [0]
    bot = await make_person()
    with pytest.raises(SlotFull):
        await book(person=bot, session=session)
    with pytest.raises(SlotTaken):
        await book(person=bot, session=session, slot_id=place.slot_id)
    with pytest.raises(SlotFull):
        await run(bot.kiosk, book_appointment,
                  BookAppointment(patient_id=bot.patient_id, schedule_id=session.schedule_id))  # fmt: skip
    await run(first[0].phone, leave_waitlist, LeaveWaitlist(entry_id=first[1].id))
    assert await free_shown(session) == 1
    await book(person=bot, session=session)


async def storm(session: ScheduleView, sitting: Person, held: AppointmentView) -> Counter[str]:
    """A place is given back while forty bots try to book it, alone and together, until the line was served."""
    bots = [await make_person() for _ in range(40)]
    given_back = asyncio.Event()

    async def attack(bot: Person, turn: int) -> str:
        command = BookAppointment(patient_id=bot.patient_id, schedule_id=session.schedule_id)
        for _ in range(50):
            try:
                if turn % 2:
                    await book_in_rush(bot.phone, command)
                else:
                    await run(bot.phone, book_appointment, command)
            except SlotFull:
                if given_back.is_set():
                    return "full"
                continue
            return "got it"
        return "full"

    async def hand_over() -> str:
        await asyncio.sleep(0.05)
        await give_up(sitting, held.id)
        await asyncio.sleep(0.05)
        await relay.drain(8)
        given_back.set()
        return "handed over"

    return Counter(await asyncio.gather(hand_over(), *(attack(bot, turn) for turn, bot in enumerate(bots))))


async def test_given_bots_that_try_all_the_time_then_a_returned_place_reaches_the_first_in_line() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    assert await storm(session, sitting, held) == {"handed over": 1, "full": 40}
    assert (await seen(*first)).status == "offered"


@contextmanager
def guard_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Booking that does not ask whether somebody waits."""
    with monkeypatch.context() as patched:
        patched.setattr(taking, "FACTS", taking.FACTS.replace(is_waited_for("s", "$4"), "false"))
        blind = {how: sql.replace(is_waited_for("s", "$1"), "false") for how, sql in taking._STATEMENTS.items()}
        patched.setattr(taking, "_STATEMENTS", blind)
        yield


async def test_given_the_guard_off_then_a_bot_takes_it_before_the_line_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: the same attack on booking that does not know of the line."""
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    with guard_off(monkeypatch):
        assert (await storm(session, sitting, held))["got it"] == 1
    assert (await seen(*first)).status == "waiting"


async def test_given_many_places_back_and_many_servers_at_once_then_each_goes_to_one_in_their_order() -> None:
    session, sitters = await make_full_session(places=6)
    line = [await line_up(session) for _ in range(9)]
    await asyncio.gather(*(give_up(person, held.id) for person, held in sitters))
    await asyncio.gather(*(serve(session) for _ in range(5)))
    await relay.drain(8)
    assert [(await seen(*one)).status for one in line] == ["offered"] * 6 + ["waiting"] * 3
    taken = await value("SELECT count(DISTINCT slot_id) FROM appointment WHERE schedule_id = $1 AND status = 'pending'",
                        session.schedule_id)  # fmt: skip
    assert taken == 6


async def test_given_a_lapsed_hold_that_nobody_tidied_then_the_worker_finds_it_for_the_line() -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, places=1, starts_in=IN_THREE_DAYS)
    held = await book(person=await make_person(), session=session)
    first = await line_up(session)
    await relay.drain(8)
    await let_hold_lapse(held.id)
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    (mine,) = [one for one in await due_lines(reading(SYSTEM)) if one.department_id == clinic.department_id]
    await run(SYSTEM, serve_line, mine)
    assert (await seen(*first)).status == "offered"


async def test_given_kept_places_that_become_everybodys_then_the_line_has_them_first() -> None:
    kept = [PoolQuota(pool=Pool.WINDOW, places=1, returns_minutes_before=60)]
    session = await make_session(clinic=await make_clinic(), places=2, pools=kept, starts_in=IN_THREE_DAYS)
    await book(person=await make_person(), session=session)
    first = await line_up(session)
    await rows("UPDATE slot SET pool_until = hospital_now() WHERE schedule_id = $1 AND pool = 'window' RETURNING id",
               session.schedule_id)  # fmt: skip
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    await serve(session)
    assert (await seen(*first)).status == "offered"


async def test_given_a_session_added_for_a_waited_for_day_then_the_line_has_it_first() -> None:
    clinic = await make_clinic()
    session, _ = await make_full_session(clinic=clinic)
    first = await line_up(session)
    await relay.drain(8)
    added = await make_session(clinic=await make_clinic(beside=clinic), starts_in=IN_THREE_DAYS, places=2)
    assert await free_shown(added) == 0
    await serve(session)
    assert (await seen(*first)).status == "offered"
    assert await free_shown(added) == 1


async def test_given_a_place_that_came_back_while_somebody_joined_then_joining_finds_it() -> None:
    session, ((sitting, held),) = await make_full_session()
    await give_up(sitting, held.id)
    with pytest.raises(StillBookable):
        await line_up(session)
    hidden, ((other, taken),) = await make_full_session(sought_after=True)
    await give_up(other, taken.id)
    first = await line_up(hidden)  # hidden is not bookable
    await rows("UPDATE slot SET free_from = hospital_now() WHERE schedule_id = $1 RETURNING id", hidden.schedule_id)
    await relay.drain(8)
    assert (await seen(*first)).status == "offered"


async def test_given_the_evening_before_then_the_line_closes_and_what_is_free_is_everybodys() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    await relay.drain(8)
    await rows("UPDATE waitlist_entry SET closes_at = hospital_now() WHERE id = $1 RETURNING id", first[1].id)
    await give_up(sitting, held.id)
    await book(person=await make_person(), session=session)  # before any cleaner ran
    await serve(session)
    assert (await seen(*first)).status == "expired"
    async with rule(RuleCode.WAITLIST_CLOSES_MINUTE, 0):
        tomorrow = await make_session(clinic=await make_clinic(), places=1, starts_in=timedelta(hours=20))
        await book(person=await make_person(), session=tomorrow)
        with pytest.raises(WaitlistClosed):
            await line_up(tomorrow)


async def test_given_one_live_entry_then_a_second_of_that_department_and_day_is_refused() -> None:
    session, _ = await make_full_session()
    person, _ = await line_up(session)
    with pytest.raises(AlreadyWaiting):
        await line_up(session, person=person, doctor=True)


async def test_given_three_entries_of_an_account_then_a_fourth_is_refused_even_at_once() -> None:
    sessions = [(await make_full_session())[0] for _ in range(5)]
    person = await make_person()
    answers = await asyncio.gather(*(line_up(one, person=person) for one in sessions), return_exceptions=True)
    assert sum(isinstance(one, TooManyWaits) for one in answers) >= 2
    waiting = await value("SELECT count(*) FROM waitlist_entry WHERE account_id = $1 AND status = 'waiting'",
                          person.account_id)  # fmt: skip
    for session in sessions:
        if waiting < 3:
            try:
                await line_up(session, person=person)
            except AlreadyWaiting:
                continue
            waiting += 1
    with pytest.raises(TooManyWaits):
        await line_up((await make_full_session())[0], person=person)
    assert waiting == 3


async def test_given_an_appointment_of_that_half_day_then_nobody_waits_and_who_booked_since_is_passed_over() -> None:
    clinic = await make_clinic()
    session, ((sitting, held),) = await make_full_session(clinic=clinic)
    with pytest.raises(AlreadyBooked):
        await line_up(session, person=sitting)
    first, second = await line_up(session, doctor=True), await line_up(session, doctor=True)
    beside = await make_session(clinic=await make_clinic(beside=clinic), starts_in=IN_THREE_DAYS)
    await book(person=first[0], session=beside)
    await give_up(sitting, held.id)
    await relay.drain(8)
    assert ((await seen(*first)).status, (await seen(*second)).status) == ("dropped", "offered")


async def test_given_a_banned_patient_then_they_can_neither_join_nor_be_offered() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    ban = SetBan(patient_id=first[0].patient_id, kind=BanKind.SCALPING, days=5, reason="倒号")
    await run(SYSTEM, set_ban, ban)
    await give_up(sitting, held.id)
    await relay.drain(8)
    assert (await seen(*first)).status == "dropped"
    with pytest.raises(BookingBanned):
        await line_up((await make_full_session())[0], person=first[0])


async def test_given_no_session_on_that_day_then_there_is_nothing_to_wait_for() -> None:
    session, _ = await make_full_session()
    await rows("UPDATE schedule SET status = 'stopped' WHERE id = $1 RETURNING id", session.schedule_id)
    with pytest.raises(NothingToWaitFor):
        await line_up(session)


async def test_given_another_phone_then_the_entry_does_not_exist_for_it() -> None:
    session, _ = await make_full_session()
    _, entry = await line_up(session)
    other = await make_person()
    with pytest.raises(NotFound):
        await run(other.phone, leave_waitlist, LeaveWaitlist(entry_id=entry.id))
    assert (await my_waits(reading(other.phone))).items == []


async def test_given_the_limits_of_the_day_then_an_offer_made_by_the_hospital_does_not_count() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 1):
        await book(person=first[0], session=await make_session(clinic=await make_clinic()))
        await give_up(sitting, held.id)
        await relay.drain(8)
    assert (await seen(*first)).status == "offered"


@pytest.mark.parametrize(
    ("made", "by"),
    [
        ("2026-11-22T10:00+08:00", "2026-11-22T10:30+08:00"),
        ("2026-11-22T23:10+08:00", "2026-11-23T07:30+08:00"),
        ("2026-11-23T03:00+08:00", "2026-11-23T07:30+08:00"),
        ("2026-11-23T07:00+08:00", "2026-11-23T07:30+08:00"),
    ],
)
def test_given_an_offer_at_night_then_the_time_to_answer_begins_in_the_morning(made: str, by: str) -> None:
    assert answer_by(datetime.fromisoformat(made).astimezone(UTC), 30) == datetime.fromisoformat(by)


async def test_given_an_offer_then_it_is_held_as_long_as_it_can_be_answered() -> None:
    session, ((sitting, held),) = await make_full_session()
    first = await line_up(session)
    await give_up(sitting, held.id)
    before = await now()
    await relay.drain(8)
    offer = (await seen(*first)).offer
    assert offer is not None
    assert answer_by(before, 30) <= offer.answer_by <= answer_by(await now(), 30)
    held_until = await value("SELECT held_until FROM slot WHERE schedule_id = $1", session.schedule_id)
    assert held_until - offer.answer_by == timedelta(minutes=2)
