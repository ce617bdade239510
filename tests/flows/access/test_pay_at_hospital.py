"""Booked now, paid at the hospital (到院缴费): the fee waits until check-in, and nobody is seen without it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from asyncpg import CheckViolationError

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.ban_commands import MarkMissed
from hospital_core.access.scheduling.commands import (
    BillFee,
    BookAppointment,
    CancelAppointment,
    PayAppointment,
    RegisterWalkIn,
    RescheduleAppointment,
    ShowFeeCode,
)
from hospital_core.access.scheduling.disruption_queries import my_disruptions
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    FeeDue,
    FeeOnBill,
    NotPayable,
    RescheduleDearer,
    ReschedulePaidFirst,
    SessionStopped,
)
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.planning_commands import AddOn, AnswerDisruption, StopClinic
from hospital_core.access.scheduling.queries import appointment, bookable_doctors, fees_due
from hospital_core.access.scheduling.service import (
    book_in_rush,
    cancel_appointment,
    pay_appointment,
    register_walk_in,
    reschedule_appointment,
)
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.service.missing import mark_missed
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.pay import bill_fee, show_fee_code
from hospital_core.access.scheduling.service.waitlist import answer_offer
from hospital_core.access.scheduling.states import DayPeriod, DisruptionChoice
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, ServeLine
from hospital_core.finance.billing.commands import BillOpenCharges, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, unbill
from hospital_core.finance.payments.commands import PayWithCard, TakeCash
from hospital_core.finance.payments.service import pay_with_card, record_success, take_cash
from hospital_core.kernel import relay
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import MergePatients
from hospital_core.registry.patients.service import merge_patients
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    FakeMessenger,
    Person,
    book,
    book_and_pay,
    deliver,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    now,
    open_payment,
    pay_at_hospital,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import FakeGateway, make_price_item, make_top_up, rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import make_cashier
from tests.fixtures.waiting import IN_THREE_DAYS, let_session_end, line_up
from tests.flows.access.test_rush import keyed

SOON = timedelta(minutes=30)
UNPAID, PAID = ("booked", "unpaid"), ("booked", "paid")


@pytest.fixture
async def clinic(core: object) -> AsyncIterator[Clinic]:
    """A clinic whose patients pay when they come."""
    clinic = await make_clinic()
    async with pay_at_hospital(clinic):
        yield clinic


async def booked(clinic: Clinic, person: Person | None = None, **more: object) -> tuple[Person, AppointmentView]:
    """Somebody has a place for which the fee is to be paid; half an hour from now."""
    person = person or await make_person()
    session = await make_session(clinic=clinic, **{"starts_in": SOON, **more})  # type: ignore[arg-type]
    return person, await book(person=person, session=session)


async def bills(appointment_id: UUID) -> list[str]:
    """The states of everything that was ever billed for an appointment."""
    found = await rows(
        "SELECT i.status FROM charge_item c JOIN invoice i ON i.id = c.invoice_id WHERE c.source_id = $1 ORDER BY i.id",
        appointment_id,
    )
    return [row["status"] for row in found]


async def open_charges(patient_id: UUID) -> int:
    """How many charges a patient still has to pay."""
    unpaid = """
SELECT count(*) FROM charge_item c LEFT JOIN invoice i ON i.id = c.invoice_id
WHERE c.patient_id = $1 AND c.status IN ('billable', 'billed') AND i.status IS DISTINCT FROM 'balanced'"""
    return int(await value(unpaid, patient_id))


async def arrive(appointment_id: UUID) -> str:
    """Check in; answers the ticket's number."""
    return (await run(SYSTEM, check_in, CheckIn(appointment_id=appointment_id))).display_no


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
    day = (await now() + SOON).date()
    session = await make_session(clinic=clinic, starts_in=SOON)
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


async def test_given_a_cancelled_one_then_its_bill_goes_and_other_charges_of_the_bill_stay(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, one = await booked(clinic)
    other_clinic = await make_clinic()
    async with pay_at_hospital(other_clinic):
        _, other = await booked(other_clinic, person)
    till = await make_cashier()
    for made in (one, other):
        bill = await run(till, bill_fee, BillFee(appointment_id=made.id))
        await run(till, unbill, UnbillInvoice(invoice_id=bill.id))
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=one.id))
    assert await open_charges(person.patient_id) == 1, "a charge that a window took off its bill goes as well"
    assert (await slot_status(one.id), await state_of(one.id)) == ("free", ("cancelled", "unpaid"))
    _, third = await booked(await make_clinic(beside=clinic), person)
    bill = await run(till, bill_fee, BillFee(appointment_id=third.id))
    await run(till, unbill, UnbillInvoice(invoice_id=bill.id))
    ids = [row["id"] for row in await rows(
        "SELECT id FROM charge_item WHERE patient_id = $1 AND status = 'billable'", person.patient_id
    )]  # fmt: skip
    await run(till, bill_open_charges, BillOpenCharges(patient_id=person.patient_id, charge_item_ids=tuple(ids)))
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=third.id))
    assert await open_charges(person.patient_id) == 1
    assert await money_findings(person.patient_id) == []


