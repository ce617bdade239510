"""Having another place instead: one transaction, one payment, both appointments linked."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import CancelAppointment, RescheduleAppointment
from hospital_core.access.scheduling.errors import (
    MoveElsewhere,
    NotCancellable,
    RescheduleDearer,
    ReschedulesUsedUp,
    SlotFull,
    TooLateToCancel,
)
from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import cancel_appointment, reschedule_appointment
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.kernel import relay
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    Clinic,
    Person,
    book,
    book_and_pay,
    deliver,
    fire_hold_timer,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    open_payment,
    reading,
    rule,
    slot_status,
    state_of,
)
from tests.fixtures.finance import FakeGateway, make_price_item, rows, value
from tests.fixtures.findings import money_findings


async def move(person: Person, held: UUID, session: ScheduleView) -> AppointmentView:
    """Reschedule by phone."""
    command = RescheduleAppointment(appointment_id=held, schedule_id=session.schedule_id)
    return await run(person.phone, reschedule_appointment, command)


async def dearer_or_cheaper(clinic: Clinic, fee: str) -> ScheduleView:
    """A session of the same department with another fee, two days later."""
    other = await make_clinic(beside=clinic)
    price = await make_price_item(unit_price=fee, name="专家门诊诊查费")
    return await make_session(
        clinic=Clinic(other.campus_id, other.department_id, other.area_id, other.room_id, other.doctor_id, price),
        starts_in=timedelta(days=3),
    )


async def refunded_fen(person: Person) -> int:
    """What went back to a person so far."""
    return int(await value("SELECT coalesce(sum(refunded_fen), 0) FROM payment_intent WHERE patient_id = $1",
                           person.patient_id))  # fmt: skip


async def test_given_a_paid_place_then_the_payment_moves_with_it_and_both_are_linked(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    there = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    moved = await move(person, held.id, there)
    assert (moved.status, moved.payment_status, moved.previous_id) == ("booked", "paid", held.id)
    assert moved.encounter_id == held.encounter_id
    assert (await appointment(reading(person.phone), held.id)).next_id == moved.id
    assert await state_of(held.id) == ("cancelled", "moved")
    assert (await slot_status(held.id), await slot_status(moved.id)) == ("free", "taken")
    assert await refunded_fen(person) == 0
    await relay.drain(8)
    assert await money_findings(person.patient_id) == []


async def test_given_a_moved_payment_then_giving_the_new_place_back_returns_it_whole(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    there = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=3))
    moved = await move(person, held.id, there)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=moved.id))
    await relay.drain(8)
    assert await state_of(moved.id) == ("cancelled", "refunded")
    assert await refunded_fen(person) == 2500
    assert await money_findings(person.patient_id) == []


async def test_given_a_cheaper_place_then_the_difference_goes_back_at_once(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(fee="50.00"), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    moved = await move(person, held.id, await dearer_or_cheaper(clinic, "20.00"))
    assert (moved.fee_fen, await refunded_fen(person)) == (2000, 3000)
    await relay.drain(8)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=moved.id))
    await relay.drain(8)
    assert await refunded_fen(person) == 5000
    assert await money_findings(person.patient_id) == []


async def test_given_a_dearer_place_then_it_is_refused_and_nothing_has_changed(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    there = await dearer_or_cheaper(clinic, "80.00")
    with pytest.raises(RescheduleDearer) as refused:
        await move(person, held.id, there)
    assert refused.value.fields == {"difference_fen": 5500}
    assert await state_of(held.id) == ("booked", "paid")
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", there.schedule_id) == 0
    assert await slot_status(held.id) == "taken"


async def test_given_a_free_place_instead_of_a_paid_one_then_the_fee_goes_back(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic))
    moved = await move(person, held.id, await dearer_or_cheaper(clinic, "0.00"))
    await relay.drain(8)
    assert (moved.status, moved.fee_fen) == ("booked", 0)
    assert (await state_of(held.id), await refunded_fen(person)) == (("cancelled", "refunded"), 2500)


async def test_given_an_unpaid_hold_then_it_swaps_and_keeps_its_time_to_pay(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book(person=person, session=await make_session(clinic=clinic))
    number = await open_payment(gateway, person=person, appointment_id=held.id)
    moved = await move(person, held.id, await dearer_or_cheaper(clinic, "80.00"))
    assert (moved.status, moved.fee_fen, moved.pay_until) == ("pending", 8000, held.pay_until)
    await deliver(gateway.pay(number))  # money for the old one was on its way
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await state_of(moved.id) == ("pending", "unpaid")
    assert await money_findings(person.patient_id) == []


async def test_given_another_doctor_in_the_same_half_day_then_the_old_one_does_not_stand_in_the_way() -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic))
    await rows("UPDATE appointment SET payment_status = 'unpaid', status = 'pending' WHERE id = $1 RETURNING id",
               held.id)  # fmt: skip
    moved = await move(person, held.id, await make_session(clinic=await make_clinic(beside=clinic)))
    assert moved.previous_id == held.id


async def test_given_two_moves_then_a_third_is_refused() -> None:
    clinic, person = await make_clinic(), await make_person()
    at = await book(person=person, session=await make_session(clinic=clinic))
    for days in (3, 4):
        beside = await make_clinic(beside=clinic)
        at = await move(person, at.id, await make_session(clinic=beside, starts_in=timedelta(days=days)))
    third = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=5))
    with pytest.raises(ReschedulesUsedUp):
        await move(person, at.id, third)
    async with rule(RuleCode.RESCHEDULES_MAX, 3):
        assert (await move(person, at.id, third)).previous_id == at.id


async def test_given_the_cut_off_for_giving_back_then_moving_ends_with_it_too() -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await make_session(clinic=clinic, starts_in=timedelta(hours=5)))
    there = await make_session(clinic=await make_clinic(beside=clinic), starts_in=timedelta(days=2))
    async with rule(RuleCode.CANCEL_BEFORE_MINUTES, 360):
        with pytest.raises(TooLateToCancel):
            await move(person, held.id, there)


async def test_given_a_sought_after_place_then_moving_away_hides_it_as_cancelling_does() -> None:
    clinic, person = await make_clinic(), await make_person()
    session = await make_session(clinic=clinic, places=1, sought_after=True)
    held = await book(person=person, session=session)
    await move(person, held.id, await make_session(clinic=await make_clinic(beside=clinic), starts_in=2 * DAYS))
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    hidden = await value("SELECT free_from - hospital_now() FROM slot WHERE schedule_id = $1", session.schedule_id)
    assert hidden > timedelta(minutes=28)


DAYS = timedelta(days=1)


async def test_given_ten_who_want_one_last_place_then_one_moves_and_nine_keep_theirs() -> None:
    clinic = await make_clinic()
    crowded = await make_session(clinic=clinic, places=10)
    people = [await make_person() for _ in range(10)]
    held = [await book(person=person, session=crowded) for person in people]
    last = await make_session(clinic=await make_clinic(beside=clinic), places=1, starts_in=3 * DAYS)
    answers = await asyncio.gather(
        *(move(person, one.id, last) for person, one in zip(people, held, strict=True)), return_exceptions=True
    )
    assert sum(isinstance(answer, AppointmentView) for answer in answers) == 1
    assert sum(isinstance(answer, SlotFull) for answer in answers) == 9
    states = [(await state_of(one.id))[0] for one in held]
    assert sorted(states) == ["cancelled"] + ["pending"] * 9


async def test_given_two_taps_at_once_then_one_moves_and_the_other_hears_that_it_is_gone() -> None:
    clinic, person = await make_clinic(), await make_person()
    held = await book(person=person, session=await make_session(clinic=clinic))
    targets = [await make_session(clinic=await make_clinic(beside=clinic), starts_in=days * DAYS) for days in (3, 4)]
    answers = await asyncio.gather(*(move(person, held.id, there) for there in targets), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["AppointmentView", NotCancellable.__name__]
    live = "SELECT count(*) FROM appointment WHERE patient_id = $1 AND status = 'pending'"
    assert await value(live, person.patient_id) == 1
    await fire_hold_timer(held.id)
    assert await value(live, person.patient_id) == 1


async def test_given_a_clinic_of_another_department_then_nobody_moves_there(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    elsewhere = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=3))
    with pytest.raises(MoveElsewhere):
        await move(person, held.id, elsewhere)
    assert (await state_of(held.id), await slot_status(held.id)) == (("booked", "paid"), "taken")
    assert await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'taken'",
                       elsewhere.schedule_id) == 0  # fmt: skip
