"""Trade bill 交易账单: one CSV per Beijing day, ready at 10:00 of the next day. Columns: reference §4.2."""

from __future__ import annotations

import gzip
import hashlib
import secrets
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.wechat import differences
from sandbox.wechat.errors import PayError
from sandbox.wechat.state import Order, Refund
from sandbox.wechat.text import beijing
from sandbox.wechat.world import MadeBill, World

COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
URL_VALID_SECONDS = 30
Row = dict[str, str]


def ask_bill(world: World, query: Mapping[str, str], base_url: str) -> dict[str, Any]:
    """Make the bill and a download address valid for 30 s. `hash_value` is of the file before gzip.

    Raises: PayError PARAM_ERROR, STATEMENT_CREATING, NO_STATEMENT_EXIST, NO_AUTH.
    """
    day = _bill_day(world, query.get("bill_date", ""))
    bill_type, sub_mchid = query.get("bill_type", "ALL"), query.get("sub_mchid", "")
    if bill_type not in ("ALL", "SUCCESS", "REFUND") or query.get("tar_type", "GZIP") != "GZIP":
        raise PayError(400, "PARAM_ERROR", "bill_type 或 tar_type 不支持")
    if sub_mchid and sub_mchid not in world.config.sub_mchids:
        raise PayError(403, "NO_AUTH", "特约商户号与服务商没有授权关系")
    if world.take("bill_not_ready", "tradebill"):
        raise PayError(400, "STATEMENT_CREATING", "账单生成中，请稍后重试")
    content, digest, token = make_bill(world, day, bill_type, sub_mchid)
    if world.take("bill_bad_hash", "tradebill"):
        digest = digest[::-1]
    for old in [key for key, (_, until) in world.bills.items() if until < time.time()]:
        del world.bills[old]
    world.bills[token] = (
        gzip.compress(content) if query.get("tar_type") else content,
        time.time() + URL_VALID_SECONDS,
    )
    return {
        "hash_type": "SHA1",
        "hash_value": digest,
        "download_url": f"{base_url}/v3/billdownload/file?token={token}",
    }


def make_bill(world: World, day: date, bill_type: str, sub_mchid: str) -> tuple[bytes, str, str]:
    """The file of a day with its SHA-1 and a token; kept for the console with what was planted in it.

    Raises: PayError NO_STATEMENT_EXIST.
    """
    rows, planted = differences.planted(world, bill_rows(world, day, bill_type, sub_mchid), day)
    if not rows:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在，请检查当前商户号在指定日期内是否有交易")
    content, token = csv_of(rows), secrets.token_urlsafe(24)
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    made = MadeBill(token[:8], world.now(), day.isoformat(), sub_mchid, len(rows), digest, planted, content)
    world.made_bills.appendleft(made)
    return content, digest, token


def bill_file(world: World, token: str) -> bytes:
    """Raises: PayError when the address is unknown or older than 30 s."""
    content, expires_at = world.bills.get(token, (b"", 0.0))
    if time.time() > expires_at:
        world.bills.pop(token, None)
        raise PayError(400, "PARAM_ERROR", "账单下载地址无效或已过期")
    return content


