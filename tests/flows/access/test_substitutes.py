"""A clinic given to another doctor: whoever says nothing keeps their visit, and is seen by who is there."""

from datetime import timedelta

import pytest

from hospital_core.access.scheduling.disruption_queries import (
    disruptions_of,
)
from hospital_core.access.scheduling.errors import (
    DoctorElsewhere,
)
from hospital_core.access.scheduling.planning_commands import (
    SubstituteDoctor,
)
from hospital_core.access.scheduling.planning_views import ClinicChangeView, DisruptionView
from hospital_core.access.scheduling.queries import slots
from hospital_core.access.scheduling.service.changing import substitute_doctor
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.kernel import relay
from hospital_core.kernel.errors import FieldProblem, Forbidden
from hospital_core.kernel.run import run
from tests.faults.checker import PLACES_OF
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book_and_pay,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    make_ticket,
    reading,
    state_of,
)
from tests.fixtures.disrupting import (
    answer,
    asked_of,
    let_answers_be_due,
    stop,
    substitute,
    the_one_of,
    times_told,
)
from tests.fixtures.finance import FakeGateway, rows, value


async def test_given_a_substitute_then_patients_keep_by_default_and_the_doctor_sees_them(gateway: FakeGateway) -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    session = await make_session(clinic=clinic)
    keeper, leaver = await make_person(), await make_person()
    kept = await book_and_pay(gateway, person=keeper, session=session)
    left = await book_and_pay(gateway, person=leaver, session=session)
    change = await substitute(session, colleague.doctor_id)
    assert (change.told, change.kind) == (2, "substitute")
    asked = await asked_of(leaver)
    assert asked.choices == ["keep", "move", "refund"]
    await answer(leaver, asked, DisruptionChoice.REFUND)
    await let_answers_be_due(change)
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
    change = await substitute(session, colleague.doctor_id)
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
            await substitute(session, staff_id)
    with pytest.raises(DoctorElsewhere):
        await substitute(session, busy.doctor_id)
    with pytest.raises(Forbidden):
        command = SubstituteDoctor(schedule_id=session.schedule_id, staff_id=busy.doctor_id, reason="生病")
        await run(clinic.doctor, substitute_doctor, command)
    assert await value("SELECT staff_id FROM schedule WHERE id = $1", session.schedule_id) == clinic.doctor_id


async def test_given_a_substitute_and_then_a_stop_then_only_the_later_question_is_open() -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    session = await make_session(clinic=clinic)
    person, held = await make_booked(session=session)
    first = await substitute(session, colleague.doctor_id)
    second = await stop(session)
    assert (await the_one_of(first)).status == "lapsed"
    assert (await asked_of(person)).id == (await the_one_of(second)).id
    assert await times_told(held.id) == 2


async def test_given_a_stopped_number_and_then_a_substitute_then_its_patient_cannot_keep_what_does_not_take_place(
    gateway: FakeGateway,
) -> None:
    clinic = await make_clinic()
    colleague, first, second = await make_clinic(beside=clinic), await make_person(), await make_person()
    session = await make_session(clinic=clinic)
    stopped = await book_and_pay(gateway, person=first, session=session)
    standing = await book_and_pay(gateway, person=second, session=session)
    stop_of_one = await stop(session, slot_from=stopped.number, slot_to=stopped.number)
    change = await substitute(session, colleague.doctor_id)
    asked = await asked_of(first)
    assert (asked.choices, change.told) == (["move", "refund"], 1), "the question about the stopped number stands"
    with pytest.raises(FieldProblem):
        await answer(first, asked, DisruptionChoice.KEEP)
    ids = [session.schedule_id]
    assert [tuple(row) for row in await rows(PLACES_OF, ids)] == []
    await let_answers_be_due(change)
    await let_answers_be_due(stop_of_one)
    assert (await state_of(stopped.id), await state_of(standing.id)) == (("cancelled", "refunded"), ("booked", "paid"))
    assert [tuple(row) for row in await rows(PLACES_OF, ids)] == []
