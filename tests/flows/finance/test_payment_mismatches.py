"""A verified payment that differs from what we asked for is not applied, and staff see it until it is settled."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    CheckMismatch,
    MismatchKind,
    OpenTopUp,
    SettleMismatch,
)
from hospital_core.finance.payments.errors import (
    MismatchSettled,
    PaymentMismatch,
)
from hospital_core.finance.payments.ports import PrepayOrder, TradeState
from hospital_core.finance.payments.service import (
    open_top_up,
    record_success,
    settle_mismatch,
)
from hospital_core.finance.payments.states import PaymentIntentStatus
from hospital_core.finance.payments.views import MismatchForAPerson
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import (
    OPENID,
    Billed,
    FakeGateway,
    intent_now,
    invoice_status,
    journal_kinds,
    make_intent,
    make_invoice,
    make_payer,
    rows,
    run_system,
    value,
)


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
    assert (await intent_now(intent.id)).status is PaymentIntentStatus.OPEN
    assert await invoice_status(bill.invoice.id) == "issued"
    assert await journal_kinds(intent.id) == []
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
    assert await invoice_status(bill.invoice.id) == "issued"
    gateway.orders[mine.out_trade_no] = replace(wrong, amount_fen=5000)
    assert (await outside.check_mismatch_now(system_context(), ask)).taken
    assert await invoice_status(bill.invoice.id) == "balanced"
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
    assert await journal_kinds(intent.id) == ["payment_applied"]


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
    assert (await intent_now(unpaid.id)).status is PaymentIntentStatus.OPEN


async def test_given_money_for_a_card_that_differs_then_staff_see_whose_it_is(gateway: FakeGateway) -> None:
    patient_id = await make_payer()
    until = await value("SELECT hospital_now() + interval '15 minutes'")
    wanted = OpenTopUp(patient_id=patient_id, amount_fen=10_000, payer_openid=OPENID, pay_until=until)
    intent = await run_system(open_top_up, wanted)
    await gateway.prepay(PrepayOrder(intent.out_trade_no, 10_000, "预存款充值", OPENID, until))
    with pytest.raises(PaymentMismatch):
        await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no, amount_fen=1))
    (mine,) = [item for item in await _mismatches() if item.intent_id == intent.id]
    assert (mine.patient_id, mine.patient_name_masked, mine.invoice_id) == (patient_id, "测**者", None)