async def test_given_a_sheet_open_while_it_is_cancelled_then_late_money_goes_back_once(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=made.id))
    await relay.drain(8)
    await deliver(fact)
    assert await state_of(made.id) == ("cancelled", "refunded")
    assert await value("SELECT count(*) FROM refund WHERE source_id = $1", made.id) == 1
    assert await money_findings(person.patient_id) == []


async def test_given_a_payment_and_a_cancel_at_once_then_the_money_stays_or_goes_whole(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    for _ in range(4):
        person, made = await booked(clinic)
        fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
        command = CancelAppointment(appointment_id=made.id)
        await asyncio.gather(deliver(fact), run(person.phone, cancel_appointment, command))
        await relay.drain(8)
        assert await state_of(made.id) == ("cancelled", "refunded")
        assert await money_findings(person.patient_id) == []
        clinic = await make_clinic(beside=clinic)


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


async def test_given_somebody_who_did_not_come_then_it_is_a_miss_and_nothing_is_owed(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    number = await open_payment(gateway, person=person, appointment_id=made.id)
    (row,) = await rows("SELECT schedule_id FROM appointment WHERE id = $1", made.id)
    await let_session_end(row["schedule_id"])
    for _ in range(2):
        await run(SYSTEM, mark_missed, MarkMissed(schedule_id=row["schedule_id"]))
    await relay.drain(8)
    assert await state_of(made.id) == ("noshow", "unpaid")
    assert gateway.orders[number].state == "CLOSED"
    assert (await bills(made.id), await open_charges(person.patient_id)) == (["cancelled"], 0)
    late, missed = await booked(await make_clinic(beside=clinic))
    fact = gateway.pay(await open_payment(gateway, person=late, appointment_id=missed.id))
    (row,) = await rows("SELECT schedule_id FROM appointment WHERE id = $1", missed.id)
    await let_session_end(row["schedule_id"])
    await run(SYSTEM, mark_missed, MarkMissed(schedule_id=row["schedule_id"]))
    await deliver(fact)
    assert await state_of(missed.id) == ("noshow", "refunded"), "money for what is over goes back"
    assert await money_findings() == []


async def _stopped(person: Person, session: ScheduleView) -> UUID:
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    (asked,) = (await my_disruptions(reading(person.phone))).items
    return asked.id


async def test_given_a_stopped_clinic_then_the_unpaid_are_asked_and_giving_it_back_moves_no_money(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    session, person = await make_session(clinic=clinic), await make_person()
    made = await book(person=person, session=session)
    await open_payment(gateway, person=person, appointment_id=made.id)
    asked = await _stopped(person, session)
    (question,) = (await my_disruptions(reading(person.phone))).items
    assert question.unpaid is True, "nobody is promised money that was never paid"
    with pytest.raises(SessionStopped):
        await run(person.phone, pay_appointment, PayAppointment(appointment_id=made.id))
    await run(person.phone, answer_disruption, AnswerDisruption(disruption_id=asked, choice=DisruptionChoice.REFUND))
    await relay.drain(8)
    assert (await state_of(made.id), await bills(made.id)) == (("cancelled", "unpaid"), ["cancelled"])
    assert await value("SELECT count(*) FROM refund WHERE source_id = $1", made.id) == 0


@pytest.mark.parametrize(("fee", "owed", "state"), [("80.00", 2500, UNPAID), ("9.00", 900, UNPAID), ("0.00", 0, PAID)])
async def test_given_a_stopped_clinic_then_the_unpaid_move_and_never_owe_more(
    clinic: Clinic, gateway: FakeGateway, fee: str, owed: int, state: tuple[str, str]
) -> None:
    session, person = await make_session(clinic=clinic), await make_person()
    made = await book(person=person, session=session)
    await open_payment(gateway, person=person, appointment_id=made.id)
    other = await make_clinic(beside=clinic)
    price = await make_price_item(unit_price=fee)
    priced = Clinic(other.campus_id, other.department_id, other.area_id, other.room_id, other.doctor_id, price)
    there = await make_session(clinic=priced, starts_in=IN_THREE_DAYS)
    answer = AnswerDisruption(
        disruption_id=await _stopped(person, session), choice=DisruptionChoice.MOVE, schedule_id=there.schedule_id
    )
    await run(person.phone, answer_disruption, answer)
    await relay.drain(8)
    seen = await appointment(reading(person.phone), made.id)
    assert (await state_of(made.id), seen.fee_fen, seen.pay_until) == (state, owed, there.ends_at)
    if owed:
        fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
        assert fact.amount_fen == owed
        await deliver(fact)
        assert await state_of(made.id) == PAID
    assert await money_findings(person.patient_id) == []


async def _move(person: Person, made: AppointmentView, session: ScheduleView) -> AppointmentView:
    command = RescheduleAppointment(appointment_id=made.id, schedule_id=session.schedule_id)
    return await run(person.phone, reschedule_appointment, command)


async def test_given_another_such_place_then_moving_owes_the_new_fee_and_takes_the_old_bill_back(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    session, person = await make_session(clinic=clinic), await make_person()
    made = await book(person=person, session=session)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id))
    there = await make_session(clinic=await make_clinic(beside=clinic), starts_in=IN_THREE_DAYS)
    moved = await _move(person, made, there)
    assert (moved.status, moved.payment_status, moved.pay_until) == (*UNPAID, there.ends_at)
    await deliver(fact)
    assert (await state_of(made.id), await state_of(moved.id)) == (("cancelled", "refunded"), UNPAID)
    assert await money_findings(person.patient_id) == []


async def test_given_a_place_that_is_paid_at_once_then_moving_there_asks_for_the_fee_first(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    session, person = await make_session(clinic=clinic), await make_person()
    made = await book(person=person, session=session)
    hunted = await make_session(clinic=await make_clinic(beside=clinic), starts_in=IN_THREE_DAYS, sought_after=True)
    options = {one.schedule_id: one for one in (await move_options(reading(person.phone), made.id)).items}
    assert options[hunted.schedule_id].pay_first is True
    with pytest.raises(ReschedulePaidFirst):
        await _move(person, made, hunted)
    assert (await state_of(made.id), await slot_status(made.id)) == (UNPAID, "taken"), "the old one is still theirs"
    await deliver(gateway.pay(await open_payment(gateway, person=person, appointment_id=made.id)))
    moved = await _move(person, made, hunted)
    assert (moved.status, moved.payment_status) == PAID
    assert await state_of(made.id) == ("cancelled", "moved")


async def test_given_a_paid_place_then_moving_to_one_that_is_paid_at_the_hospital_takes_the_payment_along(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    hunted = await make_session(clinic=await make_clinic(beside=clinic), sought_after=True)
    person = await make_person()
    paid = await book_and_pay(gateway, person=person, session=hunted)
    moved = await _move(person, paid, await make_session(clinic=clinic, starts_in=IN_THREE_DAYS))
    assert (moved.status, moved.payment_status, moved.encounter_id) == (*PAID, paid.encounter_id)
    other = await make_clinic(beside=clinic)
    price = await make_price_item(unit_price="80.00")
    dear = Clinic(other.campus_id, other.department_id, other.area_id, other.room_id, other.doctor_id, price)
    with pytest.raises(RescheduleDearer):
        await _move(person, moved, await make_session(clinic=dear, starts_in=IN_THREE_DAYS * 2))
    held = await book(person=await make_person(), session=hunted)
    assert held.status == "pending"
    assert await money_findings(person.patient_id) == []


async def test_given_an_offer_then_it_is_held_until_they_say_yes_and_paid_when_they_come(clinic: Clinic) -> None:
    session = await make_session(clinic=clinic, places=1, starts_in=IN_THREE_DAYS)
    holder = await make_person()
    first = await book(person=holder, session=session)
    waiting, entry = await line_up(session)
    await run(holder.phone, cancel_appointment, CancelAppointment(appointment_id=first.id))
    (row,) = await rows("SELECT day, period FROM schedule WHERE id = $1", session.schedule_id)
    line = ServeLine(department_id=clinic.department_id, day=row["day"], period=DayPeriod(row["period"]))
    await run(SYSTEM, serve_line, line)
    offered = await value("SELECT offered_id FROM waitlist_entry WHERE id = $1", entry.id)
    assert await state_of(offered) == ("pending", "unpaid"), "nobody is bound by a place they have not said yes to"
    said = await run(waiting.phone, answer_offer, AnswerOffer(entry_id=entry.id, accept=True))
    assert (said.status, await state_of(offered)) == ("booked", UNPAID)
    seen = await appointment(reading(waiting.phone), offered)
    assert (seen.fee_due, seen.pay_until) == (True, session.ends_at)


async def test_given_an_add_on_then_it_is_the_patients_at_once(clinic: Clinic) -> None:
    session, person = await make_session(clinic=clinic, places=1), await make_person()
    given = await run(SYSTEM, add_on, AddOn(schedule_id=session.schedule_id, patient_id=person.patient_id))
    assert (given.status, given.payment_status) == UNPAID


async def test_given_a_merged_file_then_its_place_is_paid_and_used_by_the_survivor(
    clinic: Clinic, gateway: FakeGateway
) -> None:
    person, made = await booked(clinic)
    survivor = await make_person()
    merge = MergePatients(source_id=person.patient_id, survivor_id=survivor.patient_id, reason="同一人")
    await run(await make_registrar(), merge_patients, merge)
    assert (await state_of(made.id), await bills(made.id)) == (UNPAID, []), "no money moves by merging"
    number = await open_payment(gateway, person=survivor, appointment_id=made.id)
    await deliver(gateway.pay(number))
    assert await arrive(made.id)


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
