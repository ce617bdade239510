"""Places beyond the plan (加号): a doctor's own patients, by name, up to the rule."""

import asyncio
from collections import Counter

import pytest

from hospital_core.access.scheduling.errors import (
    AddOnsUsedUp,
    AlreadyBooked,
    SlotFull,
)
from hospital_core.access.scheduling.planning_commands import (
    AddOn,
    SetRule,
)
from hospital_core.access.scheduling.rules import RuleCode, forget_rules
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.ruling import set_rule
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    Person,
    book,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
)
from tests.fixtures.finance import value
from tests.fixtures.registry import make_relation


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
