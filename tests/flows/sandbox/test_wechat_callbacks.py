"""Callbacks: the retry ladder and every way they go wrong, judged by the unmodified AsyncWeChatPay.callback."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox.wechat import make_config
from tests.fixtures.wechat import Receiver, Simulator, make_pay, new_number, start_simulator, stop_simulator
from tests.flows.sandbox.test_wechat_pay import paid_order, place, refund


def order_of(pay, arrived) -> str:
    return str(pay.callback(arrived.headers, arrived.body)["resource"]["out_trade_no"])


async def attempts_of(simulator, number: str, count: int) -> list[dict[str, Any]]:
    """The recorded attempts of the order's one notification."""
    [sent] = (await simulator.told(number, count))["notifications"]
    return list(sent["attempts"])


async def test_refused_callback_is_retried_with_same_id_and_new_signature(pay, simulator, receiver):
    receiver.answers = [500, 404, 302]
    number = await paid_order(pay, simulator, receiver)
    arrived = await receiver.wait_for(4)
    events = [pay.callback(one.headers, one.body) for one in arrived]
    assert len({event["id"] for event in events}) == 1
    assert len({one.body for one in arrived}) == 1
    assert len({one.headers["Wechatpay-Nonce"] for one in arrived}) == 4
    gaps = [0.15, 0.15, 0.3]  # 15 s, 15 s, 30 s at time scale 100
    times = [attempt["at"] for attempt in await attempts_of(simulator, number, 4)]
    for gap, before, after in zip(gaps, times, times[1:], strict=False):
        assert gap <= after - before < gap + 1


async def test_never_accepted_callback_is_given_up_after_fifteen_retries(pay, simulator, receiver):
    await simulator.post("/settings", time_scale=1_000_000)
    receiver.answers = [500] * 16
    number = await paid_order(pay, simulator, receiver)
    await receiver.wait_for(16)
    assert len(await attempts_of(simulator, number, 16)) == 16
    [sent] = (await simulator.get(f"/orders/{number}"))["notifications"]
    assert sent["status"] == "exhausted"

    answer = await simulator.post(f"/notifications/{sent['id']}/send")
    assert answer == {"accepted": True, "status": "delivered"}


async def test_slow_merchant_counts_as_failure(pay, simulator, receiver):
    await simulator.post("/settings", callback_timeout_seconds=0.1)
    receiver.answer_after_seconds = 0.3
    number = await paid_order(pay, simulator, receiver)
    await receiver.wait_for(2)
    assert (await attempts_of(simulator, number, 1))[0]["error"] == "TimeoutError"


async def test_duplicates_arrive_in_parallel_and_both_verify(pay, simulator, receiver):
    await simulator.fault("callback_duplicate", target="TRANSACTION", times=1)
    receiver.answer_after_seconds = 0.2
    started = time.monotonic()
    number = await paid_order(pay, simulator, receiver)
    arrived = await receiver.wait_for(2)
    assert time.monotonic() - started < 0.2 + 0.2
    assert [order_of(pay, one) for one in arrived] == [number, number]
    assert arrived[0].headers["Wechatpay-Nonce"] != arrived[1].headers["Wechatpay-Nonce"]


async def test_dropped_callback_comes_with_the_next_retry_or_never(pay, simulator, receiver):
    lost = new_number()
    await simulator.fault("callback_drop", out_trade_no=lost)
    await simulator.fault("callback_drop", times=1)
    _, answer = await place(pay, simulator, receiver, lost)
    await simulator.post("/pay", prepay_id=answer["prepay_id"])
    late = await paid_order(pay, simulator, receiver)
    [arrived] = await receiver.wait_for(1)
    assert order_of(pay, arrived) == late
    assert {attempt["error"] for attempt in await attempts_of(simulator, lost, 2)} == {"lost on the way"}
    assert json.loads((await pay.query(out_trade_no=lost))[1])["trade_state"] == "SUCCESS"


async def test_delayed_callback_waits(pay, simulator, receiver):
    await simulator.fault("callback_delay", times=1, value=40)  # 0.4 s at time scale 100
    started = time.monotonic()
    await paid_order(pay, simulator, receiver)
    await receiver.wait_for(1)
    assert time.monotonic() - started >= 0.4


async def test_callback_arrives_before_the_prepay_answer(pay, simulator, receiver):
    number = new_number()
    await simulator.fault("callback_before_response", target="prepay", times=1)
    status, _ = await place(pay, simulator, receiver, number)
    # No waiting: the callback was answered before the order call returned.
    [arrived] = receiver.received
    assert (status, order_of(pay, arrived)) == (200, number)


async def test_callback_arrives_before_the_pay_and_refund_answers(pay, simulator, receiver):
    await simulator.fault("callback_before_response", target="pay", times=1)
    await simulator.fault("callback_before_response", target="refund", times=1)
    number = await paid_order(pay, simulator, receiver)
    assert len(receiver.received) == 1
    status, answer = await refund(pay, number, new_number("R"), 2500, notify_url=receiver.url)
    assert (status, answer["status"]) == (200, "PROCESSING")
    assert len(receiver.received) == 2


async def test_out_of_order_refund_comes_before_payment(pay, simulator, receiver):
    await simulator.fault("callback_out_of_order", times=1, value=6000)
    number = await paid_order(pay, simulator, receiver)
    await refund(pay, number, new_number("R"), 2500, notify_url=receiver.url)
    arrived = await receiver.wait_for(2)
    events = [pay.callback(one.headers, one.body)["event_type"] for one in arrived]
    assert events == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]


