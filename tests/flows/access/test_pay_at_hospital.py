"""Booked now, paid at the hospital (到院缴费): the fee waits until check-in, and nobody is seen without it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from asyncpg import CheckViolationError

from hospital_core.access.scheduling.commands import (
    BillFee,
    BookAppointment,
    PayAppointment,
    RegisterWalkIn,
    ShowFeeCode,
)
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import AlreadyBooked, FeeDue, FeeOnBill, NotPayable
from hospital_core.access.scheduling.queries import appointment, bookable_doctors, fees_due
from hospital_core.access.scheduling.service import book_in_rush, pay_appointment, register_walk_in
from hospital_core.access.scheduling.service.pay import bill_fee, show_fee_code
from hospital_core.finance.billing.commands import BillOpenCharges, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, unbill
from hospital_core.finance.payments.commands import PayWithCard, TakeCash
from hospital_core.finance.payments.service import pay_with_card, record_success, take_cash
from hospital_core.kernel import relay
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    FakeMessenger,
    book,
    deliver,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    now,
    open_payment,
    pay_at_hospital,
    reading,
    state_of,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import FakeGateway, make_top_up, rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.paying_there import PAID, SOON, UNPAID, arrive, bills, booked
from tests.fixtures.people import make_cashier
from tests.flows.access.test_rush import keyed


@pytest.fixture
async def clinic(core: object) -> AsyncIterator[Clinic]:
    """A clinic whose patients pay when they come."""
    clinic = await make_clinic()
    async with pay_at_hospital(clinic):
        yield clinic


async def test_given_the_rule_then_the_place_is_theirs_at_once_and_nobody_else_gets_it(clinic: Clinic) -> None:
    session = await make_session(clinic=clinic, places=1, starts_in=SOON)
    person = await make_person()
    made = await book(person=person, session=session)
    assert (made.status, made.payment_status, made.fee_fen) == ("booked", "unpaid", 2500)
    assert (made.fee_due, made.can_check_in, made.pay_until) == (True, False, session.ends_at)
    (row,) = await rows("SELECT s.* FROM slot s JOIN appointment a ON a.slot_id = s.id WHERE a.id = $1", made.id)
    assert (row["status"], row["held_until"]) == ("taken", None)
    assert await value("SELECT count(*) FROM outbox_event WHERE name = 'AppointmentHoldLapses' AND "
                       "payload->>'appointment_id' = $1", str(made.id)) == 0  # fmt: skip
    assert await value("SELECT count(*) FROM charge_item WHERE source_id = $1", made.id) == 0, "no bill before asking"
    seen = await appointment(reading(person.phone), made.id)
    assert (seen.fee_due, seen.can_check_in) == (True, False)
    with pytest.raises(AlreadyBooked):
        await book(person=person, session=session)


async def test_given_the_combined_way_then_the_terms_are_the_same(clinic: Clinic) -> None:
    session, people = await make_session(clinic=clinic, places=9), [await make_person() for _ in range(8)]
    made = await asyncio.gather(*(
        book_in_rush(keyed(one), BookAppointment(patient_id=one.patient_id, schedule_id=session.schedule_id))
        for one in people
    ))  # fmt: skip
    assert {(one.status, one.payment_status) for one in made} == {UNPAID}
    assert len({one.number for one in made}) == 8
    relations = "SELECT count(*) FROM care_relation WHERE source_id = ANY($1::uuid[])"
    assert await value(relations, [one.id for one in made]) == 8


async def test_given_other_places_then_they_are_paid_at_once_as_ever(clinic: Clinic) -> None:
    hunted = await make_session(clinic=await make_clinic(beside=clinic), sought_after=True)
    held = await book(person=await make_person(), session=hunted)
    assert (held.status, held.fee_due) == ("pending", False), "what is fought for is never kept without money"
    elsewhere = await book(person=await make_person(), session=await make_session(clinic=await make_clinic()))
    assert elsewhere.status == "pending"
    session = await make_session(clinic=clinic, starts_in=SOON)
    day = day_of(session.starts_at)
    doctors = (await bookable_doctors(reading(SYSTEM), clinic.department_id, day)).items
    said = {one.schedule_id: one.pay_at_hospital for doctor in doctors for one in doctor.sessions}
    assert said[session.schedule_id] is True


async def test_given_the_window_then_it_sells_for_cash_at_once(clinic: Clinic) -> None:
    session, person = await make_session(clinic=clinic, starts_in=SOON), await make_person()
    command = RegisterWalkIn(patient_id=person.patient_id, schedule_id=session.schedule_id, tendered_fen=3000)
    sold = await run(await make_registrar(), register_walk_in, command)
    assert (sold.appointment.payment_status, sold.change_fen) == ("paid", 500)


async def test_given_an_unpaid_fee_then_nobody_signs_in_until_it_is_paid_once(
    clinic: Clinic, gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person, made = await booked(clinic)
    with pytest.raises(FeeDue) as refused:
        await arrive(made.id)
    assert refused.value.fields == {"appointment_id": str(made.id), "fee_fen": 2500}
    number = await open_payment(gateway, person=person, appointment_id=made.id)
    assert await open_payment(gateway, person=person, appointment_id=made.id) == number, "asked again, the same order"
    until = await value("SELECT pay_until FROM payment_intent WHERE out_trade_no = $1", number)
    assert until <= await now() + timedelta(minutes=15), "a channel keeps no order for days"
    fact = gateway.pay(number)
    await deliver(fact)
    await deliver(fact)
    assert await state_of(made.id) == PAID
    assert await bills(made.id) == ["balanced"]
    assert await arrive(made.id)
    assert await state_of(made.id) == ("checked-in", "paid")
    with pytest.raises(NotPayable):
        await run(person.phone, pay_appointment, PayAppointment(appointment_id=made.id))
    kinds = [template for openid, template, _, _ in messenger.sent if openid == person.openid]
    assert kinds.count("appointment_confirmed") == 1
    assert kinds.count("payment_received") == 1
    assert await money_findings(person.patient_id) == []


async def test_given_money_whose_news_is_on_its_way_then_signing_in_does_not_wait_for_it(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
    await run(SYSTEM, record_success, fact)
    assert await arrive(made.id)
    await relay.drain(8)
    assert await state_of(made.id) == ("checked-in", "paid")


async def test_given_a_window_then_any_tenders_pay_the_fee_and_another_phone_sees_nothing(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    await make_top_up(gateway, patient_id=person.patient_id, amount_fen=1000)
    till = await make_cashier()
    (due,) = (await fees_due(reading(till), person.patient_id)).items
    assert due.id == made.id
    bill = await run(till, bill_fee, BillFee(appointment_id=made.id))
    assert (await run(till, bill_fee, BillFee(appointment_id=made.id))).id == bill.id
    await run(till, pay_with_card, PayWithCard(invoice_id=bill.id, amount_fen=1000))
    with pytest.raises(FeeDue):
        await arrive(made.id)
    await run(till, take_cash, TakeCash(invoice_id=bill.id, tendered_fen=2000))
    await relay.drain(8)
    assert await state_of(made.id) == PAID
    assert (await fees_due(reading(till), person.patient_id)).items == []
    stranger = (await make_person()).phone
    for act, command in ((show_fee_code, ShowFeeCode(appointment_id=made.id)),
                         (pay_appointment, PayAppointment(appointment_id=made.id))):  # fmt: skip
        with pytest.raises(NotFound):
            await run(stranger, act, command)
    with pytest.raises(Forbidden):
        await run(person.phone, bill_fee, BillFee(appointment_id=made.id))
    assert await money_findings(person.patient_id) == []


async def test_given_two_fees_and_one_bill_then_paying_it_pays_both(clinic: Clinic, gateway: FakeGateway) -> None:
    person, one = await booked(clinic)
    other_clinic = await make_clinic()
    async with pay_at_hospital(other_clinic):
        _, other = await booked(other_clinic, person)
    till = await make_cashier()
    for made in (one, other):
        bill = await run(till, bill_fee, BillFee(appointment_id=made.id))
        await run(till, unbill, UnbillInvoice(invoice_id=bill.id))
    ids = [row["id"] for row in await rows("SELECT id FROM charge_item WHERE patient_id = $1", person.patient_id)]
    merged = await run(
        till, bill_open_charges, BillOpenCharges(patient_id=person.patient_id, charge_item_ids=tuple(ids))
    )
    assert (await run(till, bill_fee, BillFee(appointment_id=one.id))).id == merged.id
    with pytest.raises(FeeOnBill) as refused:
        await run(person.phone, pay_appointment, PayAppointment(appointment_id=one.id))
    assert refused.value.fields == {"invoice_id": str(merged.id)}
    await run(till, take_cash, TakeCash(invoice_id=merged.id, tendered_fen=5000))
    await relay.drain(8)
    assert (await state_of(one.id), await state_of(other.id)) == (PAID, PAID)


async def test_given_a_fee_that_the_window_billed_anew_then_the_phone_pays_that_bill(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    till = await make_cashier()
    bill = await run(till, bill_fee, BillFee(appointment_id=made.id))
    await run(till, unbill, UnbillInvoice(invoice_id=bill.id))
    item_id = await value("SELECT id FROM charge_item WHERE patient_id = $1", person.patient_id)
    anew = await run(till, bill_open_charges, BillOpenCharges(patient_id=person.patient_id, charge_item_ids=(item_id,)))
    intent = await run(person.phone, pay_appointment, PayAppointment(appointment_id=made.id))
    assert intent.invoice_id == anew.id


async def test_given_paying_and_signing_in_at_once_then_nobody_is_in_unpaid(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
    await asyncio.gather(deliver(fact), *(arrive(made.id) for _ in range(4)), return_exceptions=True)
    assert await state_of(made.id) in (PAID, ("checked-in", "paid"))


async def test_given_naive_code_then_the_database_alone_keeps_the_unpaid_out(clinic: Clinic, core: Engines) -> None:
    """The control: without the guard the same statement passes. The guard comes back whatever happens."""
    _, made = await booked(clinic)
    naive = "UPDATE appointment SET status = 'checked-in' WHERE id = $1"
    with pytest.raises(CheckViolationError, match="appointment_seen_when_paid"):
        await rows(naive, made.id)
    owner = await asyncpg.connect(core.owner)
    named = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'appointment_seen_when_paid'"
    guard = await owner.fetchval(named)
    await owner.execute("ALTER TABLE appointment DROP CONSTRAINT appointment_seen_when_paid")
    try:
        assert await owner.execute(naive, made.id) == "UPDATE 1"
    finally:
        await owner.execute("UPDATE appointment SET status = 'booked' WHERE id = $1", made.id)
        await owner.execute(f"ALTER TABLE appointment ADD CONSTRAINT appointment_seen_when_paid {guard}")
        await owner.close()


async def test_given_a_code_to_scan_then_whoever_pays_it_the_place_is_paid(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    shown = await run(person.kiosk, show_fee_code, ShowFeeCode(appointment_id=made.id))
    assert (shown.channel, shown.amount_fen) == ("wechat_native", 2500)
    again = await run(person.kiosk, show_fee_code, ShowFeeCode(appointment_id=made.id))
    assert again.id == shown.id
    sheet = await run(person.phone, pay_appointment, PayAppointment(appointment_id=made.id))
    assert sheet.id != shown.id
    bill = await value("SELECT invoice_id FROM payment_intent WHERE id = $1", shown.id)
    await run(await make_cashier(), take_cash, TakeCash(invoice_id=bill, tendered_fen=2500))
    await relay.drain(8)
    assert await state_of(made.id) == PAID
