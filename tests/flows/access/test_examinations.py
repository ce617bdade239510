"""Places for paid examinations: had with a charge, shared, moved, given back with the money, done in the room."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hospital_core.access.examinations.commands import CancelExamination, JoinExamination, SaveExaminationItem
from hospital_core.access.examinations.errors import (
    ExaminationBooked,
    ExaminationElsewhere,
    ExaminationItemTaken,
    ExaminationNotPaid,
    ExaminationOver,
    ExaminationTooSoon,
)
from hospital_core.access.examinations.queries import (
    examination_places,
    examinations_of_patient,
    examinations_of_visit,
    my_examinations,
)
from hospital_core.access.examinations.service import (
    cancel_examination,
    join_examination,
    reschedule,
    save_examination_item,
)
from hospital_core.access.queueing.commands import CallNext, CheckIn
from hospital_core.access.queueing.service import call_next, check_in
from hospital_core.access.scheduling.commands import CancelAppointment, RegisterWalkIn, RescheduleAppointment
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    NotCancellable,
    PaidExaminationOnly,
    SlotTaken,
)
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.planning_commands import AddOn
from hospital_core.access.scheduling.queries import bookable_departments
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import cancel_appointment, register_walk_in
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.chart.encounters.commands import FinishEncounter, StartEncounter
from hospital_core.chart.encounters.service import finish_encounter, start_encounter
from hospital_core.exchange.notifications.queries import inbox
from hospital_core.finance.billing.commands import RefundLineWanted
from hospital_core.finance.billing.errors import AlreadyPerformed
from hospital_core.finance.payments.commands import RefundAtCounter
from hospital_core.finance.payments.service import refund_at_counter
from hospital_core.kernel import relay
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    reading,
    rule,
    slot_status,
    staff_context,
    state_of,
)
from tests.fixtures.engines import Engines
from tests.fixtures.examinations import (
    PREPARATION,
    Room,
    book_charge,
    make_charge,
    make_examination_item,
    make_examination_room,
)
from tests.fixtures.finance import rows, value
from tests.fixtures.findings import money_findings

SOON = timedelta(minutes=30)


async def _paid(room: Room, person: Person, **more: Any) -> UUID:
    return await make_charge(patient_id=person.patient_id, price_item_id=room.price_item_id, **more)


async def _refund(charge_id: UUID, quantity: str = "1") -> None:
    """The window gives the money of a charge back, and the house reacts."""
    invoice_id = await value("SELECT invoice_id FROM charge_item WHERE id = $1", charge_id)
    lines = [RefundLineWanted(charge_item_id=charge_id, quantity=Decimal(quantity))]
    await run(SYSTEM, refund_at_counter, RefundAtCounter(invoice_id=invoice_id, lines=lines, reason="不做了"))
    await relay.drain(8)


async def _booked(person: Person) -> dict[UUID, UUID | None]:
    """Charges on the phone's list, and where they are done."""
    found = (await my_examinations(reading(person.phone))).items
    return {item.charge_item_id: item.place.appointment_id if item.place else None for item in found}


def _operator(room: Room) -> Context:
    return staff_context(staff_id=room.clinic.doctor_id, role=StaffRole.TECHNICIAN)


async def _called(room: Room, person: Person, held: AppointmentView) -> UUID:
    """The patient came and was called; answers the ticket."""
    ticket = await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    await run(_operator(room), call_next, CallNext(room_id=room.clinic.room_id))
    return ticket.id


async def _taken(session: ScheduleView) -> int:
    """How many places of a session somebody has."""
    taken = "SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'taken'"
    return int(await value(taken, session.schedule_id))


async def _done(charge_id: UUID) -> Decimal:
    return Decimal(await value("SELECT performed_quantity FROM charge_item WHERE id = $1", charge_id))


async def test_given_a_paid_charge_then_a_place_is_had_at_once_and_costs_nothing() -> None:
    room, person = await make_examination_room(), await make_person()
    session, charge_id = await room.session(), await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=session)
    assert (held.status, held.payment_status, held.fee_fen) == ("booked", "paid", 0)
    assert await slot_status(held.id) == "taken"
    assert await _booked(person) == {charge_id: held.id}
    (done,) = (await examinations_of_visit(reading(person.phone), held.id)).items
    assert (done.name, done.preparation) == ("腹部彩超", PREPARATION)
    await relay.drain(8)
    told = (await inbox(reading(person.phone))).items
    assert [message.kind for message in told] == ["examination_booked"]
    assert PREPARATION in told[0].text