async def test_stale_timestamp_is_signed_but_old(pay, simulator, receiver):
    receiver.answers = [401]
    await simulator.fault("callback_stale_timestamp", times=1)
    await paid_order(pay, simulator, receiver)
    stale, fresh = await receiver.wait_for(2)
    assert pay.callback(stale.headers, stale.body) is not None  # the library does not look at the clock
    assert time.time() - int(stale.headers["Wechatpay-Timestamp"]) > 3500
    assert time.time() - int(fresh.headers["Wechatpay-Timestamp"]) < 60


@pytest.mark.parametrize("kind", ["callback_signature_probe", "callback_forged"])
async def test_wrong_signature_does_not_verify_and_honest_one_follows(pay, simulator, receiver, kind):
    receiver.answers = [401]
    await simulator.fault(kind, times=1)
    await paid_order(pay, simulator, receiver)
    wrong, honest = await receiver.wait_for(2)
    assert pay.callback(wrong.headers, wrong.body) is None
    assert wrong.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/") == (
        kind == "callback_signature_probe"
    )
    assert pay.callback(honest.headers, honest.body) is not None


async def test_accepting_a_forged_callback_is_recorded_as_violation_and_settles_nothing(pay, simulator, receiver):
    await simulator.fault("callback_forged", times=1)
    number = await paid_order(pay, simulator, receiver)
    await receiver.wait_for(2)
    forged, honest = await attempts_of(simulator, number, 2)
    assert (forged["violation"], honest["violation"]) == (True, False)


async def test_wrong_amount_and_wrong_merchant_are_well_signed(pay, simulator, receiver):
    receiver.answers = [400, 400]
    await simulator.fault("callback_wrong_amount", times=1, value=-2400)
    number = new_number()
    _, answer = await place(pay, simulator, receiver, number)
    await simulator.post("/pay", prepay_id=answer["prepay_id"])
    [first] = await receiver.wait_for(1)
    await simulator.fault("callback_wrong_mchid", times=1)
    arrived = await receiver.wait_for(3)
    amounts = [pay.callback(one.headers, one.body)["resource"] for one in (first, arrived[1], arrived[2])]
    assert [resource["amount"]["total"] for resource in amounts] == [100, 2500, 2500]
    assert amounts[1]["mchid"] != amounts[2]["mchid"]


async def test_unknown_serial_cannot_be_verified(pay, simulator, receiver):
    receiver.answers = [401]
    await simulator.fault("callback_unknown_serial", times=1)
    await paid_order(pay, simulator, receiver)
    strange, honest = await receiver.wait_for(2)
    assert pay.callback(strange.headers, strange.body) is None
    assert pay.callback(honest.headers, honest.body) is not None


async def test_abnormal_refund_and_coupon_are_told_by_callback(pay, simulator, receiver):
    await simulator.fault("coupon", times=1, value=500)
    await simulator.fault("refund_abnormal", times=1)
    number, refund_no = await paid_order(pay, simulator, receiver), new_number("R")
    _, answer = await refund(pay, number, refund_no, 1250, notify_url=receiver.url)
    assert (answer["amount"]["payer_refund"], answer["amount"]["discount_refund"]) == (1000, 250)
    arrived = await receiver.wait_for(2)
    payment, abnormal = (pay.callback(one.headers, one.body) for one in arrived)
    assert (payment["resource"]["amount"]["total"], payment["resource"]["amount"]["payer_total"]) == (2500, 2000)
    assert payment["resource"]["promotion_detail"][0]["amount"] == 500
    assert (abnormal["event_type"], abnormal["resource"]["refund_status"]) == ("REFUND.ABNORMAL", "ABNORMAL")
    assert json.loads((await pay.query_refund(refund_no))[1])["status"] == "ABNORMAL"


async def test_certificate_mode_signs_with_the_platform_certificate(tmp_path, receiver):
    files = make_config(tmp_path / "keys", signing="certificate")
    process, address = start_simulator(files.simulator_config_path)
    try:
        simulator = Simulator(address)
        async with make_pay(files, address, public_key=None, public_key_id=None) as pay:
            number = await paid_order(pay, simulator, receiver)
            [arrived] = await receiver.wait_for(1)
            assert not arrived.headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")
            assert order_of(pay, arrived) == number
        async with make_pay(files, address) as pay:
            # A request that names the public key is answered with it, whatever the merchant's mode.
            assert (await pay.query(out_trade_no=number))[0] == 200
        await simulator.http.aclose()
    finally:
        stop_simulator(process)


async def test_restart_keeps_orders_and_finishes_pending_callbacks(tmp_path, wechat_files, receiver: Receiver):
    state = tmp_path / "state.json"
    process, address = start_simulator(wechat_files.simulator_config_path, state)
    simulator = Simulator(address)
    receiver.answers = [500]
    async with make_pay(wechat_files, address) as pay:
        await simulator.post("/settings", time_scale=10)
        await simulator.fault("callback_before_response", target="pay", times=1)
        number = await paid_order(pay, simulator, receiver)
    await simulator.http.aclose()
    process.kill()  # no farewell: what was answered must be on file already
    process.wait(5)
    assert state.stat().st_mode & 0o777 == 0o600

    process, address = start_simulator(wechat_files.simulator_config_path, state)
    try:
        async with make_pay(wechat_files, address) as pay:
            assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "SUCCESS"
            arrived = await receiver.wait_for(2)
            assert order_of(pay, arrived[1]) == number
    finally:
        stop_simulator(process)
