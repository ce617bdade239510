"""Money goes back once, under one number, never more than was paid, and never for what was performed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hospital_core.finance.billing.errors import AlreadyPerformed, NothingToRefund, RefundNotDivisible
from hospital_core.finance.billing.service import perform
from hospital_core.finance.ledger.queries import balance, journals_of
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments import outside, queries
from hospital_core.finance.payments.commands import (
    ChannelRefundResult,
    RedirectRefund,
    RequestRefund,
    RetryRefund,
    TakeCash,
)
from hospital_core.finance.payments.errors import NotPaid, RefundMismatch, RefundNotRedirected, RefundTooLarge
from hospital_core.finance.payments.events import RefundSucceeded
from hospital_core.finance.payments.ports import ChannelRefundStatus
from hospital_core.finance.payments.service import record_refund_result, request_refund, retry_refund, take_cash
from hospital_core.finance.payments.service.refunds import PROMISE
from hospital_core.finance.payments.states import RefundStatus
from hospital_core.finance.payments.views import PaymentIntentView, RefundView
from hospital_core.kernel import relay
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import Busy, OutsideUnavailable, StateConflict
from hospital_core.kernel.events import handles
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.engines import Engines, connected_elsewhere, drop_database, make_database, with_database
from tests.fixtures.finance import (
    MERCHANT,
    Billed,
    FakeGateway,
    forged,
    make_intent,
    make_invoice,
    make_timers_due,
    rows,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings

HEARD: list[RefundSucceeded] = []


@handles(RefundSucceeded)
async def hear_refund(uow: UnitOfWork, event: RefundSucceeded) -> None:
    HEARD.append(event)


@pytest.fixture(autouse=True)
def _heard() -> None:
    HEARD.clear()


async def _paid(gateway: FakeGateway, **bill: Any) -> tuple[Billed, PaymentIntentView]:
    billed = await make_invoice(**bill)
    intent = await make_intent(gateway, invoice_id=billed.invoice.id)
    await outside.take_in_success(system_context(), gateway.pay(intent.out_trade_no))
    return billed, intent


def _ask(billed: Billed, amount_fen: int | None = None, source_id: UUID | None = None) -> RequestRefund:
    return RequestRefund(
        invoice_id=billed.invoice.id,
        amount_fen=amount_fen,
        reason="患者取消预约",
        source_kind="appointment",
        source_id=source_id or new_id(),
    )


async def _asked(command: RequestRefund) -> RefundView:
    """The one refund of a bill with one tender."""
    (refund,) = (await run_system(request_refund, command)).refunds
    return refund


async def _insisted(command: RequestRefund) -> RefundView:
    """The same, asked again as often as the answer is that it would have to wait too long for its turn."""
    for _ in range(100):
        with contextlib.suppress(Busy):
            return await _asked(command)
    raise AssertionError("never had its turn")


async def _refund(refund_id: UUID) -> Any:
    return await queries.refund(Reading(system_context()), refund_id)


async def test_given_a_cancelled_visit_then_all_goes_back_and_both_steps_are_journalled(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    refund = await _asked(_ask(billed))
    assert (refund.amount_fen, refund.status) == (5000, RefundStatus.REQUESTED)
    assert await balance(Reading(system_context()), LedgerAccount.REFUND_PAYABLE, billed.patient_id) == -5000
    await relay.drain()
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    journals = await journals_of(Reading(system_context()), "refund", refund.id)
    assert [str(journal.kind) for journal in journals] == ["refund_promised", "refund_paid"]
    for account in LedgerAccount:
        assert await balance(Reading(system_context()), account, billed.patient_id) == 0, account
    await relay.drain()
    (heard,) = [event for event in HEARD if event.refund_id == refund.id]
    assert (heard.refund_id, heard.invoice_id, heard.encounter_id) == (
        refund.id,
        billed.invoice.id,
        billed.encounter_id,
    )
    assert await money_findings(billed.patient_id) == []


async def test_given_the_same_source_twenty_times_then_one_refund_is_made(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    command = _ask(billed, 500, billed.source_id)
    made = await asyncio.gather(*(_asked(command) for _ in range(20)))
    assert len({refund.id for refund in made}) == 1
    await relay.drain()
    assert len(gateway.refunds) == 1
    assert await money_findings(billed.patient_id) == []


async def test_given_64_parallel_partial_refunds_then_they_never_exceed_what_was_paid(gateway: FakeGateway) -> None:
    billed, intent = await _paid(gateway)
    made = await asyncio.gather(*(_insisted(_ask(billed, 100)) for _ in range(64)), return_exceptions=True)
    refused = [answer for answer in made if isinstance(answer, Exception)]
    assert len(made) - len(refused) == 50, "neither more nor fewer than 5000 fen hold"
    assert {type(error) for error in refused} == {NothingToRefund}
    assert await value("SELECT refunded_fen FROM payment_intent WHERE id = $1", intent.id) == 5000
    assert await money_findings(billed.patient_id) == []


@pytest.fixture
async def elsewhere(core: Engines, engines: Engines) -> AsyncIterator[None]:
    """A database of its own: what is wrong there on purpose stays."""
    async with connected_elsewhere(engines, core):
        yield


@pytest.mark.usefixtures("elsewhere")
async def test_given_64_parallel_refunds_of_a_surplus_then_they_never_exceed_it(gateway: FakeGateway) -> None:
    """The intent's own guard, without a bill's items in front of it."""
    _, intent = await _paid(gateway)
    await rows(
        "WITH bill AS (UPDATE invoice SET status = 'issued', paid_fen = 0 WHERE id = $2) "
        "UPDATE payment_intent SET applied = false WHERE id = $1 RETURNING id",
        intent.id,
        intent.invoice_id,
    )
    commands = [
        RequestRefund(intent_id=intent.id, amount_fen=300, reason="退款", source_kind="test", source_id=new_id())
        for _ in range(64)
    ]
    made = await asyncio.gather(*(_insisted(c) for c in commands), return_exceptions=True)
    refused = [answer for answer in made if isinstance(answer, Exception)]
    assert len(made) - len(refused) == 16
    assert {type(error) for error in refused} == {RefundTooLarge}


async def _naively(connection: asyncpg.Connection, together: asyncio.Barrier, intent_id: UUID) -> None:
    paid, back = await connection.fetchrow(
        "SELECT amount_fen, refunded_fen FROM payment_intent WHERE id = $1", intent_id
    )
    await together.wait()
    if back + 1000 <= paid:
        await connection.execute(
            "UPDATE payment_intent SET refunded_fen = refunded_fen + 1000 WHERE id = $1", intent_id
        )


async def _guarded(connection: asyncpg.Connection, together: asyncio.Barrier, intent_id: UUID) -> None:
    await together.wait()
    await connection.execute(PROMISE, intent_id, 1000)


@pytest.mark.parametrize(("refund", "back_fen"), [(_naively, 8000), (_guarded, 5000)])
async def test_given_no_check_then_only_the_conditional_update_keeps_parallel_refunds_within_the_payment(
    engines: Engines, refund: Any, back_fen: int
) -> None:
    """The control: without the CHECK, read-then-write gives back 8000 of 5000 fen; the service's statement does not."""
    name = f"control_{new_id().hex[-12:]}"
    await make_database(engines, name)
    pool = await asyncpg.create_pool(with_database(engines.admin, name), min_size=8, max_size=8)
    together, intent_id = asyncio.Barrier(8), new_id()

    async def one() -> None:
        async with pool.acquire() as connection:
            await refund(connection, together, intent_id)

    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("ALTER TABLE payment_intent DROP CONSTRAINT refunds_within_payment")
            await connection.execute("SET LOCAL session_replication_role = replica")  # this payment needs no bill
            await connection.execute(
                "INSERT INTO payment_intent (id, version, out_trade_no, purpose, patient_id, invoice_id, channel, "
                "amount_fen, refunded_fen, status, applied, description, mchid, pay_until, created_at) VALUES ($1, 0, "
                "'W1', 'invoice', $1, $1, 'wechat_jsapi', 5000, 0, 'succeeded', false, '', '', now(), now())",
                intent_id,
            )
        async with asyncio.timeout(20):
            await asyncio.gather(*(one() for _ in range(8)))
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT refunded_fen FROM payment_intent") == back_fen
    finally:
        await pool.close()
        await drop_database(engines, name)


