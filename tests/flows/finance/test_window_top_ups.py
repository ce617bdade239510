"""The card topped up at a window (窗口充值) by payment code and bank card: receipts as for cash, charged once."""

import asyncio
from uuid import UUID

import pytest

from hospital_core.finance.ledger.queries import card_balance
from hospital_core.finance.payments import outside
from hospital_core.finance.payments.commands import OpenTopUp, RecordTender, RefundCardAtCounter
from hospital_core.finance.payments.errors import ChannelRefused, ShiftNotOpen
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.service import (
    open_top_up_here,
    record_bank_card,
    record_bank_card_top_up,
    refund_card_at_counter,
)
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.finance.payments.top_up_commands import RecordTopUp
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.finance.payments.window_queries import card_at_window
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import FakeGateway, let_time_to_pay_pass, make_invoice, make_payer, rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.people import make_cashier

pytestmark = pytest.mark.usefixtures("gateway")

PAYS = "130000000000000001"
NEEDS_PASSWORD = "144567890123456789"


async def opened(till: Context, patient_id: UUID, amount_fen: int = 3000) -> PaymentIntentView:
    """The window is about to charge a code for the card."""
    until = await value("SELECT hospital_now() + interval '45 seconds'")
    wanted = OpenTopUp(
        patient_id=patient_id, amount_fen=amount_fen, channel=PaymentChannel.WECHAT_CODEPAY, pay_until=until
    )
    return await run(till, open_top_up_here, wanted)


async def left(patient_id: UUID) -> int:
    """What is on the card."""
    return (await card_balance(Reading(system_context()), patient_id)).balance_fen


async def test_given_a_bank_card_then_the_card_has_it_with_a_receipt_and_gives_it_back_at_the_window() -> None:
    till, patient_id = await make_cashier(), await make_payer()
    command = RecordTopUp(patient_id=patient_id, amount_fen=5000, reference="POS000777")
    paid = await run(till, record_bank_card_top_up, command)
    assert (paid.channel, paid.reference, paid.applied) == (PaymentChannel.BANK_CARD, "POS000777", True)
    assert paid.receipt_no is not None
    seen = await card_at_window(Reading(till), patient_id)
    assert (seen.balance_fen, [one.receipt_no for one in seen.top_ups]) == (5000, [paid.receipt_no])
    account = "SELECT sum(amount_fen) FROM journal_line WHERE patient_id = $1 AND account = 'bank_card_clearing'"
    assert await value(account, patient_id) == 5000
    back = await run(till, refund_card_at_counter, RefundCardAtCounter(patient_id=patient_id, reason="不再就诊"))
    assert (back.amount_fen, [one.status for one in back.refunds]) == (5000, ["requested"]), "the terminal gives it"
    assert await left(patient_id) == 0
    assert await money_findings(patient_id) == []


async def test_given_a_code_that_pays_then_the_card_has_it_with_the_windows_receipt(gateway: FakeGateway) -> None:
    till, patient_id = await make_cashier(), await make_payer()
    intent = await opened(till, patient_id)
    paid = await outside.charge_payment_code(till, intent, PAYS, "counter")
    assert (paid.status, paid.applied, await left(patient_id)) == (PaymentIntentStatus.SUCCEEDED, True, 3000)
    (shown,) = (await card_at_window(Reading(till), patient_id)).top_ups
    assert shown.receipt_no is not None
    assert (await card_at_window(Reading(await make_cashier()), patient_id)).top_ups == [], "another window's own"
    assert await outside.charge_payment_code(till, intent, PAYS, "counter") == paid, "sent again, charged once"
    back = await run(till, refund_card_at_counter, RefundCardAtCounter(patient_id=patient_id, reason="不再就诊"))
    assert [refund.intent_id for refund in back.refunds] == [intent.id], "back to the WeChat it came from"
    assert await money_findings(patient_id) == []


