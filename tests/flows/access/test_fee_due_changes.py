"""What becomes of a fee that is still to be paid (到院缴费) when its place is given back, missed, stopped or moved."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from hospital_core.access.scheduling.ban_commands import MarkMissed
from hospital_core.access.scheduling.commands import BillFee, CancelAppointment, PayAppointment, RescheduleAppointment
from hospital_core.access.scheduling.disruption_queries import my_disruptions
from hospital_core.access.scheduling.errors import RescheduleDearer, ReschedulePaidFirst, SessionStopped
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.planning_commands import AddOn, AnswerDisruption, StopClinic
from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.service import cancel_appointment, pay_appointment, reschedule_appointment
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.service.missing import mark_missed
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.pay import bill_fee
from hospital_core.access.scheduling.service.waitlist import answer_offer
from hospital_core.access.scheduling.states import DayPeriod, DisruptionChoice
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, ServeLine
from hospital_core.finance.billing.commands import BillOpenCharges, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, unbill
from hospital_core.kernel import relay
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import MergePatients
from hospital_core.registry.patients.service import merge_patients
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    Person,
    book,
    book_and_pay,
    deliver,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    open_payment,
    pay_at_hospital,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.finance import FakeGateway, make_price_item, rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.paying_there import PAID, UNPAID, arrive, bills, booked, open_charges
from tests.fixtures.people import make_cashier
from tests.fixtures.waiting import IN_THREE_DAYS, let_session_end, line_up


@pytest.fixture
async def clinic(core: object) -> AsyncIterator[Clinic]:
    """A clinic whose patients pay when they come."""
    clinic = await make_clinic()
    async with pay_at_hospital(clinic):
        yield clinic


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