async def test_given_a_refund_past_the_service_then_the_database_refuses_it(gateway: FakeGateway) -> None:
    _, intent = await _paid(gateway)
    write = forged(
        lambda uow: uow.execute("UPDATE payment_intent SET refunded_fen = amount_fen + 1 WHERE id = $1", intent.id)
    )
    with pytest.raises(RefundTooLarge):
        await run(system_context(), write, None)


async def test_given_performed_items_then_only_the_rest_goes_back(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway, items=2)
    await run(system_context(), forged(lambda uow: perform(uow, "appointment", billed.source_id)), None)
    with pytest.raises(AlreadyPerformed):
        await _asked(_ask(billed, 5001))
    refund = await _asked(_ask(billed))
    assert refund.amount_fen == 5000
    with pytest.raises(AlreadyPerformed):
        await _asked(_ask(billed))
    assert await money_findings(billed.patient_id) == []


async def test_given_performing_and_refunding_at_once_then_one_of_them_has_the_item(gateway: FakeGateway) -> None:
    for _ in range(8):
        billed, _ = await _paid(gateway)
        await asyncio.gather(
            run(system_context(), forged(lambda uow, b=billed: perform(uow, "appointment", b.source_id)), None),  # type: ignore[misc]
            _asked(_ask(billed)),
            return_exceptions=True,
        )
        (item,) = await rows("SELECT * FROM charge_item WHERE invoice_id = $1", billed.invoice.id)
        assert sorted([item["performed_quantity"], item["refunded_quantity"]]) == [0, 1]
        assert await money_findings(billed.patient_id) == []


