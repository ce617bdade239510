"""Trade bills: their format, what a day holds, and the differences that can be planted."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from wechatpayv3.async_ import AsyncWeChatPay

from sandbox.wechat.faults import KINDS
from tests.fixtures.wechat import Receiver, Simulator, new_number

PLANTED = sorted(kind for kind, known in KINDS.items() if known.targets == ("tradebill",) and known.unit)


async def bill(pay: AsyncWeChatPay, day: str) -> list[dict[str, str]]:
    """The rows of a bill whose hash is right."""
    status, text = await pay.trade_bill(day)
    assert status == 200, text
    told = json.loads(text)
    content = gzip.decompress((await pay.download_bill(told["download_url"]))[1])
    assert hashlib.sha1(content).hexdigest() == told["hash_value"]
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows, _, totals = content.decode("utf-8-sig").splitlines()
    assert int(totals.split(",")[0].lstrip("`")) == len(rows)
    assert all(part.startswith("`") for row in rows for part in row.split(","))
    return [dict(zip(head.split(","), (part[1:] for part in row.split(",")), strict=True)) for row in rows]


@pytest.fixture
async def day(pay: AsyncWeChatPay, simulator: Simulator, receiver: Receiver) -> str:
    """Three payments, each refunded in part; the bill of that day is ready."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    await simulator.post("/settings", refund_seconds=0)
    for _ in range(3):
        number = new_number()
        _, text = await pay.pay(
            description="挂号费", out_trade_no=number, amount={"total": 2500, "currency": "CNY"},
            payer={"openid": await simulator.person()}, notify_url=receiver.url,
        )  # fmt: skip
        await simulator.post("/pay", prepay_id=json.loads(text)["prepay_id"])
        amount = {"refund": 700, "total": 2500, "currency": "CNY"}
        assert (await pay.refund(new_number("R"), amount, out_trade_no=number))[0] == 200
    async with asyncio.timeout(10):
        while any(r["status"] != "SUCCESS" for r in (await simulator.get("/state"))["refunds"].values()):
            await asyncio.sleep(0.02)
    await at(simulator, now + timedelta(days=1), 10)
    return f"{now:%Y-%m-%d}"


async def at(simulator: Simulator, day: datetime, hour: int) -> None:
    wanted = day.replace(hour=hour, minute=0, second=0)
    await simulator.post("/settings", clock_offset_seconds=(wanted - datetime.now(wanted.tzinfo)).total_seconds())


async def test_bill_asked_again_is_the_same(pay, day):
    first = await bill(pay, day)
    assert first == await bill(pay, day)
    assert [row["交易状态"] for row in first].count("REFUND") == 3
    assert {row["手续费"] for row in first} == {"0.15000", "-0.04200"}


async def test_eight_kinds_of_differences_and_more_can_be_planted():
    assert len(PLANTED) >= 8


@pytest.mark.parametrize("kind", PLANTED)
async def test_planted_difference_is_in_the_bill_and_on_the_list(pay, simulator, day, kind):
    honest = await bill(pay, day)
    await simulator.fault(kind, value=1)
    changed = await bill(pay, day)
    assert changed != honest
    assert changed == await bill(pay, day)  # a rule that stays gives the same file again
    made = (await simulator.get("/state"))["bills"][0]
    assert [note["kind"] for note in made["planted"]] == [kind]
    assert made["rows"] == len(changed)
    differing = [row for row in changed if row not in honest] + [row for row in honest if row not in changed]
    assert len(differing) <= 2
    content = (await simulator.http.get(f"/bills/{made['id']}")).content
    assert hashlib.sha1(content).hexdigest() == made["sha1"]


async def test_all_differences_together_touch_different_rows(pay, simulator, day):
    for kind in ("bill_payment_missing", "bill_amount", "bill_payment_twice", "bill_refund_missing"):
        await simulator.fault(kind, value=1)
    await bill(pay, day)
    planted = (await simulator.get("/state"))["bills"][0]["planted"]
    assert len({(note["out_trade_no"], note["out_refund_no"]) for note in planted}) == 4


async def test_difference_can_be_planted_in_one_order(pay, simulator, day):
    wanted = (await bill(pay, day))[-1]["商户订单号"]
    await simulator.fault("bill_payment_missing", out_trade_no=wanted)
    rows = await bill(pay, day)
    assert (wanted, "SUCCESS") not in {(row["商户订单号"], row["交易状态"]) for row in rows}


async def test_bill_not_ready_bad_hash_and_empty_day_are_told(pay, simulator, day):
    await simulator.fault("bill_not_ready", times=1)
    assert json.loads((await pay.trade_bill(day))[1])["code"] == "STATEMENT_CREATING"
    await simulator.fault("bill_bad_hash", times=1)
    told = json.loads((await pay.trade_bill(day))[1])
    content = gzip.decompress((await pay.download_bill(told["download_url"]))[1])
    assert hashlib.sha1(content).hexdigest() != told["hash_value"]
    before = (datetime.fromisoformat(day) - timedelta(days=1)).strftime("%Y-%m-%d")
    assert json.loads((await pay.trade_bill(before))[1])["code"] == "NO_STATEMENT_EXIST"


async def test_reversed_payment_code_is_a_row_of_its_own(pay, simulator):
    from tests.flows.sandbox.test_wechat_codepay import charge, code_of

    now: Any = datetime.now(ZoneInfo("Asia/Shanghai"))
    number = new_number()
    await charge(pay, await code_of(simulator), number)
    await simulator.post("/settings", time_scale=100_000)
    assert (await pay.codepay_reverse(number))[0] == 200
    await at(simulator, now + timedelta(days=1), 11)
    rows = await bill(pay, f"{now:%Y-%m-%d}")
    assert [(row["交易类型"], row["交易状态"], row["退款金额"]) for row in rows] == [
        ("MICROPAY", "SUCCESS", "0.00"),
        ("MICROPAY", "REVOKED", "30.00"),
    ]
