"""What a window, a late payer or a patient desk could get wrong about money: each is refused, or does no harm."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from hospital_core.finance.billing.commands import RefundLineWanted, UnbillInvoice
from hospital_core.finance.ledger.commands import Correct
from hospital_core.finance.ledger.queries import drawer_fen, journals_of
from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    ChannelRefundResult,
    CheckMismatch,
    CloseShift,
    DepositCash,
    OpenIntent,
    PreviewRefund,
    RefundAtCounter,
    RefundCardAtCounter,
    RequestRefund,
    RetryRefund,
    SaveDrawer,
    ScheduleCheck,
)
from hospital_core.finance.payments.errors import NotEnoughCash, PaymentMismatch
from hospital_core.finance.payments.ladder import REFUND_CHECKS_MAX
from hospital_core.finance.payments.ports import ChannelOrder, ChannelRefundStatus, TradeState
from hospital_core.finance.payments.reports import shift_report
from hospital_core.finance.payments.service import (
    close_shift,
    correct_journal,
    deposit_cash,
    open_intent,
    record_refund_result,
    request_refund,
    retry_refund,
    save_drawer,
    schedule_refund_check,
    take_apart,
)
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import (
    OPENID,
    Billed,
    FakeGateway,
    make_intent,
    make_invoice,
    make_timers_due,
    rows,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings
from tests.fixtures.people import make_cashier, unique

READING = Reading(system_context())


async def _shown(cashier: Context, bill: Billed) -> Any:
    """A code to scan on the window's screen."""
    until = await value("SELECT hospital_now() + interval '10 minutes'")
    command = OpenIntent(
        invoice_id=bill.invoice.id, channel=PaymentChannel.WECHAT_NATIVE, description="门诊缴费", pay_until=until
    )
    intent = await run(cashier, open_intent, command)
    await outside.prepare_payment(system_context(), intent)
    return intent


async def test_given_a_code_scanned_after_its_shift_was_closed_then_the_signed_report_stays_as_it_was(
    gateway: FakeGateway,
) -> None:
    cashier, bill = await make_cashier(), await make_invoice()
    intent = await _shown(cashier, bill)
    await run(cashier, close_shift, CloseShift(shift_id=intent.shift_id, counted_fen=0))
    signed = await shift_report(READING, intent.shift_id)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    assert await value("SELECT status FROM invoice WHERE id = $1", bill.invoice.id) == "balanced"
    assert await shift_report(READING, intent.shift_id) == signed
    assert await queries.receipts_of(READING, bill.invoice.id) == [], "no number of a drawer nobody sits at"
    assert await money_findings(bill.patient_id) == []


async def test_given_a_code_scanned_while_its_shift_is_open_then_it_is_on_the_report(gateway: FakeGateway) -> None:
    cashier, bill = await make_cashier(), await make_invoice()
    intent = await _shown(cashier, bill)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    (row,) = (await shift_report(READING, intent.shift_id)).takings
    assert (row.channel, row.received_fen) == (PaymentChannel.WECHAT_NATIVE, 5000)
    assert len(await queries.receipts_of(READING, bill.invoice.id)) == 1


async def test_given_a_bill_taken_apart_at_the_window_then_its_shown_code_is_closed_at_the_channel(
    gateway: FakeGateway,
) -> None:
    cashier, bill = await make_cashier(), await make_invoice()
    intent = await _shown(cashier, bill)
    await run(cashier, take_apart, UnbillInvoice(invoice_id=bill.invoice.id))
    await make_timers_due(intent.id)
    assert gateway.called("close", intent.out_trade_no) >= 1
    assert (await queries.payment_intent(READING, intent.id)).status is PaymentIntentStatus.CLOSED


@pytest.mark.parametrize("kind", [RefundAtCounter, PreviewRefund])
async def test_given_one_item_named_twice_then_the_refund_is_malformed(kind: type[RefundAtCounter]) -> None:
    line = RefundLineWanted(charge_item_id=new_id(), quantity=Decimal(1))
    reason = {"reason": "退费"} if kind is RefundAtCounter else {}
    with pytest.raises(ValidationError, match="each item once"):
        kind.model_validate({"invoice_id": new_id(), "lines": [line, line], **reason})


