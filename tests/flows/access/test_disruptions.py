"""Stopped and substituted clinics, and places beyond the plan: every patient told once, moved once, paid once."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.disruption_queries import (
    clinic_changes,
    disruption,
    disruptions_of,
    move_targets,
    my_disruptions,
)
from hospital_core.access.scheduling.errors import (
    AddOnsUsedUp,
    AlreadyBooked,
    DisruptionSettled,
    DoctorElsewhere,
    NothingToStop,
    SessionStopped,
    SlotFull,
)
from hospital_core.access.scheduling.planning_commands import (
    AddOn,
    AnswerDisruption,
    SetRule,
    StopClinic,
    SubstituteDoctor,
)
from hospital_core.access.scheduling.planning_views import ClinicChangeView, DisruptionView
from hospital_core.access.scheduling.queries import appointment, slots
from hospital_core.access.scheduling.rules import RuleCode, forget_rules
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.changing import stop_clinic, substitute_doctor
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.service.ruling import set_rule
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.kernel import relay
from hospital_core.kernel.errors import DomainError, FieldProblem, Forbidden, NotFound
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    DAY,
    SYSTEM,
    Clinic,
    Person,
    book,
    book_and_pay,
    let_hold_lapse,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    make_ticket,
    reading,
    state_of,
)
from tests.fixtures.finance import FakeGateway, make_price_item, money_findings, rows, value
from tests.fixtures.registry import make_relation


async def _stop(session: ScheduleView, **numbers: int) -> ClinicChangeView:
    command = StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊", **numbers)
    return (await run(SYSTEM, stop_clinic, command)).items[0]


async def _substitute(session: ScheduleView, staff_id: UUID) -> ClinicChangeView:
    command = SubstituteDoctor(schedule_id=session.schedule_id, staff_id=staff_id, reason="医生生病")
    return await run(SYSTEM, substitute_doctor, command)


async def _asked(person: Person) -> DisruptionView:
    (asked,) = (await my_disruptions(reading(person.phone))).items
    return asked


async def _answer(
    person: Person, asked: DisruptionView, choice: DisruptionChoice, session: ScheduleView | None = None
) -> DisruptionView:
    where = session.schedule_id if session else None
    command = AnswerDisruption(disruption_id=asked.id, choice=choice, schedule_id=where)
    return await run(person.phone, answer_disruption, command)


async def _time_is_over(change: ClinicChangeView) -> None:
    """The timer of every patient whom a change met fires now."""
    await rows(
        "UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e, disruption q "
        "WHERE e.id = d.event_id AND e.name = 'DisruptionAnswerDue' AND e.payload->>'disruption_id' = q.id::text "
        "AND q.change_id = $1 RETURNING d.id",
        change.id,
    )
    await relay.drain(8)


async def _told(appointment_id: UUID) -> int:
    return int(await value("SELECT count(*) FROM disruption WHERE appointment_id = $1", appointment_id))


async def _see(person: Person, held: AppointmentView) -> AppointmentView:
    return await appointment(reading(person.phone), held.id)


async def _refunds(*sources: UUID) -> list[int]:
    found = await rows("SELECT amount_fen FROM refund WHERE source_id = ANY($1::uuid[]) ORDER BY requested_at", sources)
    return [row["amount_fen"] for row in found]


async def test_given_a_stopped_session_then_nobody_books_holds_end_and_the_paid_are_asked(gateway: FakeGateway) -> None:
    clinic, payer, holder = await make_clinic(), await make_person(), await make_person()
    session = await make_session(clinic=clinic)
    paid = await book_and_pay(gateway, person=payer, session=session)
    held = await book(person=holder, session=session)
    change = await _stop(session)
    assert (change.told, change.open, change.kind) == (1, 1, "stop")
    assert (await state_of(paid.id), await state_of(held.id)) == (("booked", "paid"), ("cancelled", "unpaid"))
    with pytest.raises(SessionStopped):
        await book(person=await make_person(), session=session)
    asked = await _asked(payer)
    assert (asked.choices, asked.appointment_id, asked.number) == (["move", "refund"], paid.id, 1)
    assert (await my_disruptions(reading(holder.phone))).items == []
    with pytest.raises(NotFound):
        await disruption(reading(holder.phone), asked.id)
    with pytest.raises(NothingToStop):
        await _stop(session)
    assert (await make_session(clinic=clinic)).status == "active", "it blocks neither doctor nor room"


async def test_given_no_answer_in_time_then_the_stopped_are_refunded_once(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book_and_pay(
        gateway, person=person, session=(session := await make_session(clinic=await make_clinic()))
    )
    change = await _stop(session)
    await _time_is_over(change)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await _refunds(held.id) == [2500]
    with pytest.raises(DisruptionSettled):
        await _answer(person, await _of(change), DisruptionChoice.REFUND)
    assert await money_findings(person.patient_id) == []


async def _of(change: ClinicChangeView) -> DisruptionView:
    (one,) = (await disruptions_of(reading(SYSTEM), change.id)).items
    return one


async def test_given_a_move_to_a_cheaper_session_then_the_difference_goes_back_and_the_rest_at_cancelling(
    gateway: FakeGateway,
) -> None:
    expert, person = await make_clinic(fee="60.00"), await make_person()
    general = await make_clinic(beside=expert)
    cheap = await _priced(general, "25.00")
    session, other = await make_session(clinic=expert), await make_session(clinic=cheap, starts_in=2 * DAY)
    held = await book_and_pay(gateway, person=person, session=session)
    change = await _stop(session)
    asked = await _asked(person)
    target = next(t for t in (await move_targets(reading(person.phone), asked.id)).items)
    assert (target.schedule_id, target.refund_fen) == (other.schedule_id, 3500)
    moved = await _answer(person, asked, DisruptionChoice.MOVE, other)
    # 60 yuan go back in steps of six fen: the patient gets the next step, not the one below.
    assert (moved.status, moved.refunded_fen) == ("moved", 3504)
    await relay.drain(8)
    seen = await _see(person, held)
    assert (seen.status, seen.payment_status, seen.fee_fen) == ("booked", "paid", 2496)
    assert (seen.starts_at, seen.number) == (other.starts_at, 1)
    assert [s.free for s in (await slots(reading(person.phone), other.schedule_id)).items].count(False) == 1
    await _time_is_over(change)
    assert (await state_of(held.id), await _told(held.id)) == (("booked", "paid"), 1)
    second = await _stop(other)
    await _time_is_over(second)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await _refunds(asked.id, held.id) == [3504, 2496]
    assert await money_findings(person.patient_id) == []


async def _priced(clinic: Clinic, fee: str) -> Clinic:
    return replace(clinic, price_item_id=await make_price_item(unit_price=fee, name="普通门诊诊查费"))


async def test_given_a_move_to_a_dearer_session_then_it_costs_nothing_more(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(fee="15.00"), await make_person()
    dear = await _priced(await make_clinic(beside=clinic), "200.00")
    session, other = await make_session(clinic=clinic), await make_session(clinic=dear)
    held = await book_and_pay(gateway, person=person, session=session)
    await _stop(session)
    await _answer(person, await _asked(person), DisruptionChoice.MOVE, other)
    (row,) = await rows("SELECT fee_fen, full_fee_fen, staff_id FROM appointment WHERE id = $1", held.id)
    assert (row["fee_fen"], row["full_fee_fen"], row["staff_id"]) == (1500, 20000, dear.doctor_id)
    relation = "SELECT staff_id FROM care_relation WHERE source_id = $1"
    assert await value(relation, held.id) == dear.doctor_id
    assert await _refunds(held.id) == []


async def test_given_ten_answers_at_once_then_one_settles_and_money_moves_once(gateway: FakeGateway) -> None:
    clinic, person = await make_clinic(), await make_person()
    session, other = await make_session(clinic=clinic), await make_session(clinic=clinic, starts_in=2 * DAY)
    held = await book_and_pay(gateway, person=person, session=session)
    change = await _stop(session)
    asked = await _asked(person)
    answers = await asyncio.gather(
        *(_answer(person, asked, DisruptionChoice.MOVE, other) for _ in range(5)),
        *(_answer(person, asked, DisruptionChoice.REFUND) for _ in range(4)),
        _time_is_over(change),
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
        assert (await state_of(held.id), taken, await _refunds(held.id)) == (("booked", "paid"), 1, [])
    else:
        assert (await state_of(held.id), taken, await _refunds(held.id)) == (("cancelled", "refunded"), 0, [2500])
    assert await money_findings(person.patient_id) == []


async def test_given_naive_code_then_several_settle_one_question() -> None:
    """The control: read, think, write. What keeps an answer single is the condition in the update."""
    session = await make_session(clinic=await make_clinic(fee="0"))
    person = await make_person()
    await book(person=person, session=session)
    await _stop(session)
    asked = await _asked(person)
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
    await _stop(session)
    asked = [await _asked(person) for person in people]
    answers = await asyncio.gather(
        *(_answer(p, a, DisruptionChoice.MOVE, other) for p, a in zip(people, asked, strict=True)),
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
    change = await _stop(session, slot_from=2, slot_to=3)
    assert (change.told, change.slot_from, change.slot_to) == (2, 2, 3)
    offered = {slot.number: slot.free for slot in (await slots(reading(people[0].phone), session.schedule_id)).items}
    assert offered == {1: False, 4: False, 5: True, 6: True}
    assert (await my_disruptions(reading(people[0].phone))).items == []
    moved = await _answer(people[1], await _asked(people[1]), DisruptionChoice.MOVE, session)
    assert moved.status == "moved"
    assert (await _see(people[1], held[1])).number == 5
    await _answer(people[2], await _asked(people[2]), DisruptionChoice.REFUND)
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
        _stop(session),
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
    await _stop(session, slot_from=1, slot_to=1)
    with pytest.raises(SessionStopped):
        await run(SYSTEM, check_in, CheckIn(appointment_id=held.id))


async def test_given_a_substitute_then_patients_keep_by_default_and_the_doctor_sees_them(gateway: FakeGateway) -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    session = await make_session(clinic=clinic)
    keeper, leaver = await make_person(), await make_person()
    kept = await book_and_pay(gateway, person=keeper, session=session)
    left = await book_and_pay(gateway, person=leaver, session=session)
    change = await _substitute(session, colleague.doctor_id)
    assert (change.told, change.kind) == (2, "substitute")
    asked = await _asked(leaver)
    assert asked.choices == ["keep", "move", "refund"]
    await _answer(leaver, asked, DisruptionChoice.REFUND)
    await _time_is_over(change)
    assert (await state_of(kept.id), await state_of(left.id)) == (("booked", "paid"), ("cancelled", "refunded"))
    assert (await _of_patient(change, keeper)).status == "kept"
    relation = "SELECT staff_id FROM care_relation WHERE source_id = $1"
    assert await value(relation, kept.id) == colleague.doctor_id
    assert await value("SELECT staff_id FROM schedule WHERE id = $1", session.schedule_id) == colleague.doctor_id
    assert (await slots(reading(keeper.phone), session.schedule_id)).items[1].free, "the place can be had again"


async def _of_patient(change: ClinicChangeView, person: Person) -> DisruptionView:
    met = (await disruptions_of(reading(SYSTEM), change.id)).items
    return next(one for one in met if one.patient_id == person.patient_id)


async def test_given_a_substitute_then_who_waits_already_waits_for_them() -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=10))
    ticket = await make_ticket(session=session)
    change = await _substitute(session, colleague.doctor_id)
    await relay.drain(8)
    assert change.told == 0
    assert await value("SELECT staff_id FROM queue_ticket WHERE id = $1", ticket.id) == colleague.doctor_id


async def test_given_an_unfit_substitute_then_nothing_changes() -> None:
    clinic = await make_clinic()
    junior, busy = await make_clinic(beside=clinic), await make_clinic(beside=clinic)
    await rows("UPDATE staff_member SET title = '住院医师' WHERE id = $1 RETURNING id", junior.doctor_id)
    session = await make_session(clinic=clinic)
    await make_session(clinic=busy)
    for staff_id in (junior.doctor_id, clinic.doctor_id, clinic.room_id):
        with pytest.raises(FieldProblem):
            await _substitute(session, staff_id)
    with pytest.raises(DoctorElsewhere):
        await _substitute(session, busy.doctor_id)
    with pytest.raises(Forbidden):
        command = SubstituteDoctor(schedule_id=session.schedule_id, staff_id=busy.doctor_id, reason="生病")
        await run(clinic.doctor, substitute_doctor, command)
    assert await value("SELECT staff_id FROM schedule WHERE id = $1", session.schedule_id) == clinic.doctor_id


async def test_given_a_substitute_and_then_a_stop_then_only_the_later_question_is_open() -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    session = await make_session(clinic=clinic)
    person, held = await make_booked(session=session)
    first = await _substitute(session, colleague.doctor_id)
    second = await _stop(session)
    assert (await _of(first)).status == "lapsed"
    assert (await _asked(person)).id == (await _of(second)).id
    assert await _told(held.id) == 2


async def test_given_a_claim_in_that_half_day_then_the_move_there_is_refused_and_the_question_stays() -> None:
    clinic = await make_clinic(fee="0")
    colleague = await make_clinic(beside=clinic)
    person = await make_person()
    session = await make_session(clinic=clinic)
    other, beside = [await make_session(clinic=c, starts_in=2 * DAY) for c in (clinic, colleague)]
    await book(person=person, session=session)
    await book(person=person, session=other)
    await _stop(session)
    asked = await _asked(person)
    with pytest.raises(AlreadyBooked):
        await _answer(person, asked, DisruptionChoice.MOVE, beside)
    assert (await _asked(person)).status == "open"


async def test_given_answers_that_cannot_be_then_they_are_refused() -> None:
    clinic, elsewhere = await make_clinic(fee="0"), await make_clinic(fee="0")
    session, other = await make_session(clinic=clinic), await make_session(clinic=elsewhere)
    person = await make_person()
    await book(person=person, session=session)
    await _stop(session)
    asked = await _asked(person)
    refused: list[tuple[DisruptionChoice, ScheduleView | None, type[DomainError]]] = [
        (DisruptionChoice.KEEP, None, FieldProblem),
        (DisruptionChoice.MOVE, None, FieldProblem),
        (DisruptionChoice.MOVE, other, SlotFull),  # another department
        (DisruptionChoice.MOVE, session, SlotFull),  # the stopped one
    ]
    for choice, where, error in refused:
        with pytest.raises(error):
            await _answer(person, asked, choice, where)
    with pytest.raises(NotFound):
        await _answer(await make_person(), asked, DisruptionChoice.REFUND)
    registrar = await make_registrar()
    command = AnswerDisruption(disruption_id=asked.id, choice=DisruptionChoice.REFUND)
    assert (await run(registrar, answer_disruption, command)).status == "refunded"


async def _known_patient(clinic: Clinic) -> Person:
    person = await make_person()
    await make_relation(patient_id=person.patient_id, department_id=clinic.department_id, staff_id=clinic.doctor_id)
    return person


async def test_given_a_full_session_then_its_doctor_adds_named_patients_up_to_the_rule() -> None:
    forget_rules()
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, places=2)
    for _ in range(2):
        await book(person=await make_person(), session=session)
    exception = {"scope": "department", "scope_key": str(clinic.department_id)}
    await run(SYSTEM, set_rule, SetRule.model_validate({"code": RuleCode.ADD_ON_PER_SESSION, "value": 2, **exception}))
    first, second, third = [await _known_patient(clinic) for _ in range(3)]
    added = [
        await run(clinic.doctor, add_on, AddOn(schedule_id=session.schedule_id, patient_id=person.patient_id))
        for person in (first, second)
    ]
    assert [(a.number, a.status) for a in added] == [(3, "pending"), (4, "pending")]
    channel = await value("SELECT channel FROM appointment WHERE id = $1", added[0].id)
    assert channel == "clinic"
    command = AddOn(schedule_id=session.schedule_id, patient_id=third.patient_id)
    with pytest.raises(AddOnsUsedUp):
        await run(clinic.doctor, add_on, command)
    await let_hold_lapse(added[0].id)
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)
    assert (await run(clinic.doctor, add_on, command)).number == 3, "what was not paid is given again"


async def test_given_another_doctor_or_an_unknown_patient_then_there_is_no_add_on() -> None:
    clinic, other = await make_clinic(), await make_clinic()
    session = await make_session(clinic=clinic)
    person = await _known_patient(clinic)
    with pytest.raises(NotFound):
        stranger = AddOn(schedule_id=session.schedule_id, patient_id=(await make_person()).patient_id)
        await run(clinic.doctor, add_on, stranger)
    command = AddOn(schedule_id=session.schedule_id, patient_id=person.patient_id)
    await make_relation(patient_id=person.patient_id, department_id=other.department_id, staff_id=other.doctor_id)
    with pytest.raises(Forbidden):
        await run(other.doctor, add_on, command)
    with pytest.raises(Forbidden):
        await run(await make_registrar(), add_on, command)
    await book(person=person, session=session)
    with pytest.raises(AlreadyBooked):
        await run(clinic.doctor, add_on, command)


async def test_given_ten_add_ons_at_once_then_the_rule_holds() -> None:
    forget_rules()
    clinic = await make_clinic(fee="0")
    session = await make_session(clinic=clinic, places=1)
    people = [await _known_patient(clinic) for _ in range(10)]
    answers = await asyncio.gather(
        *(run(clinic.doctor, add_on, AddOn(schedule_id=session.schedule_id, patient_id=p.patient_id)) for p in people),
        return_exceptions=True,
    )
    assert Counter(type(answer).__name__ for answer in answers) == {"AppointmentView": 5, "AddOnsUsedUp": 5}
