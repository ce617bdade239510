"""A payment is applied once, whatever the channel repeats, loses, or tells late."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from hospital_core.finance.billing.service import reverse_invoice
from hospital_core.finance.ledger.queries import balance
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    ChannelSuccess,
    CloseIntent,
    OpenIntent,
    TakeCash,
    WithdrawIntents,
)
from hospital_core.finance.payments.errors import (
    ChannelRefused,
    InvoiceNotPayable,
    PayingTimeOver,
    TenderTooSmall,
)
from hospital_core.finance.payments.events import PaymentSucceeded
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.service import (
    close_intent,
    open_intent,
    take_cash,
    withdraw_intents,
)
from hospital_core.finance.payments.states import PaymentIntentStatus, RefundStatus
from hospital_core.kernel import relay
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import OutsideUnavailable
from hospital_core.kernel.events import handles
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, is_valid_number
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.engines import Engines, drop_database, make_database, with_database
from tests.fixtures.finance import (
    MERCHANT,
    OPENID,
    FakeGateway,
    intent_now,
    invoice_status,
    journal_kinds,
    make_intent,
    make_invoice,
    make_timers_due,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings

HEARD: list[PaymentSucceeded] = []


@handles(PaymentSucceeded)
async def hear_success(uow: UnitOfWork, event: PaymentSucceeded) -> None:
    HEARD.append(event)


@pytest.fixture(autouse=True)
def _heard() -> None:
    HEARD.clear()


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_an_open_intent_then_its_payer_gets_it_again_and_the_number_fits_the_channel(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    first = await make_intent(gateway, invoice_id=bill.invoice.id)
    again = await make_intent(gateway, invoice_id=bill.invoice.id, minutes=30)
    assert again.id == first.id
    assert again.pay_until == first.pay_until, "the channel refuses a re-entry with another time"
    assert is_valid_number(NumberKind.PAYMENT, first.out_trade_no)
    assert 6 <= len(first.out_trade_no) <= 32
    assert first.amount_fen == bill.invoice.total_fen


async def test_given_twenty_parallel_openings_then_one_intent_is_open(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    made = await asyncio.gather(*(make_intent(gateway, invoice_id=bill.invoice.id) for _ in range(20)))
    assert len({intent.id for intent in made}) == 1


async def test_given_another_payer_then_a_new_intent_is_opened_and_the_first_is_closed(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    mother = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="mother")
    father = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="father")
    assert mother.id != father.id
    await make_timers_due(mother.id)
    assert (await intent_now(mother.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.orders[mother.out_trade_no].state is TradeState.CLOSED
    assert (await intent_now(father.id)).status is PaymentIntentStatus.OPEN


async def test_given_a_time_gone_by_or_a_settled_bill_then_no_intent_is_opened(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    with pytest.raises(PayingTimeOver):
        await make_intent(gateway, invoice_id=bill.invoice.id, minutes=-1)
    await run_cashier(take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000))
    with pytest.raises(InvoiceNotPayable):
        await make_intent(gateway, invoice_id=bill.invoice.id)


@pytest.mark.parametrize("wrong", [{"payer_openid": None}, {"description": "a,b"}, {"channel": "cash"}])
def test_given_a_command_the_channel_could_not_take_then_it_is_refused_at_once(wrong: dict[str, object]) -> None:
    right = {"invoice_id": new_id(), "payer_openid": "o", "description": "挂号费", "pay_until": "2026-11-22T10:00:00Z"}
    OpenIntent.model_validate(right)
    with pytest.raises(ValidationError):
        OpenIntent.model_validate(right | wrong)


async def test_given_an_open_intent_then_the_order_is_placed_once_and_the_phone_gets_its_parameters(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    now = await value("SELECT hospital_now()")
    command = OpenIntent(
        invoice_id=bill.invoice.id, payer_openid=OPENID, description="挂号费", pay_until=now + timedelta(minutes=15)
    )
    intent = await run_system(open_intent, command)
    gateway.silent.add("prepay")  # it acts, its answer is lost
    with pytest.raises(OutsideUnavailable):
        await outside.prepare_payment(system_context(), intent)
    gateway.silent.clear()
    parameters = await outside.prepare_payment(system_context(), await intent_now(intent.id))
    assert parameters["package"] == f"prepay_id=wx{intent.out_trade_no}"
    assert await outside.prepare_payment(system_context(), await intent_now(intent.id)) == parameters
    assert gateway.called("prepay", intent.out_trade_no) == 2, "lost once, answered once, then remembered"
    gateway.refusing["prepay"] = "PARAM_ERROR"
    with pytest.raises(ChannelRefused):
        await outside.prepare_payment(system_context(), intent)


# ── success ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_a_success_twenty_times_in_parallel_then_it_is_applied_once(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no)
    answers = await asyncio.gather(*(outside.take_in_success(system_context(), fact) for _ in range(20)))
    assert all(answer.done for answer in answers), "a duplicate is answered like the first"
    after = await intent_now(intent.id)
    assert (after.status, after.applied) == (PaymentIntentStatus.SUCCEEDED, True)
    assert await invoice_status(bill.invoice.id) == "balanced"
    assert await journal_kinds(intent.id) == ["payment_applied"]
    await relay.drain()
    assert [e.applied for e in HEARD if e.intent_id == intent.id] == [True]
    assert await balance(Reading(system_context()), LedgerAccount.WECHAT_CLEARING, bill.patient_id) == 5000
    assert await money_findings(bill.patient_id) == []


async def test_given_no_guards_then_parallel_successes_are_applied_many_times(engines: Engines) -> None:
    """The control: read, then write, in a database without the constraints."""
    name = f"control_{new_id().hex[-12:]}"
    await make_database(engines, name)
    owner = await asyncpg.create_pool(with_database(engines.owner, name), min_size=8, max_size=8)
    together = asyncio.Barrier(8)

    async def apply_naively() -> None:
        async with owner.acquire() as connection:
            seen = await connection.fetchval("SELECT count(*) FROM journal_entry")
            await together.wait()
            if seen == 0:
                await connection.execute(
                    "INSERT INTO journal_entry (id, kind, source_kind, source_id, at, accounting_date) "
                    "VALUES ($1, 'payment_applied', 'payment_intent', $2, now(), now()::date)",
                    new_id(),
                    UUID(int=1),
                )

    try:
        async with owner.acquire() as connection:
            await connection.execute("ALTER TABLE journal_entry DROP CONSTRAINT journal_once_per_source")
        async with asyncio.timeout(20):
            await asyncio.gather(*(apply_naively() for _ in range(8)))
        async with owner.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM journal_entry") == 8
    finally:
        await owner.close()
        await drop_database(engines, name)


async def test_given_a_success_on_a_closed_intent_then_it_is_still_money(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await run_system(close_intent, CloseIntent(intent_id=intent.id))
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    after = await intent_now(intent.id)
    assert (after.status, after.applied) == (PaymentIntentStatus.SUCCEEDED, True)
    assert await money_findings(bill.patient_id) == []


async def test_given_a_success_for_a_bill_taken_back_then_it_is_sent_back_once(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await run_system(close_intent, CloseIntent(intent_id=intent.id))
    await run_system(reverse_invoice, bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no)
    await asyncio.gather(*(outside.take_in_success(system_context(), fact) for _ in range(10)))
    await relay.drain()
    assert (await intent_now(intent.id)).applied is False
    (refund,) = await queries.refunds_of(Reading(system_context()), bill.invoice.id)
    assert (refund.status, refund.amount_fen) == (RefundStatus.SUCCEEDED, 5000)
    assert await journal_kinds(intent.id) == ["payment_surplus"]
    assert await money_findings(bill.patient_id) == []


async def test_given_two_intents_of_one_bill_paid_at_once_then_one_settles_it_and_the_other_goes_back_once(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    mother = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="mother")
    father = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="father")
    facts = [gateway.pay(intent.out_trade_no) for intent in (mother, father)]
    await asyncio.gather(*(outside.take_in_success(system_context(), fact) for fact in facts * 5))
    await relay.drain()
    after = [await intent_now(intent.id) for intent in (mother, father)]
    assert sorted(intent.applied for intent in after) == [False, True]
    (refund,) = await queries.refunds_of(Reading(system_context()), bill.invoice.id)
    (surplus,) = [intent for intent in after if not intent.applied]
    assert (refund.intent_id, refund.status, refund.amount_fen) == (surplus.id, RefundStatus.SUCCEEDED, 5000)
    assert list(gateway.refunds) == [refund.out_refund_no]
    assert await balance(Reading(system_context()), LedgerAccount.WECHAT_CLEARING, bill.patient_id) == 5000
    assert await money_findings(bill.patient_id) == []


# ── cash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_cash_then_the_change_is_told_and_one_tender_settles_the_bill(gateway: FakeGateway) -> None:
    bill = await make_invoice(unit_price="18.50")
    with pytest.raises(TenderTooSmall) as refusal:
        await run_cashier(take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=1849))
    assert refusal.value.fields == {"missing_fen": 1}
    taken = await run_cashier(take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=2000))
    assert (taken.change_fen, taken.amount_fen, taken.applied) == (150, 1850, True)
    assert await balance(Reading(system_context()), LedgerAccount.CASH_DRAWER, bill.patient_id) == 1850
    await relay.drain()
    assert [e.applied for e in HEARD if e.intent_id == taken.id] == [True]
    assert await money_findings(bill.patient_id) == []


async def test_given_ten_parallel_tenders_then_one_is_taken(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    command = TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000)
    done = await asyncio.gather(*(run_cashier(take_cash, command) for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in done) == 1
    assert all(isinstance(answer, InvoiceNotPayable) for answer in done if isinstance(answer, Exception))
    assert await money_findings(bill.patient_id) == []


async def test_given_cash_and_a_phone_that_pays_too_then_the_phone_gets_its_money_back(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no)
    await asyncio.gather(
        run_cashier(take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000)),
        outside.take_in_success(system_context(), fact),
        return_exceptions=True,
    )
    await make_timers_due(intent.id)
    settled = [i for i in await queries.intents_of(Reading(system_context()), bill.invoice.id) if i.applied]
    assert len(settled) == 1
    assert await money_findings(bill.patient_id) == []


async def test_given_a_withdrawn_bill_then_its_intent_is_closed_and_cannot_be_used_again(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await run_system(withdraw_intents, WithdrawIntents(invoice_id=bill.invoice.id))
    await make_timers_due(intent.id)
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.CLOSED
    assert (await make_intent(gateway, invoice_id=bill.invoice.id)).id != intent.id


def test_given_a_fact_with_unknown_fields_or_a_negative_amount_then_it_is_malformed() -> None:
    right = {
        "out_trade_no": "W1",
        "transaction_id": "42",
        "amount_fen": 1,
        "currency": "CNY",
        "mchid": MERCHANT.mchid,
        "succeeded_at": "2026-11-22T10:00:00+08:00",
        "source": "callback",
    }
    ChannelSuccess.model_validate(right)
    for wrong in ({"amount_fen": -1}, {"amount_fen": 1.5}, {"paid": True}, {"succeeded_at": "2026-11-22T10:00:00"}):
        with pytest.raises(ValidationError):
            ChannelSuccess.model_validate(right | wrong)
