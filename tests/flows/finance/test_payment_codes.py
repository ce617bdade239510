"""A payment code is reversed or taken in, never both: who decides to reverse says so before the channel hears it."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import ChannelSuccess, OpenIntent
from hospital_core.finance.payments.errors import BeingReversed
from hospital_core.finance.payments.ports import ChannelOrder, CodeOrder, PaymentGateway, ReverseResult, TradeState
from hospital_core.finance.payments.service import open_intent
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel import ports
from hospital_core.kernel.context import system_context
from hospital_core.kernel.reading import Reading
from tests.fixtures.engines import Engines
from tests.fixtures.finance import Billed, FakeGateway, let_time_to_pay_pass, make_invoice, run_cashier, value
from tests.fixtures.findings import money_findings

NEEDS_PASSWORD = "144567890123456789"


@dataclass
class Crossing(FakeGateway):
    """A channel where the payer types the password at the worst moment, and another worker looks just then."""

    at: str = ""
    refused: Exception | None = None

    async def query(self, out_trade_no: str, sub_mchid: str | None = None) -> ChannelOrder:
        seen = await super().query(out_trade_no, sub_mchid)
        await self._typed("query", out_trade_no)
        return seen

    async def reverse(self, out_trade_no: str, sub_mchid: str | None = None) -> ReverseResult:
        await self._typed("reverse", out_trade_no)
        return await super().reverse(out_trade_no, sub_mchid)

    async def _typed(self, moment: str, out_trade_no: str) -> None:
        if self.at != moment:
            return
        self.at = ""
        try:
            await outside.take_in_success(system_context(), self.pay(out_trade_no))
        except BeingReversed as refusal:
            self.refused = refusal


@pytest.fixture
def crossing(core: Engines) -> Crossing:
    channel = Crossing()
    ports.provide(PaymentGateway, channel)
    return channel


async def _waiting(bill: Billed, *, late: bool = True) -> PaymentIntentView:
    """A code was scanned, its payer has not typed the password (in time)."""
    until = await value("SELECT hospital_now() + interval '45 seconds'")
    command = OpenIntent(
        invoice_id=bill.invoice.id, channel=PaymentChannel.WECHAT_CODEPAY, description="门诊缴费", pay_until=until
    )
    intent = await run_cashier(open_intent, command)
    waiting = await outside.charge_payment_code(system_context(), intent, NEEDS_PASSWORD, "counter")
    if late:
        await let_time_to_pay_pass(waiting.id)
    return waiting


async def _check(intent_id: UUID) -> PaymentIntentView:
    return await outside.check_intent_now(system_context(), intent_id)


async def _paid(bill: Billed) -> Any:
    return await value("SELECT paid_fen FROM invoice WHERE id = $1", bill.invoice.id)


async def test_given_the_password_typed_while_the_order_is_being_reversed_then_it_is_not_taken_in(
    crossing: Crossing,
) -> None:
    bill = await make_invoice()
    intent = await _waiting(bill)
    crossing.at = "reverse"
    after = await _check(intent.id)
    assert isinstance(crossing.refused, BeingReversed)
    assert crossing.orders[intent.out_trade_no].state is TradeState.REVOKED, "the payer has it back"
    assert (after.status, await _paid(bill)) == (PaymentIntentStatus.CLOSED, 0)
    assert await money_findings(bill.patient_id) == []


async def test_given_the_payment_taken_in_before_the_order_is_reversed_then_it_is_not_reversed(
    crossing: Crossing,
) -> None:
    bill = await make_invoice()
    intent = await _waiting(bill)
    crossing.at = "query"
    after = await _check(intent.id)
    assert crossing.called("reverse", intent.out_trade_no) == 0
    assert crossing.orders[intent.out_trade_no].state is TradeState.SUCCESS
    assert (after.applied, await _paid(bill)) == (True, 5000)
    assert await money_findings(bill.patient_id) == []


async def test_given_a_declined_password_then_it_is_reversed_as_soon_as_the_channel_does(gateway: FakeGateway) -> None:
    bills = [await make_invoice() for _ in range(2)]
    declined, typing = [await _waiting(bill, late=False) for bill in bills]
    number = declined.out_trade_no
    gateway.orders[number] = replace(gateway.orders[number], state=TradeState.PAYERROR)
    assert (await _check(declined.id)).status is PaymentIntentStatus.OPEN, "within 15 s the channel refuses"
    assert gateway.called("reverse", number) == 0
    for one in (declined, typing):
        await value("UPDATE payment_intent SET created_at = created_at - interval '16 seconds' WHERE id = $1 "
                    "RETURNING id", one.id)  # fmt: skip
    assert (await _check(declined.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.orders[number].state is TradeState.REVOKED
    assert (await _check(typing.id)).status is PaymentIntentStatus.OPEN, "whoever types has 45 s"
    assert [await _paid(bill) for bill in bills] == [0, 0]


async def test_given_a_reversal_without_answer_then_money_seen_since_is_reversed_and_not_taken_in(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await _waiting(bill)
    gateway.deaf = {"reverse"}
    assert (await _check(intent.id)).status is PaymentIntentStatus.OPEN
    gateway.pay(intent.out_trade_no)
    assert (await _check(intent.id)).status is PaymentIntentStatus.OPEN, "the reversal may still arrive there"
    gateway.deaf = set()
    assert (await _check(intent.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.orders[intent.out_trade_no].state is TradeState.REVOKED
    assert await _paid(bill) == 0


async def test_given_a_reversal_that_the_channel_refuses_then_the_money_counts(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await _waiting(bill)
    gateway.refusing = {"reverse": "INVALID_REQUEST"}
    gateway.before = {"reverse": lambda: gateway.pay(intent.out_trade_no) and None}
    assert (await _check(intent.id)).status is PaymentIntentStatus.OPEN
    after = await _check(intent.id)
    assert (after.applied, await _paid(bill)) == (True, 5000)
    reading = Reading(system_context())
    assert (await queries.payment_intent(reading, intent.id)).transaction_id is not None
    assert await money_findings(bill.patient_id) == []


async def test_given_a_success_that_is_written_down_after_the_reversal_then_it_is_not_taken_in(
    gateway: FakeGateway,
) -> None:
    bill, heard = await make_invoice(), list[ChannelSuccess]()
    intent = await _waiting(bill)
    gateway.before = {"reverse": lambda: heard.append(gateway.pay(intent.out_trade_no))}
    assert (await _check(intent.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.orders[intent.out_trade_no].state is TradeState.REVOKED, "the payer has it back"
    with pytest.raises(BeingReversed):
        await outside.take_in_success(system_context(), heard[0])  # another worker's answer, from before
    assert ((await _check(intent.id)).status, await _paid(bill)) == (PaymentIntentStatus.CLOSED, 0)
    assert await money_findings(bill.patient_id) == []


async def test_given_an_order_that_the_channel_did_not_know_yet_then_its_late_money_counts(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    gateway.deaf = {"charge_code"}
    intent = await _waiting(bill)
    gateway.deaf = set()
    assert (await _check(intent.id)).status is PaymentIntentStatus.CLOSED
    assert gateway.called("reverse", intent.out_trade_no) == 1, "there was nothing to reverse"
    await gateway.charge_code(CodeOrder(intent.out_trade_no, 5000, "门诊缴费", "counter"), "130000000000000001")
    assert ((await _check(intent.id)).applied, await _paid(bill)) == (True, 5000)
    assert await money_findings(bill.patient_id) == []
