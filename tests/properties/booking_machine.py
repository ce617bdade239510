"""Booking as a state machine (号源状态机): what may happen to two doctors' places, and what must then be true.

The oracle is independent of the statements under test: before each booking plain SQL says whether a place can be had,
and the booking must agree with it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.queueing.views import TicketView
from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment, PayFee, RegisterWalkIn
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.rules import RuleCode, forget_rules
from hospital_core.access.scheduling.service import (
    book_appointment,
    cancel_appointment,
    fulfil,
    pay_fee,
    register_walk_in,
    rush,
)
from hospital_core.access.scheduling.states import Pool
from hospital_core.access.scheduling.views import AppointmentView, FeePaying, ScheduleView
from hospital_core.finance.billing.commands import RefundLineWanted
from hospital_core.finance.payments import outside
from hospital_core.finance.payments.commands import RefundAtCounter
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.self_service_commands import PayHow
from hospital_core.finance.payments.service import refund_at_counter
from hospital_core.kernel import ports, relay
from hospital_core.kernel.commands import Done
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.faults.checker import PLACES_OF
from tests.faults.killing import Crashed, dying_at
from tests.fixtures.access import (
    Clinic,
    Person,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    open_payment,
)
from tests.fixtures.access import rule as booking_rule
from tests.fixtures.finance import FakeGateway, make_top_up, rows, value
from tests.flows.access.test_rush import keyed
from tests.properties.driver import LOOP, HospitalMachine

PEOPLE = 5
SIDES = st.sampled_from(["before", "after"])

# What a phone can have of a session, in words of its own: neither the statements' text nor their parts.
FREE_FOR_PHONES = """
SELECT count(*) FROM slot p JOIN schedule s ON s.id = p.schedule_id
WHERE s.id = $1 AND s.status = 'active' AND s.released_at <= hospital_now() AND p.starts_at > hospital_now()
  AND (p.pool IN ('public', 'miniapp') OR p.pool_until <= hospital_now())
  AND coalesce(p.free_from, '-infinity') <= hospital_now()
  AND NOT EXISTS (SELECT 1 FROM appointment a WHERE a.slot_id = p.id
                  AND (a.status IN ('booked', 'checked-in', 'fulfilled')
                       OR a.status = 'pending' AND a.held_until >= hospital_now()))"""

CLAIMS = """
SELECT count(*) FROM appointment a JOIN schedule s ON s.id = $2
WHERE a.patient_id = $1 AND a.department_id = s.department_id AND a.day = s.day AND a.period = s.period
  AND (a.status IN ('booked', 'checked-in') OR a.status = 'pending' AND a.held_until >= hospital_now())"""

ON_CARD = "SELECT coalesce(sum(balance_fen), 0)::bigint FROM card_balance WHERE patient_id = $1"

FEES_PAID = """
SELECT c.id, c.invoice_id, c.quantity - c.refunded_quantity AS rest
FROM charge_item c JOIN invoice i ON i.id = c.invoice_id AND i.status = 'balanced'
WHERE c.source_id = $1 AND c.status = 'billed' AND c.quantity > c.refunded_quantity"""

TWICE = """
SELECT 'one patient twice in a half day' AS finding, patient_id AS id FROM appointment
WHERE schedule_id = ANY($1) AND status IN ('pending', 'booked', 'checked-in')
GROUP BY patient_id, department_id, day, period HAVING count(*) > 1
UNION ALL SELECT 'paid for, but neither standing nor going back', id FROM appointment
WHERE schedule_id = ANY($1) AND status = 'cancelled' AND payment_status = 'paid'
UNION ALL SELECT 'standing, but its money goes back', id FROM appointment
WHERE schedule_id = ANY($1) AND status = 'booked' AND payment_status NOT IN ('paid', 'unpaid')
UNION ALL SELECT 'theirs without money where one pays at once', id FROM appointment a
WHERE schedule_id = ANY($1) AND status = 'booked' AND payment_status = 'unpaid' AND NOT EXISTS (
    SELECT 1 FROM booking_rule r WHERE r.code = 'pay_at_hospital' AND r.scope_key = a.department_id::text)
