"""Native QR and payment codes, spoken by the unmodified AsyncWeChatPay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from tests.fixtures.wechat import Receiver, Simulator, new_number

SCENE = {"device_id": "KIOSK-01", "store_info": {"out_id": "OUTPATIENT"}}


async def native(pay: AsyncWeChatPay, receiver: Receiver, number: str) -> tuple[int, Any]:
    status, text = await pay.pay(
        description="门诊缴费",
        out_trade_no=number,
        amount={"total": 3000, "currency": "CNY"},
        notify_url=receiver.url,
        pay_type=WeChatPayType.NATIVE,
    )
    return status, json.loads(text)


async def charge(pay: AsyncWeChatPay, code: str, number: str, fen: int = 3000, **changes: Any) -> tuple[int, Any]:
    order = {"description": "门诊缴费", "amount": {"total": fen, "currency": "CNY"}, "scene_info": SCENE, **changes}
    status, text = await pay.pay(
        out_trade_no=number, payer={"auth_code": code}, pay_type=WeChatPayType.CODEPAY, **order
    )
    return status, json.loads(text)


async def code_of(simulator: Simulator) -> str:
    return str((await simulator.post(f"/users/{await simulator.person()}/payment-code"))["auth_code"])


async def state_of(pay: AsyncWeChatPay, number: str) -> str:
    return str(json.loads((await pay.query(out_trade_no=number))[1])["trade_state"])


async def test_native_code_is_paid_by_whoever_scans_it_and_called_back(pay, simulator, receiver):
    number = new_number()
    status, first = await native(pay, receiver, number)
    assert status == 200
    assert first["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    _, again = await native(pay, receiver, number)
    assert again["code_url"] != first["code_url"]
    person = await simulator.person()
    dead = await simulator.http.post("/pay", json={"code_url": first["code_url"], "openid": person})
    assert dead.status_code == 404
    nobody = await simulator.http.post("/pay", json={"code_url": again["code_url"]})
    assert nobody.json()["code"] == "payer_unknown"

    await simulator.post("/pay", code_url=again["code_url"], openid=person)
    [arrived] = await receiver.wait_for(1)
    resource = pay.callback(arrived.headers, arrived.body)["resource"]
    assert (resource["trade_type"], resource["payer"]["openid"]) == ("NATIVE", person)
    assert (await native(pay, receiver, number))[1]["code"] == "ORDERPAID"


async def test_payment_code_pays_at_once_and_never_calls_back(pay, simulator, receiver):
    code, number = await code_of(simulator), new_number()
    status, paid = await charge(pay, code, number)
    assert (status, paid["trade_state"], paid["trade_type"]) == (200, "SUCCESS", "MICROPAY")
    assert (await simulator.get(f"/orders/{number}"))["notifications"] == []
    assert (await charge(pay, code, number))[1]["code"] == "ORDERPAID"
    assert (await charge(pay, code, new_number()))[1]["code"] == "AUTH_CODE_EXPIRED"  # spent
    status, refusal = json_of(await pay.close(number))
    assert (status, refusal["code"]) == (400, "INVALID_REQUEST")


def json_of(answer: tuple[int, Any]) -> tuple[int, Any]:
    return answer[0], json.loads(answer[1])


@pytest.mark.parametrize("code", ["12345", "990000000000000000", "100000000000000000"])
async def test_code_that_is_none_is_refused_and_takes_nothing(pay, code):
    number = new_number()
    assert (await charge(pay, code, number))[0] == 400
    assert (await pay.query(out_trade_no=number))[0] == 404


async def test_code_older_than_a_minute_is_refused(pay, simulator):
    code = await code_of(simulator)
    await simulator.post("/settings", clock_offset_seconds=61)
    assert (await charge(pay, code, new_number()))[1]["code"] == "AUTH_CODE_EXPIRED"


async def test_code_without_a_shop_or_with_a_notify_url_is_refused(pay, simulator):
    code = await code_of(simulator)
    assert (await charge(pay, code, new_number(), scene_info={"device_id": "1"}))[0] == 400


async def test_above_1000_yuan_waits_for_the_password_which_may_come(pay, simulator):
    number = new_number()
    status, waiting = await charge(pay, await code_of(simulator), number, 100_001)
    assert (status, waiting["trade_state"]) == (200, "USERPAYING")
    assert "transaction_id" not in waiting
    await simulator.post(f"/orders/{number}/password", accept=True)
    assert await state_of(pay, number) == "SUCCESS"


async def test_password_that_never_comes_is_revoked_by_the_platform(pay, simulator):
    await simulator.fault("codepay_password", times=1)
    number = new_number()
    assert (await charge(pay, await code_of(simulator), number))[1]["trade_state"] == "USERPAYING"
    await simulator.post("/settings", time_scale=100_000)
    assert await state_of(pay, number) == "REVOKED"
    late = await simulator.http.post(f"/orders/{number}/password", json={"accept": True})
    assert late.status_code == 409


async def test_reverse_gives_paid_money_back_and_may_be_repeated(pay, simulator):
    await simulator.post("/settings", time_scale=1)
    number = new_number()
    await charge(pay, await code_of(simulator), number)
    assert json_of(await pay.codepay_reverse(number))[1]["code"] == "FREQUENCY_LIMITED"  # within 15 s
    await simulator.post("/settings", clock_offset_seconds=16)
    for _ in range(2):
        status, answer = json_of(await pay.codepay_reverse(number))
        assert (status, answer["out_trade_no"]) == (200, number)
    assert await state_of(pay, number) == "REVOKED"
    assert (await charge(pay, "100000000000000000", number))[1]["code"] == "INVALID_REQUEST"


async def test_only_payment_codes_are_reversed(pay, simulator, receiver):
    number = new_number()
    await native(pay, receiver, number)
    assert json_of(await pay.codepay_reverse(number))[1]["code"] == "INVALID_REQUEST"
    assert (await pay.codepay_reverse("UNKNOWN123"))[0] == 404


async def test_person_without_money_is_told_at_once(pay, simulator):
    await simulator.fault("codepay_no_money", times=1)
    number = new_number()
    status, refusal = await charge(pay, await code_of(simulator), number)
    assert (status, refusal["code"]) == (403, "NOT_ENOUGH")
    assert await state_of(pay, number) == "PAYERROR"
