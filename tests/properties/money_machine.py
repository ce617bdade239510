"""Money as a state machine (资金状态机): one patient's bills, payments and refunds under random commands."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule

from hospital_core.finance.billing.commands import BillOpenCharges, RefundLineWanted, UnbillInvoice
from hospital_core.finance.billing.service import bill_open_charges, perform, reverse_invoice, unbill, unperform
from hospital_core.finance.ledger.commands import CloseDay
from hospital_core.finance.payments import commands, outside, service
from hospital_core.finance.payments.ports import ChannelRefundStatus, PaymentGateway, TradeState
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.kernel import ports
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.faults.killing import Crashed, dying_at
from tests.fixtures.finance import (
    Billed,
    FakeGateway,
    forged,
    let_time_to_pay_pass,
    make_intent,
    make_invoice,
    make_payer,
    make_timers_due,
    make_top_up,
    rows,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings_of
from tests.properties.driver import LOOP, HospitalMachine

WAITING = """
SELECT r.id FROM refund r JOIN payment_intent p ON p.id = r.intent_id
WHERE p.patient_id = $1 AND p.channel IN ('cash', 'bank_card', 'insurance') AND r.status = 'requested'"""

SIDES = st.sampled_from(["before", "after"])
UNDER_WAY = """
SELECT r.id FROM refund r JOIN payment_intent p ON p.id = r.intent_id
WHERE p.patient_id = $1 AND p.channel LIKE 'wechat%' AND r.status IN ('requested', 'processing')"""

PARENTS = ("mother", "father")
PAYERS = st.sampled_from(PARENTS)


class Books(HospitalMachine):
    """One patient's money under random commands; refusals are allowed, wrong books never are."""

    bills: Bundle[Billed] = Bundle("bills")
    intents: Bundle[UUID] = Bundle("intents")
    callbacks: Bundle[commands.ChannelSuccess] = Bundle("callbacks")

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """A refusal is as good as no answer."""
        answer = super().do(work)
        return None if isinstance(answer, DomainError | Crashed) else answer

    def __init__(self) -> None:
        super().__init__()
        self.gateway = FakeGateway()
        ports.provide(PaymentGateway, self.gateway)
        self.patient_id: UUID = self.do(make_payer())

    @rule(target=bills, price=st.sampled_from(["0.01", "12.3456", "50.00"]), items=st.integers(1, 3))
    def bill(self, price: str, items: int) -> Billed:
        made: Billed = self.do(make_invoice(unit_price=price, items=items, patient_id=self.patient_id))
        return made

    @rule(target=intents, bill=bills, payer=PAYERS)
    def open(self, bill: Billed, payer: str) -> UUID:
        intent = self.do(make_intent(self.gateway, invoice_id=bill.invoice.id, payer_openid=payer))
        return intent.id if intent else new_id()

    @rule(target=callbacks, bill=bills, payer=PAYERS, times=st.integers(0, 3))
    def pay_by_phone(self, bill: Billed, payer: str, times: int) -> commands.ChannelSuccess | None:
        """Pay, maybe beside another payer's intent that is still open; the callback comes ``times`` times at once."""
        intent = self.do(make_intent(self.gateway, invoice_id=bill.invoice.id, payer_openid=payer))
        if intent is None or self.gateway.orders[intent.out_trade_no].state != "NOTPAY":
            return None
        fact = self.gateway.pay(intent.out_trade_no)
        self.deliver_callback(fact, times)
        return fact

    @rule(bill=bills, times=st.integers(1, 2))
    def both_parents_pay(self, bill: Billed, times: int) -> None:
        """Two phones had the payment sheet open."""
        made = [self.do(make_intent(self.gateway, invoice_id=bill.invoice.id, payer_openid=p)) for p in PARENTS]
        unpaid = [i for i in made if i is not None and self.gateway.orders[i.out_trade_no].state == "NOTPAY"]
        for intent in unpaid:
            self.deliver_callback(self.gateway.pay(intent.out_trade_no), times)

    @rule(fact=callbacks, times=st.integers(1, 3))
    def deliver_callback(self, fact: commands.ChannelSuccess | None, times: int) -> None:
        async def deliver() -> None:
            assert fact is not None
            await asyncio.gather(*(outside.take_in_success(system_context(), fact) for _ in range(times)))

        if fact is not None:
            LOOP[0].run_until_complete(deliver())

    @rule(bill=bills, tendered=st.sampled_from([1, 3704, 15000]))
    def pay_cash(self, bill: Billed, tendered: int) -> None:
        self.do(run_cashier(service.take_cash, commands.TakeCash(invoice_id=bill.invoice.id, tendered_fen=tendered)))

    @rule(bill=bills, amount_fen=st.none() | st.sampled_from([1, 5, 100, 1235, 5000]))
    def refund(self, bill: Billed, amount_fen: int | None) -> None:
        command = commands.RequestRefund(
            invoice_id=bill.invoice.id, amount_fen=amount_fen, reason="退费", source_kind="test", source_id=new_id()
        )
        self.do(run_system(service.request_refund, command))

    @rule(bill=bills, part=st.sampled_from([1, 617, 2500]), by=st.sampled_from(["cash", "bank", "insurance", "phone"]))
    def pay_a_part(self, bill: Billed, part: int, by: str) -> None:
        """Mixed tenders: each takes a part, until nothing is left."""
        bill_id = bill.invoice.id
        if by == "cash":
            self.do(
                run_cashier(
                    service.take_cash, commands.TakeCash(invoice_id=bill_id, amount_fen=part, tendered_fen=part)
                )
            )
        elif by == "phone":
            intent = self.do(make_intent(self.gateway, invoice_id=bill_id, amount_fen=part))
            if intent is not None and self.gateway.orders[intent.out_trade_no].state == "NOTPAY":
                self.deliver_callback(self.gateway.pay(intent.out_trade_no), 1)
        else:
            record = service.record_bank_card if by == "bank" else service.record_insurance
            self.do(
                run_cashier(record, commands.RecordTender(invoice_id=bill_id, amount_fen=part, reference=new_id().hex))
            )

    @rule(bill=bills, typed=st.sampled_from(["at once", "late", "never"]), lost=st.booleans())
    def scan_a_payment_code(self, bill: Billed, typed: str, lost: bool) -> None:
        """The password comes at once, after the time to pay, or never; the reversal may not reach the channel."""
        until = self.do(value("SELECT hospital_now() + interval '45 seconds'"))
        wanted = commands.OpenIntent(
            invoice_id=bill.invoice.id, channel=PaymentChannel.WECHAT_CODEPAY, description="门诊缴费", pay_until=until
        )
        intent = self.do(run_cashier(service.open_intent, wanted))
        if intent is None:
            return
        code = "134567890123456789" if typed == "at once" else "144567890123456789"
        self.do(outside.charge_payment_code(system_context(), intent, code, "counter"))
        self.do(let_time_to_pay_pass(intent.id))
        self.gateway.deaf = {"reverse"} if lost else set()
        self.do(outside.check_intent_now(system_context(), intent.id))
        self.gateway.deaf = set()
        if typed == "late" and self.gateway.orders[intent.out_trade_no].state is TradeState.USERPAYING:
            self.gateway.pay(intent.out_trade_no)
        after = self.do(outside.check_intent_now(system_context(), intent.id))
        kept = self.gateway.orders[intent.out_trade_no].state is TradeState.SUCCESS
        assert kept == (after.status is PaymentIntentStatus.SUCCEEDED), "the channel has it, or we, never one alone"

    @rule(amount=st.sampled_from([1, 5000]), cash=st.booleans())
    def top_up(self, amount: int, cash: bool) -> None:
        if cash:
            self.do(
                run_cashier(
                    service.take_cash_top_up,
                    commands.TakeCashTopUp(patient_id=self.patient_id, amount_fen=amount, tendered_fen=amount),
                )
            )
        else:
            self.do(make_top_up(self.gateway, patient_id=self.patient_id, amount_fen=amount))

    @rule(bill=bills, part=st.none() | st.sampled_from([1, 2500]))
    def pay_from_the_card(self, bill: Billed, part: int | None) -> None:
        self.do(run_system(service.pay_with_card, commands.PayWithCard(invoice_id=bill.invoice.id, amount_fen=part)))

    @rule(amount=st.none() | st.sampled_from([1, 2500]), at_window=st.booleans())
    def give_the_card_back(self, amount: int | None, at_window: bool) -> None:
        command = commands.RefundTopUp(patient_id=self.patient_id, amount_fen=amount, reason="退预存款")
        self.do(
            run_cashier(service.refund_top_up, command) if at_window else run_system(service.refund_top_up, command)
        )

    @rule(bill=bills, quantity=st.sampled_from(["0.001", "0.5", "1"]))
    def refund_a_line_at_the_window(self, bill: Billed, quantity: str) -> None:
        item = self.do(value("SELECT min(id::text)::uuid FROM charge_item WHERE invoice_id = $1", bill.invoice.id))
        if item is not None:
            lines = [RefundLineWanted(charge_item_id=item, quantity=Decimal(quantity))]
            command = commands.RefundAtCounter(invoice_id=bill.invoice.id, lines=lines, reason="退费")
            self.do(run_cashier(service.refund_at_counter, command))

    @rule()
    def pay_out_what_waits(self) -> None:
        for row in self.do(rows(WAITING, self.patient_id)):
            self.do(
                run_cashier(service.pay_out_refund, commands.PayOutRefund(refund_id=row["id"], reference="POS000123"))
            )

    @rule(bill=bills)
    def release(self, bill: Billed) -> None:
        self.do(
            run_system(service.release_tenders, commands.ReleaseTenders(invoice_id=bill.invoice.id, reason="不再缴费"))
        )

    @rule(bill=bills)
    def unbill_and_bill_together(self, bill: Billed) -> None:
        self.do(run_system(unbill, UnbillInvoice(invoice_id=bill.invoice.id)))
        charged = self.do(
            rows("SELECT id FROM charge_item WHERE patient_id = $1 AND status = 'billable'", self.patient_id)
        )
        if charged:
            ids = [row["id"] for row in charged]
            self.do(run_system(bill_open_charges, BillOpenCharges(patient_id=self.patient_id, charge_item_ids=ids)))

    @rule(bill=bills)
    def not_done_after_all(self, bill: Billed) -> None:
        self.do(run(system_context(), forged(lambda uow: unperform(uow, "appointment", bill.source_id)), None))

    @initialize(target=bills, price=st.sampled_from(["0.01", "50.00"]))
    def first_bill(self, price: str) -> Billed:
        return self.bill(price, 2)

    @rule(really=st.integers(0, 9))
    def close_the_day(self, really: int) -> None:
        """Only once may today be closed, and only with every shift closed; what follows enters the next day."""
        if really:
            return
        today = self.do(value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date"))
        self.do(run_system(service.close_accounting_day, CloseDay(day=today)))

    @rule(bill=bills)
    def perform_first_item(self, bill: Billed) -> None:
        self.do(run(system_context(), forged(lambda uow: perform(uow, "appointment", bill.source_id)), None))

    @rule(bill=bills)
    def cancel(self, bill: Billed) -> None:
        self.do(run_system(reverse_invoice, bill.invoice.id))

    @rule(intent=intents, over=st.booleans(), deaf=st.booleans())
    def check(self, intent: UUID, over: bool, deaf: bool) -> None:
        self.gateway.deaf = {"query"} if deaf else set()
        if over:
            self.do(let_time_to_pay_pass(intent))
        self.do(outside.check_intent_now(system_context(), intent))
        self.gateway.deaf = set()

    @rule(outcome=st.sampled_from([ChannelRefundStatus.SUCCESS, ChannelRefundStatus.ABNORMAL]), lost=st.booleans())
    def send_refunds(self, outcome: ChannelRefundStatus, lost: bool) -> None:
        self.gateway.refund_outcome, self.gateway.silent = outcome, {"refund"} if lost else set()
        for row in self.do(rows(UNDER_WAY, self.patient_id)):
            self.do(make_timers_due(row["id"]))
        self.gateway.silent = set()

    @rule(side=SIDES)
    def the_worker_dies_while_sending_refunds(self, side: str) -> None:
        """Its lease runs out and another sends them again, under the same numbers."""
        for row in self.do(rows(UNDER_WAY, self.patient_id)):
            with dying_at(f"refund.{side}", FakeGateway):
                self.do(make_timers_due(row["id"]))
            self.do(make_timers_due(row["id"]))

    @rule(bill=bills, side=SIDES, asked=st.booleans())
    def the_server_dies_while_taking_money_in(self, bill: Billed, side: str, asked: bool) -> None:
        """The channel calls again, or the ladder asks."""
        intent = self.do(make_intent(self.gateway, invoice_id=bill.invoice.id))
        if intent is None or self.gateway.orders[intent.out_trade_no].state != "NOTPAY":
            return
        fact = self.gateway.pay(intent.out_trade_no)
        with dying_at(f"success.{side}"):
            self.do(outside.take_in_success(system_context(), fact))
        if asked:
            self.do(outside.check_intent_now(system_context(), intent.id))
        else:
            self.deliver_callback(fact, 1)

    @rule(bill=bills, crossing=st.sampled_from(["prepay", "close"]), side=SIDES)
    def a_process_dies_beside_a_call(self, bill: Billed, crossing: str, side: str) -> None:
        """The order was placed, or closed, and we do not know: the next question says."""
        intent = self.do(make_intent(self.gateway, invoice_id=bill.invoice.id))
        if intent is None:
            return
        with dying_at(f"{crossing}.{side}", FakeGateway):
            if crossing == "prepay":
                self.do(outside.prepare_payment(system_context(), intent))
            else:
                self.do(let_time_to_pay_pass(intent.id))
                self.do(outside.check_intent_now(system_context(), intent.id))
        self.do(outside.check_intent_now(system_context(), intent.id))

    @invariant()
    def the_books_are_right(self) -> None:
        found = self.do(money_findings_of(self.patient_id))
        assert not found, found
