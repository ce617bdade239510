"""Any order of waiting, giving up, declining and lapsing serves the line in its order, and nobody passes it.

The oracle is plain SQL, independent of the statements under test.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment
from hospital_core.access.scheduling.queries import slots
from hospital_core.access.scheduling.service import book_appointment, cancel_appointment, rush
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.waitlist import answer_offer, leave_waitlist
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, LeaveWaitlist, ServeLine
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.exchange.notifications.ports import Messenger
from hospital_core.kernel import ports, relay
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.run import run
from tests.faults.checker import PLACES_OF
from tests.fixtures.access import (
    SYSTEM,
    FakeMessenger,
    Person,
    book,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    reading,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import rows, value
from tests.fixtures.waiting import IN_THREE_DAYS, line_up
from tests.flows.access.test_rush import keyed
from tests.flows.access.test_waitlist import guard_off
from tests.properties.booking_machine import limits_off
from tests.properties.driver import LOOP, HospitalMachine, histories

PEOPLE = 6

# An offer that stands belongs to an appointment that is held; one entry has one offer.
BROKEN_OFFERS = """
SELECT e.id FROM waitlist_entry e LEFT JOIN appointment a ON a.id = e.offered_id
WHERE e.department_id = $1 AND e.status = 'offered' AND (a.id IS NULL OR a.patient_id <> e.patient_id)
UNION ALL
SELECT e.id FROM waitlist_entry e JOIN appointment a ON a.id = e.offered_id
WHERE e.department_id = $1 AND e.status = 'booked' AND a.status NOT IN ('booked', 'cancelled')"""

# Somebody was given a place although somebody else had been waiting longer and still waits.
PASSED_BY = """
SELECT later.id FROM waitlist_entry later JOIN waitlist_entry first
  ON first.department_id = later.department_id AND first.status = 'waiting' AND first.joined_at < later.joined_at
