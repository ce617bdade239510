"""Many bookings in one transaction: the same answers as alone, and nothing lost when it fails."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.errors import AlreadyBooked
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import book, book_in_rush, rush
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.kernel import combining
from hospital_core.kernel.context import Context, IdempotencyKey
from hospital_core.kernel.errors import IdempotencyMismatch, NotFound
from hospital_core.kernel.ids import new_id
from tests.fixtures.access import (
    Person,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    rule,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import rows, value

ROUTE = "POST /api/miniapp/v1/appointments"


def keyed(person: Person, key: str = "", body: bytes = b"b") -> Context:
    """A phone's request with an Idempotency-Key of its own."""
    return replace(person.phone, idempotency=IdempotencyKey(key or str(new_id()), ROUTE, body.ljust(32)))


def wish(person: Person, session: ScheduleView, slot_id: UUID | None = None) -> BookAppointment:
    """What the phone asks for."""
    return BookAppointment(patient_id=person.patient_id, schedule_id=session.schedule_id, slot_id=slot_id)


@pytest.fixture(autouse=True)
def combined(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many members each transaction had."""
    sizes: list[int] = []
    together = rush._combiner._together

    async def watched(uows: Any, commands: Any) -> Any:
        sizes.append(len(commands))
        return await together(uows, commands)

    monkeypatch.setattr(rush._combiner, "_together", watched)
    return sizes


async def everybody(people: list[Person], session: ScheduleView) -> list[AppointmentView | BaseException]:
    """All of them at once."""
    return await asyncio.gather(
        *(book_in_rush(keyed(person), wish(person, session)) for person in people), return_exceptions=True
    )


async def test_given_a_rush_then_each_place_is_sold_once_in_few_transactions(combined: list[int]) -> None:
    session = await make_session(clinic=await make_clinic(), places=20)
    people = [await make_person() for _ in range(50)]
    answers = await everybody(people, session)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 20, "SlotFull": 30}
    sold = [answer for answer in answers if isinstance(answer, AppointmentView)]
    assert sorted(one.number for one in sold) == list(range(1, 21))
    assert len({one.appointment_no for one in sold}) == 20
    assert max(combined) > 10
    assert (
        await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'taken'", session.schedule_id) == 20
    )


async def test_given_a_combined_booking_then_it_leaves_all_that_a_lonely_one_leaves() -> None:
    session = await make_session(clinic=await make_clinic(), places=4)
    people = [await make_person() for _ in range(3)]
    held = [one for one in await everybody(people, session) if isinstance(one, AppointmentView)]
    assert len(held) == 3
    for one in held:
        (line,) = await rows("SELECT * FROM audit_row WHERE object_id = $1", one.id)
        assert (line["action"], line["patient_id"]) == ("scheduling.book_appointment", one.patient_id)
        (timer,) = await rows(
            "SELECT d.not_before, e.request_id FROM outbox_event e JOIN outbox_delivery d ON d.event_id = e.id "
            "WHERE e.name = 'AppointmentHoldLapses' AND e.payload->>'appointment_id' = $1",
            str(one.id),
        )
        assert timer["not_before"] > one.pay_until
        assert timer["request_id"] == line["request_id"]


async def test_given_the_same_key_again_then_the_first_answer_returns_and_another_body_is_refused() -> None:
    session, person = await make_session(clinic=await make_clinic()), await make_person()
    first = await book_in_rush(keyed(person, "same-key"), wish(person, session))
    again = await book_in_rush(keyed(person, "same-key"), wish(person, session))
    assert again == first
    with pytest.raises(IdempotencyMismatch):
        await book_in_rush(keyed(person, "same-key", b"other"), wish(person, session))


async def test_given_double_taps_at_once_then_one_booking_and_one_answer() -> None:
    session, person = await make_session(clinic=await make_clinic()), await make_person()
    answers = await asyncio.gather(*(book_in_rush(keyed(person, "tapped"), wish(person, session)) for _ in range(5)))
    assert len({answer.id for answer in answers}) == 1
    assert await value("SELECT count(*) FROM appointment WHERE patient_id = $1", person.patient_id) == 1


async def test_given_members_that_are_not_plain_then_they_hear_what_they_would_alone() -> None:
    session = await make_session(clinic=await make_clinic(), places=9)
    plain, twice, stranger = await make_person(), await make_person(), await make_person()
    await book_in_rush(keyed(twice), wish(twice, session))
    foreign = BookAppointment(patient_id=plain.patient_id, schedule_id=session.schedule_id)
    nowhere = BookAppointment(patient_id=stranger.patient_id, schedule_id=new_id())
    answers = await asyncio.gather(
        book_in_rush(keyed(plain), wish(plain, session)),
        book_in_rush(keyed(twice), wish(twice, session)),
        book_in_rush(keyed(stranger), foreign),
        book_in_rush(keyed(stranger), nowhere),
        return_exceptions=True,
    )
    assert isinstance(answers[0], AppointmentView)
    assert [type(answer) for answer in answers[1:]] == [AlreadyBooked, NotFound, NotFound]


async def test_given_two_who_want_one_named_place_then_one_has_it() -> None:
    session = await make_session(clinic=await make_clinic(), places=3)
    place = await value("SELECT id FROM slot WHERE schedule_id = $1 AND number = 2", session.schedule_id)
    people = [await make_person() for _ in range(4)]
    answers = await asyncio.gather(
        *(book_in_rush(keyed(person), wish(person, session, place)) for person in people), return_exceptions=True
    )
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 1, "SlotTaken": 3}


async def test_given_only_lapsed_holds_left_then_they_are_sold_by_the_lonely_way() -> None:
    session = await make_session(clinic=await make_clinic(), places=2)
    for one in await everybody([await make_person(), await make_person()], session):
        assert isinstance(one, AppointmentView)
        await let_hold_lapse(one.id)
    answers = await everybody([await make_person() for _ in range(4)], session)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 2, "SlotFull": 2}


async def test_given_a_transaction_that_fails_then_every_member_is_done_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(uows: Any, commands: Any) -> Any:
        await uows[0].fetch("SELECT 1 / 0")

    monkeypatch.setattr(rush._combiner, "_together", broken)
    session = await make_session(clinic=await make_clinic(), places=3)
    answers = await everybody([await make_person() for _ in range(5)], session)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 3, "SlotFull": 2}


async def test_given_a_limit_reached_meanwhile_then_nothing_of_the_shared_transaction_stays(core: Engines) -> None:
    """The counts' last word: what was read before was not yet true."""
    session, person = await make_session(clinic=await make_clinic(), places=5), await make_person()
    others = [await make_person() for _ in range(3)]
    counted = asyncio.Event()

    async with rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 1):
        original = rush.count

        async def late(uow: Any, wishes: Any, book: Any, desk: Any) -> Any:
            if not counted.is_set() and any(wish.account_id == person.account_id for wish in wishes):
                counted.set()
                elsewhere = await asyncpg.connect(core.app)
                await elsewhere.execute(
                    "INSERT INTO booking_count (id, subject, subject_id, day, made) VALUES (gen_random_uuid(), "
                    "'account', $1, (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date, 1)",
                    person.account_id,
                )
                await elsewhere.close()
            return await original(uow, wishes, book, desk)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(rush, "count", late)
            answers = await everybody([person, *others], session)
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 3, "TooManyBookings": 1}
    assert type(answers[0]).__name__ == "TooManyBookings"
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", session.schedule_id) == 3


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Shared transactions stop before their end until this is set."""
    go_on = asyncio.Event()
    together = rush._combiner._together

    async def waits(uows: Any, commands: Any) -> Any:
        outcomes = await together(uows, commands)
        await go_on.wait()
        return outcomes

    monkeypatch.setattr(rush._combiner, "_together", waits)
    return go_on


async def _under_way() -> None:
    """Everybody who was started stands in a transaction or in the line."""
    for _ in range(20):
        await asyncio.sleep(0.01)


async def test_given_a_caller_who_leaves_in_the_middle_then_the_others_hear_and_the_key_remembers(
    slow: asyncio.Event,
) -> None:
    session = await make_session(clinic=await make_clinic(), places=5)
    people = [await make_person() for _ in range(4)]
    contexts = [keyed(person) for person in people]
    first, second, third = [
        asyncio.create_task(book_in_rush(ctx, wish(p, session)))
        for ctx, p in zip(contexts[:3], people[:3], strict=True)
    ]
    await _under_way()
    left_in_line = asyncio.create_task(book_in_rush(contexts[3], wish(people[3], session)))
    await _under_way()
    first.cancel()
    left_in_line.cancel()
    await _under_way()
    slow.set()
    heard = await asyncio.gather(first, second, third, left_in_line, return_exceptions=True)
    assert [type(one).__name__ for one in heard] == [
        "CancelledError", "AppointmentView", "AppointmentView", "CancelledError",
    ]  # fmt: skip
    again = await book_in_rush(contexts[0], wish(people[0], session))
    assert again.id == await value("SELECT id FROM appointment WHERE patient_id = $1", people[0].patient_id)
    assert not await value("SELECT count(*) FROM appointment WHERE patient_id = $1", people[3].patient_id)


async def test_given_trouble_after_the_commit_then_everybody_has_their_first_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(uows: Any) -> None:
        raise RuntimeError("after the commit")

    monkeypatch.setattr(combining, "_hint", broken)
    session = await make_session(clinic=await make_clinic(), places=9)
    people = [await make_person() for _ in range(4)]
    answers = await everybody(people, session)
    assert [type(answer).__name__ for answer in answers] == ["AppointmentView"] * 4
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", session.schedule_id) == 4


async def test_given_one_poisonous_member_then_only_they_are_hurt_and_the_next_are_combined_again(
    monkeypatch: pytest.MonkeyPatch, combined: list[int]
) -> None:
    session = await make_session(clinic=await make_clinic(), places=20)
    people = [await make_person() for _ in range(6)]
    poison = people[2].patient_id
    original, alone = rush.facts_of, book.facts_of

    async def choking(uow: Any, wishes: Any, desk: Any) -> Any:
        if any(wish.patient_id == poison for wish in wishes):
            raise ZeroDivisionError
        return await original(uow, wishes, desk)

    monkeypatch.setattr(rush, "facts_of", choking)
    monkeypatch.setattr(book, "facts_of", choking)
    answers = await everybody(people, session)
    assert [type(answer).__name__ for answer in answers].count("AppointmentView") == 5
    assert isinstance(answers[2], ZeroDivisionError)
    monkeypatch.setattr(book, "facts_of", alone)
    combined.clear()
    await everybody([await make_person() for _ in range(4)], session)
    assert sum(combined) == 4
    assert len(combined) < 4


async def test_given_a_shared_transaction_that_is_ended_by_force_then_its_members_go_on_alone(
    slow: asyncio.Event,
) -> None:
    session = await make_session(clinic=await make_clinic(), places=9)
    people = [await make_person() for _ in range(3)]
    asked = [asyncio.create_task(book_in_rush(keyed(person), wish(person, session))) for person in people]
    await _under_way()
    (shared,) = rush._combiner._under_way
    shared.cancel()
    slow.set()
    answers = await asyncio.gather(*asked)
    assert sorted(answer.number for answer in answers) == [1, 2, 3]
    assert not rush._combiner._waiting
