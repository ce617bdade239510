"""An old board with the changes since is the fresh board, whatever happened in between."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_core.access.queueing.commands import CallNext, TicketCommand
from hospital_core.access.queueing.errors import RoomAlreadyCalling, RoomAlreadyServing
from hospital_core.access.queueing.queries import area_board, topic_of
from hospital_core.access.queueing.service import (
    call_next,
    finish_serving,
    pass_ticket,
    recall,
    return_ticket,
    start_serving,
)
from hospital_core.access.queueing.views import BoardTicket, replay
from hospital_core.access.scheduling.errors import SlotFull
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel import live
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, Clinic, make_clinic, make_session, make_ticket, reading
from tests.fixtures.finance import forged, rows

pytestmark = pytest.mark.usefixtures("core")

_MOVES: dict[str, Any] = {"recall": recall, "pass": pass_ticket, "return": return_ticket}
_VISITS: dict[str, Any] = {"start": start_serving, "finish": finish_serving}
_STEP = st.tuples(
    st.sampled_from(["check_in", "check_in", "call", "call", "recall", "pass", "return", "start", "finish"]),
    st.integers(0, 5),
    st.sampled_from([None, None, "emergency", "elderly"]),
)


Step = tuple[str, int, str | None]
Rooms = list[tuple[Clinic, ScheduleView]]


async def _take(step: Step, rooms: Rooms, tickets: list[UUID]) -> None:
    """One step of the day; what the house refuses changes nothing."""
    name, which, priority = step
    clinic, session = rooms[which % len(rooms)]
    try:
        if name == "check_in":
            tickets.append((await make_ticket(session=session, priority=priority)).id)
        elif name == "call":
            await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
        elif tickets and name in _MOVES:
            await run(SYSTEM, _MOVES[name], TicketCommand(ticket_id=tickets[which % len(tickets)]))
        elif tickets:
            ticket_id = tickets[which % len(tickets)]
            await run(SYSTEM, forged(lambda uow: _VISITS[name](uow, ticket_id)), None)
    except (StateConflict, SlotFull, RoomAlreadyCalling, RoomAlreadyServing):
        return


async def _rooms() -> Rooms:
    first = await make_clinic()
    clinics = [first, await make_clinic(beside=first)]
    return [(c, await make_session(clinic=c, places=40, starts_in=timedelta(minutes=20))) for c in clinics]


async def _assert_screen_is_right(area_id: UUID, old: list[BoardTicket], since: int) -> None:
    changes = await live.changes_after(reading(SYSTEM), topic_of(area_id), since)
    assert [seq for seq, _ in changes] == list(range(since + 1, since + 1 + len(changes))), "no number is missing"
    replayed = replay(old, [BoardTicket.model_validate(data["ticket"]) for _, data in changes])
    fresh = (await area_board(reading(SYSTEM), area_id)).tickets
    assert [t.model_dump(mode="json") for t in replayed] == [t.model_dump(mode="json") for t in fresh]


@settings(max_examples=15, deadline=None)
@given(before=st.lists(_STEP, max_size=8), after=st.lists(_STEP, min_size=1, max_size=12))
async def test_given_any_day_then_an_old_board_with_its_changes_is_the_fresh_board(
    before: list[Step], after: list[Step]
) -> None:
    rooms, tickets = await _rooms(), list[UUID]()
    area_id = rooms[0][0].area_id
    for step in before:
        await _take(step, rooms, tickets)
    since = (await live.position(reading(SYSTEM), topic_of(area_id))).seq
    old = (await area_board(reading(SYSTEM), area_id)).tickets
    for step in after:
        await _take(step, rooms, tickets)
    await _assert_screen_is_right(area_id, old, since)


@settings(max_examples=5, deadline=None)
@given(steps=st.lists(_STEP, min_size=10, max_size=20))
async def test_given_everybody_at_once_then_the_changes_still_tell_the_board(
    steps: list[Step],
) -> None:
    """Numbers are drawn while the ticket's row is locked: two changes of one ticket cannot swap."""
    rooms, tickets = await _rooms(), list[UUID]()
    area_id = rooms[0][0].area_id
    for room in (0, 1, 0, 1):
        await _take(("check_in", room, None), rooms, tickets)
    await asyncio.gather(*(_take(step, rooms, tickets) for step in steps))
    await _assert_screen_is_right(area_id, [], 0)
    in_rooms = await rows(
        "SELECT patient_id, count(*) AS n FROM queue_ticket WHERE area_id = $1 AND status IN ('called', 'serving') "
        "GROUP BY patient_id HAVING count(*) > 1",
        area_id,
    )
    assert in_rooms == []
