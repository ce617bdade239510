"""A bill takes several tenders until it is paid; each goes back the way it came."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hospital_core.finance.billing.commands import BillOpenCharges, Charge, RefundLineWanted, UnbillInvoice
from hospital_core.finance.billing.errors import (
    AlreadyPerformed,
    ChargesNotBillable,
    InvoicePartlyPaid,
    NothingToRefund,
    NotPaidYet,
)
from hospital_core.finance.billing.queries import open_charges
from hospital_core.finance.billing.service import (
    bill_open_charges,
    charge,
    perform,
    reverse_invoice,
    unbill,
    unperform,
)
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.ledger.commands import moved
from hospital_core.finance.ledger.errors import CardBalanceTooLow
from hospital_core.finance.ledger.queries import balance, card_balance
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    OpenIntent,
    PayOutRefund,
    PayWithCard,
    RecordTender,
    RefundAtCounter,
    RefundTopUp,
    ReleaseTenders,
    RequestRefund,
    TakeCash,
    TakeCashTopUp,
)
from hospital_core.finance.payments.errors import (
    ChannelRefused,
    InvoiceNotPayable,
    MoreThanDue,
    NotPaidOutHere,
    ShiftNotOpen,
)
from hospital_core.finance.payments.events import InvoicePaid, PaymentSucceeded, RefundSucceeded
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.service import (
    open_intent,
    pay_out_refund,
    pay_with_card,
    record_bank_card,
    record_insurance,
    refund_at_counter,
    refund_top_up,
    release_tenders,
    request_refund,
    take_cash,
    take_cash_top_up,
)
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.kernel import relay
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem, Forbidden
from hospital_core.kernel.events import handles
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.finance import (
    Billed,
    FakeGateway,
    cashier,
    forged,
    let_time_to_pay_pass,
    make_intent,
    make_invoice,
    make_payer,
    make_price_item,
    make_timers_due,
    make_top_up,
    rows,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings

HEARD: list[InvoicePaid | PaymentSucceeded | RefundSucceeded] = []


@handles(InvoicePaid)
async def hear_paid(uow: UnitOfWork, event: InvoicePaid) -> None:
    HEARD.append(event)


@handles(PaymentSucceeded)
async def hear_tender(uow: UnitOfWork, event: PaymentSucceeded) -> None:
    HEARD.append(event)


@handles(RefundSucceeded)
async def hear_refund_part(uow: UnitOfWork, event: RefundSucceeded) -> None:
    HEARD.append(event)


@pytest.fixture(autouse=True)
def _heard() -> None:
    HEARD.clear()


async def _bill(bill: Billed) -> tuple[int, str]:
    (row,) = await rows("SELECT paid_fen, status FROM invoice WHERE id = $1", bill.invoice.id)
    return row["paid_fen"], row["status"]


async def _card(patient_id: UUID) -> int:
    return (await card_balance(Reading(system_context()), patient_id)).balance_fen


def _cash(bill: Billed, amount_fen: int | None = None, tendered_fen: int = 100_000) -> TakeCash:
    return TakeCash(invoice_id=bill.invoice.id, amount_fen=amount_fen, tendered_fen=tendered_fen)


def _terminal(bill: Billed, amount_fen: int) -> RecordTender:
    return RecordTender(invoice_id=bill.invoice.id, amount_fen=amount_fen, reference="POS000123")


# ── mixed tenders ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_five_kinds_of_tenders_then_the_last_settles_the_bill_and_all_is_told_once(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice(unit_price="100.00")
    await make_top_up(gateway, patient_id=bill.patient_id, amount_fen=1000)
    await run_system(pay_with_card, PayWithCard(invoice_id=bill.invoice.id, amount_fen=1000))
    await run_system(record_insurance, _terminal(bill, 2000))
    await run_cashier(record_bank_card, _terminal(bill, 3000))
    taken = await run_cashier(take_cash, _cash(bill, 1500, 2000))
    assert (taken.change_fen, taken.receipt_no) == (500, None)
    assert await _bill(bill) == (7500, "issued")
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    assert intent.amount_fen == 2500, "what is left"
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    assert await _bill(bill) == (10_000, "balanced")
    await relay.drain()
    settled = [e.settled for e in HEARD if isinstance(e, PaymentSucceeded) and e.invoice_id == bill.invoice.id]
    assert settled.count(True) == 1
    assert len(settled) == 5
    (paid,) = [e for e in HEARD if isinstance(e, InvoicePaid) and e.invoice_id == bill.invoice.id]
    assert (paid.invoice_id, paid.encounter_id, paid.patient_id) == (
        bill.invoice.id, bill.encounter_id, bill.patient_id,
    )  # fmt: skip
    assert await balance(Reading(system_context()), LedgerAccount.PATIENT_RECEIVABLE, bill.patient_id) == 0
    assert await money_findings(bill.patient_id) == []


async def test_given_two_halves_awaited_then_both_stay_open_and_a_third_in_full_withdraws_them(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    mother = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="mother", amount_fen=2500)
    father = await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="father", amount_fen=2500)
    now = await value("SELECT hospital_now()")
    reading = Reading(system_context())
    assert all([(await queries.payment_intent(reading, i.id)).pay_until > now for i in (mother, father)])
    await make_intent(gateway, invoice_id=bill.invoice.id, payer_openid="uncle")
    for intent in (mother, father):
        await make_timers_due(intent.id)
        assert (await queries.payment_intent(reading, intent.id)).status is PaymentIntentStatus.CLOSED
    with pytest.raises(MoreThanDue) as refusal:
        await make_intent(gateway, invoice_id=bill.invoice.id, amount_fen=5001)
    assert refusal.value.fields == {"due_fen": 5000}


async def test_given_twenty_parallel_cash_parts_then_exactly_what_fits_is_taken(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    await cashier()
    done = await asyncio.gather(*(run_cashier(take_cash, _cash(bill, 700)) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in done) == 7
    assert {type(answer) for answer in done if isinstance(answer, Exception)} == {MoreThanDue}
    assert await _bill(bill) == (4900, "issued")
    assert await money_findings(bill.patient_id) == []


async def test_given_a_payment_that_no_longer_fits_then_all_of_it_goes_back(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no)
    await run_cashier(take_cash, _cash(bill, 1))
    await outside.take_in_success(system_context(), fact)
    await relay.drain()
    (refund,) = await queries.refunds_of(Reading(system_context()), bill.invoice.id)
    assert (refund.amount_fen, refund.status) == (5000, RefundStatus.SUCCEEDED)
    assert await _bill(bill) == (1, "issued")
    assert await money_findings(bill.patient_id) == []


async def test_given_cash_without_a_shift_then_it_is_refused(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    for command, service in ((_cash(bill), take_cash), (_terminal(bill, 5000), record_bank_card)):
        with pytest.raises(ShiftNotOpen):
            await run_system(service, command)
    assert await _bill(bill) == (0, "issued")


async def test_given_a_part_is_paid_then_the_bill_is_not_taken_back_until_it_went_back(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    await run_cashier(take_cash, _cash(bill, 1000))
    await run_cashier(record_bank_card, _terminal(bill, 500))
    for service, command in ((reverse_invoice, bill.invoice.id), (unbill, UnbillInvoice(invoice_id=bill.invoice.id))):
        with pytest.raises(InvoicePartlyPaid):
            await run_system(service, command)
    back = await run_cashier(release_tenders, ReleaseTenders(invoice_id=bill.invoice.id, reason="不再缴费"))
    assert back.amount_fen == 1500
    assert {refund.status for refund in back.refunds} == {RefundStatus.SUCCEEDED, RefundStatus.REQUESTED}
    assert (await run_system(reverse_invoice, bill.invoice.id)).status is InvoiceStatus.CANCELLED
    with pytest.raises(InvoiceNotPayable):
        await run_cashier(release_tenders, ReleaseTenders(invoice_id=bill.invoice.id, reason="再退一次"))
    assert await money_findings(bill.patient_id) == []


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _awaited(bill: Billed, channel: PaymentChannel) -> Any:
    now = await value("SELECT hospital_now() + interval '45 seconds'")
    command = OpenIntent(invoice_id=bill.invoice.id, channel=channel, description="门诊缴费", pay_until=now)
    return await run_cashier(open_intent, command)


async def test_given_our_code_then_it_is_asked_for_once_and_whoever_scans_it_pays(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await _awaited(bill, PaymentChannel.WECHAT_NATIVE)
    shown = await outside.prepare_payment(system_context(), intent)
    again = await queries.payment_intent(Reading(system_context()), intent.id)
    assert await outside.prepare_payment(system_context(), again) == shown
    assert gateway.called("native", intent.out_trade_no) == 1
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    assert await _bill(bill) == (5000, "balanced")
    assert len(await queries.receipts_of(Reading(system_context()), bill.invoice.id)) == 1, "the window's, at once"


async def test_given_a_payment_code_then_it_is_charged_once_however_often_asked(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await _awaited(bill, PaymentChannel.WECHAT_CODEPAY)
    for _ in range(3):
        after = await outside.charge_payment_code(system_context(), intent, "134567890123456789", "counter")
        assert after.applied
    assert gateway.called("charge_code", intent.out_trade_no) == 1
    assert await money_findings(bill.patient_id) == []


async def test_given_a_password_never_typed_then_the_charge_is_reversed_and_the_intent_closed(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice()
    intent = await _awaited(bill, PaymentChannel.WECHAT_CODEPAY)
    waiting = await outside.charge_payment_code(system_context(), intent, "144567890123456789", "counter")
    assert waiting.status is PaymentIntentStatus.OPEN
    await let_time_to_pay_pass(intent.id)
    await make_timers_due(intent.id)
    assert gateway.orders[intent.out_trade_no].state is TradeState.REVOKED
    after = await queries.payment_intent(Reading(system_context()), intent.id)
    assert after.status is PaymentIntentStatus.CLOSED
    assert gateway.called("close", intent.out_trade_no) == 0


async def test_given_a_payment_code_that_is_refused_then_the_next_may_be_scanned(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    gateway.refusing = {"charge_code": "NOTENOUGH"}
    first = await _awaited(bill, PaymentChannel.WECHAT_CODEPAY)
    with pytest.raises(ChannelRefused):
        await outside.charge_payment_code(system_context(), first, "134567890123456789", "counter")
    gateway.refusing.clear()
    second = await _awaited(bill, PaymentChannel.WECHAT_CODEPAY)
    assert second.id != first.id
    assert (await outside.charge_payment_code(system_context(), second, "134567890123456789", "counter")).applied


# ── the card ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_64_parallel_payments_from_a_card_then_it_never_goes_below_nothing(gateway: FakeGateway) -> None:
    patient_id = await make_payer()
    await make_top_up(gateway, patient_id=patient_id, amount_fen=1000)
    bills = [await make_invoice(unit_price="3.00", patient_id=patient_id) for _ in range(16)]
    commands = [PayWithCard(invoice_id=bill.invoice.id) for bill in bills] * 4
    done = await asyncio.gather(*(run_system(pay_with_card, c) for c in commands), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in done) == 3
    assert {type(a) for a in done if isinstance(a, Exception)} <= {CardBalanceTooLow, InvoiceNotPayable}
    assert await _card(patient_id) == 100
    assert await money_findings(patient_id) == []


async def test_given_no_look_at_the_balance_then_the_database_keeps_it_above_nothing(gateway: FakeGateway) -> None:
    """The control: journals past the service, and a balance written by hand."""
    patient_id, stranger = await make_payer(), await make_payer()
    top_up = TakeCashTopUp(patient_id=patient_id, amount_fen=500, tendered_fen=1000)
    assert (await run_cashier(take_cash_top_up, top_up)).change_fen == 500
    for whose, amount_fen in ((patient_id, 501), (stranger, 1)):
        lines = moved(
            amount_fen, debit=LedgerAccount.PATIENT_CARD, credit=LedgerAccount.PATIENT_RECEIVABLE, patient_id=whose
        )
        write = forged(lambda uow, ls=lines: post(uow, JournalKind.PAYMENT_APPLIED, "test", new_id(), ls))  # type: ignore[misc]
        with pytest.raises(CardBalanceTooLow):
            await run(system_context(), write, None)
    by_hand = forged(lambda uow: uow.execute("UPDATE card_balance SET balance_fen = 9 WHERE patient_id = $1", stranger))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(system_context(), by_hand, None)
    assert await _card(patient_id) == 500


async def test_given_money_paid_ahead_then_it_goes_back_to_the_newest_payment_first_and_once(
    gateway: FakeGateway,
) -> None:
    patient_id = await make_payer()
    cash = await run_cashier(take_cash_top_up, TakeCashTopUp(patient_id=patient_id, amount_fen=2000, tendered_fen=2000))
    assert cash.receipt_no is not None
    phone = await make_top_up(gateway, patient_id=patient_id, amount_fen=3000)
    await rows("UPDATE payment_intent SET succeeded_at = hospital_now() WHERE id = $1 RETURNING id", phone.id)
    command = RefundTopUp(patient_id=patient_id, amount_fen=4000, reason="退预存款")
    first, again = await run_cashier(refund_top_up, command), await run_cashier(refund_top_up, command)
    assert [r.id for r in first.refunds] == [r.id for r in again.refunds]
    assert [(r.intent_id, r.amount_fen, r.status) for r in first.refunds] == [
        (phone.id, 3000, RefundStatus.REQUESTED),
        (cash.id, 1000, RefundStatus.SUCCEEDED),
    ]
    assert await _card(patient_id) == 1000, "charged at once"
    await relay.drain()
    assert (await queries.refund(Reading(system_context()), first.refunds[0].id)).status is RefundStatus.SUCCEEDED
    with pytest.raises(CardBalanceTooLow):
        await run_cashier(refund_top_up, RefundTopUp(patient_id=patient_id, amount_fen=1001, reason="多退"))
    assert await money_findings(patient_id) == []


async def test_given_a_top_up_told_twenty_times_then_the_card_has_it_once(gateway: FakeGateway) -> None:
    patient_id = await make_payer()
    intent = await make_top_up(gateway, patient_id=patient_id, amount_fen=3000)
    fact = gateway.pay(intent.out_trade_no, transaction_id=gateway.orders[intent.out_trade_no].transaction_id)
    await asyncio.gather(*(outside.take_in_success(system_context(), fact) for _ in range(20)))
    assert await _card(patient_id) == 3000
    assert await money_findings(patient_id) == []


# ── refunds over tenders ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_given_a_refund_by_line_then_it_is_split_over_the_tenders_and_completed_by_the_last(
    gateway: FakeGateway,
) -> None:
    bill = await make_invoice(items=2)
    await run_cashier(take_cash, _cash(bill, 4000))
    await make_top_up(gateway, patient_id=bill.patient_id, amount_fen=3000)
    await run_system(pay_with_card, PayWithCard(invoice_id=bill.invoice.id, amount_fen=3000))
    await run_cashier(record_bank_card, _terminal(bill, 3000))
    items = [
        row["id"] for row in await rows("SELECT id FROM charge_item WHERE invoice_id = $1 ORDER BY id", bill.invoice.id)
    ]
    lines = [RefundLineWanted(charge_item_id=item, quantity=Decimal("0.9")) for item in items]
    back = await run_cashier(
        refund_at_counter, RefundAtCounter(invoice_id=bill.invoice.id, lines=lines, reason="医生停开")
    )
    shares = sorted((r.amount_fen, r.status) for r in back.refunds)
    assert shares == [
        (3000, RefundStatus.REQUESTED), (3000, RefundStatus.SUCCEEDED), (3000, RefundStatus.SUCCEEDED),
    ]  # fmt: skip
    assert await _card(bill.patient_id) == 3000
    waiting = next(r for r in back.refunds if r.status is RefundStatus.REQUESTED)
    page = await queries.refunds_to_pay_out(Reading(system_context()))
    assert [(r.channel, r.patient_id) for r in page.items if r.id == waiting.id] == [
        (PaymentChannel.BANK_CARD, bill.patient_id)
    ]
    with pytest.raises(FieldProblem):
        await run_cashier(pay_out_refund, PayOutRefund(refund_id=waiting.id))
    await run_cashier(pay_out_refund, PayOutRefund(refund_id=waiting.id, reference="POS000999"))
    await relay.drain()
    complete = [e.complete for e in HEARD if isinstance(e, RefundSucceeded) and e.invoice_id == bill.invoice.id]
    assert sorted(complete) == [False, False, True]
    taken = [await queries.refund_lines(Reading(system_context()), refund.id) for refund in back.refunds]
    assert sum(line.amount_fen for part in taken for line in part) == 9000
    assert sum(line.quantity for part in taken for line in part) == Decimal("1.8")
    with pytest.raises(NothingToRefund):
        await run_cashier(
            refund_at_counter, RefundAtCounter(invoice_id=bill.invoice.id, lines=lines[:1], reason="再退")
        )
    assert await money_findings(bill.patient_id) == []


async def test_given_cash_asked_back_by_nobody_at_a_window_then_it_waits_there(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    await run_cashier(take_cash, _cash(bill))
    command = RequestRefund(invoice_id=bill.invoice.id, reason="停诊退费", source_kind="test", source_id=new_id())
    (refund,) = (await run_system(request_refund, command)).refunds
    assert refund.status is RefundStatus.REQUESTED
    with pytest.raises(ShiftNotOpen):
        await run_system(pay_out_refund, PayOutRefund(refund_id=refund.id))
    done = await run_cashier(pay_out_refund, PayOutRefund(refund_id=refund.id))
    assert (done.status, done.shift_id is not None) == (RefundStatus.SUCCEEDED, True)
    assert await money_findings(bill.patient_id) == []


async def test_given_a_phones_refund_then_it_is_not_paid_out_at_the_window(gateway: FakeGateway) -> None:
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    command = RequestRefund(invoice_id=bill.invoice.id, reason="退费", source_kind="test", source_id=new_id())
    (refund,) = (await run_system(request_refund, command)).refunds
    with pytest.raises(NotPaidOutHere):
        await run_cashier(pay_out_refund, PayOutRefund(refund_id=refund.id))


# ── open charges, performing ─────────────────────────────────────────────────────────────────────────────────────────


async def _charged(patient_id: UUID, *, price: str = "10.00", source_id: UUID | None = None) -> Any:
    command = Charge(
        patient_id=patient_id,
        encounter_id=new_id(),
        price_item_id=await make_price_item(unit_price=price),
        source_kind="order",
        source_id=source_id or new_id(),
    )
    return await run_system(charge, command)


async def test_given_charges_of_several_visits_then_they_stand_together_and_are_billed_together(
    gateway: FakeGateway,
) -> None:
    patient_id = await make_payer()
    first, second = await _charged(patient_id), await _charged(patient_id, price="7.00")
    found = await open_charges(Reading(system_context()), patient_id)
    assert (found.due_fen, len(found.groups), found.invoices) == (1700, 2, [])
    wanted = BillOpenCharges(patient_id=patient_id, charge_item_ids=[first.id, second.id])
    bill = await run_system(bill_open_charges, wanted)
    assert (bill.total_fen, bill.encounter_id) == (1700, None)
    found = await open_charges(Reading(system_context()), patient_id)
    assert (found.due_fen, found.groups, [b.id for b in found.invoices]) == (1700, [], [bill.id])
    assert (await run_system(bill_open_charges, wanted)).id == bill.id
    await run_system(unbill, UnbillInvoice(invoice_id=bill.id))
    third = await _charged(patient_id, price="3.00")
    more = BillOpenCharges(patient_id=patient_id, charge_item_ids=[first.id, second.id, third.id])
    assert (await run_system(bill_open_charges, more)).total_fen == 2000
    stranger = BillOpenCharges(patient_id=await make_payer(), charge_item_ids=[third.id])
    with pytest.raises(ChargesNotBillable):
        await run_system(bill_open_charges, stranger)
    assert await money_findings(patient_id) == []


async def test_given_a_price_of_ones_own_then_it_needs_a_reason_and_the_right(gateway: FakeGateway) -> None:
    command = Charge(
        patient_id=await make_payer(),
        encounter_id=new_id(),
        price_item_id=await make_price_item(),
        source_kind="order",
        source_id=new_id(),
        unit_price=Decimal("1.00"),
    )
    with pytest.raises(FieldProblem):
        await run_system(charge, command)
    reasoned = command.model_copy(update={"override_reason": "减免"})
    with pytest.raises(Forbidden):
        await run_cashier(charge, reasoned)
    assert (await run_system(charge, reasoned)).override_reason == "减免"


async def test_given_nothing_paid_then_nothing_is_performed_but_in_an_emergency(gateway: FakeGateway) -> None:
    bill = await make_invoice()

    async def done(**options: bool) -> int:
        counts: list[int] = []

        async def write(uow: UnitOfWork) -> None:
            counts.append(await perform(uow, "appointment", bill.source_id, **options))

        await run(system_context(), forged(write), None)
        return counts[0]

    with pytest.raises(NotPaidYet):
        await done()
    assert await done(allow_unpaid=True) == 1
    await run_cashier(take_cash, _cash(bill))
    assert await done() == 0
    with pytest.raises(AlreadyPerformed):
        await run_cashier(refund_at_counter, RefundAtCounter(invoice_id=bill.invoice.id, reason="退费"))
    await run(system_context(), forged(lambda uow: unperform(uow, "appointment", bill.source_id)), None)
    back = await run_cashier(refund_at_counter, RefundAtCounter(invoice_id=bill.invoice.id, reason="退药"))
    assert back.amount_fen == 5000
    assert await money_findings(bill.patient_id) == []