async def test_given_a_paid_charge_then_its_places_are_shown_from_the_time_it_takes_to_prepare() -> None:
    room, person = await make_examination_room(lead_minutes=110), await make_person()
    near = await room.session(starts_in=timedelta(minutes=60), hours=2, places=4)
    later = await (await room.beside()).session(starts_in=timedelta(days=3))
    charge_id = await _paid(room, person)
    shown = await examination_places(reading(person.phone), charge_id, None)
    assert [(day.day, day.places) for day in shown.days] == [
        (await value("SELECT day FROM schedule WHERE id = $1", near.schedule_id), 2),
        (await value("SELECT day FROM schedule WHERE id = $1", later.schedule_id), 4),
    ]
    (session,) = shown.sessions
    assert [place.number for place in session.places] == [3, 4]
    with pytest.raises(ExaminationTooSoon):
        await book_charge(by=person, charge_id=charge_id, session=near, place=1)
    assert (await book_charge(by=person, charge_id=charge_id, session=near, place=2)).number == 3


async def test_given_no_paid_charge_then_nobody_sells_an_examination_place() -> None:
    room, person, registrar = await make_examination_room(), await make_person(), await make_registrar()
    session = await room.session(starts_in=SOON)
    with pytest.raises(PaidExaminationOnly):
        await book(person=person, session=session)
    walk_in = RegisterWalkIn(patient_id=person.patient_id, schedule_id=session.schedule_id, tendered_fen=0)
    with pytest.raises(PaidExaminationOnly):
        await run(registrar, register_walk_in, walk_in)
    with pytest.raises(PaidExaminationOnly):
        await run(SYSTEM, add_on, AddOn(patient_id=person.patient_id, schedule_id=session.schedule_id))
    unpaid = await _paid(room, person, paid=False)
    with pytest.raises(ExaminationNotPaid):
        await book_charge(by=person, charge_id=unpaid, session=session)
    assert await _booked(person) == {}
    assert room.clinic.department_id not in [
        one.id for one in (await bookable_departments(reading(person.phone))).items
    ]


async def test_given_a_paid_charge_then_it_buys_no_place_at_a_clinic_and_none_elsewhere() -> None:
    room, other, person = await make_examination_room(), await make_examination_room(), await make_person()
    charge_id = await _paid(room, person)
    with pytest.raises(NotFound):
        await book_charge(by=person, charge_id=charge_id, session=await make_session(clinic=await make_clinic()))
    with pytest.raises(ExaminationElsewhere):
        await book_charge(by=person, charge_id=charge_id, session=await other.session())


