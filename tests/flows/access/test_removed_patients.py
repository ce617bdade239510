"""A patient is removed from an account, or their file is merged: what it waits for, and what it can still book."""

from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment
from hospital_core.access.scheduling.errors import TooManyWaits
from hospital_core.access.scheduling.service import book_in_rush, cancel_appointment
from hospital_core.access.scheduling.waitlist_queries import waitlist_entry
from hospital_core.kernel import relay
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import RevokeLink
from hospital_core.registry.accounts.queries import linked_patients
from hospital_core.registry.accounts.service import revoke_link
from hospital_core.registry.patients.commands import MergePatients
from hospital_core.registry.patients.service import merge_patients
from tests.fixtures.access import (
    SYSTEM,
    Person,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    now,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.finance import make_payer, rows, value
from tests.fixtures.waiting import line_up, make_full_session


async def with_another(person: Person) -> Person:
    """The same account acting for a second patient."""
    other = await make_payer(name="李小满")
    await rows(
        "INSERT INTO account_link (id, version, account_id, patient_id, relation, place, status, linked_at, proven_at, "
        "proof) VALUES ($1, 0, $2, $3, 'other', 2, 'active', $4, $4, 'created_here') RETURNING id",
        new_id(), person.account_id, other, await now(),
    )  # fmt: skip
    return Person(other, person.account_id, person.openid)


async def remove(person: Person) -> None:
    """The account no longer acts for the patient, and the worker has heard of it."""
    link_id = await value(
        "SELECT id FROM account_link WHERE account_id = $1 AND patient_id = $2", person.account_id, person.patient_id
    )
    await run(person.phone, revoke_link, RevokeLink(link_id=link_id))
    await relay.drain(6)


async def status_of(entry_id: UUID) -> str:
    return str(await value("SELECT status FROM waitlist_entry WHERE id = $1", entry_id))


async def test_given_a_removed_patient_then_their_waits_end_and_the_accounts_places_are_free_again() -> None:
    holder = await make_person()
    other = await with_another(holder)
    entries = [(await line_up((await make_full_session())[0], person=other))[1] for _ in range(3)]
    fresh, _ = await make_full_session()
    with pytest.raises(TooManyWaits):
        await line_up(fresh, person=holder)
    await remove(other)
    assert {await status_of(entry.id) for entry in entries} == {"left"}
    _, entry = await line_up(fresh, person=holder)
    assert entry.status == "waiting"


async def test_given_another_account_that_acts_for_the_patient_then_it_can_wait_where_the_removed_one_did() -> None:
    mother = await make_person()
    session, _ = await make_full_session()
    _, entry = await line_up(session, person=mother)
    father = await make_person(patient_id=mother.patient_id)
    await remove(mother)
    assert await status_of(entry.id) == "left"
    _, again = await line_up(session, person=father)
    assert again.position == 1


async def test_given_an_offer_to_a_removed_patient_then_the_next_in_line_gets_it_at_once() -> None:
    session, [(holder, held)] = await make_full_session()
    first, offered = await line_up(session)
    second, waiting = await line_up(session)
    await run(holder.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(8)
    offer = (await waitlist_entry(reading(first.phone), offered.id)).offer
    assert offer is not None
    await remove(first)
    await relay.drain(8)
    assert await status_of(offered.id) == "declined"
    assert (await state_of(offer.appointment_id))[0] == "cancelled"
    assert await status_of(waiting.id) == "offered"
    assert (await waitlist_entry(reading(second.phone), waiting.id)).offer is not None


async def merged(person: Person) -> UUID:
    """The file that the person's became part of at a window."""
    survivor = await make_payer(name="张三丰")
    merge = MergePatients(source_id=person.patient_id, survivor_id=survivor, reason="同一人")
    await run(await make_registrar(), merge_patients, merge)
    return survivor


async def test_given_a_file_merged_at_the_window_then_the_phone_books_for_the_one_that_stands() -> None:
    person = await make_person()
    survivor = await merged(person)
    (link,) = await linked_patients(reading(SYSTEM), person.account_id)
    assert (link.patient_id, link.proven) == (survivor, True)
    session = await make_session(clinic=await make_clinic())
    wanted = BookAppointment(patient_id=link.patient_id, schedule_id=session.schedule_id)
    made = await book_in_rush(person.phone, wanted)
    assert (made.patient_id, await slot_status(made.id)) == (survivor, "taken")


async def test_given_a_merged_file_then_what_it_waits_for_since_is_offered() -> None:
    person = await make_person()
    survivor = await merged(person)
    session, [(holder, held)] = await make_full_session()
    _, entry = await line_up(session, person=Person(survivor, person.account_id, person.openid))
    await run(holder.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(8)
    assert await status_of(entry.id) == "offered"
