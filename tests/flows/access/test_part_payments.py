"""A registration fee paid in parts: the last part confirms the place, a place that lapses gives the parts back."""

from uuid import UUID

from hospital_core.finance.payments.commands import PayOutRefund, TakeCash
from hospital_core.finance.payments.service import pay_out_refund, take_cash
from hospital_core.kernel import relay
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    book,
    deliver,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    open_payment,
    state_of,
)
from tests.fixtures.finance import FakeGateway, cashier, make_timers_due, money_findings, rows, value


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
