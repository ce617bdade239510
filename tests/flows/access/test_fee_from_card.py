"""A registration fee from the card (预存款付挂号费): paid at once, once, and back on the card when the visit is not."""

import asyncio
from uuid import UUID

import pytest

from hospital_core.access.scheduling.commands import CancelAppointment, PayFee
from hospital_core.access.scheduling.disruption_queries import my_disruptions
from hospital_core.access.scheduling.errors import NotPayable, PaymentOver
from hospital_core.access.scheduling.planning_commands import AnswerDisruption, StopClinic
from hospital_core.access.scheduling.queries import fee_to_pay
from hospital_core.access.scheduling.service import cancel_appointment, pay_fee
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.states import DisruptionChoice
from hospital_core.access.scheduling.views import AppointmentView, FeePaying
from hospital_core.finance.ledger.errors import CardBalanceTooLow
from hospital_core.finance.ledger.queries import card_balance
from hospital_core.finance.payments.errors import CardNeedsProof
from hospital_core.finance.payments.self_service_commands import PayHow
from hospital_core.kernel import relay
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    FakeMessenger,
    Person,
    book,
    deliver,
    fire_hold_timer,
    let_hold_lapse,
    make_clinic,
    make_person,
    make_session,
    open_payment,
    pay_at_hospital,
    reading,
    slot_status,
    state_of,
)
from tests.fixtures.finance import FakeGateway, make_timers_due, make_top_up, rows, value
from tests.fixtures.findings import money_findings

PAID = ("booked", "paid")


async def held_by(gateway: FakeGateway, on_card_fen: int) -> tuple[Person, AppointmentView]:
    """Somebody with money on the card holds a place that costs 25 yuan."""
    person = await make_person()
    if on_card_fen:
        await make_top_up(gateway, patient_id=person.patient_id, amount_fen=on_card_fen)
    return person, await book(person=person, session=await make_session(clinic=await make_clinic()))


async def pay(person: Person, held: AppointmentView, how: PayHow = PayHow.CARD) -> FeePaying:
    """The patient pays the fee."""
    return await run(person.phone, pay_fee, PayFee(appointment_id=held.id, how=how))


async def left(person: Person) -> int:
    """What is on the card."""
    return (await card_balance(reading(SYSTEM), person.patient_id)).balance_fen


async def number_of(intent_id: UUID | None) -> str:
    """What the channel calls a payment."""
    return str(await value("SELECT out_trade_no FROM payment_intent WHERE id = $1", intent_id))


