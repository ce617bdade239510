"""Any order of charging, paying, refunding, performing and cancelling leaves the books right, judged by SQL alone."""

import asyncio

import pytest

from hospital_core.finance.payments import outside
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import ports
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from tests.fixtures.engines import Engines
from tests.fixtures.finance import FakeGateway, make_intent, make_invoice, rows
from tests.fixtures.findings import money_findings
from tests.properties.driver import LOOP, histories
from tests.properties.money_machine import Books


@pytest.fixture
async def _loop(core: Engines) -> None:
    LOOP[:] = [asyncio.get_running_loop()]


@pytest.mark.usefixtures("_loop")
def test_given_any_history_then_journals_balance_and_every_fen_is_explained() -> None:
    histories(Books, examples=40, steps=40)
    nobodys = LOOP[0].run_until_complete(money_findings(new_id()))
    assert nobodys == [], "drawers, series and journals that are no patient's"


@pytest.mark.usefixtures("_loop")
def test_given_a_slip_in_the_books_then_the_checker_finds_it() -> None:
    """The control: the checker is not blind."""

    async def slip() -> tuple[list[str], list[str]]:
        fake = FakeGateway()
        ports.provide(PaymentGateway, fake)
        bill = await make_invoice()
        intent = await make_intent(fake, invoice_id=bill.invoice.id)
        await outside.take_in_success(system_context(), fake.pay(intent.out_trade_no))
        before = await money_findings(bill.patient_id)
        await rows("UPDATE payment_intent SET refunded_fen = 100 WHERE id = $1 RETURNING id", intent.id)
        after = await money_findings(bill.patient_id)
        await rows("UPDATE payment_intent SET refunded_fen = 0 WHERE id = $1 RETURNING id", intent.id)
        return [finding for finding, _ in before], [finding for finding, _ in after]

    before, after = LOOP[0].run_until_complete(slip())
    assert before == []
    assert sorted(after) == ["items do not explain the refunds", "refunds differ from the intent"]
