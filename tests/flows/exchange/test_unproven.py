"""Anybody may link a patient whose number they know: until that is proven they hear of nothing older."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SerializeAsAny

from hospital_core.access.scheduling.events import AddOnGiven, BanLifted, VisitReminderDue
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.exchange.notifications.queries import inbox, unread_messages
from hospital_core.finance.einvoicing.events import EInvoiceIssued
from hospital_core.kernel import relay
from hospital_core.kernel.commands import Command, Done
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.events import Event
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.access import SYSTEM, Person, make_booked, make_clinic, make_person, make_session, now, reading
from tests.fixtures.einvoice import make_e_invoice
from tests.fixtures.finance import rows, value


class Telling(Command):
    """An event to record, as the room that it belongs to would."""

    event: SerializeAsAny[Event]


async def _tell(uow: UnitOfWork, command: Telling) -> Done:
    uow.record(command.event)
    return Done()


async def tell(event: Event) -> None:
    await run(SYSTEM, _tell, Telling(event=event))
    await relay.drain(8)


async def linked(person: Person, *, since: timedelta, proven: bool = False) -> Person:
    """Another account that was linked to the person's file so long ago."""
    account = await make_person(patient_id=person.patient_id, proven=proven)
    at = await now() - since
    await rows("UPDATE account_link SET linked_at = $2 WHERE account_id = $1 RETURNING id", account.account_id, at)
    return account


async def told(account: Person) -> list[str]:
    """Kinds of messages that were written to an account, whether or not its inbox shows them."""
    found = await rows("SELECT kind FROM notification WHERE account_id = $1 ORDER BY created_at", account.account_id)
    return [row["kind"] for row in found]


async def test_given_a_visit_that_was_booked_before_then_an_unproven_link_hears_nothing_of_it() -> None:
    session = await make_session(clinic=await make_clinic())
    person, held = await make_booked(session=session)
    stranger = await linked(person, since=timedelta(0))
    early = await linked(person, since=timedelta(hours=2))
    mother = await linked(person, since=timedelta(0), proven=True)
    for event in (VisitReminderDue(appointment_id=held.id), AddOnGiven(appointment_id=held.id)):
        await tell(event)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    await relay.drain(8)
    assert set(await told(mother)) == set(await told(early)) >= {"clinic_stopped", "add_on_given"}
    assert await told(stranger) == []


async def test_given_a_ban_or_an_e_invoice_of_before_then_an_unproven_link_hears_nothing_of_it() -> None:
    person = await make_person()
    (ban,) = await rows(
        "INSERT INTO booking_ban (id, version, patient_id, kind, reason, starts_at, ends_at, made_at) "
        "VALUES ($1, 0, $2, 'no_show', '九十天内爽约三次', hospital_now(), hospital_now() + interval '30 days', "
        "hospital_now()) RETURNING id",
        new_id(), person.patient_id,
    )  # fmt: skip
    bill_id: UUID = await make_e_invoice(patient_id=person.patient_id)
    paid_id = await value("SELECT invoice_id FROM e_invoice WHERE id = $1", bill_id)
    stranger = await linked(person, since=timedelta(0))
    mother = await linked(person, since=timedelta(0), proven=True)
    await tell(BanLifted(ban_id=ban["id"]))
    await tell(EInvoiceIssued(e_invoice_id=bill_id, invoice_id=paid_id, patient_id=person.patient_id))
    assert sorted(await told(mother)) == ["ban_lifted", "e_invoice_issued"]
    assert await told(stranger) == []


async def _messages(person: Person, count: int) -> None:
    """As many messages of one moment."""
    at = await now()
    for _ in range(count):
        _, held = await make_booked(session=await make_session(clinic=await make_clinic()))
        await rows(
            "INSERT INTO notification (id, version, account_id, patient_id, kind, source_id, status, spent, "
            "created_at) VALUES ($1, 0, $2, $3, 'appointment_confirmed', $4, 'refused', false, $5) RETURNING id",
            new_id(), person.account_id, person.patient_id, held.id, at,
        )  # fmt: skip


async def test_given_a_patient_removed_and_added_again_then_older_messages_stay_hidden_until_proven() -> None:
    person = await make_person()
    await _messages(person, 1)
    assert (await unread_messages(reading(person.phone))).unread == 1
    await rows(
        "UPDATE account_link SET linked_at = hospital_now(), proven_at = NULL, proof = NULL WHERE account_id = $1 "
        "RETURNING id",
        person.account_id,
    )
    assert (await inbox(reading(person.phone))).items == []
    assert (await unread_messages(reading(person.phone))).unread == 0
    await rows(
        "UPDATE account_link SET proven_at = hospital_now(), proof = 'kiosk_card' WHERE account_id = $1 RETURNING id",
        person.account_id,
    )
    assert len((await inbox(reading(person.phone))).items) == 1


async def test_given_more_messages_than_a_page_then_each_is_reached_once_though_they_are_of_one_moment() -> None:
    person = await make_person()
    await _messages(person, 5)
    seen, cursor = [], None
    for _ in range(3):
        page = await inbox(reading(person.phone), cursor=cursor, limit=2)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
    assert (len(seen), len(set(seen)), cursor) == (5, 5, None)


@pytest.mark.parametrize("cursor", ["x", "-1", "1", "9" * 40, "１.0", "1.x"])
async def test_given_a_made_up_cursor_then_it_is_refused(cursor: str) -> None:
    with pytest.raises(FieldProblem):
        await inbox(reading((await make_person()).phone), cursor=cursor)