async def test_given_somebody_elses_charge_then_it_does_not_exist() -> None:
    room, person, other = await make_examination_room(), await make_person(), await make_person()
    session, charge_id = await room.session(), await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=session)
    theirs = await _paid(room, other)
    for attempt in (
        book_charge(by=other, charge_id=charge_id, session=session, place=1),
        book_charge(by=other, charge_id=theirs, session=session, place=1, also=[charge_id]),
        run(other.phone, join_examination, JoinExamination(charge_item_id=theirs, appointment_id=held.id)),
        examination_places(reading(other.phone), charge_id, None),
        examinations_of_visit(reading(other.phone), held.id),
        examinations_of_patient(reading(other.phone), person.patient_id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await _booked(other) == {theirs: None}


async def test_given_an_unproven_link_then_older_charges_stay_hidden() -> None:
    room, person = await make_examination_room(), await make_person(proven=False)
    charge_id = await _paid(room, person)
    assert list(await _booked(person)) == [charge_id]
    await rows(
        "UPDATE charge_item SET created_at = created_at - interval '1 day' WHERE id = $1 RETURNING id", charge_id
    )
    assert await _booked(person) == {}
    with pytest.raises(NotFound):
        await book_charge(by=person, charge_id=charge_id, session=await room.session())


async def test_given_eight_taps_at_once_then_a_charge_has_one_place() -> None:
    room, person = await make_examination_room(), await make_person()
    session, charge_id = await room.session(places=8), await _paid(room, person)
    answers = await asyncio.gather(
        *(book_charge(by=person, charge_id=charge_id, session=session, place=place) for place in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, AppointmentView) for answer in answers) == 1
    assert all(isinstance(answer, AppointmentView | ExaminationBooked) for answer in answers), answers
    assert await _taken(session) == 1


_TWIN = """
INSERT INTO examination_booking (id, charge_item_id, appointment_id, made_at)
SELECT $1, charge_item_id, appointment_id, made_at FROM examination_booking WHERE charge_item_id = $2 LIMIT 1"""


async def test_given_a_twin_row_then_the_database_refuses_it_and_without_the_guard_takes_it(core: Engines) -> None:
    room, person = await make_examination_room(), await make_person()
    charge_id = await _paid(room, person)
    await book_charge(by=person, charge_id=charge_id, session=await room.session())
    owner = await asyncpg.connect(core.owner)
    try:
        with pytest.raises(asyncpg.UniqueViolationError, match="examination_charge_booked_once"):
            await owner.execute(_TWIN, new_id(), charge_id)
        control = owner.transaction()
        await control.start()
        await owner.execute("DROP INDEX examination_charge_booked_once")
        await owner.execute(_TWIN, new_id(), charge_id)
        assert (
            await owner.fetchval("SELECT count(*) FROM examination_booking WHERE charge_item_id = $1", charge_id) == 2
        )
        await control.rollback()
    finally:
        await owner.close()


async def test_given_a_place_given_back_then_the_charge_has_another_and_the_old_one_is_free() -> None:
    room, person = await make_examination_room(), await make_person()
    session, charge_id = await room.session(), await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=session)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert await _booked(person) == {charge_id: None}
    again = await book_charge(by=person, charge_id=charge_id, session=session)
    assert (again.number, again.id == held.id) == (held.number, False)
    assert await _booked(person) == {charge_id: again.id}
    assert await money_findings(person.patient_id) == []


async def test_given_two_charges_of_a_half_day_then_they_share_a_place_or_join_one() -> None:
    room, person = await make_examination_room(), await make_person()
    _, second_item = await make_examination_item(department_id=room.clinic.department_id, name="心脏彩超")
    _, third_item = await make_examination_item(department_id=room.clinic.department_id, name="颈部血管彩超")
    session = await room.session()
    first = await _paid(room, person)
    second, third = [
        await make_charge(patient_id=person.patient_id, price_item_id=item) for item in (second_item, third_item)
    ]
    held = await book_charge(by=person, charge_id=first, session=session, also=[second])
    with pytest.raises(AlreadyBooked) as refused:
        await book_charge(by=person, charge_id=third, session=session, place=1)
    assert refused.value.fields["appointment_id"] == str(held.id)
    joined = await run(person.phone, join_examination, JoinExamination(charge_item_id=third, appointment_id=held.id))
    assert joined.id == held.id
    assert await _booked(person) == {first: held.id, second: held.id, third: held.id}
    assert await _taken(session) == 1
    with pytest.raises(ExaminationBooked):
        await run(person.phone, join_examination, JoinExamination(charge_item_id=third, appointment_id=held.id))


async def test_given_a_charge_of_another_department_then_it_cannot_join() -> None:
    room, other, person = await make_examination_room(), await make_examination_room(), await make_person()
    held = await book_charge(by=person, charge_id=await _paid(room, person), session=await room.session())
    elsewhere = await _paid(other, person)
    with pytest.raises(ExaminationElsewhere):
        await run(person.phone, join_examination, JoinExamination(charge_item_id=elsewhere, appointment_id=held.id))


async def test_given_a_move_then_the_charges_go_along_and_only_to_places_for_them() -> None:
    room, person = await make_examination_room(), await make_person()
    here, there = await room.session(), await (await room.beside()).session(starts_in=timedelta(days=3))
    clinic = await make_session(clinic=await make_clinic(fee="0.00"))
    charge_id = await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=here)
    options = await move_options(reading(person.phone), held.id)
    assert {option.schedule_id for option in options.items} == {here.schedule_id, there.schedule_id}
    with pytest.raises(PaidExaminationOnly):
        await run(person.phone, reschedule, _move(held, clinic))
    elsewhere = await (await make_examination_room()).session()
    with pytest.raises(ExaminationElsewhere):
        await run(person.phone, reschedule, _move(held, elsewhere))
    assert await _booked(person) == {charge_id: held.id}
    moved = await run(person.phone, reschedule, _move(held, there))
    assert (moved.status, moved.previous_id) == ("booked", held.id)
    assert await _booked(person) == {charge_id: moved.id}
    assert await state_of(held.id) == ("cancelled", "paid")