UNION ALL SELECT 'theirs, but a window gave the fee back', a.id FROM appointment a
JOIN charge_item c ON c.source_id = a.id AND c.quantity = c.refunded_quantity
WHERE a.schedule_id = ANY($1) AND a.status = 'booked' AND a.payment_status = 'paid'
UNION ALL SELECT 'seen without money', id FROM appointment
WHERE schedule_id = ANY($1) AND status IN ('checked-in', 'fulfilled') AND payment_status = 'unpaid'
UNION ALL SELECT 'gone, but its fee is still asked for', a.id FROM appointment a
JOIN charge_item c ON c.source_id = a.id AND c.status IN ('billable', 'billed')
LEFT JOIN invoice i ON i.id = c.invoice_id
WHERE a.schedule_id = ANY($1) AND a.status = 'cancelled' AND a.payment_status = 'unpaid' AND i.status <> 'balanced'
  AND NOT EXISTS (SELECT 1 FROM payment_intent p WHERE p.invoice_id = i.id AND p.status = 'open')"""


# The sought-after one, where places come back in secret, as often as all others together.
SESSIONS = st.sampled_from((0, 1, 1, 1, 2, 3))


class Clinics(HospitalMachine):
    """Two doctors of a department, one sought after, a third who is paid at the hospital, and a few who want all."""

    held: Bundle[AppointmentView] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.gateway = FakeGateway()
        ports.provide(PaymentGateway, self.gateway)
        self.do(self._open())

    async def _open(self) -> None:
        clinic = await make_clinic()
        kept = [PoolQuota(pool=Pool.WINDOW, places=1, returns_minutes_before=10)]
        starts = timedelta(minutes=40)
        self.sessions: list[ScheduleView] = [
            await make_session(clinic=clinic, places=3, starts_in=starts, pools=kept),
            await self._beside(clinic, starts_in=starts, places=2, sought_after=True),
            await self._beside(clinic, starts_in=timedelta(days=1, minutes=40), places=2),
            await self._paid_there(starts_in=starts, places=6),
        ]
        self.people: list[Person] = [await make_person() for _ in range(PEOPLE)]
        self.registrar = await make_registrar()

    async def _paid_there(self, **more: Any) -> ScheduleView:
        clinic = await make_clinic()
        await rows(
            "INSERT INTO booking_rule (id, version, code, scope, scope_key, value, changed_at) "
            "VALUES ($1, 0, 'pay_at_hospital', 'department', $2, 1, now())",
            new_id(), str(clinic.department_id),
        )  # fmt: skip
        forget_rules()
        return await make_session(clinic=clinic, **more)

    async def _beside(self, clinic: Clinic, **more: Any) -> ScheduleView:
        return await make_session(clinic=await make_clinic(beside=clinic), **more)

    @rule(target=held, who=st.integers(0, PEOPLE - 1), at=SESSIONS, together=st.booleans())
    def book(self, who: int, at: int, together: bool) -> AppointmentView | None:
        """One books: exactly when plain SQL says that there is a place and nothing of theirs is in the way."""
        person, session = self.people[who], self.sessions[at]
        free = self.do(value(FREE_FOR_PHONES, session.schedule_id))
        claims = self.do(value(CLAIMS, person.patient_id, session.schedule_id))
        command = BookAppointment(patient_id=person.patient_id, schedule_id=session.schedule_id)
        if together:
            answer = self.do(rush.book_in_rush(keyed(person), command))
        else:
            answer = self.do(run(person.phone, book_appointment, command))
        assert isinstance(answer, AppointmentView) == (free > 0 and claims == 0), (answer, free, claims)
        return answer if isinstance(answer, AppointmentView) else None

    @rule(target=held, who=st.integers(0, PEOPLE - 1), at=SESSIONS, side=SIDES)
    def the_server_dies_while_one_books(self, who: int, at: int, side: str) -> AppointmentView | None:
        """The phone asks again under its key: it has what it would have had, once."""
        person, session = self.people[who], self.sessions[at]
        free = self.do(value(FREE_FOR_PHONES, session.schedule_id))
        claims = self.do(value(CLAIMS, person.patient_id, session.schedule_id))
        command = BookAppointment(patient_id=person.patient_id, schedule_id=session.schedule_id)
        phone = keyed(person)
        with dying_at(f"book.{side}"):
            died = self.do(run(phone, book_appointment, command))
        assert isinstance(died, Crashed | DomainError), died
        answer = self.do(run(phone, book_appointment, command))
        assert isinstance(answer, AppointmentView) == (free > 0 and claims == 0), (answer, free, claims)
        return answer if isinstance(answer, AppointmentView) else None

    @rule(at=SESSIONS, together=st.booleans())
    def everybody_at_once(self, at: int, together: bool) -> None:
        """As many get a place as there are, and as are free to take one."""
        session = self.sessions[at]

        async def storm() -> tuple[int, int, int]:
            free = await value(FREE_FOR_PHONES, session.schedule_id)
            able = [p for p in self.people if not await value(CLAIMS, p.patient_id, session.schedule_id)]
            commands = [BookAppointment(patient_id=p.patient_id, schedule_id=session.schedule_id) for p in self.people]
            if together:
                tries = [rush.book_in_rush(keyed(p), c) for p, c in zip(self.people, commands, strict=True)]
            else:
                tries = [run(p.phone, book_appointment, c) for p, c in zip(self.people, commands, strict=True)]
            answers = await asyncio.gather(*tries, return_exceptions=True)
            assert all(isinstance(a, AppointmentView | DomainError) for a in answers), answers
            return free, len(able), sum(isinstance(a, AppointmentView) for a in answers)

        free, able, sold = LOOP[0].run_until_complete(storm())
        assert sold == min(free, able), (sold, free, able)

    @rule(who=st.integers(0, PEOPLE - 1), at=st.integers(0, 1))
    def buy_at_the_window(self, who: int, at: int) -> None:
        command = RegisterWalkIn(
            patient_id=self.people[who].patient_id, schedule_id=self.sessions[at].schedule_id, tendered_fen=2500
        )
        self.do(run(self.registrar, register_walk_in, command))

    @rule(one=held, times=st.integers(1, 3))
    def pay(self, one: AppointmentView | None, times: int) -> None:
        """Pay if the hold still stands; the callback comes once or more, at once."""
        if one is None:
            return
        number = self.do(open_payment(self.gateway, person=self._person(one), appointment_id=one.id))
        if not isinstance(number, str) or self.gateway.orders[number].state != "NOTPAY":
            return
        fact = self.gateway.pay(number)

        async def deliver() -> None:
            await asyncio.gather(*(outside.take_in_success(system_context(), fact) for _ in range(times)))
            await relay.drain(8)

        LOOP[0].run_until_complete(deliver())

    @rule(one=held, on_card_fen=st.sampled_from([0, 900, 2500]), how=st.sampled_from(PayHow), taps=st.integers(1, 2))
    def pay_from_card(self, one: AppointmentView | None, on_card_fen: int, how: PayHow, taps: int) -> None:
        """Pay with what is on the card, tapping once or twice: it gives what the place costs, or a part, or nothing."""
        if one is None:
            return
        person, command = self._person(one), PayFee(appointment_id=one.id, how=how)

        async def pay() -> tuple[int, int]:
            if on_card_fen:
                await make_top_up(self.gateway, patient_id=person.patient_id, amount_fen=on_card_fen)
            before = await value(ON_CARD, person.patient_id)
            tries = [run(person.phone, pay_fee, command) for _ in range(taps)]
            answers = await asyncio.gather(*tries, return_exceptions=True)
            assert all(isinstance(a, FeePaying | DomainError) for a in answers), answers
            spent = sum(a.card_fen for a in answers if isinstance(a, FeePaying))
            return spent, before - await value(ON_CARD, person.patient_id)

        given, taken = LOOP[0].run_until_complete(pay())
        assert given == taken <= one.fee_fen, (given, taken)
        self.do(relay.drain(8))

    @rule(one=held)
    def pay_too_late(self, one: AppointmentView | None) -> None:
        """The sheet was open, the hold lapsed, then the money came: the place again, another, or the money back."""
        if one is None:
            return
        number = self.do(open_payment(self.gateway, person=self._person(one), appointment_id=one.id))
        if not isinstance(number, str) or self.gateway.orders[number].state != "NOTPAY":
            return
        self.do(let_hold_lapse(one.id))
        self.do(relay.drain(2))
        self.do(outside.take_in_success(system_context(), self.gateway.pay(number)))
        self.do(relay.drain(8))

    @rule(one=held)
    def give_back(self, one: AppointmentView | None) -> None:
        if one is not None:
            phone = self._person(one).phone
            self.do(run(phone, cancel_appointment, CancelAppointment(appointment_id=one.id)))
            self.do(relay.drain(8))

    @rule(one=held)
    def a_window_gives_the_fee_back(self, one: AppointmentView | None) -> None:
        """The place goes with the money, wherever its patient stands."""
        if one is None:
            return
        for item in self.do(rows(FEES_PAID, one.id)):
            lines = [RefundLineWanted(charge_item_id=item["id"], quantity=item["rest"])]
            command = RefundAtCounter(invoice_id=item["invoice_id"], lines=lines, reason="窗口退号")
            self.do(run(system_context(), refund_at_counter, command))
        self.do(relay.drain(8))

    @rule(one=held)
    def come(self, one: AppointmentView | None) -> None:
        """They stand at the door: in they come exactly when the place is theirs and paid for."""
        if one is None or one.room != self.sessions[-1].room:
            return
        before = "SELECT status IN ('booked', 'checked-in') AND payment_status = 'paid' FROM appointment WHERE id = $1"
        may = self.do(value(before, one.id))
        answer = self.do(run(system_context(), check_in, CheckIn(appointment_id=one.id)))
        assert isinstance(answer, TicketView) == may, (answer, may)

    @rule(one=held)
    def be_seen(self, one: AppointmentView | None) -> None:
        """The visit ends: another may be booked."""
        if one is not None:
            self.do(run(system_context(), _fulfil, CheckIn(appointment_id=one.id)))

    @rule(one=held, tidied=st.booleans())
    def let_lapse(self, one: AppointmentView | None, tidied: bool) -> None:
        """The time to pay passes; the timer may come late."""
        if one is not None:
            self.do(self._lapse(one.id, tidied=tidied))

    @rule(one=held, side=SIDES)
    def the_worker_dies_while_a_hold_ends(self, one: AppointmentView | None, side: str) -> None:
        """It begins anew, and another takes up what it left."""
        if one is not None:
            with dying_at(f"lapse.{side}"):
                self.do(self._lapse(one.id, tidied=True))
            self.do(relay.drain(6))

    async def _lapse(self, appointment_id: UUID, *, tidied: bool) -> None:
        if await value("SELECT status FROM appointment WHERE id = $1", appointment_id) != "pending":
            return
        await let_hold_lapse(appointment_id)
        if tidied:
            await rows(
                "UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e WHERE e.id = d.event_id "
                "AND e.name = 'AppointmentHoldLapses' AND e.payload->>'appointment_id' = $1 RETURNING d.id",
                str(appointment_id),
            )
            await relay.drain(6)

    @rule()
    def the_secret_moment_comes(self) -> None:
        ids = [session.schedule_id for session in self.sessions]
        self.do(rows("UPDATE slot SET free_from = hospital_now() WHERE schedule_id = ANY($1) AND free_from IS NOT NULL "
                     "RETURNING id", ids))  # fmt: skip

    def _person(self, one: AppointmentView) -> Person:
        return next(person for person in self.people if person.patient_id == one.patient_id)

    @invariant()
    def every_place_is_sold_once_or_free(self) -> None:
        ids = [session.schedule_id for session in getattr(self, "sessions", [])]
        found = [tuple(row) for sql in (PLACES_OF, TWICE) for row in self.do(rows(sql, ids))]
        assert not found, found


async def _fulfil(uow: UnitOfWork, command: CheckIn) -> Done:
    uow.audited("appointment", command.appointment_id)
    await fulfil(uow, command.appointment_id)
    return Done()


@contextlib.asynccontextmanager
async def without_limits() -> AsyncIterator[None]:
    """These people book more often than any rule allows."""
    async with (
        booking_rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 9999),
        booking_rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 9999),
    ):
        yield


@contextlib.contextmanager
def limits_off() -> Iterator[None]:
    """``without_limits`` around machines, which are synchronous."""
    limits = without_limits()
    LOOP[0].run_until_complete(limits.__aenter__())
    try:
        yield
    finally:
        LOOP[0].run_until_complete(limits.__aexit__(None, None, None))