def test_given_a_refund_of_the_card_that_names_anothers_source_then_it_is_malformed() -> None:
    """Under a cancelled appointment's source it would be taken for that appointment's refund, which then never came."""
    body = {"patient_id": new_id(), "reason": "退预存款", "source_kind": "appointment", "source_id": new_id()}
    with pytest.raises(ValidationError, match="source_kind"):
        RefundCardAtCounter.model_validate(body)


async def test_given_a_payment_that_differs_at_a_special_merchant_then_that_merchant_is_asked(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await rows("UPDATE payment_intent SET sub_mchid = '1600000077' WHERE id = $1 RETURNING id", intent.id)
    with pytest.raises(PaymentMismatch):
        await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    (seen,) = [one for one in (await queries.payments_needing_a_person(READING)).items if one.intent_id == intent.id]
    asked: list[str | None] = []
    query = gateway.query

    async def asking(out_trade_no: str, sub_mchid: str | None = None) -> ChannelOrder:
        asked.append(sub_mchid)
        return await query(out_trade_no, sub_mchid)

    monkeypatch.setattr(gateway, "query", asking)
    await outside.check_mismatch_now(system_context(), CheckMismatch(notice_id=seen.id))
    assert asked == ["1600000077"]


async def test_given_an_old_refund_that_is_sent_again_then_it_is_followed_for_another_week(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid=OPENID)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    command = RequestRefund(invoice_id=bill.invoice.id, reason="退费", source_kind="test", source_id=new_id())
    (refund,) = (await run_system(request_refund, command)).refunds
    long_ago = await value("SELECT hospital_now()") - timedelta(days=20)
    await rows("UPDATE refund SET requested_at = $2 WHERE id = $1 RETURNING id", refund.id, long_ago)
    last = ScheduleCheck(object_id=refund.id, step=REFUND_CHECKS_MAX)
    await run_system(schedule_refund_check, last)
    assert (await queries.refund(READING, refund.id)).status is RefundStatus.ABNORMAL, "a week went by: a person looks"
    await run_cashier(retry_refund, RetryRefund(refund_id=refund.id))
    await run_system(schedule_refund_check, ScheduleCheck(object_id=refund.id, step=0))
    assert (await queries.refund(READING, refund.id)).status is RefundStatus.REQUESTED
    done = ChannelRefundResult(
        out_refund_no=refund.out_refund_no, status=ChannelRefundStatus.SUCCESS, amount_fen=refund.amount_fen
    )
    await run_system(record_refund_result, done)
    assert await money_findings(bill.patient_id) == []


async def test_given_a_payment_that_settles_the_bill_then_the_code_shown_beside_it_is_withdrawn(
    gateway: FakeGateway,
) -> None:
    cashier, bill = await make_cashier(), await make_invoice()
    phone = await make_intent(gateway, invoice_id=bill.invoice.id)
    shown = await _shown(cashier, bill)
    await outside.take_in_success(system_context(), gateway.pay(phone.out_trade_no))  # paid just before it was closed
    await make_timers_due(shown.id)
    after = await queries.payment_intent(READING, shown.id)
    assert after.status is PaymentIntentStatus.CLOSED, "nobody pays a second time"
    assert gateway.orders[shown.out_trade_no].state is TradeState.CLOSED
    assert await money_findings(bill.patient_id) == []


async def test_given_cash_that_is_spent_then_no_correction_puts_the_drawer_below_nothing(gateway: FakeGateway) -> None:
    cashier = await make_cashier(opening_fen=9000)
    shift = await queries.own_shift(Reading(cashier))
    assert shift is not None
    (brought,) = await journals_of(READING, "cashier_shift", shift.id)
    out = await run(cashier, deposit_cash, DepositCash(amount_fen=8000))
    with pytest.raises(NotEnoughCash):
        await run_system(correct_journal, Correct(entry_id=brought.id, reason="备用金录错"))
    assert await drawer_fen(READING, shift.drawer_id) == 1000
    await run_system(correct_journal, Correct(entry_id=out.entry_id, reason="多录一个零"))
    await run_system(correct_journal, Correct(entry_id=brought.id, reason="备用金录错"))
    assert await drawer_fen(READING, shift.drawer_id) == 0


async def test_given_a_place_that_does_not_exist_then_no_drawer_stands_there(gateway: FakeGateway) -> None:
    with pytest.raises(FieldProblem) as refusal:
        await run_system(save_drawer, SaveDrawer(code=unique("W"), name="收费窗口", location_id=new_id()))
    assert refusal.value.fields["errors"][0]["pointer"] == "/location_id"