async def test_given_a_payer_who_types_a_password_then_scanning_again_follows_the_same_payment(
    gateway: FakeGateway,
) -> None:
    till, patient_id = await make_cashier(), await make_payer()
    first = await outside.charge_payment_code(till, await opened(till, patient_id), NEEDS_PASSWORD, "counter")
    again = await opened(till, patient_id, 9900)
    assert (first.status, again.id, again.amount_fen) == (PaymentIntentStatus.OPEN, first.id, 3000)
    waiting = await outside.charge_payment_code(till, again, PAYS, "counter")
    assert (waiting.status, await left(patient_id)) == (PaymentIntentStatus.OPEN, 0), "the second code is not charged"
    assert [one.status for one in (await card_at_window(Reading(till), patient_id)).top_ups] == ["open"]
    gateway.pay(first.out_trade_no)
    assert (await outside.check_intent_now(till, first.id)).applied is True
    assert await left(patient_id) == 3000
    assert (await opened(till, patient_id, 9900)).id != first.id, "what is decided is in nobody's way"
    assert await money_findings(patient_id) == []


async def test_given_no_answer_and_no_money_in_time_then_it_is_reversed_and_the_card_is_as_before(
    gateway: FakeGateway,
) -> None:
    till, patient_id = await make_cashier(), await make_payer()
    gateway.deaf = {"charge_code"}
    waiting = await outside.charge_payment_code(till, await opened(till, patient_id), NEEDS_PASSWORD, "counter")
    assert waiting.status is PaymentIntentStatus.OPEN
    gateway.deaf = set()
    await let_time_to_pay_pass(waiting.id)
    assert (await outside.check_intent_now(till, waiting.id)).status is PaymentIntentStatus.CLOSED
    if waiting.out_trade_no in gateway.orders:
        assert gateway.orders[waiting.out_trade_no].state is TradeState.REVOKED
    seen = await card_at_window(Reading(till), patient_id)
    assert (seen.balance_fen, seen.top_ups) == (0, [])
    assert await money_findings(patient_id) == []


async def test_given_a_refused_code_then_nothing_was_taken_and_the_next_is_charged(gateway: FakeGateway) -> None:
    till, patient_id = await make_cashier(), await make_payer()
    gateway.refusing = {"charge_code": "NOTENOUGH"}
    with pytest.raises(ChannelRefused):
        await outside.charge_payment_code(till, await opened(till, patient_id), PAYS, "counter")
    gateway.refusing = {}
    await outside.charge_payment_code(till, await opened(till, patient_id), PAYS, "counter")
    assert await left(patient_id) == 3000
    count = "SELECT status FROM payment_intent WHERE patient_id = $1 ORDER BY id"
    assert [row["status"] for row in await rows(count, patient_id)] == ["closed", "succeeded"]


async def test_given_no_shift_or_nobody_then_nothing_is_opened() -> None:
    patient_id, off_duty = await make_payer(), await make_cashier(opening_fen=None)
    with pytest.raises(ShiftNotOpen):
        await opened(off_duty, patient_id)
    with pytest.raises(ShiftNotOpen):
        await run(off_duty, record_bank_card_top_up, RecordTopUp(patient_id=patient_id, amount_fen=1, reference="1"))
    with pytest.raises(NotFound):
        await opened(await make_cashier(), new_id())
    assert await value("SELECT count(*) FROM payment_intent WHERE patient_id = $1", patient_id) == 0


async def test_given_codes_scanned_at_one_moment_then_one_payment_is_awaited(gateway: FakeGateway) -> None:
    till, patient_id = await make_cashier(), await make_payer()
    made = await asyncio.gather(*(opened(till, patient_id) for _ in range(6)))
    assert len({one.id for one in made}) == 1


async def test_given_a_terminals_slip_recorded_again_then_neither_bill_nor_card_has_it_twice(
    gateway: FakeGateway,
) -> None:
    till, bill = await make_cashier(), await make_invoice()
    slip = RecordTender(invoice_id=bill.invoice.id, amount_fen=2000, reference="POS000456")
    done = await asyncio.gather(*(run(till, record_bank_card, slip) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["PaymentIntentView", *["SlipRecorded"] * 3]
    await run(till, record_bank_card, slip.model_copy(update={"reference": "POS000457"}))
    assert await value("SELECT paid_fen FROM invoice WHERE id = $1", bill.invoice.id) == 4000
    ahead = RecordTopUp(patient_id=bill.patient_id, amount_fen=2000, reference="POS000458")
    done = await asyncio.gather(*(run(till, record_bank_card_top_up, ahead) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["PaymentIntentView", *["SlipRecorded"] * 3]
    assert await left(bill.patient_id) == 2000
    assert await money_findings(bill.patient_id) == []