WHERE later.department_id = $1 AND later.offered_id IS NOT NULL"""

FREE = """
SELECT count(*) FROM slot p WHERE p.schedule_id = $1 AND coalesce(p.free_from, '-infinity') <= hospital_now()
  AND NOT EXISTS (SELECT 1 FROM appointment a WHERE a.slot_id = p.id
                  AND (a.status = 'booked' OR a.status = 'pending' AND a.held_until >= hospital_now()))"""

WAITING = "SELECT count(*) FROM waitlist_entry WHERE department_id = $1 AND status = 'waiting'"


@pytest.fixture
async def _loop(core: Engines) -> None:
    LOOP[:] = [asyncio.get_running_loop()]
    ports.provide(Messenger, FakeMessenger())


class Line(HospitalMachine):
    """Two places without fee of one doctor, both taken, and more people who want one; one of them waits already."""

    def __init__(self) -> None:
        super().__init__()
        self.do(self._open())

    async def _open(self) -> None:
        clinic = await make_clinic(fee="0.00")
        self.session = await make_session(clinic=clinic, places=2, starts_in=IN_THREE_DAYS)
        self.people: list[Person] = [await make_person() for _ in range(PEOPLE)]
        (row,) = await rows("SELECT department_id, day, period FROM schedule WHERE id = $1", self.session.schedule_id)
        self.line = ServeLine(**dict(row))
        for person in self.people[:2]:
            await book(person=person, session=self.session)
        await line_up(self.session, person=self.people[2])

    @rule(who=st.integers(0, PEOPLE - 1), together=st.booleans())
    def book(self, who: int, together: bool) -> None:
        """A place can be booked only when one is free and nobody waits."""
        person = self.people[who]
        free, waiting = self.do(value(FREE, self.session.schedule_id)), self.do(value(WAITING, self.line.department_id))
        command = BookAppointment(patient_id=person.patient_id, schedule_id=self.session.schedule_id)
        if together:
            answer = self.do(rush.book_in_rush(keyed(person), command))
        else:
            answer = self.do(run(person.phone, book_appointment, command))
        assert not isinstance(answer, AppointmentView) or (free > 0 and waiting == 0), (answer, free, waiting)

    @rule(who=st.integers(0, PEOPLE - 1))
    def wait(self, who: int) -> None:
        """One joins the line only when nothing can be booked."""
        free, waiting = self.do(value(FREE, self.session.schedule_id)), self.do(value(WAITING, self.line.department_id))
        answer = self.do(line_up(self.session, person=self.people[who]))
        assert isinstance(answer, DomainError) or not free or waiting

    @rule(who=st.integers(0, PEOPLE - 1))
    def give_back(self, who: int) -> None:
        found = self.do(self._of(who, "SELECT id FROM appointment WHERE patient_id = $1 AND status <> 'cancelled'"))
        if found is not None:
            self.do(run(self.people[who].phone, cancel_appointment, CancelAppointment(appointment_id=found)))

    @rule(who=st.integers(0, PEOPLE - 1))
    def leave(self, who: int) -> None:
        found = self.do(self._of(who, "SELECT id FROM waitlist_entry WHERE patient_id = $1 AND status = 'waiting'"))
        if found is not None:
            self.do(run(self.people[who].phone, leave_waitlist, LeaveWaitlist(entry_id=found)))

    @rule(who=st.integers(0, PEOPLE - 1), accept=st.booleans())
    def answer(self, who: int, accept: bool) -> None:
        found = self.do(self._of(who, "SELECT id FROM waitlist_entry WHERE patient_id = $1 AND status = 'offered'"))
        if found is not None:
            answer = self.do(run(self.people[who].phone, answer_offer, AnswerOffer(entry_id=found, accept=accept)))
            assert isinstance(answer, WaitlistEntryView | DomainError)

    @rule(who=st.integers(0, PEOPLE - 1))
    def let_lapse(self, who: int) -> None:
        """Nobody answers; nobody tidies up either."""
        found = self.do(self._of(who, "SELECT id FROM appointment WHERE patient_id = $1 AND status = 'pending'"))
        if found is not None:
            self.do(let_hold_lapse(found))

    @rule()
    def the_events_arrive(self) -> None:
        self.do(relay.drain(8))

    @rule(times=st.integers(1, 3))
    def the_worker_looks(self, times: int) -> None:
        """Afterwards nothing is free for those who wait."""

        async def serve() -> None:
            await asyncio.gather(*(run(SYSTEM, serve_line, self.line) for _ in range(times)))

        LOOP[0].run_until_complete(serve())
        waiting = self.do(value(WAITING, self.line.department_id))
        assert waiting == 0 or self.do(value(FREE, self.session.schedule_id)) == 0

    async def _of(self, who: int, sql: str) -> Any:
        return await value(
            sql + (" AND schedule_id = $2" if "FROM appointment" in sql else " AND department_id = $2"),
            self.people[who].patient_id,
            self.session.schedule_id if "FROM appointment" in sql else self.line.department_id,
        )

    @invariant()
    def the_line_is_kept(self) -> None:
        if not hasattr(self, "line"):
            return
        assert [tuple(row) for row in self.do(rows(PLACES_OF, [self.session.schedule_id]))] == []
        assert self.do(rows(BROKEN_OFFERS, self.line.department_id)) == []
        assert self.do(rows(PASSED_BY, self.line.department_id)) == []
        shown = sum(slot.free for slot in self.do(slots(reading(SYSTEM), self.session.schedule_id)).items)
        assert not shown or self.do(value(WAITING, self.line.department_id)) == 0


@pytest.mark.usefixtures("_loop")
def test_given_any_history_then_the_line_is_served_in_its_order_and_nobody_passes_it() -> None:
    with limits_off():
        histories(Line, examples=8, steps=25)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.usefixtures("_loop")
def test_given_booking_that_does_not_know_of_the_line_then_the_machine_notices(
    monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """The control: the shortest history that passes the line by, with the guard off."""
    machine = Line()
    machine.give_back(0)
    with guard_off(monkeypatch), pytest.raises(AssertionError):
        machine.book(PEOPLE - 1, together)


@pytest.mark.usefixtures("_loop")
def test_given_somebody_served_out_of_turn_then_the_machine_notices() -> None:
    """The control of the order: who came later was given the place by hand."""
    machine = Line()
    machine.wait(3)
    machine.give_back(0)
    machine.do(rows("UPDATE waitlist_entry SET joined_at = joined_at + interval '1 hour' WHERE patient_id = $1 "
                    "RETURNING id", machine.people[2].patient_id))  # fmt: skip
    machine.the_worker_looks(1)
    machine.do(rows("UPDATE waitlist_entry SET joined_at = joined_at - interval '2 hours' WHERE patient_id = $1 "
                    "RETURNING id", machine.people[2].patient_id))  # fmt: skip
    with pytest.raises(AssertionError):
        machine.the_line_is_kept()
