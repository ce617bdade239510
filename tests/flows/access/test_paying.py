"""Money for places: in time, too late, twice, and back."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import CancelAppointment, PayAppointment, RegisterWalkIn
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    NotCancellable,
    NotPayable,
    PaymentOver,
    SessionNotOpen,
    SlotFull,
    TooLateToCancel,
)
from hospital_core.access.scheduling.service import (
    cancel_appointment,
    pay_appointment,
    register_walk_in,
)
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.finance.payments.errors import TenderTooSmall
from hospital_core.kernel import relay
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    book_and_pay,
    deliver,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    make_ticket,
    now,
    open_payment,
    slot_status,
    state_of,
)
from tests.fixtures.finance import FakeGateway, make_timers_due, rows, value
from tests.fixtures.findings import money_findings


async def _refunds(appointment_id: UUID) -> list[tuple[int, str]]:
    found = await rows("SELECT amount_fen, status FROM refund WHERE source_id = $1", appointment_id)
    return [(row["amount_fen"], row["status"]) for row in found]


async def _cancel(person: Person, appointment_id: UUID) -> str:
    return (await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=appointment_id))).status


async def test_given_a_paid_hold_then_it_is_booked_and_its_doctor_may_see_the_file(gateway: FakeGateway) -> None:
    person, clinic = await make_person(), await make_clinic()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    assert (await state_of(held.id), await slot_status(held.id)) == (("booked", "paid"), "taken")
    (relation,) = await rows("SELECT * FROM care_relation WHERE source_id = $1", held.id)
    assert (relation["staff_id"], relation["patient_id"]) == (clinic.doctor_id, person.patient_id)
    assert relation["starts_at"] <= held.starts_at < relation["ends_at"]
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    assert await state_of(held.id) == ("booked", "paid"), "a booked place has no hold to lapse"
    assert await money_findings(person.patient_id) == []


async def test_given_two_taps_on_pay_then_one_bill_and_one_payment(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    command = PayAppointment(appointment_id=held.id)
    intents = await asyncio.gather(*(run(person.phone, pay_appointment, command) for _ in range(6)))
    assert len({intent.id for intent in intents}) == 1
    assert (intents[0].amount_fen, intents[0].pay_until) == (2500, held.pay_until)
    assert await value("SELECT count(*) FROM invoice WHERE encounter_id = $1", held.encounter_id) == 1


async def test_given_nothing_to_pay_then_paying_is_refused(gateway: FakeGateway) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    held = await book_and_pay(gateway, person=person, session=session)
    with pytest.raises(NotPayable):
        await run(person.phone, pay_appointment, PayAppointment(appointment_id=held.id))
    with pytest.raises(NotFound):
        await run((await make_person()).phone, pay_appointment, PayAppointment(appointment_id=held.id))
    late = await book(person=await make_person(), session=session)
    await let_hold_lapse(late.id)
    with pytest.raises(PaymentOver):
        await run(SYSTEM, pay_appointment, PayAppointment(appointment_id=late.id))


async def test_given_the_same_news_twice_then_it_counts_once(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    await deliver(fact)
    await deliver(fact)
    assert await state_of(held.id) == ("booked", "paid")
    confirmed = (
        "SELECT count(*) FROM outbox_event WHERE name = 'AppointmentConfirmed' AND payload->>'appointment_id' = $1"
    )
    assert await value(confirmed, str(held.id)) == 1
    assert await _refunds(held.id) == []


async def test_given_late_money_and_a_free_place_then_the_same_place_is_booked_again(gateway: FakeGateway) -> None:
    """The lapsing hold has its payment stopped at the channel, which says that the money is there already."""
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic(), places=1))
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    assert await value("SELECT version FROM appointment WHERE id = $1", held.id) == 3, "expired, paid, booked again"
    await deliver(fact)
    assert (await state_of(held.id), await slot_status(held.id)) == (("booked", "paid"), "taken")
    assert await money_findings(person.patient_id) == []


async def test_given_late_money_and_the_place_sold_then_another_of_the_session_is_given(gateway: FakeGateway) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=2)
    held = await book(person=person, session=session)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    await let_hold_lapse(held.id)
    rival = await book(person=await make_person(), session=session)
    assert rival.number == held.number
    await deliver(fact)
    (row,) = await rows(
        "SELECT a.*, s.number FROM appointment a JOIN slot s ON s.id = a.slot_id WHERE a.id = $1", held.id
    )
    assert (row["status"], row["number"], row["cancel_reason"]) == ("booked", 2, None)
    assert row["starts_at"] > held.starts_at
    assert await state_of(rival.id) == ("pending", "unpaid")


async def test_given_late_money_and_no_place_then_it_goes_back_once(gateway: FakeGateway) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=1)
    held = await book(person=person, session=session)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    await let_hold_lapse(held.id)
    rival = await book(person=await make_person(), session=session)
    await deliver(fact)
    await deliver(fact)
    assert await _refunds(held.id) == [(2500, "succeeded")]
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await state_of(rival.id) == ("pending", "unpaid")
    assert await money_findings(person.patient_id) == []


async def test_given_money_and_a_rival_at_the_same_moment_then_exactly_one_has_the_place(gateway: FakeGateway) -> None:
    for _ in range(6):
        person, rival = await make_person(), await make_person()
        session = await make_session(clinic=await make_clinic(), places=1)
        held = await book(person=person, session=session)
        fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
        await let_hold_lapse(held.id)
        _, other = await asyncio.gather(deliver(fact), book(person=rival, session=session), return_exceptions=True)
        await deliver(fact)
        mine = await state_of(held.id)
        if isinstance(other, SlotFull):
            assert mine == ("booked", "paid")
        else:
            assert not isinstance(other, BaseException)
            assert mine == ("cancelled", "refunded")
            assert (await state_of(other.id))[0] == "pending"
        live = await value(
            "SELECT count(*) FROM appointment WHERE schedule_id = $1 AND status <> 'cancelled'", session.schedule_id
        )
        assert live == 1


async def test_given_money_for_what_the_patient_gave_up_then_it_goes_back(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    assert await _cancel(person, held.id) == "cancelled"
    assert await slot_status(held.id) == "free"
    await deliver(fact)
    assert (await state_of(held.id), await _refunds(held.id)) == (("cancelled", "refunded"), [(2500, "succeeded")])
    assert await money_findings(person.patient_id) == []


async def test_given_late_money_but_a_new_booking_of_the_same_session_then_it_goes_back(gateway: FakeGateway) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    first = await book(person=person, session=session)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=first.id))
    await let_hold_lapse(first.id)
    second = await book(person=person, session=session)
    await deliver(fact)
    assert await state_of(first.id) == ("cancelled", "refunded")
    assert await state_of(second.id) == ("pending", "unpaid")


async def test_given_an_unpaid_cancelled_hold_then_its_bill_is_taken_back(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    await open_payment(gateway, person=person, appointment_id=held.id)
    await _cancel(person, held.id)
    (intent,) = await rows(
        "SELECT p.id FROM payment_intent p JOIN invoice i ON i.id = p.invoice_id WHERE i.encounter_id = $1",
        held.encounter_id,
    )
    await make_timers_due(intent["id"])
    assert await value("SELECT status FROM invoice WHERE encounter_id = $1", held.encounter_id) == "cancelled"
    assert await state_of(held.id) == ("cancelled", "unpaid")
    assert await money_findings(person.patient_id) == []


async def test_given_a_paid_place_when_cancelled_then_it_is_free_at_once_and_the_fee_returns(
    gateway: FakeGateway,
) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=1)
    held = await book_and_pay(gateway, person=person, session=session)
    assert await _cancel(person, held.id) == "cancelled"
    assert await state_of(held.id) == ("cancelled", "refunding")
    again = await book(person=await make_person(), session=session)
    assert again.number == held.number
    await relay.drain(8)
    assert (await state_of(held.id), await _refunds(held.id)) == (("cancelled", "refunded"), [(2500, "succeeded")])
    with pytest.raises(NotCancellable):
        await _cancel(person, held.id)
    (relation,) = await rows("SELECT starts_at, ends_at FROM care_relation WHERE source_id = $1", held.id)
    assert relation["ends_at"] <= max(relation["starts_at"], await now()), "the doctor's look into the file is over"
    assert await money_findings(person.patient_id) == []


async def test_given_ten_cancels_at_once_then_one_refund(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    answers = await asyncio.gather(*(_cancel(person, held.id) for _ in range(10)), return_exceptions=True)
    assert sum(answer == "cancelled" for answer in answers) == 1
    await relay.drain(8)
    assert await _refunds(held.id) == [(2500, "succeeded")]


async def test_given_the_time_has_come_then_cancelling_is_refused(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    await rows("UPDATE appointment SET starts_at = hospital_now() WHERE id = $1 RETURNING id", held.id)
    with pytest.raises(TooLateToCancel):
        await _cancel(person, held.id)
    ticket = await make_ticket(
        session=await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30)), person=person
    )
    with pytest.raises(NotCancellable):
        await _cancel(person, ticket.appointment_id)


async def test_given_a_walk_in_then_place_bill_cash_and_confirmation_are_one() -> None:
    registrar, person = await make_registrar(), await make_person()
    session = await make_session(clinic=await make_clinic(), places=4, starts_in=timedelta(hours=-1))
    command = RegisterWalkIn(patient_id=person.patient_id, schedule_id=session.schedule_id, tendered_fen=2000)
    with pytest.raises(TenderTooSmall):
        await run(registrar, register_walk_in, command)
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", session.schedule_id) == 0
    sold = await run(registrar, register_walk_in, command.model_copy(update={"tendered_fen": 10000}))
    assert (sold.change_fen, sold.appointment.number) == (7500, 1)
    assert await state_of(sold.appointment.id) == ("booked", "paid")
    assert await value("SELECT channel FROM appointment WHERE id = $1", sold.appointment.id) == "window"
    await relay.drain(8)
    assert await state_of(sold.appointment.id) == ("booked", "paid")
    with pytest.raises(AlreadyBooked):
        await run(registrar, register_walk_in, command)
    assert await money_findings(person.patient_id) == []


async def test_given_the_window_then_emergency_is_sold_there_and_far_sessions_are_not() -> None:
    registrar, person = await make_registrar(), await make_person()
    emergency = await make_session(
        clinic=await make_clinic(kind="emergency"), starts_in=timedelta(hours=-1), service_kind=ServiceKind.EMERGENCY
    )
    tomorrow = await make_session(clinic=await make_clinic())
    command = RegisterWalkIn(patient_id=person.patient_id, schedule_id=emergency.schedule_id, tendered_fen=2500)
    assert (await run(registrar, register_walk_in, command)).change_fen == 0
    with pytest.raises(SessionNotOpen):
        await run(registrar, register_walk_in, command.model_copy(update={"schedule_id": tomorrow.schedule_id}))
    with pytest.raises(Forbidden):
        await run(person.phone, register_walk_in, command)
