"""Orders, payment, close and refund, spoken by the unmodified AsyncWeChatPay."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from wechatpayv3.async_ import AsyncWeChatPay

from sandbox.wechat import WechatSandboxFiles
from tests.fixtures.wechat import Receiver, Simulator, make_pay, new_number


async def place(
    pay: AsyncWeChatPay, simulator: Simulator, receiver: Receiver, number: str, **changes: Any
) -> tuple[int, Any]:
    order = {
        "description": "门诊挂号费",
        "out_trade_no": number,
        "amount": {"total": 2500, "currency": "CNY"},
        "payer": {"openid": await simulator.person()},
        "notify_url": receiver.url,
    }
    status, text = await pay.pay(**{**order, **changes})
    return status, json.loads(text)


async def paid_order(pay: AsyncWeChatPay, simulator: Simulator, receiver: Receiver, **changes: Any) -> str:
    number = new_number()
    status, answer = await place(pay, simulator, receiver, number, **changes)
    assert status == 200
    await simulator.post("/pay", prepay_id=answer["prepay_id"])
    return number


async def refund(
    pay: AsyncWeChatPay, number: str, refund_no: str, fen: int, total: int = 2500, notify_url: str | None = None
) -> tuple[int, Any]:
    amount = {"refund": fen, "total": total, "currency": "CNY"}
    status, text = await pay.refund(refund_no, amount, out_trade_no=number, notify_url=notify_url)
    return status, json.loads(text)


def pay_sign(pay: AsyncWeChatPay, files: WechatSandboxFiles, prepay_id: str) -> dict[str, str]:
    fields = {
        "appId": files.appid,
        "timeStamp": str(int(time.time())),
        "nonceStr": "n0nce",
        "package": f"prepay_id={prepay_id}",
    }
    return {**fields, "signType": "RSA", "paySign": pay.sign(list(fields.values()))}


async def test_order_paid_with_right_pay_sign_is_success_and_notified_once(pay, simulator, receiver, wechat_files):
    number = new_number()
    status, answer = await place(pay, simulator, receiver, number, attach="挂号")
    assert status == 200
    status, text = await pay.query(out_trade_no=number)
    assert (status, json.loads(text)["trade_state"]) == (200, "NOTPAY")

    signed = pay_sign(pay, wechat_files, answer["prepay_id"])
    paid = await simulator.post("/pay", prepay_id=answer["prepay_id"], openid=await simulator.person(), **signed)
    [arrived] = await receiver.wait_for(1)
    event = pay.callback(arrived.headers, arrived.body)

    assert event["event_type"] == "TRANSACTION.SUCCESS"
    assert event["resource"]["out_trade_no"] == number
    assert event["resource"]["amount"] == {
        "total": 2500, "currency": "CNY", "payer_total": 2500, "payer_currency": "CNY",
    }  # fmt: skip
    assert event["resource"]["attach"] == "挂号"
    by_id = json.loads((await pay.query(transaction_id=paid["transaction_id"]))[1])
    assert by_id == event["resource"]
    [sent] = (await simulator.told(number))["notifications"]
    assert (sent["status"], len(sent["attempts"])) == ("delivered", 1)


async def test_wrong_pay_sign_is_refused_and_order_stays_unpaid(pay, simulator, receiver, wechat_files):
    number = new_number()
    _, answer = await place(pay, simulator, receiver, number)
    good = pay_sign(pay, wechat_files, answer["prepay_id"])
    wrong = {**good, "timeStamp": str(int(good["timeStamp"]) + 1)}
    for given, code in (
        (wrong, "pay_sign_wrong"),
        ({**good, "package": "prepay_id=wx0"}, "pay_sign_mismatch"),
        ({**good, "appId": "wx0"}, "pay_sign_appid"),
        ({"paySign": good["paySign"]}, "pay_sign_incomplete"),
    ):
        refusal = await simulator.http.post("/pay", json={"prepay_id": answer["prepay_id"], **given})
        assert (refusal.status_code, refusal.json()["code"]) == (400, code)
    assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "NOTPAY"


async def test_other_person_cannot_pay(pay, simulator, receiver):
    _, answer = await place(pay, simulator, receiver, new_number())
    other = (await simulator.get("/users"))["items"][1]["openid"]
    refusal = await simulator.http.post("/pay", json={"prepay_id": answer["prepay_id"], "openid": other})
    assert (refusal.status_code, refusal.json()["code"]) == (403, "other_payer")


async def test_reentry_gives_new_prepay_id_and_other_parameters_are_refused(pay, simulator, receiver):
    number = new_number()
    _, first = await place(pay, simulator, receiver, number)
    _, second = await place(pay, simulator, receiver, number)
    assert first["prepay_id"] != second["prepay_id"]

    status, refusal = await place(pay, simulator, receiver, number, amount={"total": 2600, "currency": "CNY"})
    assert (status, refusal["code"]) == (400, "INVALID_REQUEST")
    assert "参数与首次请求时不一致" in refusal["message"]

    await simulator.post("/pay", prepay_id=first["prepay_id"])
    assert (await place(pay, simulator, receiver, number))[1]["code"] == "ORDERPAID"
    again = await simulator.http.post("/pay", json={"prepay_id": second["prepay_id"]})
    assert again.json()["code"] == "already_paid"


async def test_closed_order_stays_closed_and_paid_order_cannot_be_closed(pay, simulator, receiver):
    number = new_number()
    _, answer = await place(pay, simulator, receiver, number)
    assert await pay.close(number) == (204, b"")
    assert await pay.close(number) == (204, b"")
    assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "CLOSED"
    assert (await place(pay, simulator, receiver, number))[1]["code"] == "ORDER_CLOSED"
    refusal = await simulator.http.post("/pay", json={"prepay_id": answer["prepay_id"]})
    assert refusal.json()["code"] == "closed"

    paid = await paid_order(pay, simulator, receiver)
    status, text = await pay.close(paid)
    assert (status, json.loads(text)["code"]) == (400, "ORDERPAID")
    assert (await pay.close("UNKNOWN1"))[0] == 404


async def test_expired_order_refuses_payment_but_is_not_closed(pay, simulator, receiver):
    number = new_number()
    expiry = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(minutes=5)).isoformat(timespec="seconds")
    _, answer = await place(pay, simulator, receiver, number, time_expire=expiry)
    await simulator.post("/settings", clock_offset_seconds=301)
    refusal = await simulator.http.post("/pay", json={"prepay_id": answer["prepay_id"]})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "expired")
    # Requests are still signed with real time, and the order is still NOTPAY.
    assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "NOTPAY"

    await simulator.post("/settings", clock_offset_seconds=8 * 86400)
    assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "CLOSED"


async def test_prepay_id_dies_after_two_hours_and_a_new_one_pays(pay, simulator, receiver):
    number = new_number()
    _, first = await place(pay, simulator, receiver, number)
    await simulator.post("/settings", clock_offset_seconds=7201)
    refusal = await simulator.http.post("/pay", json={"prepay_id": first["prepay_id"]})
    assert refusal.json()["code"] == "prepay_expired"
    _, second = await place(pay, simulator, receiver, number)
    assert (await simulator.post("/pay", prepay_id=second["prepay_id"]))["trade_state"] == "SUCCESS"


async def test_bad_orders_are_parameter_errors(pay, simulator, receiver):
    for changes in (
        {"amount": {"total": 1.5, "currency": "CNY"}},
        {"amount": {"total": -1, "currency": "CNY"}},
        {"amount": {"total": 1, "currency": "USD"}},
        {"payer": {"openid": "stranger"}},
        {"description": "长" * 128},
        {"notify_url": receiver.url + "?a=1"},
        {"notify_url": "http://["},
        {"time_expire": "2030-01-01T00:00:00"},
        {"time_expire": "2020-01-01T00:00:00+08:00"},
        {"appid": "wx0"},
    ):
        status, refusal = await place(pay, simulator, receiver, new_number(), **changes)
        assert (status, refusal["code"]) == (400, "PARAM_ERROR"), changes
    assert (await place(pay, simulator, receiver, "T1"))[1]["code"] == "PARAM_ERROR"
    assert (await place(pay, simulator, receiver, new_number(), mchid="1900000001"))[0] == 403
    assert (await simulator.get("/state"))["orders"] == {}


async def test_unsigned_or_foreign_request_is_refused(pay, simulator, wechat_files, receiver):
    answer = httpx.get(f"{simulator.address}/v3/certificates", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert answer.headers["Request-ID"].endswith("-SIGN_ERROR")

    stranger = make_pay(wechat_files, simulator.address, private_key=_other_key())
    async with stranger:
        status, refusal = await place(stranger, simulator, receiver, new_number())
    assert status == 401
    assert refusal["detail"]["issue"] == "sign not match"
    assert refusal["detail"]["sign_information"]["url"] == "/v3/pay/transactions/jsapi"


def _other_key() -> str:
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()).decode()


async def test_refund_is_processing_then_success_with_callback(pay, simulator, receiver):
    number, refund_no = await paid_order(pay, simulator, receiver), new_number("R")
    status, answer = await refund(pay, number, refund_no, 2500, notify_url=receiver.url)
    assert (status, answer["status"]) == (200, "PROCESSING")
    assert json.loads((await pay.query(out_trade_no=number))[1])["trade_state"] == "REFUND"

    arrived = await receiver.wait_for(2)
    event = pay.callback(arrived[1].headers, arrived[1].body)
    assert event["event_type"] == "REFUND.SUCCESS"
    assert event["resource"]["out_refund_no"] == refund_no
    assert event["resource"]["refund_status"] == "SUCCESS"
    assert event["resource"]["amount"]["refund"] == 2500
    status, text = await pay.query_refund(refund_no)
    assert (status, json.loads(text)["status"]) == (200, "SUCCESS")
    assert (await pay.query_refund("NONE"))[0] == 404


async def test_refund_number_refunds_once_and_sum_never_exceeds_payment(pay, simulator, receiver):
    number, refund_no = await paid_order(pay, simulator, receiver), new_number("R")
    _, first = await refund(pay, number, refund_no, 1000)
    status, again = await refund(pay, number, refund_no, 1000)
    assert (status, again["refund_id"]) == (200, first["refund_id"])
    assert (await refund(pay, number, refund_no, 1001))[1]["code"] == "INVALID_REQUEST"
    assert (await refund(pay, number, new_number("R"), 1501))[1]["code"] == "INVALID_REQUEST"
    assert (await refund(pay, number, new_number("R"), 100, total=2400))[1]["code"] == "INVALID_REQUEST"
    status, early = await refund(pay, number, new_number("R"), 1500)
    assert (status, early["code"]) == (429, "FREQUENCY_LIMITED")
    await simulator.post("/settings", clock_offset_seconds=60)
    assert (await refund(pay, number, new_number("R"), 1500))[0] == 200
    assert len((await simulator.get(f"/orders/{number}"))["refunds"]) == 2


async def test_refund_of_unpaid_or_unknown_order_is_refused(pay, simulator, receiver):
    number = new_number()
    await place(pay, simulator, receiver, number)
    assert (await refund(pay, number, new_number("R"), 1))[1]["code"] == "INVALID_REQUEST"
    status, refusal = await refund(pay, "UNKNOWN1", new_number("R"), 1)
    assert (status, refusal["code"]) == (404, "RESOURCE_NOT_EXISTS")


async def test_bill_of_yesterday_lists_payment_and_refund(pay, simulator, receiver):
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    number = await paid_order(pay, simulator, receiver)
    await refund(pay, number, new_number("R"), 700)
    status, text = await pay.trade_bill(f"{now:%Y-%m-%d}")
    assert (status, json.loads(text)["code"]) == (400, "PARAM_ERROR")
    next_day = (now + timedelta(days=1)).replace(minute=0, second=0)
    for hour, expected in ((9, "STATEMENT_CREATING"), (10, None)):
        offset = (next_day.replace(hour=hour) - now).total_seconds()
        await simulator.post("/settings", clock_offset_seconds=offset)
        status, text = await pay.trade_bill(f"{now:%Y-%m-%d}", tar_type="GZIP")
        assert json.loads(text).get("code") == expected

    bill = json.loads(text)
    status, packed = await pay.download_bill(bill["download_url"])
    content = gzip.decompress(packed)
    assert status == 200
    assert hashlib.sha1(content).hexdigest() == bill["hash_value"]
    head, paid_row, refund_row, _, totals = content.decode("utf-8-sig").splitlines()
    assert head.startswith("交易时间,")
    paid = dict(zip(head.split(","), (part.lstrip("`") for part in paid_row.split(",")), strict=True))
    assert (paid["商户订单号"], paid["订单金额"], paid["手续费"]) == (number, "25.00", "0.15000")
    assert "`7.00" in refund_row
    assert totals == "`2,`25.00,`7.00,`0.00,`0.10800,`25.00,`7.00"

    await simulator.fault("bill_difference", times=1)
    changed = json.loads((await pay.trade_bill(f"{now:%Y-%m-%d}", tar_type="GZIP"))[1])
    assert changed["hash_value"] != bill["hash_value"]
    _, packed = await pay.download_bill(changed["download_url"])
    assert "STRANGER" in gzip.decompress(packed).decode()


async def test_new_merchant_has_no_certificates(pay):
    status, text = await pay._core.request("/v3/certificates", skip_verify=True)
    assert (status, json.loads(text)["code"]) == (404, "RESOURCE_NOT_EXISTS")