def _bill_day(world: World, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PayError(400, "PARAM_ERROR", "bill_date 应为 yyyy-MM-dd") from None
    now = beijing(world.now())
    if day >= now.date() or day < now.date() - timedelta(days=92):
        raise PayError(400, "PARAM_ERROR", "bill_date 只能是昨天起往前三个月内的日期")
    if day == now.date() - timedelta(days=1) and now.hour < 10:
        raise PayError(400, "STATEMENT_CREATING", "账单生成中，请在次日 10 点后重试")
    return day


def bill_rows(world: World, day: date, bill_type: str = "ALL", sub_mchid: str = "") -> list[Row]:
    """Payments by the time of success, refunds by the time they were asked for, reversals by theirs; an order that was
    refunded keeps its row. A service provider's bill holds all its merchants unless one is named."""
    dated: list[tuple[float, Row]] = []
    for order in world.state.orders.values():
        if sub_mchid and order.sub_mchid != sub_mchid:
            continue
        if bill_type != "REFUND" and order.paid_at and beijing(order.paid_at).date() == day:
            dated.append((order.paid_at, _payment_row(world, order)))
        reversed_at = order.revoked_at if order.paid_at else None
        if bill_type != "SUCCESS" and reversed_at and beijing(reversed_at).date() == day:
            dated.append((reversed_at, _reversal_row(world, order, reversed_at)))
    for refund in world.state.refunds.values():
        order = world.state.orders[refund.out_trade_no]
        if sub_mchid and order.sub_mchid != sub_mchid:
            continue
        if bill_type != "SUCCESS" and beijing(refund.created_at).date() == day:
            dated.append((refund.created_at, _refund_row(world, order, refund)))
    return [row for _, row in sorted(dated, key=lambda pair: pair[0])]


def _order_row(world: World, order: Order, at: float) -> Row:
    """What every row of an order says."""
    row = dict.fromkeys(COLUMNS.split(","), "")
    for name in ("应结订单金额", "代金券金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额"):
        row[name] = yuan(0)
    row.update(
        {
            "交易时间": f"{beijing(at):%Y-%m-%d %H:%M:%S}",
            "公众账号ID": order.request.get("appid") or order.request["sp_appid"],
            "商户号": world.config.mchid,
            "特约商户号": order.sub_mchid or "0",
            "微信订单号": order.transaction_id or "",
            "商户订单号": order.out_trade_no,
            "用户标识": order.openid,
            "交易类型": order.trade_type,
            "付款银行": "OTHERS",
            "货币种类": "CNY",
            "微信退款单号": "0",
            "商户退款单号": "0",
            "商品名称": order.request["description"],
            "商户数据包": order.request.get("attach") or "",
            "费率": "0.60%",
        }
    )
    return row


def _payment_row(world: World, order: Order) -> Row:
    paid_fen = order.payer_total_fen or 0
    return _order_row(world, order, order.paid_at or 0) | {
        "交易状态": "SUCCESS",
        "应结订单金额": yuan(paid_fen),
        "代金券金额": yuan(order.total_fen - paid_fen),
        "手续费": fee(paid_fen),
        "订单金额": yuan(order.total_fen),
    }


def _refund_row(world: World, order: Order, refund: Refund) -> Row:
    return _order_row(world, order, refund.created_at) | {
        "交易状态": "REFUND",
        "微信退款单号": refund.refund_id,
        "商户退款单号": refund.out_refund_no,
        "退款金额": yuan(refund.payer_refund_fen),
        "退款类型": "ORIGINAL",
        "退款状态": refund.status,
        "手续费": fee(-refund.payer_refund_fen),
        "申请退款金额": yuan(refund.refund_fen),
    }


def _reversal_row(world: World, order: Order, at: float) -> Row:
    """A paid payment code that was reversed 撤销: money back without a refund number of the merchant's."""
    paid_fen = order.payer_total_fen or 0
    return _order_row(world, order, at) | {
        "交易状态": "REVOKED",
        "微信退款单号": f"503{(order.transaction_id or '')[5:]}",
        "退款金额": yuan(paid_fen),
        "退款类型": "ORIGINAL",
        "退款状态": "SUCCESS",
        "手续费": fee(-paid_fen),
        "申请退款金额": yuan(order.total_fen),
    }


def csv_of(rows: list[Row]) -> bytes:
    """The file: byte order mark, header, rows, the summary's header and line. Every field carries a back-quote, so that
    spreadsheets leave long numbers alone."""
    lines = [COLUMNS, *(",".join(f"`{value}" for value in row.values()) for row in rows), SUMMARY]
    totals = [str(len(rows))]
    for name in ("应结订单金额", "退款金额", "充值券退款金额"):
        totals.append(yuan(sum(to_units(row[name], 2) for row in rows)))
    fee_units = sum(to_units(row["手续费"], 5) for row in rows)
    totals.append(_decimal(fee_units, 5))
    for name in ("订单金额", "申请退款金额"):
        totals.append(yuan(sum(to_units(row[name], 2) for row in rows)))
    lines.append(",".join(f"`{value}" for value in totals))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def yuan(fen: int) -> str:
    """Fen as the bill writes money: yuan with two decimals."""
    return _decimal(fen, 2)


def fee(fen: int) -> str:
    """0.60 % with five decimals of a yuan: 1 fen of turnover = 6 units of 0.00001 yuan."""
    return _decimal(fen * 6, 5)


def _decimal(units: int, places: int) -> str:
    whole, rest = divmod(abs(units), 10**places)
    return f"{'-' if units < 0 else ''}{whole}.{rest:0{places}d}"


def to_units(text: str, places: int) -> int:
    """`_decimal` read back; integers all the way, a bill is compared to the fen."""
    units = int(text.replace(".", ""))
    assert len(text.rpartition(".")[2]) == places
    return units