async def test_given_enough_then_the_place_is_theirs_in_the_same_transaction_and_told_once(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person, held = await held_by(gateway, 4000)
    seen = await fee_to_pay(reading(person.phone), held.id)
    assert (seen.fee_fen, seen.paid_fen, seen.due_fen, seen.balance_fen) == (2500, 0, 2500, 4000)
    assert await pay(person, held) == FeePaying(appointment_id=held.id, card_fen=2500, intent_id=None)
    assert await state_of(held.id) == PAID, "before any news was carried"
    await relay.drain(8)
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    assert (await state_of(held.id), await slot_status(held.id), await left(person)) == (PAID, "taken", 1500)
    kinds = [template for openid, template, _, _ in messenger.sent if openid == person.openid]
    assert kinds.count("appointment_confirmed") == 1
    seen = await fee_to_pay(reading(person.phone), held.id)
    assert (seen.paid_fen, seen.due_fen, seen.balance_fen) == (2500, 0, 0)
    assert await money_findings(person.patient_id) == []


async def test_given_too_little_then_the_card_alone_is_refused_and_nothing_is_taken(gateway: FakeGateway) -> None:
    person, held = await held_by(gateway, 2400)
    with pytest.raises(CardBalanceTooLow):
        await pay(person, held)
    assert (await state_of(held.id), await left(person)) == (("pending", "unpaid"), 2400)
    assert await money_findings(person.patient_id) == []


async def test_given_too_little_then_wechat_pays_the_rest_and_giving_it_back_returns_both(
    gateway: FakeGateway,
) -> None:
    person, held = await held_by(gateway, 1000)
    paying = await pay(person, held, PayHow.CARD_THEN_WECHAT)
    assert (paying.card_fen, await state_of(held.id)) == (1000, ("pending", "unpaid"))
    seen = await fee_to_pay(reading(person.phone), held.id)
    assert (seen.paid_fen, seen.due_fen, seen.balance_fen) == (1000, 1500, 0)
    again = await pay(person, held, PayHow.CARD_THEN_WECHAT)
    assert (again.card_fen, again.intent_id) == (0, paying.intent_id), "tapped again, the same order"
    number = await open_payment(gateway, person=person, appointment_id=held.id)
    assert number == await number_of(paying.intent_id)
    await deliver(gateway.pay(number))
    assert (await state_of(held.id), await left(person)) == (PAID, 0)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    await relay.drain(8)
    assert await left(person) == 1000, "the card has its part at once"
    sent = "SELECT sum(amount_fen) FROM refund r WHERE source_id = $1"
    assert await value(sent, held.id) == 2500
    assert await money_findings(person.patient_id) == []


@pytest.mark.parametrize("paid_after", [False, True])
async def test_given_a_part_and_a_hold_that_lapses_then_the_card_has_it_again(
    gateway: FakeGateway, paid_after: bool
) -> None:
    person, held = await held_by(gateway, 1000)
    paying = await pay(person, held, PayHow.CARD_THEN_WECHAT)
    number = await open_payment(gateway, person=person, appointment_id=held.id)
    fact = gateway.pay(number) if paid_after else None
    await let_hold_lapse(held.id)
    await fire_hold_timer(held.id)
    if fact is not None:
        await deliver(fact)
        assert (await state_of(held.id), await left(person)) == (PAID, 0), "late money has the place again"
    else:
        assert paying.intent_id is not None
        await make_timers_due(paying.intent_id)
        assert (await state_of(held.id), await left(person)) == (("cancelled", "unpaid"), 1000)
        bill = "SELECT i.status FROM invoice i JOIN payment_intent p ON p.invoice_id = i.id WHERE p.id = $1"
        assert await value(bill, paying.intent_id) == "cancelled"
    assert await money_findings(person.patient_id) == []


async def test_given_many_taps_at_once_then_the_card_pays_once(gateway: FakeGateway) -> None:
    person, held = await held_by(gateway, 9000)
    taps = await asyncio.gather(*(pay(person, held) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(tap, FeePaying) for tap in taps) == 1
    assert all(isinstance(tap, FeePaying | NotPayable) for tap in taps), taps
    assert (await state_of(held.id), await left(person)) == (PAID, 6500)
    await relay.drain(8)
    assert await money_findings(person.patient_id) == []


async def test_given_an_open_wechat_payment_then_the_card_withdraws_it_and_late_money_goes_back(
    gateway: FakeGateway,
) -> None:
    person, held = await held_by(gateway, 2500)
    fact = gateway.pay(await open_payment(gateway, person=person, appointment_id=held.id))
    await pay(person, held)
    await deliver(fact)
    assert (await state_of(held.id), await left(person)) == (PAID, 0)
    surplus = await rows("SELECT r.amount_fen FROM refund r JOIN payment_intent p ON p.id = r.source_id "
                         "WHERE r.source_kind = 'surplus' AND p.patient_id = $1", person.patient_id)  # fmt: skip
    assert [row["amount_fen"] for row in surplus] == [2500]
    assert await money_findings(person.patient_id) == []


async def test_given_the_end_of_the_hold_at_the_same_moment_then_one_of_both_wins_whole(gateway: FakeGateway) -> None:
    for _ in range(5):
        person, held = await held_by(gateway, 2500)
        cancel = run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
        paying, _ = await asyncio.gather(pay(person, held), cancel, return_exceptions=True)
        await relay.drain(8)
        assert isinstance(paying, FeePaying | NotPayable), paying
        assert await state_of(held.id) == ("cancelled", "refunded" if isinstance(paying, FeePaying) else "unpaid")
        assert await left(person) == 2500
        assert await money_findings(person.patient_id) == []
    person, held = await held_by(gateway, 2500)
    await let_hold_lapse(held.id)
    paying, _ = await asyncio.gather(pay(person, held), fire_hold_timer(held.id), return_exceptions=True)
    assert isinstance(paying, PaymentOver | NotPayable), "the time was over"
    assert (await state_of(held.id), await left(person)) == (("cancelled", "unpaid"), 2500)


async def test_given_a_rival_for_a_lapsed_place_then_the_card_keeps_its_money(gateway: FakeGateway) -> None:
    person, rival = await make_person(), await make_person()
    await make_top_up(gateway, patient_id=person.patient_id, amount_fen=2500)
    session = await make_session(clinic=await make_clinic(), places=1)
    held = await book(person=person, session=session)
    await let_hold_lapse(held.id)
    paying, taken = await asyncio.gather(pay(person, held), book(person=rival, session=session), return_exceptions=True)
    assert isinstance(paying, PaymentOver | NotPayable)
    assert isinstance(taken, AppointmentView)
    assert await left(person) == 2500


async def test_given_a_paid_visit_then_giving_it_back_is_on_the_card_at_once(gateway: FakeGateway) -> None:
    person, held = await held_by(gateway, 3000)
    await pay(person, held)
    await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
    assert await left(person) == 3000
    await relay.drain(8)
    assert await state_of(held.id) == ("cancelled", "refunded")
    assert await money_findings(person.patient_id) == []


@pytest.mark.parametrize("how", [PayHow.CARD, PayHow.CARD_THEN_WECHAT])
async def test_given_a_stopped_clinic_then_the_card_has_its_money_again(gateway: FakeGateway, how: PayHow) -> None:
    person = await make_person()
    await make_top_up(gateway, patient_id=person.patient_id, amount_fen=2500 if how is PayHow.CARD else 700)
    before, clinic = await left(person), await make_clinic()
    session = await make_session(clinic=clinic)
    async with pay_at_hospital(clinic):
        made = await book(person=person, session=session)
    await pay(person, made, how)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    (asked,) = (await my_disruptions(reading(person.phone))).items
    answer = AnswerDisruption(disruption_id=asked.id, choice=DisruptionChoice.REFUND)
    await run(person.phone, answer_disruption, answer)
    await relay.drain(8)
    for (intent_id,) in await rows("SELECT id FROM payment_intent WHERE patient_id = $1", person.patient_id):
        await make_timers_due(intent_id)
    assert (await state_of(made.id))[0] == "cancelled"
    assert await left(person) == before
    assert await money_findings(person.patient_id) == []


async def test_given_a_fee_due_at_the_hospital_then_the_card_pays_it_and_the_place_stays(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person, clinic = await make_person(), await make_clinic()
    await make_top_up(gateway, patient_id=person.patient_id, amount_fen=2500)
    async with pay_at_hospital(clinic):
        made = await book(person=person, session=await make_session(clinic=clinic))
    await pay(person, made)
    assert (await state_of(made.id), await left(person)) == (PAID, 0)
    await relay.drain(8)
    kinds = [template for openid, template, _, _ in messenger.sent if openid == person.openid]
    assert (kinds.count("appointment_confirmed"), kinds.count("payment_received")) == (1, 1)
    assert await money_findings(person.patient_id) == []


async def test_given_an_unproven_link_or_a_stranger_then_the_card_is_out_of_reach(gateway: FakeGateway) -> None:
    unproven = await make_person(proven=False)
    await make_top_up(gateway, patient_id=unproven.patient_id, amount_fen=9000)
    held = await book(person=unproven, session=await make_session(clinic=await make_clinic()))
    for how in (PayHow.CARD, PayHow.CARD_THEN_WECHAT):
        with pytest.raises(CardNeedsProof):
            await pay(unproven, held, how)
    assert (await fee_to_pay(reading(unproven.phone), held.id)).balance_fen == 0
    stranger = await make_person()
    with pytest.raises(NotFound):
        await pay(stranger, held)
    with pytest.raises(NotFound):
        await fee_to_pay(reading(stranger.phone), held.id)
    assert await left(unproven) == 9000
