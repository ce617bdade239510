"""A payment is applied once, whatever the channel repeats, loses, or tells late."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from hospital_core.finance.billing.service import reverse_invoice
from hospital_core.finance.ledger.queries import balance, journals_of
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    ChannelSuccess,
    CheckMismatch,
    CloseIntent,
    MismatchKind,
    OpenIntent,
    SettleMismatch,
    TakeCash,
    WithdrawIntents,
)
from hospital_core.finance.payments.errors import (
    ChannelRefused,
    InvoiceNotPayable,
    MismatchSettled,
    PayingTimeOver,
    PaymentMismatch,
    TenderTooSmall,
)
from hospital_core.finance.payments.events import PaymentIntentClosed, PaymentSucceeded
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.service import (
    close_intent,
    open_intent,
    record_success,
    settle_mismatch,
    take_cash,
    withdraw_intents,
)
from hospital_core.finance.payments.states import PaymentIntentStatus, RefundStatus
from hospital_core.finance.payments.views import MismatchForAPerson
from hospital_core.kernel import relay
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable
from hospital_core.kernel.events import handles
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, is_valid_number
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.engines import Engines, drop_database, make_database, with_database
from tests.fixtures.finance import (
    MERCHANT,
    OPENID,
    Billed,
    FakeGateway,
    let_time_to_pay_pass,
    make_intent,
    make_invoice,
    make_timers_due,
    money_findings,
    rows,
    run_cashier,
    run_system,
    value,
)

HEARD: list[PaymentSucceeded | PaymentIntentClosed] = []


@handles(PaymentSucceeded)
async def hear_success(uow: UnitOfWork, event: PaymentSucceeded) -> None:
    HEARD.append(event)


@handles(PaymentIntentClosed)
async def hear_closing(uow: UnitOfWork, event: PaymentIntentClosed) -> None:
    HEARD.append(event)


@pytest.fixture(autouse=True)
def _heard() -> None:
    HEARD.clear()


async def _intent(intent_id: UUID) -> Any:
    return await queries.payment_intent(Reading(system_context()), intent_id)


async def _invoice_status(invoice_id: UUID) -> str:
    return str(await value("SELECT status FROM invoice WHERE id = $1", invoice_id))


async def _kinds(intent_id: UUID) -> list[str]:
    return [str(j.kind) for j in await journals_of(Reading(system_context()), "payment_intent", intent_id)]


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
    assert (await _intent(mother.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.orders[mother.out_trade_no].state is TradeState.CLOSED
    assert (await _intent(father.id)).status is PaymentIntentStatus.OPEN


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
    parameters = await outside.prepare_payment(system_context(), await _intent(intent.id))
    assert parameters["package"] == f"prepay_id=wx{intent.out_trade_no}"
    assert await outside.prepare_payment(system_context(), await _intent(intent.id)) == parameters
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
    after = await _intent(intent.id)
    assert (after.status, after.applied) == (PaymentIntentStatus.SUCCEEDED, True)
    assert await _invoice_status(bill.invoice.id) == "balanced"
    assert await _kinds(intent.id) == ["payment_applied"]
    await relay.drain()
    assert [e.applied for e in HEARD if isinstance(e, PaymentSucceeded) and e.intent_id == intent.id] == [True]
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


@pytest.mark.parametrize(
    ("altered", "kind"),
    [
        ({"amount_fen": 1}, MismatchKind.AMOUNT),
        ({"currency": "HKD"}, MismatchKind.CURRENCY),
        ({"mchid": "1900009999"}, MismatchKind.MERCHANT),
        ({"appid": "wxsomebodyelse0001"}, MismatchKind.APP),
        ({"payer_openid": "somebody-else"}, MismatchKind.PAYER),
    ],
)
async def test_given_a_success_that_differs_then_nothing_is_applied_and_staff_see_it(
    gateway: FakeGateway, altered: dict[str, Any], kind: MismatchKind
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no, **altered)
    for _ in range(2):
        with pytest.raises(PaymentMismatch) as refusal:
            await outside.take_in_success(system_context(), fact)
    assert refusal.value.mismatch is kind
    assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN
    assert await _invoice_status(bill.invoice.id) == "issued"
    assert await _kinds(intent.id) == []
    seen = await queries.payments_needing_a_person(Reading(system_context()))
    (mine,) = [item for item in seen.items if item.intent_id == intent.id]
    assert (mine.kind, mine.transaction_id, mine.invoice_id) == (kind, fact.transaction_id, bill.invoice.id)
    came = None if kind is MismatchKind.CURRENCY else fact.amount_fen
    assert (mine.amount_fen, mine.expected_fen, mine.patient_name_masked) == (came, 5000, "测**者")
    audit = await rows("SELECT outcome, reason FROM audit_row WHERE object_id = $1 AND outcome = 'refused'", intent.id)
    assert {tuple(row) for row in audit} == {("refused", kind.value)}


async def test_given_money_for_an_order_that_is_not_ours_then_staff_see_it(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no).model_copy(update={"out_trade_no": "W9999999999"})
    with pytest.raises(PaymentMismatch):
        await outside.take_in_success(system_context(), fact)
    seen = await queries.payments_needing_a_person(Reading(system_context()))
    (mine,) = [item for item in seen.items if item.transaction_id == fact.transaction_id]
    assert (mine.kind, mine.intent_id) == (MismatchKind.ORDER, None)


async def _noted(gateway: FakeGateway, **altered: Any) -> tuple[Billed, MismatchForAPerson]:
    """A bill, and the payment for it that differs, as the desk sees it."""
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    with pytest.raises(PaymentMismatch):
        await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no, **altered))
    (mine,) = [item for item in await _mismatches() if item.intent_id == intent.id]
    return bill, mine


async def _mismatches() -> list[MismatchForAPerson]:
    return (await queries.payments_needing_a_person(Reading(system_context()))).items


async def test_given_a_payment_that_differs_then_asking_again_says_how_it_stands(gateway: FakeGateway) -> None:
    bill, mine = await _noted(gateway, amount_fen=1)
    ask = CheckMismatch(notice_id=mine.id)
    still = await outside.check_mismatch_now(system_context(), ask)
    assert (still.taken, still.differs, still.amount_fen) == (False, MismatchKind.AMOUNT, 1)
    wrong = gateway.orders[mine.out_trade_no]
    gateway.orders[mine.out_trade_no] = replace(wrong, state=TradeState.REFUND, amount_fen=5000)
    back = await outside.check_mismatch_now(system_context(), ask)
    assert (back.taken, back.state) == (False, TradeState.REFUND), "given back by hand: it must not pay the bill"
    assert await _invoice_status(bill.invoice.id) == "issued"
    gateway.orders[mine.out_trade_no] = replace(wrong, amount_fen=5000)
    assert (await outside.check_mismatch_now(system_context(), ask)).taken
    assert await _invoice_status(bill.invoice.id) == "balanced"
    assert mine.id not in [item.id for item in await _mismatches()]
    with pytest.raises(NotFound):
        await outside.check_mismatch_now(system_context(), ask)


async def test_given_no_answer_of_the_channel_then_asking_again_says_so(gateway: FakeGateway) -> None:
    _, mine = await _noted(gateway, amount_fen=1)
    gateway.deaf = {"query"}
    with pytest.raises(OutsideUnavailable):
        await outside.check_mismatch_now(system_context(), CheckMismatch(notice_id=mine.id))


async def test_given_a_settlement_by_a_person_then_the_payment_leaves_the_list_once(gateway: FakeGateway) -> None:
    _, mine = await _noted(gateway, payer_openid="somebody-else")
    cashier = Context(Actor(ActorKind.STAFF, new_id()))
    settle = SettleMismatch(notice_id=mine.id, note="已在商户平台全额退回")
    with pytest.raises(Forbidden):
        await run_system(settle_mismatch, settle)
    twice = await asyncio.gather(*(run(cashier, settle_mismatch, settle) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, MismatchSettled) for one in twice) == 3
    assert mine.id not in [item.id for item in await _mismatches()]
    kept = await rows("SELECT note, settled_by FROM mismatch_settlement WHERE notice_id = $1", mine.id)
    assert [tuple(row) for row in kept] == [("已在商户平台全额退回", cashier.actor.id)]
    with pytest.raises(NotFound):
        await run(cashier, settle_mismatch, SettleMismatch(notice_id=new_id(), note="没有这一笔"))


async def test_given_another_transaction_for_a_settled_intent_then_it_is_refused_and_seen(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    with pytest.raises(PaymentMismatch) as refusal:
        await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    assert refusal.value.mismatch is MismatchKind.TRANSACTION
    assert await _kinds(intent.id) == ["payment_applied"]


async def test_given_a_known_transaction_under_another_order_then_it_is_not_taken_for_a_duplicate(
    gateway: FakeGateway,
) -> None:
    first, second = await make_invoice(), await make_invoice()
    paid = await make_intent(gateway, invoice_id=first.invoice.id)
    unpaid = await make_intent(gateway, invoice_id=second.invoice.id)
    fact = gateway.pay(paid.out_trade_no)
    await outside.take_in_success(system_context(), fact)
    with pytest.raises(PaymentMismatch):
        await run_system(record_success, fact.model_copy(update={"out_trade_no": unpaid.out_trade_no}))
    assert (await _intent(unpaid.id)).status is PaymentIntentStatus.OPEN


async def test_given_a_success_on_a_closed_intent_then_it_is_still_money(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await run_system(close_intent, CloseIntent(intent_id=intent.id))
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    after = await _intent(intent.id)
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
    assert (await _intent(intent.id)).applied is False
    (refund,) = await queries.refunds_of(Reading(system_context()), bill.invoice.id)
    assert (refund.status, refund.amount_fen) == (RefundStatus.SUCCEEDED, 5000)
    assert await _kinds(intent.id) == ["payment_surplus"]
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
    after = [await _intent(intent.id) for intent in (mother, father)]
    assert sorted(intent.applied for intent in after) == [False, True]
    (refund,) = await queries.refunds_of(Reading(system_context()), bill.invoice.id)
    (surplus,) = [intent for intent in after if not intent.applied]
    assert (refund.intent_id, refund.status, refund.amount_fen) == (surplus.id, RefundStatus.SUCCEEDED, 5000)
    assert list(gateway.refunds) == [refund.out_refund_no]
    assert await balance(Reading(system_context()), LedgerAccount.WECHAT_CLEARING, bill.patient_id) == 5000
    assert await money_findings(bill.patient_id) == []


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_a_lost_callback_then_the_ladder_finds_the_money(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    assert await make_timers_due(intent.id) == 1
    assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN, "not paid yet: the next rung is set"
    gateway.pay(intent.out_trade_no)  # and nobody calls back
    assert await make_timers_due(intent.id) == 1
    assert (await _intent(intent.id)).applied
    assert await _invoice_status(bill.invoice.id) == "balanced"
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
        assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN
    assert await rows("SELECT 1 FROM outbox_delivery WHERE state = 'parked' AND handler LIKE 'finance.%'") == []
    gateway.deaf.clear()
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).applied


async def test_given_the_time_to_pay_is_over_then_the_order_is_closed_at_the_channel_before_the_intent(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert gateway.orders[intent.out_trade_no].state is TradeState.CLOSED
    assert [name for name, number in gateway.calls if number == intent.out_trade_no][-3:] == ["query", "close", "query"]
    assert (await _intent(intent.id)).status is PaymentIntentStatus.CLOSED
    await relay.drain()
    assert [e.intent_id for e in HEARD if isinstance(e, PaymentIntentClosed)] == [intent.id]


async def test_given_a_payment_in_the_moment_of_closing_then_it_counts(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    gateway.before["close"] = lambda: gateway.pay(intent.out_trade_no) and None
    await make_timers_due(intent.id)
    after = await _intent(intent.id)
    assert (after.status, after.applied) == (PaymentIntentStatus.SUCCEEDED, True)


async def test_given_a_close_whose_answer_was_lost_then_the_next_rung_closes_the_intent(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await let_time_to_pay_pass(intent.id)
    gateway.silent = {"close"}
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).status is PaymentIntentStatus.CLOSED


async def test_given_an_order_the_channel_never_got_then_the_intent_is_closed_after_its_time(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    del gateway.orders[intent.out_trade_no]
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).status is PaymentIntentStatus.CLOSED


async def test_given_a_mismatch_found_by_the_ladder_then_it_is_seen_and_nothing_is_closed(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    gateway.pay(intent.out_trade_no, amount_fen=4999)
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert (await _intent(intent.id)).status is PaymentIntentStatus.OPEN
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
    assert [e.applied for e in HEARD if isinstance(e, PaymentSucceeded) and e.intent_id == taken.id] == [True]
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
    assert (await _intent(intent.id)).status is PaymentIntentStatus.CLOSED
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
