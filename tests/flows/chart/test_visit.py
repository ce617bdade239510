"""The visit: queue, booking, bill and encounter move together, and the patient is told."""

import asyncio
from datetime import timedelta

import pytest

from hospital_core.access.queueing.commands import CallNext, CheckIn, TicketCommand
from hospital_core.access.queueing.service import call_next, check_in, recall
from hospital_core.access.queueing.views import TicketView
from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.chart.encounters.commands import FinishEncounter, StartEncounter
from hospital_core.chart.encounters.queries import encounter
from hospital_core.chart.encounters.service import finish_encounter, start_encounter
from hospital_core.exchange.notifications.commands import ReadMessage
from hospital_core.exchange.notifications.queries import inbox
from hospital_core.exchange.notifications.service import read_message
from hospital_core.kernel import relay
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    Clinic,
    FakeMessenger,
    Person,
    book_and_pay,
    make_clinic,
    make_person,
    make_session,
    now,
    reading,
    state_of,
)
from tests.fixtures.finance import FakeGateway, rows, value
from tests.fixtures.findings import money_findings


async def _called(gateway: FakeGateway) -> tuple[Clinic, Person, TicketView]:
    clinic, person = await make_clinic(), await make_person()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=20))
    held = await book_and_pay(gateway, person=person, session=session)
    ticket = await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    return clinic, person, ticket


async def test_given_a_paid_visit_then_every_room_of_the_house_agrees_at_its_end(gateway: FakeGateway) -> None:
    clinic, person, ticket = await _called(gateway)
    await relay.drain(8)
    (planned,) = await rows("SELECT * FROM encounter WHERE appointment_id = $1", ticket.appointment_id)
    assert (planned["status"], planned["encounter_class"]) == ("planned", "AMB")
    begun = await run(clinic.doctor, start_encounter, StartEncounter(ticket_id=ticket.id))
    assert (begun.id, begun.status, begun.staff_id, begun.location_id) == (
        planned["id"], "in-progress", clinic.doctor_id, clinic.room_id,
    )  # fmt: skip
    done = await run(clinic.doctor, finish_encounter, FinishEncounter(ticket_id=ticket.id))
    assert done.status == "completed"
    assert await state_of(ticket.appointment_id) == ("fulfilled", "paid")
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", ticket.id) == "finished"
    (item,) = await rows("SELECT * FROM charge_item WHERE source_id = $1", ticket.appointment_id)
    assert item["performed_quantity"] == item["quantity"]
    assert await money_findings(person.patient_id) == []
    with pytest.raises(StateConflict):
        await run(clinic.doctor, finish_encounter, FinishEncounter(ticket_id=ticket.id))


async def test_given_the_events_are_late_then_the_visit_starts_all_the_same_and_once(gateway: FakeGateway) -> None:
    clinic, _, ticket = await _called(gateway)
    command = StartEncounter(ticket_id=ticket.id)
    answers = await asyncio.gather(
        *(run(clinic.doctor, start_encounter, command) for _ in range(6)), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    await relay.drain(8)
    (row,) = await rows("SELECT status FROM encounter WHERE appointment_id = $1", ticket.appointment_id)
    assert row["status"] == "in-progress"


async def test_given_another_doctor_then_the_visit_is_not_theirs(gateway: FakeGateway) -> None:
    _, person, ticket = await _called(gateway)
    stranger = (await make_clinic()).doctor
    with pytest.raises(Forbidden):
        await run(stranger, start_encounter, StartEncounter(ticket_id=ticket.id))
    await relay.drain(8)
    encounter_id = await value("SELECT id FROM encounter WHERE appointment_id = $1", ticket.appointment_id)
    with pytest.raises(NotFound):
        await encounter(reading(stranger), encounter_id)
    assert (await encounter(reading(person.phone), encounter_id)).status == "planned"


async def test_given_a_visit_then_the_patient_is_told_of_each_step_once(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    clinic, person, ticket = await _called(gateway)
    await run(clinic.doctor, recall, TicketCommand(ticket_id=ticket.id))
    await relay.drain(8)
    mine = [(kind, data) for openid, kind, _, data in messenger.sent if openid == person.openid]
    assert sorted(kind for kind, _ in mine) == ["appointment_confirmed", "ticket_called"]
    called = dict(mine)["ticket_called"]
    assert (called["number"], called["patient"]) == ("A001", "张*丰")
    assert called["room"]
    messages = (await inbox(reading(person.phone))).items
    assert [(message.kind, message.status) for message in messages] == [
        ("ticket_called", "sent"), ("appointment_confirmed", "sent"),
    ]  # fmt: skip
    assert "A001" in messages[0].text
    await run(person.phone, read_message, ReadMessage(notification_id=messages[0].id))
    assert (await inbox(reading(person.phone))).items[0].read_at is not None
    stranger = await make_person()
    assert (await inbox(reading(stranger.phone))).items == []
    with pytest.raises(NotFound):
        await run(stranger.phone, read_message, ReadMessage(notification_id=messages[0].id))


async def test_given_a_receiver_who_never_subscribed_then_that_is_a_state_and_not_an_error(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    messenger.refusing.add(person.openid)
    since = await now()
    await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    (message,) = (await inbox(reading(person.phone))).items
    assert (message.kind, message.status) == ("appointment_confirmed", "refused")
    failed = (
        "SELECT count(*) FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id WHERE e.occurred_at >= $1 "
        "AND d.handler LIKE 'exchange.notifications%' AND d.last_error IS NOT NULL"
    )
    assert await value(failed, since) == 0


async def test_given_a_channel_that_does_not_answer_then_the_message_is_sent_later(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    messenger.failing = 1
    await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    assert [message.status for message in (await inbox(reading(person.phone))).items] == ["waiting"]
    await rows(
        "UPDATE outbox_delivery SET not_before = hospital_now() WHERE handler = 'exchange.notifications.handlers.send' "
        "AND state = 'due' RETURNING id"
    )
    await relay.drain(4)
    assert [message.status for message in (await inbox(reading(person.phone))).items] == ["sent"]


async def test_given_a_refund_then_the_patient_is_told_the_amount(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(10)
    refunded = [
        data for openid, kind, _, data in messenger.sent if (openid, kind) == (person.openid, "appointment_refunded")
    ]
    assert [data["amount"] for data in refunded] == ["25.00"]


async def test_given_a_revoked_link_then_nothing_is_told_any_more(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    await rows("UPDATE account_link SET status = 'revoked' WHERE account_id = $1 RETURNING id", person.account_id)
    assert (await inbox(reading(person.phone))).items == []
    with pytest.raises(NotFound):
        await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
