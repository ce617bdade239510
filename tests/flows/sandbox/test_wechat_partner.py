"""A service provider's calls, certificates and switches that came later, spoken by the unmodified AsyncWeChatPay."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType
from wechatpayv3.async_.type import RequestType

from sandbox.wechat import WechatSandboxFiles
from tests.fixtures.wechat import make_pay, new_number


@pytest.fixture(scope="session")
async def provider(wechat_files: WechatSandboxFiles, simulator_url: str) -> AsyncIterator[AsyncWeChatPay]:
    async with make_pay(wechat_files, simulator_url, partner_mode=True, appid=wechat_files.sp_appid) as client:
        yield client


def json_of(answer: tuple[int, Any]) -> tuple[int, Any]:
    return answer[0], json.loads(answer[1])


async def test_provider_orders_queries_refunds_and_is_called_back_for_its_merchant(
    provider, pay, simulator, receiver, wechat_files
):
    number, sub = new_number(), wechat_files.sub_mchids[0]
    person = await simulator.person()
    order = {
        "description": "东院区 挂号费", "out_trade_no": number, "amount": {"total": 2500, "currency": "CNY"},
        "payer": {"sub_openid": person}, "sub_appid": wechat_files.appid, "sub_mchid": sub,
        "notify_url": receiver.url, "pay_type": WeChatPayType.MINIPROG,
    }  # fmt: skip
    status, placed = json_of(await provider.pay(**order))
    assert status == 200
    await simulator.post("/pay", prepay_id=placed["prepay_id"])
    [arrived] = await receiver.wait_for(1)
    told = provider.callback(arrived.headers, arrived.body)["resource"]
    assert (told["sp_mchid"], told["sub_mchid"], told["sub_appid"]) == (wechat_files.mchid, sub, wechat_files.appid)
    assert told["payer"] == {"sub_openid": person}
    assert "appid" not in told

    assert json_of(await provider.query(out_trade_no=number, sub_mchid=sub))[1]["trade_state"] == "SUCCESS"
    by_id = json_of(await provider.query(transaction_id=told["transaction_id"], sub_mchid=sub))[1]
    assert by_id["out_trade_no"] == number
    for other in (wechat_files.sub_mchids[1], "1900000001"):
        assert (await provider.query(out_trade_no=number, sub_mchid=other))[0] == 404
    assert (await pay.query(out_trade_no=number))[0] == 404  # not an order of the merchant itself

    amount = {"refund": 500, "total": 2500, "currency": "CNY"}
    status, refused = json_of(
        await provider.refund(new_number("R"), amount, out_trade_no=number, sub_mchid=wechat_files.sub_mchids[1])
    )
    assert (status, refused["code"]) == (404, "RESOURCE_NOT_EXISTS")
    refund_no = new_number("R")
    status, _ = await provider.refund(refund_no, amount, out_trade_no=number, sub_mchid=sub, notify_url=receiver.url)
    assert status == 200
    notice = (await receiver.wait_for(2))[1]
    resource = provider.callback(notice.headers, notice.body)["resource"]
    assert (resource["sp_mchid"], resource["sub_mchid"]) == (wechat_files.mchid, sub)
    assert json_of(await provider.query_refund(refund_no, sub_mchid=sub))[1]["status"] == "SUCCESS"


async def test_provider_may_not_order_for_a_merchant_that_is_not_its_own(provider, receiver, simulator, wechat_files):
    order = {
        "description": "挂号费", "out_trade_no": new_number(), "amount": {"total": 1, "currency": "CNY"},
        "notify_url": receiver.url, "sub_mchid": "1900000001", "pay_type": WeChatPayType.NATIVE,
    }  # fmt: skip
    status, refusal = json_of(await provider.pay(**order))
    assert (status, refusal["code"]) == (403, "NO_AUTH")
    order["sub_mchid"] = wechat_files.sub_mchids[2]
    assert (await provider.pay(**order))[0] == 200
    assert (await provider.close(order["out_trade_no"], sub_mchid=wechat_files.sub_mchids[2]))[0] == 204


async def test_abnormal_refund_goes_to_a_bank_card(pay, simulator, receiver):
    number, refund_no = new_number(), new_number("R")
    _, placed = json_of(
        await pay.pay(
            description="挂号费",
            out_trade_no=number,
            amount={"total": 2500, "currency": "CNY"},
            payer={"openid": await simulator.person()},
            notify_url=receiver.url,
        )
    )
    await simulator.post("/pay", prepay_id=placed["prepay_id"])
    await simulator.fault("refund_abnormal", times=1)
    amount = {"refund": 2500, "total": 2500, "currency": "CNY"}
    _, refund = json_of(await pay.refund(refund_no, amount, out_trade_no=number, notify_url=receiver.url))
    await receiver.wait_for(2)
    assert json_of(await pay.query_refund(refund_no))[1]["status"] == "ABNORMAL"
    status, plain = json_of(
        await pay._core.request(
            f"/v3/refund/domestic/refunds/{refund['refund_id']}/apply-abnormal-refund",
            method=RequestType.POST,
            data={
                "out_refund_no": refund_no,
                "type": "USER_BANK_CARD",
                "bank_type": "ICBC_DEBIT",
                "bank_account": "6222000000000000000",
                "real_name": "张三",
            },
        )
    )
    assert (status, plain["code"]) == (400, "PARAM_ERROR")  # not sealed
    status, again = json_of(
        await pay.abnormal_refund(
            refund["refund_id"], refund_no, "USER_BANK_CARD", "ICBC_DEBIT", "6222000000000000000", "张三"
        )
    )
    assert (status, again["status"], again["user_received_account"]) == (200, "PROCESSING", "用户银行卡")
    notice = (await receiver.wait_for(3))[2]
    assert pay.callback(notice.headers, notice.body)["event_type"] == "REFUND.SUCCESS"


async def test_refund_that_stays_processing_ends_when_the_bank_answers(pay, simulator, receiver):
    number, refund_no = new_number(), new_number("R")
    _, placed = json_of(
        await pay.pay(
            description="挂号费",
            out_trade_no=number,
            amount={"total": 100, "currency": "CNY"},
            payer={"openid": await simulator.person()},
            notify_url=receiver.url,
        )
    )
    await simulator.post("/pay", prepay_id=placed["prepay_id"])
    await simulator.fault("refund_processing", times=1)
    await pay.refund(refund_no, {"refund": 100, "total": 100, "currency": "CNY"}, out_trade_no=number)
    await simulator.post("/settings", time_scale=100_000)
    assert json_of(await pay.query_refund(refund_no))[1]["status"] == "PROCESSING"
    await simulator.post(f"/refunds/{refund_no}/settle")
    assert json_of(await pay.query_refund(refund_no))[1]["status"] == "SUCCESS"


async def test_gateway_that_is_flaky_fails_now_and_then_and_acts_only_when_it_answers(pay, simulator):
    await simulator.fault("api_flaky", target="query", value=50)
    seen = {(await pay.query(out_trade_no="UNKNOWN1"))[0] for _ in range(40)}
    assert seen == {404, 500}


async def test_merchant_on_the_move_gets_both_serials_and_finds_the_certificate(pay, simulator, receiver):
    await simulator.fault("callback_mixed_serial", value=50)
    status, text = await pay._core.request("/v3/certificates", skip_verify=True)
    assert status == 200
    listed = {entry["serial_no"].lstrip("0") for entry in json.loads(text)["data"]}
    for _ in range(12):
        order = {
            "description": "挂号费", "out_trade_no": new_number(), "amount": {"total": 1, "currency": "CNY"},
            "payer": {"openid": await simulator.person()}, "notify_url": receiver.url,
        }  # fmt: skip
        await simulator.post("/pay", prepay_id=json_of(await pay.pay(**order))[1]["prepay_id"])
    arrived = await receiver.wait_for(12)
    serials = {item.headers["Wechatpay-Serial"].lstrip("0") for item in arrived}
    assert any(serial.startswith("PUB_KEY_ID_") for serial in serials)
    assert serials & listed


async def test_callback_that_was_taken_comes_once_more(pay, simulator, receiver):
    await simulator.fault("callback_again", times=1)
    order = {
        "description": "挂号费", "out_trade_no": new_number(), "amount": {"total": 1, "currency": "CNY"},
        "payer": {"openid": await simulator.person()}, "notify_url": receiver.url,
    }  # fmt: skip
    await simulator.post("/pay", prepay_id=json_of(await pay.pay(**order))[1]["prepay_id"])
    first, second = await receiver.wait_for(2)
    assert first.body == second.body
    assert first.headers["Wechatpay-Nonce"] != second.headers["Wechatpay-Nonce"]
