"""A registration fee paid in parts: the last part confirms the place, a place that lapses gives the parts back."""

from uuid import UUID

from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.finance.billing.commands import BillOpenCharges, Charge, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, charge, unbill
from hospital_core.finance.payments.commands import PayOutRefund, TakeCash
from hospital_core.finance.payments.service import pay_out_refund, take_cash
from hospital_core.kernel import relay
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    Person,
    book,
    deliver,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    open_payment,
    slot_status,
    state_of,
)
from tests.fixtures.finance import FakeGateway, cashier, make_price_item, make_timers_due, rows, run_system, value
from tests.fixtures.findings import money_findings


async def _invoice_of(appointment_id: UUID) -> UUID:
    found: UUID = await value("SELECT invoice_id FROM charge_item WHERE source_id = $1", appointment_id)
    return found


async def test_given_a_part_in_cash_then_only_the_rest_confirms_the_place(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    await open_payment(gateway, person=person, appointment_id=held.id)
    part = TakeCash(invoice_id=await _invoice_of(held.id), amount_fen=1000, tendered_fen=1000)
    await run(await cashier(), take_cash, part)
    await relay.drain()
    assert await state_of(held.id) == ("pending", "unpaid")
    await deliver(gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id)))
    assert await state_of(held.id) == ("booked", "paid")
    assert (
        await value("SELECT sum(amount_fen) FROM payment_intent WHERE applied AND patient_id = $1", person.patient_id)
        == 2500
    )
    assert await money_findings(person.patient_id) == []


async def test_given_a_part_and_a_hold_that_lapses_then_the_part_goes_back_and_the_bill_is_gone(
    gateway: FakeGateway,
) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    await open_payment(gateway, person=person, appointment_id=held.id)
    invoice_id = await _invoice_of(held.id)
    (intent,) = await rows("SELECT id FROM payment_intent WHERE invoice_id = $1", invoice_id)
    await run(await cashier(), take_cash, TakeCash(invoice_id=invoice_id, amount_fen=1000, tendered_fen=1000))
    await make_timers_due(intent["id"])  # the phone's payment in full does not fit any more: it is closed
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    assert await state_of(held.id) == ("cancelled", "unpaid")
    assert await value("SELECT status FROM invoice WHERE id = $1", invoice_id) == "cancelled"
    (refund,) = await rows(
        "SELECT r.* FROM refund r JOIN payment_intent p ON p.id = r.intent_id WHERE p.invoice_id = $1", invoice_id
    )
    assert (refund["amount_fen"], refund["status"]) == (1000, "requested"), "cash waits at the window"
    await run(await cashier(), pay_out_refund, PayOutRefund(refund_id=refund["id"]))
    assert await money_findings(person.patient_id) == []


async def _merged(gateway: FakeGateway, person: Person, appointment_id: UUID, price: str) -> tuple[UUID, UUID]:
    """The visit's bill taken back and its charge billed together with an older one: (bill, the other's item)."""
    other = Charge(
        patient_id=person.patient_id, encounter_id=new_id(), price_item_id=await make_price_item(unit_price=price),
        source_kind="order", source_id=new_id(),
    )  # fmt: skip
    item = await run_system(charge, other)
    await open_payment(gateway, person=person, appointment_id=appointment_id)
    await run_system(unbill, UnbillInvoice(invoice_id=await _invoice_of(appointment_id)))
    own = await value("SELECT id FROM charge_item WHERE source_id = $1", appointment_id)
    both = BillOpenCharges(patient_id=person.patient_id, charge_item_ids=[item.id, own])
    return (await run_system(bill_open_charges, both)).id, item.id


async def test_given_a_visit_on_a_merged_bill_then_giving_it_back_refunds_its_own_line(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    invoice_id, other_id = await _merged(gateway, person, held.id, "30.00")
    await run(await cashier(), take_cash, TakeCash(invoice_id=invoice_id, tendered_fen=5500))
    await relay.drain()
    assert await state_of(held.id) == ("booked", "paid")
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    (back,) = await rows("SELECT * FROM refund WHERE source_id = $1", held.id)
    assert back["amount_fen"] == 2500
    (line,) = await rows("SELECT * FROM refund_line WHERE refund_id = $1", back["id"])
    assert line["charge_item_id"] != other_id
    assert await value("SELECT refunded_quantity FROM charge_item WHERE id = $1", other_id) == 0
    assert await money_findings(person.patient_id) == []


async def test_given_an_unpaid_visit_on_a_merged_bill_then_its_end_leaves_the_others_open(gateway: FakeGateway) -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    invoice_id, other_id = await _merged(gateway, person, held.id, "30.00")
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    assert await state_of(held.id) == ("cancelled", "unpaid")
    assert await value("SELECT status FROM invoice WHERE id = $1", invoice_id) == "entered-in-error"
    assert await value("SELECT status FROM charge_item WHERE id = $1", other_id) == "billable"
    assert await value("SELECT status FROM charge_item WHERE source_id = $1", held.id) == "aborted"
    assert await money_findings(person.patient_id) == []


async def test_given_a_lapsed_hold_that_another_booking_ended_then_its_part_goes_back_as_well(
    gateway: FakeGateway,
) -> None:
    """Whoever takes the place ends the hold; the timer then finds nothing to expire, but a bill to take back."""
    person, session = await make_person(), await make_session(clinic=await make_clinic(), places=1)
    held = await book(person=person, session=session)
    await open_payment(gateway, person=person, appointment_id=held.id)
    invoice_id = await _invoice_of(held.id)
    (intent,) = await rows("SELECT id FROM payment_intent WHERE invoice_id = $1", invoice_id)
    await run(await cashier(), take_cash, TakeCash(invoice_id=invoice_id, amount_fen=1000, tendered_fen=1000))
    await make_timers_due(intent["id"])
    await let_hold_lapse(held.id)
    other = await book(person=await make_person(), session=session)
    assert (await state_of(held.id), other.number) == (("cancelled", "unpaid"), held.number)
    await fire_hold_timer(held.id)
    assert await value("SELECT status FROM invoice WHERE id = $1", invoice_id) == "cancelled"
    assert await value("SELECT sum(r.amount_fen) FROM refund r JOIN payment_intent p ON p.id = r.intent_id "
                       "WHERE p.invoice_id = $1", invoice_id) == 1000  # fmt: skip
    assert await state_of(other.id) == ("pending", "unpaid"), "the place is the other's"
    assert await slot_status(other.id) == "taken"
    assert await money_findings(person.patient_id) == []