async def test_given_an_amount_no_quantity_stands_for_then_it_is_refused(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    with pytest.raises(RefundNotDivisible):
        await _asked(_ask(billed, 333))
    assert (await _asked(_ask(billed, 335))).amount_fen == 335


async def test_given_nothing_was_paid_then_nothing_goes_back(gateway: FakeGateway) -> None:
    billed = await make_invoice()
    intent = await make_intent(gateway, invoice_id=billed.invoice.id)
    with pytest.raises(NotPaid):
        await _asked(_ask(billed))
    by_intent = RequestRefund(intent_id=intent.id, reason="退款", source_kind="test", source_id=new_id())
    with pytest.raises(NotPaid):
        await _asked(by_intent)


async def test_given_cash_then_it_goes_back_at_once_from_the_drawer(gateway: FakeGateway) -> None:
    billed = await make_invoice()
    await run_cashier(take_cash, TakeCash(invoice_id=billed.invoice.id, tendered_fen=10000))
    (refund,) = (await run_cashier(request_refund, _ask(billed, 2000))).refunds
    assert refund.status is RefundStatus.SUCCEEDED
    assert await balance(Reading(system_context()), LedgerAccount.CASH_DRAWER, billed.patient_id) == 3000
    await relay.drain()
    assert [heard.refund_id for heard in HEARD] == [refund.id]
    assert gateway.refunds == {}
    assert await money_findings(billed.patient_id) == []


async def test_given_a_refund_answer_that_was_lost_then_the_same_number_is_asked_for(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    gateway.silent = {"refund"}  # it acts, its answer is lost
    refund = await _asked(_ask(billed))
    await relay.drain()
    assert (await _refund(refund.id)).status is RefundStatus.REQUESTED
    await make_timers_due(refund.id)
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    assert gateway.called("refund", refund.out_refund_no) == 1
    assert gateway.called("query_refund", refund.out_refund_no) == 1


async def test_given_a_refund_that_never_arrived_then_it_is_sent_again_under_its_number(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    gateway.deaf = {"refund"}
    refund = await _asked(_ask(billed))
    await relay.drain()
    for _ in range(3):
        await make_timers_due(refund.id)
        assert (await _refund(refund.id)).status is RefundStatus.REQUESTED
    gateway.deaf.clear()
    await make_timers_due(refund.id)
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    assert gateway.called("refund", refund.out_refund_no) == 5
    assert list(gateway.refunds) == [refund.out_refund_no]


async def test_given_a_slow_bank_then_the_query_ladder_waits_for_it(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    gateway.refund_outcome = ChannelRefundStatus.PROCESSING
    refund = await _asked(_ask(billed))
    await relay.drain()
    assert (await _refund(refund.id)).status is RefundStatus.PROCESSING
    await make_timers_due(refund.id)
    assert (await _refund(refund.id)).status is RefundStatus.PROCESSING
    gateway.finish_refunds()
    await make_timers_due(refund.id)
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    assert await make_timers_due(refund.id) == 0, "the ladder ends with the refund"


async def _for_a_person(refund_id: UUID) -> list[Any]:
    page = await queries.refunds_needing_a_person(Reading(system_context()))
    return [item for item in page.items if item.id == refund_id]


async def test_given_an_abnormal_refund_then_a_person_sees_it_and_can_send_it_again(gateway: FakeGateway) -> None:
    billed, intent = await _paid(gateway)
    gateway.refund_outcome = ChannelRefundStatus.ABNORMAL
    refund = await _asked(_ask(billed))
    await relay.drain()
    (seen,) = await _for_a_person(refund.id)
    assert (seen.patient_id, seen.invoice_no) == (billed.patient_id, billed.invoice.invoice_no)
    assert seen.out_trade_no == intent.out_trade_no
    assert (seen.patient_name_masked, seen.abnormal_code) == ("测**者", "ABNORMAL")
    gateway.refunds.clear()
    gateway.refund_outcome = ChannelRefundStatus.SUCCESS
    await run_system(retry_refund, RetryRefund(refund_id=refund.id))
    (sent,) = await _for_a_person(refund.id)
    assert (sent.status, sent.abnormal_at) == (RefundStatus.REQUESTED, seen.abnormal_at), "it stays until it is done"
    await relay.drain()
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    assert await _for_a_person(refund.id) == []
    with pytest.raises(StateConflict):
        await run_system(retry_refund, RetryRefund(refund_id=refund.id))
    assert await money_findings(billed.patient_id) == []


async def test_given_a_channel_that_refuses_then_a_person_sees_why(gateway: FakeGateway) -> None:
    billed, _ = await _paid(gateway)
    gateway.refusing = {"refund": "NOT_ENOUGH"}
    refund = await _asked(_ask(billed))
    await relay.drain()
    assert [seen.abnormal_code for seen in await _for_a_person(refund.id)] == ["NOT_ENOUGH"]
    assert await value("SELECT reason FROM audit_row WHERE object_id = $1 AND reason = 'NOT_ENOUGH'", refund.id)
    assert await money_findings(billed.patient_id) == []


async def test_given_an_abnormal_refund_done_on_the_channels_page_then_a_query_finds_it_done(
    gateway: FakeGateway,
) -> None:
    billed, _ = await _paid(gateway)
    gateway.refund_outcome = ChannelRefundStatus.PROCESSING
    refund = await _asked(_ask(billed))
    await relay.drain()
    await run_system(record_refund_result, _result(refund.out_refund_no, status="ABNORMAL"))
    assert (await outside.check_refund_now(system_context(), refund.id)).status is RefundStatus.ABNORMAL
    gateway.finish_refunds()
    assert (await outside.check_refund_now(system_context(), refund.id)).status is RefundStatus.SUCCEEDED
    assert await _for_a_person(refund.id) == []
    assert await money_findings(billed.patient_id) == []


def _redirect(refund_id: UUID) -> RedirectRefund:
    return RedirectRefund(
        refund_id=refund_id, bank_type="ICBC_DEBIT", bank_account="6222020200012345678", real_name="测试患者"
    )


async def test_given_a_payer_whose_account_is_gone_then_a_person_sends_the_refund_to_a_bank_card(
    gateway: FakeGateway,
) -> None:
    billed, _ = await _paid(gateway)
    gateway.refund_outcome = ChannelRefundStatus.ABNORMAL
    refund = await _asked(_ask(billed))
    await relay.drain()
    gateway.refusing = {"redirect_refund": "PARAM_ERROR"}
    with pytest.raises(RefundNotRedirected):
        await outside.redirect_refund_now(system_context(), _redirect(refund.id))
    gateway.refusing, gateway.silent = {}, {"redirect_refund"}
    with pytest.raises(OutsideUnavailable):
        await outside.redirect_refund_now(system_context(), _redirect(refund.id))
    assert (await _refund(refund.id)).status is RefundStatus.ABNORMAL, "nobody knows: it stays in the list"
    # The silent call did act: asked again, the channel says that it is under way, and nothing is sent twice.
    gateway.silent = set()
    again = await outside.redirect_refund_now(system_context(), _redirect(refund.id))
    assert again.status is RefundStatus.PROCESSING
    assert gateway.called("redirect_refund", refund.out_refund_no) == 2
    gateway.finish_refunds()
    assert (await outside.check_refund_now(system_context(), refund.id)).status is RefundStatus.SUCCEEDED
    assert await money_findings(billed.patient_id) == []


async def test_given_a_redirected_refund_then_it_is_asked_for_until_it_is_there_and_the_card_is_kept_nowhere(
    gateway: FakeGateway,
) -> None:
    billed, _ = await _paid(gateway)
    gateway.refund_outcome = ChannelRefundStatus.ABNORMAL
    refund = await _asked(_ask(billed))
    await relay.drain()
    sent = await outside.redirect_refund_now(system_context(), _redirect(refund.id))
    assert sent.status is RefundStatus.PROCESSING
    assert [item.status for item in await _for_a_person(refund.id)] == [RefundStatus.PROCESSING]
    with pytest.raises(RefundNotRedirected):
        await outside.redirect_refund_now(system_context(), _redirect(refund.id))
    gateway.finish_refunds()
    assert await make_timers_due(refund.id) == 1
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    kept = "SELECT count(*) FROM audit_row a WHERE a.object_id = $1 AND a::text LIKE '%62220202%'"
    assert await value(kept, refund.id) == 0
    assert "62220202" not in repr(_redirect(refund.id))
    assert await money_findings(billed.patient_id) == []


def _result(out_refund_no: str, **altered: Any) -> ChannelRefundResult:
    facts = {"status": "SUCCESS", "amount_fen": 5000, "refund_id": "503", "mchid": MERCHANT.mchid, "source": "callback"}
    return ChannelRefundResult.model_validate({"out_refund_no": out_refund_no, **facts, **altered})


async def test_given_refund_callbacks_in_parallel_and_out_of_order_then_success_is_booked_once_and_stays(
    gateway: FakeGateway,
) -> None:
    billed, _ = await _paid(gateway)
    gateway.deaf = {"refund"}
    refund = await _asked(_ask(billed))
    facts = [_result(refund.out_refund_no)] * 10
    await asyncio.gather(*(run_system(record_refund_result, fact) for fact in facts))
    for late in ("PROCESSING", "ABNORMAL", "CLOSED"):
        await run_system(record_refund_result, _result(refund.out_refund_no, status=late))
    assert (await _refund(refund.id)).status is RefundStatus.SUCCEEDED
    paid = await value("SELECT count(*) FROM journal_entry WHERE source_id = $1 AND kind = 'refund_paid'", refund.id)
    assert paid == 1
    assert await money_findings(billed.patient_id) == []


@pytest.mark.parametrize("altered", [{"amount_fen": 4999}, {"mchid": "1900009999"}, {"out_refund_no": "T9999999999"}])
async def test_given_a_refund_result_that_differs_then_nothing_changes(
    gateway: FakeGateway, altered: dict[str, Any]
) -> None:
    billed, _ = await _paid(gateway)
    gateway.deaf = {"refund"}
    refund = await _asked(_ask(billed))
    with pytest.raises(RefundMismatch):
        await run_system(record_refund_result, _result(**({"out_refund_no": refund.out_refund_no} | altered)))
    assert (await _refund(refund.id)).status is RefundStatus.REQUESTED