def _move(held: AppointmentView, session: ScheduleView) -> RescheduleAppointment:
    return RescheduleAppointment(appointment_id=held.id, schedule_id=session.schedule_id)


async def test_given_a_refund_then_the_place_is_free_again_once_and_the_patient_is_told() -> None:
    room, person = await make_examination_room(), await make_person()
    session, charge_id = await room.session(), await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=session)
    await relay.drain(8)
    await _refund(charge_id)
    assert await state_of(held.id) == ("cancelled", "paid")
    assert await slot_status(held.id) == "free"
    assert await _booked(person) == {}
    told = [message.kind for message in (await inbox(reading(person.phone))).items]
    assert sorted(told) == ["examination_booked", "examination_cancelled"]
    with pytest.raises(ExaminationOver):
        await book_charge(by=person, charge_id=charge_id, session=session)
    assert await money_findings(person.patient_id) == []


async def test_given_a_shared_place_then_it_goes_with_the_last_charge_only() -> None:
    room, person = await make_examination_room(), await make_person()
    first, second = await _paid(room, person), await _paid(room, person)
    held = await book_charge(by=person, charge_id=first, session=await room.session(), also=[second])
    await _refund(first)
    assert await _booked(person) == {second: held.id}
    await _refund(second)
    assert await state_of(held.id) == ("cancelled", "paid")


async def test_given_a_refund_of_a_part_then_the_place_stays() -> None:
    room, person = await make_examination_room(), await make_person()
    charge_id = await _paid(room, person, quantity="2")
    held = await book_charge(by=person, charge_id=charge_id, session=await room.session())
    await _refund(charge_id)
    assert await _booked(person) == {charge_id: held.id}


async def test_given_a_refund_and_a_booking_at_once_then_no_place_is_left_without_its_money() -> None:
    room = await make_examination_room()
    session = await room.session(places=6)
    people = [await make_person() for _ in range(6)]
    charges = [await _paid(room, person) for person in people]
    await asyncio.gather(
        *(book_charge(by=person, charge_id=charge_id, session=session, place=place)
          for place, (person, charge_id) in enumerate(zip(people, charges, strict=True))),
        *(_refund(charge_id) for charge_id in charges),
        return_exceptions=True,
    )  # fmt: skip
    await relay.drain(8)
    assert await value("SELECT count(*) FROM charge_item WHERE id = ANY($1) AND refunded_quantity = 1", charges) == 6
    assert await _taken(session) == 0


async def test_given_a_patient_who_waits_then_a_refund_takes_them_out_of_the_queue() -> None:
    room, person = await make_examination_room(), await make_person()
    charge_id = await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=await room.session(starts_in=SOON))
    ticket = await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    await _refund(charge_id)
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", ticket.id) == "cancelled"
    assert await state_of(held.id) == ("entered-in-error", "paid")
    assert await slot_status(held.id) == "free"


async def test_given_the_examination_then_its_charge_is_done_from_its_beginning_and_the_visit_ends() -> None:
    room, person = await make_examination_room(), await make_person()
    charge_id = await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=await room.session(starts_in=SOON))
    ticket_id = await _called(room, person, held)
    await run(_operator(room), start_encounter, StartEncounter(ticket_id=ticket_id))
    assert await _done(charge_id) == 1
    with pytest.raises(AlreadyPerformed):
        await _refund(charge_id)
    late = await _paid(room, person)
    await run(person.phone, join_examination, JoinExamination(charge_item_id=late, appointment_id=held.id))
    await run(_operator(room), finish_encounter, FinishEncounter(ticket_id=ticket_id))
    assert (await state_of(held.id), await _done(late)) == (("fulfilled", "paid"), 1)
    assert await _booked(person) == {}
    assert await money_findings(person.patient_id) == []
    with pytest.raises(ExaminationOver):
        await book_charge(by=person, charge_id=charge_id, session=await room.session(starts_in=timedelta(days=2)))


async def test_given_a_called_patient_whose_money_is_back_then_the_examination_does_not_begin() -> None:
    room, person = await make_examination_room(), await make_person()
    charge_id = await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=await room.session(starts_in=SOON))
    ticket_id = await _called(room, person, held)
    await _refund(charge_id)
    with pytest.raises(ExaminationOver):
        await run(_operator(room), start_encounter, StartEncounter(ticket_id=ticket_id))
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", ticket_id) == "called"


