"""Answers that go wrong: what the platform did and what the client believes are different things."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.fixtures.wechat import new_number
from tests.flows.sandbox.test_wechat_pay import paid_order, place, refund


async def state_of(simulator, number: str) -> str | None:
    order = (await simulator.get("/state"))["orders"].get(number)
    return order["trade_state"] if order else None


@pytest.mark.parametrize(("kind", "status"), [("api_429", 429), ("api_500", 500)])
async def test_refused_call_did_nothing_and_the_next_one_works(pay, simulator, receiver, kind, status):
    number = new_number()
    await simulator.fault(kind, target="prepay", times=1)
    assert (await place(pay, simulator, receiver, number))[0] == status
    assert await state_of(simulator, number) is None
    assert (await place(pay, simulator, receiver, number))[0] == 200


async def test_system_error_after_acting_left_the_order(pay, simulator, receiver):
    number = new_number()
    await simulator.fault("api_500_after", target="prepay", times=1)
    assert (await place(pay, simulator, receiver, number))[0] == 500
    assert await state_of(simulator, number) == "NOTPAY"


async def test_timeout_and_lost_connection_after_acting_left_the_refund(pay, simulator, receiver):
    number, refund_no = await paid_order(pay, simulator, receiver), new_number("R")
    await simulator.fault("api_lost", target="refund", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await refund(pay, number, refund_no, 2500)
    await simulator.fault("api_timeout", target="refund", times=1, value=30)
    pay._core._client.timeout = httpx.Timeout(0.3)
    started = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        await refund(pay, number, refund_no, 2500)
    assert time.monotonic() - started < 2
    pay._core._client.timeout = httpx.Timeout(3)
    status, answer = await refund(pay, number, refund_no, 2500)
    assert (status, answer["out_refund_no"]) == (200, refund_no)
    assert len((await simulator.get(f"/orders/{number}"))["refunds"]) == 1


async def test_signature_probe_on_an_answer_raises_though_the_platform_acted(pay, simulator, receiver):
    number = new_number()
    await simulator.fault("api_signature_probe", target="prepay", times=1)
    with pytest.raises(Exception, match="failed to verify the signature"):
        await place(pay, simulator, receiver, number)
    assert await state_of(simulator, number) == "NOTPAY"


async def test_slow_answer_is_slow(pay, simulator, receiver):
    await simulator.fault("api_delay", target="query", times=1, value=0.3)
    number = await paid_order(pay, simulator, receiver)
    started = time.monotonic()
    assert (await pay.query(out_trade_no=number))[0] == 200
    assert time.monotonic() - started >= 0.3


async def test_person_pays_just_before_close(pay, simulator, receiver):
    number = new_number()
    await place(pay, simulator, receiver, number)
    await simulator.fault("pay_before_close", times=1)
    status, text = await pay.close(number)
    assert (status, json.loads(text)["code"]) == (400, "ORDERPAID")
    assert await state_of(simulator, number) == "SUCCESS"
    await receiver.wait_for(1)


async def test_empty_merchant_balance_refuses_the_refund_until_it_is_filled(pay, simulator, receiver):
    number, refund_no = await paid_order(pay, simulator, receiver), new_number("R")
    await simulator.fault("refund_not_enough", times=1)
    status, answer = await refund(pay, number, refund_no, 2500)
    assert (status, answer["code"]) == (403, "NOT_ENOUGH")
    assert (await refund(pay, number, refund_no, 2500))[0] == 200


async def test_closed_refund_gives_the_money_back_to_be_refunded_again(pay, simulator, receiver):
    number = await paid_order(pay, simulator, receiver)
    await simulator.fault("refund_closed", times=1)
    await refund(pay, number, new_number("R"), 2500, notify_url=receiver.url)
    arrived = await receiver.wait_for(2)
    assert pay.callback(arrived[1].headers, arrived[1].body)["event_type"] == "REFUND.CLOSED"
    await simulator.post("/settings", clock_offset_seconds=60)
    assert (await refund(pay, number, new_number("R"), 2500))[0] == 200


async def test_fault_for_one_order_leaves_others_alone_and_can_be_removed(pay, simulator, receiver):
    struck = new_number()
    rule = await simulator.fault("api_429", target="prepay", out_trade_no=struck)
    assert (await place(pay, simulator, receiver, new_number()))[0] == 200
    assert (await place(pay, simulator, receiver, struck))[0] == 429
    assert (await simulator.http.delete(f"/faults/{rule['id']}")).status_code == 200
    assert (await place(pay, simulator, receiver, struck))[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "no_such"}, "unknown_kind"),
        ({"kind": "api_429", "target": "token"}, "unknown_target"),
        ({"kind": "api_429", "times": 0}, "bad_times"),
        ({"kind": "api_429", "value": "much"}, "bad_field"),
        ({}, "bad_field"),
    ],
)
async def test_senseless_fault_is_refused(simulator, body, code):
    answer = await simulator.http.post("/faults", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
