"""Stopped clinics: every patient told once, moved once, paid once."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.disruption_queries import (
    clinic_changes,
    disruption,
    move_targets,
    my_disruptions,
)
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    DisruptionSettled,
    NothingToStop,
    SessionStopped,
    SlotFull,
)
from hospital_core.access.scheduling.planning_commands import (
    AnswerDisruption,
    StopClinic,
)
from hospital_core.access.scheduling.planning_views import ClinicChangeView, DisruptionView
from hospital_core.access.scheduling.queries import slots
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel import relay
from hospital_core.kernel.errors import DomainError, FieldProblem, NotFound
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    DAY,
    SYSTEM,
    Clinic,
    book,
    book_and_pay,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    reading,
    state_of,
)
from tests.fixtures.disrupting import (
    answer,
    asked_of,
    let_answers_be_due,
    refunds_of,
    see,
    stop,
    the_one_of,
    times_told,
)
from tests.fixtures.finance import FakeGateway, make_price_item, rows, value
from tests.fixtures.findings import money_findings


async def test_given_a_stopped_session_then_nobody_books_holds_end_and_the_paid_are_asked(gateway: FakeGateway) -> None:
    clinic, payer, holder = await make_clinic(), await make_person(), await make_person()
    session = await make_session(clinic=clinic)
    paid = await book_and_pay(gateway, person=payer, session=session)
    held = await book(person=holder, session=session)
    change = await stop(session)
    assert (change.told, change.open, change.kind) == (1, 1, "stop")
    assert (await state_of(paid.id), await state_of(held.id)) == (("booked", "paid"), ("cancelled", "unpaid"))
    with pytest.raises(SessionStopped):
        await book(person=await make_person(), session=session)
    asked = await asked_of(payer)
    assert (asked.choices, asked.appointment_id, asked.number) == (["move", "refund"], paid.id, 1)
    assert (await my_disruptions(reading(holder.phone))).items == []
    with pytest.raises(NotFound):
        await disruption(reading(holder.phone), asked.id)
    with pytest.raises(NothingToStop):
        await stop(session)
    assert (await make_session(clinic=clinic)).status == "active", "it blocks neither doctor nor room"


async def test_given_no_answer_in_time_then_the_stopped_are_refunded_once(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book_and_pay(
        gateway, person=person, session=(session := await make_session(clinic=await make_clinic()))
    )
    change = await stop(session)
    await let_answers_be_due(change)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await refunds_of(held.id) == [2500]
    with pytest.raises(DisruptionSettled):
        await answer(person, await the_one_of(change), DisruptionChoice.REFUND)
    assert await money_findings(person.patient_id) == []


async def test_given_a_move_to_a_cheaper_session_then_the_difference_goes_back_and_the_rest_at_cancelling(
    gateway: FakeGateway,
) -> None:
    expert, person = await make_clinic(fee="60.00"), await make_person()
    general = await make_clinic(beside=expert)
    cheap = await _priced(general, "25.00")
    session, other = await make_session(clinic=expert), await make_session(clinic=cheap, starts_in=2 * DAY)
    held = await book_and_pay(gateway, person=person, session=session)
    change = await stop(session)
    asked = await asked_of(person)
    target = next(t for t in (await move_targets(reading(person.phone), asked.id)).items)
    assert (target.schedule_id, target.refund_fen) == (other.schedule_id, 3500)
    moved = await answer(person, asked, DisruptionChoice.MOVE, other)
    # 60 yuan go back in steps of six fen: the patient gets the next step, not the one below.
    assert (moved.status, moved.refunded_fen) == ("moved", 3504)
    await relay.drain(8)
    seen = await see(person, held)
    assert (seen.status, seen.payment_status, seen.fee_fen) == ("booked", "paid", 2496)
    assert (seen.starts_at, seen.number) == (other.starts_at, 1)
    assert [s.free for s in (await slots(reading(person.phone), other.schedule_id)).items].count(False) == 1
    await let_answers_be_due(change)
    assert (await state_of(held.id), await times_told(held.id)) == (("booked", "paid"), 1)
    second = await stop(other)
    await let_answers_be_due(second)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await refunds_of(asked.id, held.id) == [3504, 2496]
    assert await money_findings(person.patient_id) == []


async def _priced(clinic: Clinic, fee: str) -> Clinic:
    return replace(clinic, price_item_id=await make_price_item(unit_price=fee, name="普通门诊诊查费"))


async def test_given_a_move_to_a_dearer_session_then_it_costs_nothing_more(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(fee="15.00"), await make_person()
    dear = await _priced(await make_clinic(beside=clinic), "200.00")
    session, other = await make_session(clinic=clinic), await make_session(clinic=dear)
    held = await book_and_pay(gateway, person=person, session=session)
    await stop(session)
    await answer(person, await asked_of(person), DisruptionChoice.MOVE, other)
    (row,) = await rows("SELECT fee_fen, full_fee_fen, staff_id FROM appointment WHERE id = $1", held.id)
    assert (row["fee_fen"], row["full_fee_fen"], row["staff_id"]) == (1500, 20000, dear.doctor_id)
    relation = "SELECT staff_id FROM care_relation WHERE source_id = $1"
    assert await value(relation, held.id) == dear.doctor_id
    assert await refunds_of(held.id) == []


async def test_given_ten_answers_at_once_then_one_settles_and_money_moves_once(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    session, other = await make_session(clinic=clinic), await make_session(clinic=clinic, starts_in=2 * DAY)
    held = await book_and_pay(gateway, person=person, session=session)
    change = await stop(session)
    asked = await asked_of(person)
    answers = await asyncio.gather(
        *(answer(person, asked, DisruptionChoice.MOVE, other) for _ in range(5)),
        *(answer(person, asked, DisruptionChoice.REFUND) for _ in range(4)),
        let_answers_be_due(change),
        return_exceptions=True,
    )
    settled = [one for one in answers if isinstance(one, DisruptionView)]
    refused = Counter(type(one).__name__ for one in answers if isinstance(one, Exception))
    assert len(settled) <= 1
    assert set(refused) <= {"DisruptionSettled"}
    await relay.drain(8)
    (row,) = await rows("SELECT status FROM disruption WHERE id = $1", asked.id)
    taken = await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'taken'", other.schedule_id)
    if row["status"] == "moved":
        assert (await state_of(held.id), taken, await refunds_of(held.id)) == (("booked", "paid"), 1, [])
    else:
        assert (await state_of(held.id), taken, await refunds_of(held.id)) == (("cancelled", "refunded"), 0, [2500])
    assert await money_findings(person.patient_id) == []


async def test_given_naive_code_then_several_settle_one_question() -> None:
    """The control: read, think, write. What keeps an answer single is the condition in the update."""
    session = await make_session(clinic=await make_clinic(fee="0"))
    person = await make_person()
    await book(person=person, session=session)
    await stop(session)
    asked = await asked_of(person)
    everybody_looked = asyncio.Barrier(4)

    async def settle() -> bool:
        async with pooled_connection() as connection:
            status = await connection.fetchval("SELECT status FROM disruption WHERE id = $1", asked.id)
            await everybody_looked.wait()
            if status != "open":
                return False
            await connection.execute(
                "UPDATE disruption SET status = 'refunded', answered_at = hospital_now() WHERE id = $1", asked.id
            )
            return True

    assert sum(await asyncio.gather(*(settle() for _ in range(4)))) == 4


async def test_given_the_last_place_of_the_other_session_then_one_of_many_moves_there() -> None:
    clinic = await make_clinic(fee="0")
    session = await make_session(clinic=clinic, places=6)
    other = await make_session(clinic=clinic, places=1, starts_in=2 * DAY)
    people = [await make_person() for _ in range(6)]
    for person in people:
        await book(person=person, session=session)
    await stop(session)
    asked = [await asked_of(person) for person in people]
    answers = await asyncio.gather(
        *(answer(p, a, DisruptionChoice.MOVE, other) for p, a in zip(people, asked, strict=True)),
        return_exceptions=True,
    )
    assert Counter(type(answer).__name__ for answer in answers) == {"DisruptionView": 1, "SlotFull": 5}
    still = await value("SELECT count(*) FROM disruption WHERE id = ANY($1::uuid[]) AND status = 'open'",
                        [a.id for a in asked])  # fmt: skip
    assert still == 5, "who did not get the place is still asked"


async def test_given_some_numbers_stopped_then_only_they_are_closed_and_their_patients_may_take_others() -> None:
    clinic = await make_clinic(fee="0")
    session = await make_session(clinic=clinic, places=6)
    people = [await make_person() for _ in range(4)]
    held = [await book(person=person, session=session) for person in people]
    change = await stop(session, slot_from=2, slot_to=3)
    assert (change.told, change.slot_from, change.slot_to) == (2, 2, 3)
    offered = {slot.number: slot.free for slot in (await slots(reading(people[0].phone), session.schedule_id)).items}
    assert offered == {1: False, 4: False, 5: True, 6: True}
    assert (await my_disruptions(reading(people[0].phone))).items == []
    moved = await answer(people[1], await asked_of(people[1]), DisruptionChoice.MOVE, session)
    assert moved.status == "moved"
    assert (await see(people[1], held[1])).number == 5
    await answer(people[2], await asked_of(people[2]), DisruptionChoice.REFUND)
    closed = await value("SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'closed'", session.schedule_id)
    assert closed == 2, "a stopped number is nobody's when its patient has left it"


async def test_given_a_doctors_day_then_all_sessions_of_it_or_one_half_are_stopped() -> None:
    clinic = await make_clinic()
    tomorrow = await make_session(clinic=clinic, starts_in=3 * DAY, hours=1)
    day = await value("SELECT day FROM schedule WHERE id = $1", tomorrow.schedule_id)
    period = await value("SELECT period FROM schedule WHERE id = $1", tomorrow.schedule_id)
    others = {"morning", "afternoon", "night"} - {period}
    with pytest.raises(NothingToStop):
        await run(SYSTEM, stop_clinic, StopClinic(
            staff_id=clinic.doctor_id, day=day, period=others.pop(), reason="休假"))  # fmt: skip
    command = StopClinic(staff_id=clinic.doctor_id, day=day, reason="休假")
    (change,) = (await run(SYSTEM, stop_clinic, command)).items
    assert change.schedule_id == tomorrow.schedule_id
    assert change.id in {one.id for one in (await clinic_changes(reading(SYSTEM), day)).items}


@pytest.mark.parametrize(
    "fields",
    [{}, {"slot_from": 1}, {"slot_from": 3, "slot_to": 2}, {"staff_id": UUID(int=1), "day": "2026-12-01"}],
)
async def test_given_an_unclear_stop_then_its_field_is_named(fields: dict[str, object]) -> None:
    ids = () if not fields else (UUID(int=1),)
    with pytest.raises(FieldProblem):
        await run(SYSTEM, stop_clinic, StopClinic.model_validate({"schedule_ids": ids, "reason": "休假", **fields}))


async def test_given_bookings_during_a_stop_then_each_is_refused_or_asked() -> None:
    session = await make_session(clinic=await make_clinic(fee="0"), places=12)
    people = [await make_person() for _ in range(12)]
    answers = await asyncio.gather(
        *(book(person=p, session=session) for p in people[:6]),
        stop(session),
        *(book(person=p, session=session) for p in people[6:]),
        return_exceptions=True,
    )
    assert isinstance(answers[6], ClinicChangeView), answers[6]
    assert {type(answer).__name__ for answer in answers} <= {"AppointmentView", "ClinicChangeView", "SessionStopped",
                                                             "SlotFull", "SlotTaken"}  # fmt: skip
    forgotten = await value(
        "SELECT count(*) FROM appointment a WHERE a.schedule_id = $1 AND a.status <> 'cancelled' AND NOT EXISTS "
        "(SELECT 1 FROM disruption d WHERE d.appointment_id = a.id)",
        session.schedule_id,
    )
    assert forgotten == 0


async def test_given_an_unanswered_stop_then_the_patient_cannot_check_in() -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30))
    _, held = await make_booked(session=session)
    await stop(session, slot_from=1, slot_to=1)
    with pytest.raises(SessionStopped):
        await run(SYSTEM, check_in, CheckIn(appointment_id=held.id))


async def test_given_a_claim_in_that_half_day_then_the_move_there_is_refused_and_the_question_stays() -> None:
    clinic = await make_clinic(fee="0")
    colleague = await make_clinic(beside=clinic)
    person = await make_person()
    session = await make_session(clinic=clinic)
    other, beside = [await make_session(clinic=c, starts_in=2 * DAY) for c in (clinic, colleague)]
    await book(person=person, session=session)
    await book(person=person, session=other)
    await stop(session)
    asked = await asked_of(person)
    with pytest.raises(AlreadyBooked):
        await answer(person, asked, DisruptionChoice.MOVE, beside)
    assert (await asked_of(person)).status == "open"


async def test_given_answers_that_cannot_be_then_they_are_refused() -> None:
    clinic, elsewhere = await make_clinic(fee="0"), await make_clinic(fee="0")
    session, other = await make_session(clinic=clinic), await make_session(clinic=elsewhere)
    person = await make_person()
    await book(person=person, session=session)
    await stop(session)
    asked = await asked_of(person)
    refused: list[tuple[DisruptionChoice, ScheduleView | None, type[DomainError]]] = [
        (DisruptionChoice.KEEP, None, FieldProblem),
        (DisruptionChoice.MOVE, None, FieldProblem),
        (DisruptionChoice.MOVE, other, SlotFull),  # another department
        (DisruptionChoice.MOVE, session, SlotFull),  # the stopped one
    ]
    for choice, where, error in refused:
        with pytest.raises(error):
            await answer(person, asked, choice, where)
    with pytest.raises(NotFound):
        await answer(await make_person(), asked, DisruptionChoice.REFUND)
    registrar = await make_registrar()
    command = AnswerDisruption(disruption_id=asked.id, choice=DisruptionChoice.REFUND)
    assert (await run(registrar, answer_disruption, command)).status == "refunded"


async def test_given_a_place_given_back_as_any_other_then_its_patient_is_asked_nothing_more() -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    _, held = await make_booked(session=session, person=person)
    await rows("UPDATE appointment SET fee_fen = 0 WHERE id = $1 RETURNING id", held.id)
    change = await stop(session)
    assert [one.appointment_id for one in (await my_disruptions(reading(person.phone))).items] == [held.id]
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert (await my_disruptions(reading(person.phone))).items == []
    await let_answers_be_due(change)
    assert (await the_one_of(change)).status == "lapsed"


async def test_given_another_appointment_of_a_half_day_then_nothing_of_it_is_offered_instead() -> None:
    clinic, person = await make_clinic(fee="0"), await make_person()
    session, taken = await make_session(clinic=clinic), await make_session(clinic=clinic, starts_in=2 * DAY)
    beside = await make_session(clinic=await make_clinic(beside=clinic), starts_in=2 * DAY)
    free = await make_session(clinic=clinic, starts_in=3 * DAY)
    for one in (session, taken):
        await book(person=person, session=one)
    await stop(session)
    asked = await asked_of(person)
    offered = {one.schedule_id for one in (await move_targets(reading(person.phone), asked.id)).items}
    assert offered == {free.schedule_id}
    with pytest.raises(AlreadyBooked):
        await answer(person, asked, DisruptionChoice.MOVE, beside)
