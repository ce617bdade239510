"""Native QR, payment codes, a service provider's orders and a second gateway host, against the simulated WeChat Pay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hospital_core.finance.payments.commands import ChannelRefundResult, ChannelSuccess
from hospital_core.finance.payments.ports import (
    ChannelRefundStatus,
    CloseResult,
    CodeOrder,
    GatewayRefused,
    GatewayUnknown,
    NativeOrder,
    PrepayOrder,
    RefundOrder,
    ReverseResult,
    TradeState,
)
from miniapp_api.wechat.adapters import WechatAdapters, open_wechat
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.wechat import Simulator, new_number

NOBODY = "http://127.0.0.1:9"


def until() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=15)


def code_order(amount_fen: int = 3000) -> CodeOrder:
    return CodeOrder(new_number(), amount_fen, "门诊缴费", "KIOSK-01")


async def code_of(simulator: Simulator) -> str:
    return str((await simulator.post(f"/users/{await simulator.person()}/payment-code"))["auth_code"])


async def test_native_code_is_shown_scanned_paid_and_told(wechat, simulator, receiver):
    order = NativeOrder(new_number(), 3000, "门诊缴费", until())
    await wechat.gateway.native(order)
    code_url = await wechat.gateway.native(order)  # the page was opened again
    person = await simulator.person()
    await simulator.post("/pay", code_url=code_url, openid=person)
    notice = (await receiver.wait_for(1))[0]
    fact = await wechat.notices.verify_notice(notice.headers, notice.body)
    assert isinstance(fact, ChannelSuccess)
    assert (fact.out_trade_no, fact.payer_openid, fact.sub_mchid) == (order.out_trade_no, person, None)
    assert await wechat.gateway.close(order.out_trade_no) is CloseResult.ALREADY_PAID


async def test_payment_code_is_charged_at_once(wechat, simulator):
    order = code_order()
    code = await code_of(simulator)
    paid = await wechat.gateway.charge_code(order, code)
    assert (paid.state, paid.amount_fen, paid.appid) == (TradeState.SUCCESS, 3000, wechat.gateway.merchant.appid)
    again = await wechat.gateway.charge_code(order, code)  # the cashier pressed twice
    assert again == paid


async def test_payment_code_waits_for_a_password_then_is_reversed(wechat, simulator):
    order = code_order(100_001)
    waiting = await wechat.gateway.charge_code(order, await code_of(simulator))
    assert (waiting.state, waiting.transaction_id) == (TradeState.USERPAYING, None)
    await simulator.post("/settings", time_scale=1)
    with pytest.raises(GatewayUnknown):  # too early: asked again later
        await wechat.gateway.reverse(order.out_trade_no)
    await simulator.post("/settings", clock_offset_seconds=16)
    assert await wechat.gateway.reverse(order.out_trade_no) is ReverseResult.REVERSED
    assert await wechat.gateway.reverse(order.out_trade_no) is ReverseResult.REVERSED
    after = await wechat.gateway.query(order.out_trade_no)
    assert after.state.is_over
    assert await wechat.gateway.reverse("NOSUCHORDER") is ReverseResult.ABSENT


@pytest.mark.parametrize("code", ["123", "100000000000000000"])
async def test_code_that_is_none_takes_nothing(wechat, code):
    order = code_order()
    with pytest.raises(GatewayRefused):
        await wechat.gateway.charge_code(order, code)
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.ABSENT


@pytest.mark.parametrize("kind", ["api_lost", "api_signature_probe", "api_500_after"])
async def test_charge_without_an_answer_is_unknown_and_asked_for(wechat, simulator, kind):
    order = code_order()
    await simulator.fault(kind, target="codepay", times=1)
    with pytest.raises(GatewayUnknown):
        await wechat.gateway.charge_code(order, await code_of(simulator))
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.SUCCESS


@pytest.fixture
async def two_hosts(wechat_files, simulator, receiver, engines) -> AsyncIterator[WechatAdapters]:
    """The first gateway host is nowhere; the second is the simulator."""
    settings = wechat_settings(
        wechat_files, NOBODY, notify_origin=receiver.url, pay_base_url=NOBODY, pay_fallback_urls=(simulator.address,)
    )
    adapters = await open_wechat(settings, engines.redis)
    yield adapters
    await adapters.close()


async def test_second_host_is_asked_when_the_first_is_away_and_first_asked_from_then_on(two_hosts, simulator):
    order = PrepayOrder(new_number(), 2500, "挂号费", await simulator.person(), until())
    await two_hosts.gateway.prepay(order)
    assert (await two_hosts.gateway.query(order.out_trade_no)).state is TradeState.NOTPAY
    gateways = two_hosts.gateway._gateways
    assert gateways._in_order()[0]._core._gate_way == simulator.address
    # Never having left for the first host, even a charge goes to the second.
    paid = await two_hosts.gateway.charge_code(code_order(), await code_of(simulator))
    assert paid.state is TradeState.SUCCESS


@pytest.fixture
async def twice_the_same(wechat_files, simulator, engines) -> AsyncIterator[WechatAdapters]:
    """Two names of the same platform, as api and api2 are."""
    other = simulator.address.replace("127.0.0.1", "localhost")
    settings = wechat_settings(wechat_files, simulator.address, pay_fallback_urls=(other,))
    adapters = await open_wechat(settings, engines.redis)
    yield adapters
    await adapters.close()


async def test_silent_host_is_left_for_the_other_where_the_number_protects(twice_the_same, simulator):
    await simulator.fault("api_lost", target="prepay", times=1)
    order = PrepayOrder(new_number(), 2500, "挂号费", await simulator.person(), until())
    assert await twice_the_same.gateway.prepay(order)
    calls = [call for call in (await simulator.get("/state"))["calls"] if call["operation"] == "prepay"]
    assert [call["status"] for call in calls] == [200, 0]


async def test_charge_that_may_have_acted_is_never_sent_to_the_other_host(twice_the_same, simulator):
    await simulator.fault("api_lost", target="codepay", times=1)
    with pytest.raises(GatewayUnknown):
        await twice_the_same.gateway.charge_code(code_order(), await code_of(simulator))
    calls = [call for call in (await simulator.get("/state"))["calls"] if call["operation"] == "codepay"]
    assert len(calls) == 1


async def test_refusal_is_not_taken_to_the_other_host(twice_the_same, simulator):
    assert (await twice_the_same.gateway.query("NOSUCHORDER")).state is TradeState.ABSENT
    calls = [call for call in (await simulator.get("/state"))["calls"] if call["operation"] == "query"]
    assert len(calls) == 1


@pytest.fixture
def campuses():
    return {"east": uuid4(), "west": uuid4()}


@pytest.fixture
async def provider(wechat_files, simulator, receiver, engines, campuses) -> AsyncIterator[WechatAdapters]:
    """A hospital that takes money through a service provider, each campus with its own merchant."""
    subs = wechat_files.sub_mchids
    settings = wechat_settings(
        wechat_files,
        simulator.address,
        notify_origin=receiver.url,
        sp_appid=wechat_files.sp_appid,
        sub_mchid=subs[0],
        sub_mchids={str(campuses["east"]): subs[1], str(campuses["west"]): subs[2]},
    )
    adapters = await open_wechat(settings, engines.redis)
    yield adapters
    await adapters.close()


async def test_campus_has_its_own_merchant(provider, wechat_files, campuses):
    gateway = provider.gateway
    assert gateway.merchant.sub_mchid == wechat_files.sub_mchids[0]
    assert gateway.merchant_of(uuid4(), campuses["west"]).sub_mchid == wechat_files.sub_mchids[2]
    assert gateway.merchant_of(uuid4()).sub_mchid == wechat_files.sub_mchids[0]


async def test_provider_takes_asks_and_gives_back_for_the_campus_of_the_order(
    provider, simulator, receiver, wechat_files, campuses
):
    gateway, person = provider.gateway, await simulator.person()
    east = gateway.merchant_of(campuses["east"])
    order = PrepayOrder(new_number(), 2500, "东院区挂号费", person, until(), east.sub_mchid)
    prepay_id = await gateway.prepay(order)
    parameters = await gateway.pay_parameters(prepay_id)
    assert parameters["appId"] == wechat_files.appid  # the mini program that runs
    await simulator.post("/pay", prepay_id=prepay_id, openid=person, **parameters)

    notice = (await receiver.wait_for(1))[0]
    fact = await provider.notices.verify_notice(notice.headers, notice.body)
    asked = await gateway.query(order.out_trade_no, east.sub_mchid)
    for told in (fact, asked):
        assert (told.mchid, told.sub_mchid, told.appid) == (wechat_files.mchid, east.sub_mchid, wechat_files.appid)
        assert told.payer_openid == person
    west = gateway.merchant_of(campuses["west"])
    assert (await gateway.query(order.out_trade_no, west.sub_mchid)).state is TradeState.ABSENT
    assert await gateway.close(order.out_trade_no, east.sub_mchid) is CloseResult.ALREADY_PAID

    wanted = RefundOrder(
        new_number("R"), order.out_trade_no, fact.transaction_id, 500, 2500, "退号", east.sub_mchid
    )  # fmt: skip
    assert (await gateway.refund(wanted)).status is ChannelRefundStatus.PROCESSING
    told = await provider.notices.verify_notice(*_parts((await receiver.wait_for(2))[1]))
    assert isinstance(told, ChannelRefundResult)
    assert (told.mchid, told.sub_mchid) == (wechat_files.mchid, east.sub_mchid)
    known = await gateway.query_refund(wanted.out_refund_no, east.sub_mchid)
    assert known.status is ChannelRefundStatus.SUCCESS


def _parts(notice):
    return notice.headers, notice.body


async def test_provider_shows_codes_and_charges_codes(provider, simulator, wechat_files):
    native = NativeOrder(new_number(), 100, "缴费", until())
    assert (await provider.gateway.native(native)).startswith("weixin://")
    order = code_order()
    paid = await provider.gateway.charge_code(order, await code_of(simulator))
    assert (paid.state, paid.sub_mchid) == (TradeState.SUCCESS, wechat_files.sub_mchids[0])
    await simulator.post("/settings", clock_offset_seconds=16)
    assert await provider.gateway.reverse(order.out_trade_no) is ReverseResult.REVERSED
