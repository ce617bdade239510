"""The channel's bill: streamed, verified by its hash, read row by row."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hospital_core.finance.payments.ports import (
    BillNotReady,
    BillRowKind,
    CodeOrder,
    GatewayUnknown,
    PrepayOrder,
    RefundOrder,
)
from miniapp_api.wechat.answers import BillAddress
from miniapp_api.wechat.bills import _check, read_rows
from sandbox.wechat.bills import COLUMNS, csv_of
from tests.fixtures.wechat import new_number

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def day(wechat, simulator, receiver) -> date:
    """A payment with a coupon and a refund, a reversed payment code; the next day at ten."""
    now = datetime.now(SHANGHAI)
    await simulator.fault("coupon", times=1, value=100)
    order = PrepayOrder(
        new_number(), 2500, "挂号费", await simulator.person(), datetime.now(UTC) + timedelta(minutes=15)
    )
    await simulator.post("/pay", prepay_id=await wechat.gateway.prepay(order))
    paid = await wechat.gateway.query(order.out_trade_no)
    wanted = RefundOrder(new_number("R"), order.out_trade_no, paid.transaction_id, 1000, 2500, "退号")
    await wechat.gateway.refund(wanted)
    code = (await simulator.post(f"/users/{order.payer_openid}/payment-code"))["auth_code"]
    scanned = CodeOrder(new_number(), 700, "缴费", "WINDOW-01")
    await wechat.gateway.charge_code(scanned, code)
    await simulator.post("/settings", time_scale=100_000)
    await wechat.gateway.reverse(scanned.out_trade_no)
    tomorrow = (now + timedelta(days=1)).replace(hour=10, minute=0, second=0)
    await simulator.post("/settings", clock_offset_seconds=(tomorrow - now).total_seconds())
    return now.date()


async def rows(gateway, day):
    return [row async for row in gateway.bill(day)]


async def test_bill_tells_payments_refunds_and_reversals_in_fen(wechat, day):
    paid, refund, scanned, undone = await rows(wechat.gateway, day)
    assert (paid.kind, paid.amount_fen, paid.settled_fen) == (BillRowKind.PAYMENT, 2500, 2400)
    assert paid.fee_millifen == 2400 * 6  # 0.6 %
    assert (refund.kind, refund.amount_fen, refund.settled_fen) == (BillRowKind.REFUND, 1000, 960)
    assert (refund.fee_millifen, refund.out_trade_no) == (-960 * 6, paid.out_trade_no)
    assert refund.out_refund_no is not None
    assert (scanned.kind, scanned.trade_type, scanned.refund_id) == (BillRowKind.PAYMENT, "MICROPAY", None)
    assert (undone.kind, undone.settled_fen, undone.out_refund_no) == (BillRowKind.REVERSAL, 700, None)
    assert {row.at.astimezone(SHANGHAI).date() for row in (paid, refund, scanned, undone)} == {day}
    assert {(row.mchid, row.appid, row.sub_mchid) for row in (paid, undone)} == {
        (wechat.gateway.merchant.mchid, wechat.gateway.merchant.appid, None)
    }


async def test_bill_whose_hash_is_wrong_gives_no_row(wechat, simulator, day):
    await simulator.fault("bill_bad_hash", times=1)
    with pytest.raises(GatewayUnknown, match="hash"):
        await rows(wechat.gateway, day)


async def test_bill_before_ten_is_not_ready_and_a_day_without_trade_is_empty(wechat, simulator, day):
    await simulator.fault("bill_not_ready", times=1)
    with pytest.raises(BillNotReady):
        await rows(wechat.gateway, day)
    assert await rows(wechat.gateway, day - timedelta(days=1)) == []


async def test_bill_that_gets_lost_on_the_way_is_unknown(wechat, simulator, day):
    for target in ("tradebill", "download"):
        await simulator.fault("api_lost", target=target, times=1)
        with pytest.raises(GatewayUnknown):
            await rows(wechat.gateway, day)


async def test_provider_may_ask_for_one_merchants_bill(wechat, day, simulator):
    await simulator.fault("bill_merchant", value=1)
    assert (await rows(wechat.gateway, day))[0].sub_mchid == "1900000001"


def a_row(number: int) -> dict[str, str]:
    known = {
        "交易时间": "2026-11-22 10:00:00", "公众账号ID": "wx1", "商户号": "160", "特约商户号": "0",
        "微信订单号": f"42000{number:023d}", "商户订单号": f"T{number:09d}", "用户标识": "o1", "交易类型": "JSAPI",
        "交易状态": "SUCCESS", "应结订单金额": "25.00", "代金券金额": "0.00", "微信退款单号": "0", "商户退款单号": "0",
        "退款金额": "0.00", "充值券退款金额": "0.00", "手续费": "0.15000", "费率": "0.60%", "订单金额": "25.00",
        "申请退款金额": "0.00", "商品名称": "挂号费, 专家",
    }  # fmt: skip
    return dict.fromkeys(COLUMNS.split(","), "") | known


def test_comma_in_a_description_does_not_shift_the_fields():
    [row] = read_rows(csv_of([a_row(1)]).splitlines(keepends=True))
    assert (row.amount_fen, row.fee_millifen, row.out_trade_no) == (2500, 15_000, "T000000001")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"`25.00", b"`25.001"),
        (b"`25.00", b"`"),
        (b"`25.00", b"`1e3"),
        (b"`25.00", b"`2_5.00"),
        (b"`25.00", "`２５.00".encode()),
        (b"`25.00", b"`" + b"9" * 30),
        (b"`T0", b"`\xff0"),
        ("挂号费".encode(), b"x" * 70_000),
        (b"`SUCCESS", b"`UNHEARD"),
        (b"`2026-11-22", b"`soon"),
        (b"`160,", b"`160,`1,"),
        (b"`160,", b"`" + b"1" * 33 + b","),
        (b"`T0", b"`" + b"9" * 60),
        (b"`T0", b"`\x000"),
        (b"\r\n`1,", b"\r\n`2,"),
    ],
)
def test_row_that_is_not_as_documented_is_refused(old, new):
    content = csv_of([a_row(1)])
    assert old in content
    with pytest.raises(GatewayUnknown):
        list(read_rows(content.replace(old, new, 1).splitlines(keepends=True)))


async def test_bill_that_was_damaged_on_the_way_is_refused(tmp_path):
    content = csv_of([a_row(number) for number in range(500)])
    packed = bytearray(gzip.compress(content))
    for place in range(200, 260):
        packed[place] ^= 0x5A
    path = tmp_path / "bill.gz"
    path.write_bytes(packed)
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    address = BillAddress(hash_type="SHA1", hash_value=digest, download_url="http://127.0.0.1/x")
    with path.open("rb") as file, pytest.raises(GatewayUnknown, match="gzip"):
        _check(file, address)


def test_cut_off_bill_is_refused():
    lines = csv_of([a_row(1), a_row(2)]).splitlines(keepends=True)
    with pytest.raises(GatewayUnknown, match="summary"):
        list(read_rows(lines[:-2]))


def test_large_bill_is_read_in_flat_memory(tmp_path):
    path = tmp_path / "bill.gz"
    path.write_bytes(gzip.compress(csv_of([a_row(number) for number in range(20_000)]), 1))
    tracemalloc.start()
    with gzip.open(path) as lines:
        total_fen = sum(row.amount_fen for row in read_rows(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total_fen == 20_000 * 2500
    assert peak < 2_000_000
