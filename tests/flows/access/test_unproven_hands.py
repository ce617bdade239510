"""Anybody may link a patient whose number they know: until that is proven they give away nothing that others booked."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import CancelAppointment, RescheduleAppointment
from hospital_core.access.scheduling.errors import ProofNeeded
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.planning_commands import AnswerDisruption, StopClinic
from hospital_core.access.scheduling.service import cancel_appointment, reschedule_appointment
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.service.waitlist import leave_waitlist
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.access.scheduling.waitlist_commands import LeaveWaitlist
from hospital_core.kernel.commands import Command
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    reading,
    state_of,
)
from tests.fixtures.finance import value
from tests.fixtures.waiting import line_up, make_full_session

Act = tuple[Callable[..., Awaitable[Any]], Command]


async def beside(person: Person, *, proven: bool = False) -> Person:
    """Another account that was linked to the patient an hour ago."""
    return await make_person(patient_id=person.patient_id, proven=proven)


async def booked(person: Person) -> UUID:
    """A place of the person's, paid."""
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    return (await make_booked(session=session, person=person))[1].id


async def _cancelling(person: Person) -> Act:
    return cancel_appointment, CancelAppointment(appointment_id=await booked(person))


async def _moving(person: Person) -> Act:
    held = await booked(person)
    session_id = await value("SELECT schedule_id FROM appointment WHERE id = $1", held)
    return reschedule_appointment, RescheduleAppointment(appointment_id=held, schedule_id=session_id)


async def _leaving(person: Person) -> Act:
    _, entry = await line_up((await make_full_session())[0], person=person)
    return leave_waitlist, LeaveWaitlist(entry_id=entry.id)


async def _refunding(person: Person) -> Act:
    held = await booked(person)
    session_id = await value("SELECT schedule_id FROM appointment WHERE id = $1", held)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session_id,), reason="医生外出会诊"))
    disruption_id = await value("SELECT id FROM disruption WHERE appointment_id = $1", held)
    return answer_disruption, AnswerDisruption(disruption_id=disruption_id, choice=DisruptionChoice.REFUND)


@pytest.mark.parametrize("making", [_cancelling, _moving, _leaving, _refunding])
async def test_given_what_another_phone_booked_then_an_unproven_one_cannot_give_it_away(
    making: Callable[[Person], Awaitable[Act]],
) -> None:
    person = await make_person()
    stranger = await beside(person)
    act, command = await making(person)
    with pytest.raises(ProofNeeded):
        await run(stranger.phone, act, command)


async def test_given_an_unproven_phone_then_what_it_booked_itself_is_its_own() -> None:
    person = await make_person()
    newcomer = await beside(person)
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    held = await book(person=newcomer, session=session)
    await run(newcomer.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert (await state_of(held.id))[0] == "cancelled"


async def test_given_two_proven_phones_then_each_may_give_back_what_the_other_booked() -> None:
    person = await make_person()
    mother = await beside(person, proven=True)
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    held = await book(person=person, session=session)
    await run(mother.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert (await state_of(held.id))[0] == "cancelled"


async def test_given_what_another_phone_booked_then_the_refusal_of_a_move_is_said_beforehand() -> None:
    person = await make_person()
    stranger = await beside(person)
    told = await move_options(reading(stranger.phone), await booked(person))
    assert (told.refusal, told.items) == (ProofNeeded.title, [])
