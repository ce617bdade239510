"""Reconciliation over the real adapter: money at the simulated WeChat, its bill, and what is planted in it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from hospital_core.finance.payments.commands import OpenIntent, RequestRefund
from hospital_core.finance.payments.outside import check_intent_now, check_refund_now, prepare_payment, send_refund
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.finance.payments.service import open_intent, request_refund
from hospital_core.finance.payments.states import PaymentIntentStatus, RefundStatus
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.finance.reconciliation.outside import reconcile
from hospital_core.finance.reconciliation.queries import run_detail
from hospital_core.kernel import ports
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.patients.ages import SHANGHAI
from miniapp_api.wechat.adapters import open_wechat
from sandbox.wechat import WechatSandboxFiles, make_config
from tests.fixtures.engines import Engines
from tests.fixtures.finance import make_invoice, rows, value
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.wechat import Simulator, start_simulator, stop_simulator

PAYMENTS, REFUNDS = 14, 4
# What the simulator can plant, and how each must be found; a swapped payment is two.
FOUND_AS = {
    "bill_difference": ["ours_only_payment", "channel_only_payment"],
    "bill_payment_missing": ["ours_only_payment"],
    "bill_payment_extra": ["channel_only_payment"],
    "bill_payment_twice": ["duplicated_in_bill"],
    "bill_amount": ["payment_amount_differs"],
    "bill_transaction_id": ["transaction_differs"],
    "bill_fee": ["fee_differs"],
    "bill_merchant": ["merchant_differs"],
    "bill_refund_missing": ["ours_only_refund"],
    "bill_refund_extra": ["channel_only_refund"],
    "bill_refund_amount": ["refund_amount_differs"],
    "bill_refund_status": ["refund_state_differs"],
}


@pytest.fixture(scope="module")
def wechat_files(tmp_path_factory: pytest.TempPathFactory) -> WechatSandboxFiles:
    return make_config(tmp_path_factory.mktemp("reconciled-wechat") / "keys")


@pytest.fixture(scope="module")
def simulator_url(wechat_files: WechatSandboxFiles) -> Iterator[str]:
    process, address = start_simulator(wechat_files.simulator_config_path)
    yield address
    stop_simulator(process)


@pytest.fixture
async def simulator(core: Engines, wechat_files: WechatSandboxFiles, simulator_url: str) -> AsyncIterator[Simulator]:
    """The simulated WeChat, the real adapter joined to the port."""
    told = Simulator(simulator_url)
    await told.post("/reset")
    await told.post("/settings", refund_seconds=0)
    adapters = await open_wechat(wechat_settings(wechat_files, simulator_url), core.redis)
    ports.provide(PaymentGateway, adapters.gateway)
    yield told
    await adapters.close()
    await told.http.aclose()


async def pay(simulator: Simulator) -> PaymentIntentView:
    """A bill paid by phone; the callback got lost, so the query takes it in."""
    bill = await make_invoice()
    wanted = OpenIntent(
        invoice_id=bill.invoice.id, payer_openid=await simulator.person(), description="门诊缴费",
        pay_until=datetime.now(SHANGHAI) + timedelta(minutes=15),
    )  # fmt: skip
    intent = await run(system_context(), open_intent, wanted)
    told = await prepare_payment(system_context(), intent)
    await simulator.post("/pay", prepay_id=told["package"].removeprefix("prepay_id="))
    paid = await check_intent_now(system_context(), intent.id)
    assert paid.status is PaymentIntentStatus.SUCCEEDED
    return paid


async def give_back(intent: PaymentIntentView) -> None:
    """Half of it goes back, and the query says that it arrived."""
    assert intent.invoice_id is not None
    why = {"reason": "退费", "source_kind": "counter", "source_id": new_id()}
    asked = RequestRefund(invoice_id=intent.invoice_id, **why)
    refund = (await run(system_context(), request_refund, asked)).refunds[0]
    await send_refund(system_context(), refund.id)
    for _ in range(100):
        if (await check_refund_now(system_context(), refund.id)).status is RefundStatus.SUCCEEDED:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the refund never arrived")


async def reconciled(run_id: UUID) -> Counter[str]:
    """Compare the day (again); open differences by kind."""
    await rows("UPDATE reconciliation_run SET due_at = hospital_now() WHERE id = $1 RETURNING id", run_id)
    assert await reconcile(run_id) is not None
    sql = "SELECT kind FROM reconciliation_difference WHERE run_id = $1 AND status = 'open'"
    return Counter(row["kind"] for row in await rows(sql, run_id))


async def test_given_the_simulators_bill_then_it_is_even_and_each_planted_difference_is_found(
    simulator: Simulator,
) -> None:
    now = datetime.now(SHANGHAI)
    # Half an hour around midnight a payment may stand in either day's bill, and is told otherwise.
    quiet = now if 1 <= now.hour < 23 else now - timedelta(hours=2)
    await simulator.post("/settings", clock_offset_seconds=(quiet - now).total_seconds())
    day: date = quiet.date()
    paid = [await pay(simulator) for _ in range(PAYMENTS)]
    for intent in paid[:REFUNDS]:
        await give_back(intent)
    await rows("UPDATE refund SET requested_at = requested_at - $2::interval WHERE intent_id = ANY($1) RETURNING id",
               [intent.id for intent in paid[:REFUNDS]], now - quiet)  # fmt: skip
    ready = (quiet + timedelta(days=1)).replace(hour=10, minute=30)
    await simulator.post("/settings", clock_offset_seconds=(ready - now).total_seconds())
    run_id = new_id()
    await rows(
        "INSERT INTO reconciliation_run (id, version, channel, mchid, day, status, due_at, line_count, totals) "
        "VALUES ($1, 0, 'wechat', $2, $3, 'waiting', hospital_now(), 0, '{}') RETURNING id",
        run_id, ports.use(PaymentGateway).merchant.mchid, day,
    )  # fmt: skip
    strangers = await reconciled(run_id)  # what other tests paid elsewhere on this day
    assert not [kind for kind in strangers if kind not in ("merchant_differs", "ledger_missing", "ledger_only")]
    detail = await run_detail(Reading(system_context()), run_id)
    assert detail.line_count == PAYMENTS + REFUNDS
    assert detail.totals.channel_paid_fen == sum(intent.amount_fen for intent in paid)
    assert detail.totals.channel_refund_count == REFUNDS
    assert detail.totals.fee_millifen == sum(intent.amount_fen for intent in paid) * 6

    await simulator.fault("bill_bad_hash", times=1)
    await rows("UPDATE reconciliation_run SET due_at = hospital_now() WHERE id = $1 RETURNING id", run_id)
    assert await reconcile(run_id) is None, "a bill whose hash is wrong is not believed"
    assert await value("SELECT trouble FROM reconciliation_run WHERE id = $1", run_id) == "NO_ANSWER"

    for kind in FOUND_AS:
        await simulator.fault(kind, value=1)
    found = await reconciled(run_id)
    assert found - strangers == Counter(kind for kinds in FOUND_AS.values() for kind in kinds)
    planted = (await simulator.get("/state"))["bills"][0]["planted"]
    ours = {note["out_refund_no"] or note["out_trade_no"] for note in planted if "extra" not in note["kind"]}
    named = await rows("SELECT our_no FROM reconciliation_difference WHERE run_id = $1", run_id)
    assert ours <= {row["our_no"] for row in named}, "each is found under our own number"

    (await simulator.http.delete("/faults")).raise_for_status()
    assert await reconciled(run_id) == strangers, "the channel corrected its bill: they close by themselves"
    closed = "SELECT count(*) FROM reconciliation_difference WHERE run_id = $1 AND status = 'closed'"
    assert await value(closed, run_id) == sum(len(kinds) for kinds in FOUND_AS.values())


async def test_given_a_day_without_trade_then_its_bill_is_waited_for_and_the_day_is_even(simulator: Simulator) -> None:
    day = datetime.now(SHANGHAI).date() - timedelta(days=45)  # other tests pay, and lay past days, within a month
    run_id = new_id()
    await rows(
        "INSERT INTO reconciliation_run (id, version, channel, mchid, day, status, due_at, line_count, totals) "
        "VALUES ($1, 0, 'wechat', $2, $3, 'waiting', hospital_now(), 0, '{}') RETURNING id",
        run_id, ports.use(PaymentGateway).merchant.mchid, day,
    )  # fmt: skip
    await simulator.fault("bill_not_ready", times=1)
    assert await reconcile(run_id) is None
    assert await value("SELECT trouble FROM reconciliation_run WHERE id = $1", run_id) == "BILL_NOT_READY"
    assert (await reconciled(run_id)) == Counter(), "a day without trade has no bill, and is even"
    assert await value("SELECT status FROM reconciliation_run WHERE id = $1", run_id) == "matched"
