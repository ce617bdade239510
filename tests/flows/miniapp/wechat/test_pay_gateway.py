"""The payment gateway and its notices against the simulated WeChat Pay."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from hospital_core.finance.payments.commands import ChannelRefundResult, ChannelSuccess
from hospital_core.finance.payments.ports import (
    ChannelRefundStatus,
    CloseResult,
    GatewayRefused,
    GatewayUnknown,
    PrepayOrder,
    RefundOrder,
    RefundRedirect,
    TradeState,
)
from miniapp_api.wechat import gateways
from miniapp_api.wechat import pay as pay_module
from miniapp_api.wechat.adapters import open_wechat
from miniapp_api.wechat.errors import NoticeRefused
from miniapp_api.wechat.pay import PAY_NOTIFY_PATH, REFUND_NOTIFY_PATH
from sandbox.wechat import make_config
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.wechat import Simulator, new_number, start_simulator, stop_simulator


@pytest.fixture
async def order(simulator):
    return PrepayOrder(
        out_trade_no=new_number(),
        amount_fen=2500,
        description="心内科 挂号费",
        payer_openid=await simulator.person(),
        pay_until=datetime.now(UTC) + timedelta(minutes=15),
    )


@pytest.fixture
async def paid(wechat, simulator, receiver, order):
    """A paid order whose notice has arrived: the order and the notice as received."""
    prepay_id = await wechat.gateway.prepay(order)
    await simulator.post("/pay", prepay_id=prepay_id)
    return order, (await receiver.wait_for(1))[0]


async def refund_of(wechat, order, amount_fen=2500):
    transaction_id = (await wechat.gateway.query(order.out_trade_no)).transaction_id
    number = new_number("R")
    return RefundOrder(number, order.out_trade_no, transaction_id, amount_fen, order.amount_fen, "预约取消退费")


async def test_pay_parameters_are_signed_as_the_sheet_wants_them_and_notice_is_the_fact(
    wechat, simulator, receiver, order
):
    prepay_id = await wechat.gateway.prepay(order)
    parameters = await wechat.gateway.pay_parameters(prepay_id)
    await simulator.post("/pay", prepay_id=prepay_id, openid=order.payer_openid, **parameters)
    notice = (await receiver.wait_for(1))[0]
    assert notice.path == PAY_NOTIFY_PATH

    fact = await wechat.notices.verify_notice(notice.headers, notice.body)
    asked = await wechat.gateway.query(order.out_trade_no)
    assert isinstance(fact, ChannelSuccess)
    assert (fact.out_trade_no, fact.amount_fen, fact.currency) == (order.out_trade_no, 2500, "CNY")
    assert (fact.mchid, fact.appid) == (wechat.gateway.merchant.mchid, wechat.gateway.merchant.appid)
    assert (fact.payer_openid, fact.source) == (order.payer_openid, "callback")
    assert (asked.state, asked.transaction_id) == (TradeState.SUCCESS, fact.transaction_id)
    assert (asked.amount_fen, asked.succeeded_at) == (fact.amount_fen, fact.succeeded_at)


async def test_time_to_pay_is_shown_to_wechat_and_reentry_repeats_every_byte(wechat, simulator, order):
    first = await wechat.gateway.prepay(order)
    second = await wechat.gateway.prepay(order)
    assert first != second
    known = (await simulator.get(f"/orders/{order.out_trade_no}"))["expires_at"]
    assert datetime.fromtimestamp(known, UTC) == order.pay_until.replace(microsecond=0)
    await simulator.post("/settings", clock_offset_seconds=901)
    refusal = await simulator.http.post("/pay", json={"prepay_id": second})
    assert refusal.json()["code"] == "expired"


async def test_coupon_does_not_change_what_was_paid_to_us(wechat, simulator, receiver, order):
    await simulator.fault("coupon", times=1)
    await simulator.post("/pay", prepay_id=await wechat.gateway.prepay(order))
    notice = (await receiver.wait_for(1))[0]
    assert (await wechat.notices.verify_notice(notice.headers, notice.body)).amount_fen == 2500


async def test_unknown_order_and_refund_are_absent(wechat):
    assert (await wechat.gateway.query("NOSUCHORDER")).state is TradeState.ABSENT
    assert await wechat.gateway.close("NOSUCHORDER") is CloseResult.ABSENT
    assert (await wechat.gateway.query_refund("NOSUCHREFUND")).status is ChannelRefundStatus.ABSENT


async def test_closing_tells_closed_and_paid_apart(wechat, paid, order, simulator):
    assert await wechat.gateway.close(paid[0].out_trade_no) is CloseResult.ALREADY_PAID
    unpaid = PrepayOrder(new_number(), 100, "挂号费", order.payer_openid, order.pay_until)
    await wechat.gateway.prepay(unpaid)
    assert await wechat.gateway.close(unpaid.out_trade_no) is CloseResult.CLOSED
    assert await wechat.gateway.close(unpaid.out_trade_no) is CloseResult.CLOSED
    assert (await wechat.gateway.query(unpaid.out_trade_no)).state is TradeState.CLOSED


async def test_clear_no_is_a_refusal_in_the_channels_word(wechat, order):
    await wechat.gateway.prepay(order)
    with pytest.raises(GatewayRefused) as caught:
        await wechat.gateway.prepay(
            PrepayOrder(order.out_trade_no, 2600, order.description, order.payer_openid, order.pay_until)
        )
    assert caught.value.code == "INVALID_REQUEST"


@pytest.mark.parametrize("kind", ["api_signature_probe", "api_lost", "api_500_after"])
async def test_answer_that_cannot_be_used_leaves_the_order_unknown_and_a_query_heals(wechat, simulator, order, kind):
    await simulator.fault(kind, target="prepay", times=1)
    with pytest.raises(GatewayUnknown):
        await wechat.gateway.prepay(order)
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.NOTPAY
    prepay_id = await wechat.gateway.prepay(order)  # the same number, the same bytes
    await simulator.post("/pay", prepay_id=prepay_id)
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.SUCCESS


async def test_channel_that_acts_and_stays_silent_is_not_waited_for(wechat, simulator, order, monkeypatch):
    monkeypatch.setattr(gateways, "DEADLINE_S", 0.5)
    await simulator.fault("api_timeout", target="prepay", times=1)
    started = time.monotonic()
    with pytest.raises(GatewayUnknown):
        await wechat.gateway.prepay(order)
    assert time.monotonic() - started < 3
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.NOTPAY


@pytest.mark.parametrize("kind", ["api_429", "api_500"])
async def test_busy_channel_is_unknown_not_refused(wechat, simulator, order, kind):
    await simulator.fault(kind, target="query", times=1)
    with pytest.raises(GatewayUnknown):
        await wechat.gateway.query(order.out_trade_no)


async def test_wrong_merchant_key_decides_nothing_about_orders(wechat, wechat_files, simulator, engines, order, caplog):
    await wechat.gateway.prepay(order)
    settings = wechat_settings(wechat_files, simulator.address, merchant_serial="0" * 40)
    stranger = await open_wechat(settings, engines.redis)
    with pytest.raises(GatewayUnknown):
        await stranger.gateway.query(order.out_trade_no)
    await stranger.close()
    assert "refuses our signature" in caplog.text


async def test_nobody_listening_is_unknown(wechat_files, engines, order):
    adapters = await open_wechat(wechat_settings(wechat_files, "http://127.0.0.1:9"), engines.redis)
    with pytest.raises(GatewayUnknown):
        await adapters.gateway.query(order.out_trade_no)
    await adapters.close()


def test_old_key_format_is_refused_at_start(wechat_files):
    settings = wechat_settings(wechat_files, "http://127.0.0.1:9")
    old = settings.merchant_key.replace("BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY")
    with pytest.raises(ValueError, match="PKCS#8"):
        pay_module.WechatPay(settings.model_copy(update={"merchant_key": old}))


async def test_refund_is_accepted_then_told_by_notice_and_by_query(wechat, receiver, paid):
    order, _ = paid
    wanted = await refund_of(wechat, order, 1000)
    accepted = await wechat.gateway.refund(wanted)
    assert (accepted.status, accepted.amount_fen) == (ChannelRefundStatus.PROCESSING, 1000)
    assert (await wechat.gateway.refund(wanted)).refund_id == accepted.refund_id  # the same number refunds once

    notice = (await receiver.wait_for(2))[1]
    assert notice.path == REFUND_NOTIFY_PATH
    fact = await wechat.notices.verify_notice(notice.headers, notice.body)
    assert isinstance(fact, ChannelRefundResult)
    assert (fact.out_refund_no, fact.status) == (wanted.out_refund_no, ChannelRefundStatus.SUCCESS)
    assert (fact.amount_fen, fact.mchid) == (1000, wechat.gateway.merchant.mchid)
    assert (await wechat.gateway.query_refund(wanted.out_refund_no)).status is ChannelRefundStatus.SUCCESS
    assert (await wechat.gateway.query(order.out_trade_no)).state is TradeState.REFUND


@pytest.mark.parametrize(("kind", "status"), [("refund_abnormal", "ABNORMAL"), ("refund_closed", "CLOSED")])
async def test_refund_that_fails_is_told_as_it_is(wechat, simulator, receiver, paid, kind, status):
    await simulator.fault(kind, times=1)
    wanted = await refund_of(wechat, paid[0])
    await wechat.gateway.refund(wanted)
    notice = (await receiver.wait_for(2))[1]
    assert (await wechat.notices.verify_notice(notice.headers, notice.body)).status == status


async def test_merchant_without_money_is_a_refusal(wechat, simulator, paid):
    await simulator.fault("refund_not_enough", times=1)
    with pytest.raises(GatewayRefused) as caught:
        await wechat.gateway.refund(await refund_of(wechat, paid[0]))
    assert caught.value.code == "NOT_ENOUGH"


BAD = ["callback_stale_timestamp", "callback_signature_probe", "callback_forged", "callback_unknown_serial"]


@pytest.mark.parametrize("kind", BAD)
async def test_notice_that_wechat_did_not_write_now_is_refused(wechat, simulator, receiver, order, kind):
    await simulator.fault(kind, target="TRANSACTION", times=1)
    receiver.answers = [401]
    await simulator.post("/pay", prepay_id=await wechat.gateway.prepay(order))
    bad, honest = (await receiver.wait_for(2))[:2]
    with pytest.raises(NoticeRefused):
        await wechat.notices.verify_notice(bad.headers, bad.body)
    assert (await wechat.notices.verify_notice(honest.headers, honest.body)).out_trade_no == order.out_trade_no


async def test_notice_played_again_later_is_refused(wechat, paid, monkeypatch):
    _, notice = paid
    await wechat.notices.verify_notice(notice.headers, notice.body)
    later = time.time() + 301
    monkeypatch.setattr("miniapp_api.wechat.notices.time.time", lambda: later)
    with pytest.raises(NoticeRefused, match="window"):
        await wechat.notices.verify_notice(notice.headers, notice.body)


async def test_notice_altered_by_one_byte_or_without_a_header_is_refused(wechat, paid):
    _, notice = paid
    with pytest.raises(NoticeRefused):
        await wechat.notices.verify_notice(notice.headers, notice.body.replace(b"TRANSACTION", b"transaction"))
    for name in [name for name in notice.headers if name.lower().startswith("wechatpay-")]:
        without = {key: value for key, value in notice.headers.items() if key != name}
        with pytest.raises(NoticeRefused):
            await wechat.notices.verify_notice(without, notice.body)
    for serial in ("", "zz", "PUB_KEY_ID_0"):
        strange = {key: serial if key.lower() == "wechatpay-serial" else v for key, v in notice.headers.items()}
        with pytest.raises(NoticeRefused):
            await wechat.notices.verify_notice(strange, notice.body)
    for stamp in ("", "soon", "-1", "9" * 400):
        strange = {key: stamp if key.lower() == "wechatpay-timestamp" else v for key, v in notice.headers.items()}
        with pytest.raises(NoticeRefused, match="window"):
            await wechat.notices.verify_notice(strange, notice.body)


async def test_notice_for_another_api_key_is_refused(wechat, wechat_files, simulator, engines, paid):
    _, notice = paid
    settings = wechat_settings(wechat_files, simulator.address, apiv3_key="0" * 32)
    other = await open_wechat(settings, engines.redis)
    with pytest.raises(NoticeRefused):
        await other.notices.verify_notice(notice.headers, notice.body)
    await other.close()


async def test_wrong_amount_and_merchant_are_told_as_signed_and_left_to_payments(wechat, simulator, receiver, order):
    await simulator.fault("callback_wrong_amount", times=1)
    receiver.answers = [400]
    await simulator.post("/pay", prepay_id=await wechat.gateway.prepay(order))
    wrong = (await receiver.wait_for(1))[0]
    assert (await wechat.notices.verify_notice(wrong.headers, wrong.body)).amount_fen == 2501


async def test_merchant_on_the_way_to_the_public_key_still_gets_notices_signed_by_certificate(
    wechat_files, receiver, engines, tmp_path
):
    files = make_config(tmp_path / "moving", signing="certificate")
    process, address = start_simulator(files.simulator_config_path)
    simulator = Simulator(address)
    try:
        await simulator.post("/settings", time_scale=100, callback_signing="certificate")
        adapters = await open_wechat(wechat_settings(files, address, notify_origin=receiver.url), engines.redis)
        person, until = await simulator.person(), datetime.now(UTC) + timedelta(minutes=15)
        order = PrepayOrder(new_number(), 100, "挂号费", person, until)
        await simulator.post("/pay", prepay_id=await adapters.gateway.prepay(order))
        notice = (await receiver.wait_for(1))[0]
        assert not notice.headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")
        fact = await adapters.notices.verify_notice(notice.headers, notice.body)
        assert fact.out_trade_no == order.out_trade_no
        await adapters.close()
    finally:
        await simulator.http.aclose()
        stop_simulator(process)


async def test_abnormal_refund_reaches_the_payers_bank_card_whose_number_travels_encrypted(
    wechat, paid, simulator, receiver
):
    await simulator.fault("refund_abnormal", times=1)
    order = await refund_of(wechat, paid[0])
    await wechat.gateway.refund(order)
    await simulator.post(f"/refunds/{order.out_refund_no}/settle")
    known = await wechat.gateway.query_refund(order.out_refund_no)
    assert known.status is ChannelRefundStatus.ABNORMAL
    card = ("ICBC_DEBIT", "6222020200012345678", "张三丰")
    redirect = RefundRedirect(known.refund_id, order.out_refund_no, *card)
    assert "6222020200012345678" not in repr(redirect)
    sent = await wechat.gateway.redirect_refund(redirect)
    # The simulator opens what it is sent: it refuses what is not encrypted with its key.
    assert (sent.status, sent.amount_fen) == (ChannelRefundStatus.PROCESSING, 2500)
    await simulator.post(f"/refunds/{order.out_refund_no}/settle")
    assert (await wechat.gateway.query_refund(order.out_refund_no)).status is ChannelRefundStatus.SUCCESS
