"""Answers that come at the last moment, and links that end in between: one of all wins, and nobody has two places."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import CancelAppointment, PayAppointment
from hospital_core.access.scheduling.errors import DisruptionSettled
from hospital_core.access.scheduling.service import cancel_appointment, pay_appointment
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.waitlist import answer_offer
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, ServeLine
from hospital_core.access.scheduling.waitlist_queries import waitlist_entry
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.kernel import relay
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import RevokeLink
from hospital_core.registry.accounts.service import revoke_link
from tests.fixtures.access import (
    DAY,
    SYSTEM,
    Clinic,
    Person,
    book,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    reading,
    state_of,
)
from tests.fixtures.disrupting import answer, asked_of, let_answers_be_due, stop, the_one_of
from tests.fixtures.finance import rows, value
from tests.fixtures.waiting import IN_THREE_DAYS, line_up, make_full_session

Waiter = tuple[Person, WaitlistEntryView]


async def _offered(fee: str = "0", clinic: Clinic | None = None) -> tuple[ScheduleView, Waiter, Waiter, UUID]:
    """A place that was offered to the first of two who wait."""
    session, ((sitting, held),) = await make_full_session(clinic=clinic or await make_clinic(fee=fee))
    first, second = await line_up(session), await line_up(session)
    await run(sitting.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(8)
    offer = (await waitlist_entry(reading(first[0].phone), first[1].id)).offer
    assert offer is not None
    return session, first, second, offer.appointment_id


async def _serve(session: ScheduleView) -> None:
    (row,) = await rows("SELECT department_id, day, period FROM schedule WHERE id = $1", session.schedule_id)
    await run(SYSTEM, serve_line, ServeLine(**dict(row)))


async def _answer(waiter: Waiter, *, accept: bool) -> WaitlistEntryView:
    return await run(waiter[0].phone, answer_offer, AnswerOffer(entry_id=waiter[1].id, accept=accept))


async def _check_one_has_it(session: ScheduleView, first: Waiter, second: Waiter) -> list[str]:
    standing = "SELECT count(*) FROM appointment WHERE schedule_id = $1 AND status IN ('pending', 'booked')"
    assert await value(standing, session.schedule_id) == 1
    states = await rows("SELECT status FROM waitlist_entry WHERE id = ANY($1::uuid[]) ORDER BY joined_at",
                        [first[1].id, second[1].id])  # fmt: skip
    return [row["status"] for row in states]


async def test_given_yes_no_and_servers_at_once_then_one_answer_holds() -> None:
    session, first, second, _ = await _offered()
    heard = await asyncio.gather(
        *(_answer(first, accept=yes) for yes in (True, False) * 3), *(_serve(session) for _ in range(3)),
        return_exceptions=True,
    )  # fmt: skip
    refused = Counter(type(one).__name__ for one in heard[:6])
    assert refused["WaitlistEntryView"] == 1
    assert set(refused) <= {"WaitlistEntryView", "NotOffered", "StateConflict"}
    assert not any(isinstance(one, BaseException) for one in heard[6:]), heard[6:]
    await relay.drain(8)
    assert await _check_one_has_it(session, first, second) in (["booked", "waiting"], ["declined", "offered"])


async def test_given_an_answer_as_the_hold_lapses_then_the_next_has_it_and_nobody_both() -> None:
    session, first, second, appointment_id = await _offered()
    await let_hold_lapse(appointment_id)
    heard = await asyncio.gather(
        _answer(first, accept=True), _answer(first, accept=False), _serve(session), fire_hold_timer(appointment_id),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(one).__name__ for one in heard[:2]] == ["NotOffered", "NotOffered"]
    await relay.drain(8)
    assert await state_of(appointment_id) == ("cancelled", "unpaid")
    assert await _check_one_has_it(session, first, second) == ["lapsed", "offered"]


async def test_given_a_link_that_ends_after_the_offer_then_nobody_pays_and_the_next_has_it() -> None:
    session, first, second, appointment_id = await _offered(fee="25.00")
    person = first[0]
    link_id = await value("SELECT id FROM account_link WHERE account_id = $1", person.account_id)
    await run(person.phone, revoke_link, RevokeLink(link_id=link_id))
    with pytest.raises(NotFound):
        await run(person.phone, pay_appointment, PayAppointment(appointment_id=appointment_id))
    with pytest.raises(NotFound):
        await _answer(first, accept=False)
    await let_hold_lapse(appointment_id)
    await _serve(session)
    await relay.drain(8)
    assert await _check_one_has_it(session, first, second) == ["lapsed", "offered"]


async def test_given_a_link_that_ends_while_waiting_then_the_next_is_offered_the_place() -> None:
    session, ((sitting, held),) = await make_full_session()
    first, second = await line_up(session), await line_up(session)
    link_id = await value("SELECT id FROM account_link WHERE account_id = $1", first[0].account_id)
    await run(first[0].phone, revoke_link, RevokeLink(link_id=link_id))
    await run(sitting.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(8)
    # The link's end and the freed place reach the line in either order: the one ends the wait, the other passes it by.
    assert await _check_one_has_it(session, first, second) in (["left", "offered"], ["dropped", "offered"])


async def test_given_an_offered_place_that_the_hospital_stops_then_its_patient_waits_on_where_they_stood() -> None:
    clinic = await make_clinic()
    session, first, second, _ = await _offered(clinic=clinic)
    await stop(session)
    await _serve(session)
    waits = await waitlist_entry(reading(first[0].phone), first[1].id)
    assert (waits.status, waits.position, waits.offer) == ("waiting", 1, None), "nobody has declined anything"
    assert waits.joined_at == first[1].joined_at
    await make_session(clinic=await make_clinic(beside=clinic), places=1, starts_in=IN_THREE_DAYS)
    await _serve(session)
    statuses = [(await waitlist_entry(reading(one[0].phone), one[1].id)).status for one in (first, second)]
    assert statuses == ["offered", "waiting"]


async def test_given_moves_to_a_session_that_is_stopped_meanwhile_then_everybody_is_refused_or_asked_again() -> None:
    clinic = await make_clinic(fee="0")
    session = await make_session(clinic=clinic, places=6)
    other = await make_session(clinic=clinic, places=6, starts_in=2 * DAY)
    people = [await make_person() for _ in range(6)]
    for person in people:
        await book(person=person, session=session)
    await stop(session)
    asked = [await asked_of(person) for person in people]
    moves = [answer(p, a, DisruptionChoice.MOVE, other) for p, a in zip(people, asked, strict=True)]
    heard = await asyncio.gather(*moves[:3], stop(other), *moves[3:], return_exceptions=True)
    assert {type(one).__name__ for one in heard} <= {"DisruptionView", "ClinicChangeView", "SlotFull"}
    forgotten = await value(
        "SELECT count(*) FROM appointment a JOIN slot ON slot.id = a.slot_id WHERE a.schedule_id = ANY($1::uuid[]) "
        "AND a.status = 'booked' AND slot.status = 'closed' AND NOT EXISTS "
        "(SELECT 1 FROM disruption d WHERE d.appointment_id = a.id AND d.status = 'open')",
        [session.schedule_id, other.schedule_id],
    )
    assert forgotten == 0
    assert not await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status <> 'closed'", other.schedule_id)


async def test_given_different_answers_as_the_time_ends_then_one_settles() -> None:
    clinic, person = await make_clinic(fee="0"), await make_person()
    session, other = await make_session(clinic=clinic), await make_session(clinic=clinic, starts_in=2 * DAY)
    held = await book(person=person, session=session)
    change = await stop(session)
    asked = await asked_of(person)
    heard = await asyncio.gather(
        answer(person, asked, DisruptionChoice.MOVE, other), let_answers_be_due(change),
        answer(person, asked, DisruptionChoice.REFUND), return_exceptions=True,
    )  # fmt: skip
    assert all(one is None or isinstance(one, DisruptionSettled) or hasattr(one, "status") for one in heard), heard
    await relay.drain(8)
    settled = (await the_one_of(change)).status
    status, _ = await state_of(held.id)
    assert (settled, status) in {("moved", "booked"), ("refunded", "cancelled")}