async def test_given_the_limits_of_the_day_and_a_ban_then_paid_examinations_are_booked_all_the_same() -> None:
    room, person = await make_examination_room(), await make_person()
    await rows(
        "INSERT INTO booking_ban (id, version, patient_id, kind, reason, made_at, starts_at, ends_at) "
        "VALUES ($1, 0, $2, 'no_show', '爽约', hospital_now(), hospital_now() - interval '1 day', "
        "hospital_now() + interval '9 days') RETURNING id",
        new_id(), person.patient_id,
    )  # fmt: skip
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 1):
        for day in range(1, 4):
            session = await room.session(starts_in=timedelta(days=day))
            await book_charge(by=person, charge_id=await _paid(room, person), session=session)
    assert await value("SELECT count(*) FROM booking_count WHERE subject_id = $1", person.patient_id) == 0


async def test_given_the_desk_then_it_books_for_days_to_come_and_gives_places_back() -> None:
    room, person, registrar = await make_examination_room(), await make_person(), await make_registrar()
    charge_id, session = await _paid(room, person), await room.session(starts_in=timedelta(days=4))
    held = await book_charge(by=registrar, charge_id=charge_id, session=session)
    assert await value("SELECT channel FROM appointment WHERE id = $1", held.id) == "window"
    (shown,) = (await examinations_of_patient(reading(registrar), person.patient_id)).items
    assert shown.place is not None
    assert shown.place.appointment_id == held.id
    with pytest.raises(SlotTaken):
        other = await _paid(room, await make_person())
        await book_charge(by=registrar, charge_id=other, session=session)
    given_back = await run(registrar, cancel_examination, CancelExamination(charge_item_id=charge_id))
    assert given_back.status == "cancelled"
    assert await _booked(person) == {charge_id: None}
    doctor = staff_context(staff_id=room.clinic.doctor_id, role=StaffRole.DOCTOR)
    with pytest.raises(Forbidden):
        await book_charge(by=doctor, charge_id=charge_id, session=session)


async def test_given_a_patient_who_came_then_the_desk_cannot_give_the_place_back() -> None:
    room, person, registrar = await make_examination_room(), await make_person(), await make_registrar()
    charge_id = await _paid(room, person)
    held = await book_charge(by=person, charge_id=charge_id, session=await room.session(starts_in=SOON))
    await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    with pytest.raises(NotCancellable):
        await run(registrar, cancel_examination, CancelExamination(charge_item_id=charge_id))


async def test_given_the_list_of_items_then_each_price_item_stands_once_and_places_cost_nothing() -> None:
    room = await make_examination_room()
    twin = SaveExaminationItem(price_item_id=room.price_item_id, department_id=room.clinic.department_id)
    with pytest.raises(ExaminationItemTaken):
        await run(SYSTEM, save_examination_item, twin)
    dear = await make_clinic(kind="medical_technology", fee="30.00")
    with pytest.raises(FieldProblem):
        await Room(dear, room.price_item_id, room.item_id).session()
    with pytest.raises(asyncpg.CheckViolationError, match="examination_lead_in_range"):
        await rows("UPDATE examination_item SET lead_minutes = -1 WHERE id = $1 RETURNING id", room.item_id)
    with pytest.raises(asyncpg.CheckViolationError, match="examination_booking_ends_after_start"):
        await rows(
            "INSERT INTO examination_booking (id, charge_item_id, appointment_id, made_at, ended_at) "
            "VALUES ($1, $2, $3, hospital_now(), hospital_now() - interval '1 hour') RETURNING id",
            new_id(), new_id(), new_id(),
        )  # fmt: skip


async def test_given_an_item_out_of_use_then_what_is_booked_stands_and_nothing_new_is_had() -> None:
    room, person = await make_examination_room(), await make_person()
    held = await book_charge(by=person, charge_id=await _paid(room, person), session=await room.session())
    waiting = await _paid(room, person)
    off = SaveExaminationItem(
        item_id=room.item_id, price_item_id=room.price_item_id, department_id=room.clinic.department_id, active=False
    )
    await run(SYSTEM, save_examination_item, off)
    assert list((await _booked(person)).values()) == [held.id]
    with pytest.raises(ExaminationElsewhere):
        await run(person.phone, join_examination, JoinExamination(charge_item_id=waiting, appointment_id=held.id))
