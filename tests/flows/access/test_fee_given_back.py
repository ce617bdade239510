"""A window gives a registration fee back: the place goes with the money, once, and nothing of others' goes along."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from hospital_core.access.queueing.commands import CallNext, CheckIn
from hospital_core.access.queueing.service import call_next, check_in
from hospital_core.access.scheduling.ban_commands import MarkMissed
from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.errors import SlotFull
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.access.scheduling.service.missing import mark_missed
from hospital_core.exchange.notifications.queries import inbox
from hospital_core.finance.billing.commands import BillOpenCharges, Charge, RefundLineWanted, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, charge, unbill
from hospital_core.finance.payments.commands import RefundAtCounter, TakeCash
from hospital_core.finance.payments.service import refund_at_counter, take_cash
from hospital_core.kernel import relay
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    Person,
    book,
    book_and_pay,
    make_clinic,
    make_person,
    make_session,
    open_payment,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.disrupting import let_answers_be_due, stop
from tests.fixtures.finance import FakeGateway, cashier, make_price_item, rows, run_system, value
from tests.fixtures.findings import money_findings
from tests.fixtures.waiting import let_session_end

SOON = timedelta(minutes=30)


async def refund_fee(appointment_id: UUID, quantity: str = "1", *, told: bool = True) -> None:
    """The cashier gives the fee of an appointment back, and the house reacts, unless its news is still on its way."""
    (item,) = await rows("SELECT id, invoice_id FROM charge_item WHERE source_id = $1", appointment_id)
    lines = [RefundLineWanted(charge_item_id=item["id"], quantity=Decimal(quantity))]
    command = RefundAtCounter(invoice_id=item["invoice_id"], lines=lines, reason="窗口退号")
    await run(await cashier(), refund_at_counter, command)
    if told:
        await relay.drain(8)


async def refunds_of(patient_id: UUID) -> list[int]:
    """What was promised back to a patient."""
    found = await rows(
        "SELECT r.amount_fen FROM refund r JOIN payment_intent p ON p.id = r.intent_id WHERE p.patient_id = $1",
        patient_id,
    )
    return [row["amount_fen"] for row in found]


async def test_given_a_fee_refunded_at_the_window_then_the_place_goes_back_and_nobody_missed_it(
    gateway: FakeGateway,
) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=1)
    held = await book_and_pay(gateway, person=person, session=session)
    await refund_fee(held.id)
    assert (await state_of(held.id), await slot_status(held.id)) == (("cancelled", "refunded"), "free")
    assert await refunds_of(person.patient_id) == [2500]
    told = [one.kind for one in (await inbox(reading(person.phone))).items]
    assert told.count("appointment_refunded") == 1
    assert (await book(person=await make_person(), session=session)).number == held.number
    await let_session_end(session.schedule_id)
    await run(SYSTEM, mark_missed, MarkMissed(schedule_id=session.schedule_id))
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await money_findings(person.patient_id) == []


async def test_given_a_sought_after_place_then_the_window_gives_it_back_in_secret_too(gateway: FakeGateway) -> None:
    session = await make_session(clinic=await make_clinic(), places=1, sought_after=True)
    held = await book_and_pay(gateway, person=await make_person(), session=session)
    await refund_fee(held.id)
    assert (await state_of(held.id), await slot_status(held.id)) == (("cancelled", "refunded"), "free")
    with pytest.raises(SlotFull):
        await book(person=await make_person(), session=session)


async def _together(gateway: FakeGateway, person: Person, clinic: Clinic) -> tuple[UUID, UUID]:
    """A fee that was paid on one bill with another charge: (appointment, the other's item)."""
    held = await book(person=person, session=await make_session(clinic=clinic))
    other = Charge(
        patient_id=person.patient_id, encounter_id=new_id(), price_item_id=await make_price_item(unit_price="30.00"),
        source_kind="order", source_id=new_id(),
    )  # fmt: skip
    item = await run_system(charge, other)
    await open_payment(gateway, person=person, appointment_id=held.id)
    (own,) = await rows("SELECT id, invoice_id FROM charge_item WHERE source_id = $1", held.id)
    await run_system(unbill, UnbillInvoice(invoice_id=own["invoice_id"]))
    both = BillOpenCharges(patient_id=person.patient_id, charge_item_ids=[item.id, own["id"]])
    bill = await run_system(bill_open_charges, both)
    await run(await cashier(), take_cash, TakeCash(invoice_id=bill.id, tendered_fen=5500))
    await relay.drain(8)
    return held.id, item.id


async def test_given_a_patient_who_is_faster_than_the_news_then_nothing_of_others_is_refunded(
    gateway: FakeGateway,
) -> None:
    person = await make_person()
    appointment_id, other_id = await _together(gateway, person, await make_clinic())
    await refund_fee(appointment_id, told=False)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=appointment_id))
    await relay.drain(8)
    assert await state_of(appointment_id) == ("cancelled", "refunded")
    assert await value("SELECT refunded_quantity FROM charge_item WHERE id = $1", other_id) == 0
    assert await refunds_of(person.patient_id) == [2500]
    assert await money_findings(person.patient_id) == []


async def test_given_a_stopped_clinic_whose_fee_the_window_gave_back_then_nobody_is_asked_to_pay_it_again(
    gateway: FakeGateway,
) -> None:
    person, session = await make_person(), await make_session(clinic=await make_clinic())
    held = await book_and_pay(gateway, person=person, session=session)
    change = await stop(session)
    await refund_fee(held.id)
    await let_answers_be_due(change)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await refunds_of(person.patient_id) == [2500]
    assert await slot_status(held.id) == "closed"


async def _checked_in(gateway: FakeGateway) -> tuple[Clinic, UUID, UUID]:
    """Somebody who paid and waits: (clinic, appointment, ticket)."""
    clinic, person = await make_clinic(), await make_person()
    held = await book_and_pay(gateway, person=person, session=await make_session(clinic=clinic, starts_in=SOON))
    return clinic, held.id, (await run(SYSTEM, check_in, CheckIn(appointment_id=held.id))).id


async def test_given_somebody_who_waits_then_they_leave_the_queue_with_their_fee(gateway: FakeGateway) -> None:
    clinic, appointment_id, ticket_id = await _checked_in(gateway)
    await refund_fee(appointment_id)
    assert await state_of(appointment_id) == ("entered-in-error", "refunded")
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", ticket_id) == "cancelled"
    assert (await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))).ticket is None


async def test_given_somebody_who_was_called_then_they_stay(gateway: FakeGateway) -> None:
    clinic, appointment_id, ticket_id = await _checked_in(gateway)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await refund_fee(appointment_id)
    assert await state_of(appointment_id) == ("checked-in", "paid")
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", ticket_id) == "called"


async def test_given_a_part_of_a_fee_then_the_place_stays(gateway: FakeGateway) -> None:
    held = await book_and_pay(
        gateway, person=await make_person(), session=await make_session(clinic=await make_clinic())
    )
    await refund_fee(held.id, "0.4")
    assert (await state_of(held.id), await slot_status(held.id)) == (("booked", "paid"), "taken")


async def test_given_a_missed_visit_whose_fee_the_window_gives_back_then_it_says_so(gateway: FakeGateway) -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=SOON)
    held = await book_and_pay(gateway, person=await make_person(), session=session)
    await let_session_end(session.schedule_id)
    await run(SYSTEM, mark_missed, MarkMissed(schedule_id=session.schedule_id))
    await refund_fee(held.id)
    assert await state_of(held.id) == ("noshow", "refunded")
