"""Lost callbacks, silent channels: the ladder asks until a payment is decided, and closes what the channel closed."""

from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import MismatchKind, WithdrawIntents
from hospital_core.finance.payments.events import PaymentIntentClosed
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.service import withdraw_intents
from hospital_core.finance.payments.states import PaymentIntentStatus
from hospital_core.kernel import relay
from hospital_core.kernel.context import system_context
from hospital_core.kernel.events import handles
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.finance import (
    FakeGateway,
    intent_now,
    invoice_status,
    let_time_to_pay_pass,
    make_intent,
    make_invoice,
    make_timers_due,
    rows,
    run_system,
    value,
)

HEARD: list[PaymentIntentClosed] = []


@handles(PaymentIntentClosed)
async def hear_closing(uow: UnitOfWork, event: PaymentIntentClosed) -> None:
    HEARD.append(event)


@pytest.fixture(autouse=True)
def _heard() -> None:
    HEARD.clear()


async def test_given_a_lost_callback_then_the_ladder_finds_the_money(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    assert await make_timers_due(intent.id) == 1
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN, "not paid yet: the next rung is set"
    gateway.pay(intent.out_trade_no)  # and nobody calls back
    assert await make_timers_due(intent.id) == 1
    assert (await intent_now(intent.id)).applied
    assert await invoice_status(bill.invoice.id) == "balanced"
    assert await _pending_checks(intent.id) == 0, "the ladder ends with the intent"
    assert gateway.called("query", intent.out_trade_no) == 2


async def _pending_checks(intent_id: UUID) -> int:
    return int(
        await value(
            "SELECT count(*) FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id "
            "WHERE e.name = 'PaymentCheckDue' AND d.state = 'due' AND e.payload->>'intent_id' = $1",
            str(intent_id),
        )
    )


async def test_given_a_channel_without_an_answer_then_only_the_next_check_is_set(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    gateway.pay(intent.out_trade_no)
    gateway.deaf = {"query"}
    for _ in range(10):
        assert await make_timers_due(intent.id) == 1
        assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN
    assert await rows("SELECT 1 FROM outbox_delivery WHERE state = 'parked' AND handler LIKE 'finance.%'") == []
    gateway.deaf.clear()
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).applied


async def test_given_the_time_to_pay_is_over_then_the_order_is_closed_at_the_channel_before_the_intent(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert gateway.orders[intent.out_trade_no].state is TradeState.CLOSED
    assert [name for name, number in gateway.calls if number == intent.out_trade_no][-3:] == ["query", "close", "query"]
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED
    await relay.drain()
    assert [e.intent_id for e in HEARD] == [intent.id]


async def test_given_a_payment_in_the_moment_of_closing_then_it_counts(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    gateway.before["close"] = lambda: gateway.pay(intent.out_trade_no) and None
    await make_timers_due(intent.id)
    after = await intent_now(intent.id)
    assert (after.status, after.applied) == (PaymentIntentStatus.SUCCEEDED, True)


async def test_given_a_close_whose_answer_was_lost_then_the_next_rung_closes_the_intent(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    gateway.silent = {"close"}
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED


async def test_given_an_order_the_channel_never_got_then_the_intent_is_closed_after_its_time(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    del gateway.orders[intent.out_trade_no]
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED


async def test_given_a_mismatch_found_by_the_ladder_then_it_is_seen_and_nothing_is_closed(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    gateway.pay(intent.out_trade_no, amount_fen=4999)
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN
    error = await value(
        "SELECT d.last_error FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id "
        "WHERE e.payload->>'intent_id' = $1 AND d.state <> 'done'",
        str(intent.id),
    )
    assert error == "PaymentMismatch payments.mismatch", "the timer fails visibly and is parked in the end"


async def test_given_the_phone_comes_back_from_paying_then_one_question_settles_it(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    assert (await outside.check_intent_now(system_context(), intent.id)).status is PaymentIntentStatus.OPEN
    gateway.pay(intent.out_trade_no)
    assert (await outside.check_intent_now(system_context(), intent.id)).applied
    gateway.deaf = {"query"}
    assert (await outside.check_intent_now(system_context(), intent.id)).applied, "a settled intent asks nobody"


async def test_given_a_bill_withdrawn_again_and_again_then_its_timers_do_not_multiply(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    gateway.deaf = {"query"}
    for _ in range(6):
        await run_system(withdraw_intents, WithdrawIntents(invoice_id=bill.invoice.id))
        await make_timers_due(intent.id)
    assert await _pending_checks(intent.id) <= 2
    gateway.deaf.clear()
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED
    assert await _pending_checks(intent.id) == 0


async def test_given_a_channel_silent_for_an_hour_then_a_person_sees_the_payment_until_it_is_decided(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    gateway.deaf = {"query"}
    past = "UPDATE payment_intent SET pay_until = hospital_now() - $2::interval WHERE id = $1 RETURNING id"
    await value(past, intent.id, timedelta(minutes=50))
    await make_timers_due(intent.id)
    assert await _listed(intent.id) == []
    await value(past, intent.id, timedelta(minutes=70))
    for _ in range(3):
        await make_timers_due(intent.id)
    assert await _listed(intent.id) == [MismatchKind.NO_ANSWER]
    gateway.deaf.clear()
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED
    assert await _listed(intent.id) == []


async def _listed(intent_id: UUID) -> list[MismatchKind]:
    """What the desk sees of a payment."""
    seen = (await queries.payments_needing_a_person(Reading(system_context()))).items
    return [item.kind for item in seen if item.intent_id == intent_id]
