"""Differences planted in a trade bill 对账差异: what a reconciliation must find. The orders themselves stay honest.

Each rule changes `value` rows that no other rule has touched, the oldest first, or the row of its own order; what was
planted is kept with the bill. A rule that counts down strikes one asking only; ask again with -1 for the same file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date

from sandbox.wechat.faults import take_for_any_order
from sandbox.wechat.state import Rule
from sandbox.wechat.world import World

Row = dict[str, str]
Planted = list[dict[str, str]]
# What takes the place of a row: none, one or two.
Change = Callable[[Row], list[Row]]


def planted(world: World, rows: list[Row], day: date) -> tuple[list[Row], Planted]:
    """The rows with every active difference in them, and the list of what was done."""
    slots: list[list[Row]] = [[row] for row in rows]
    touched: set[int] = set()
    notes: Planted = []
    for kind, (wanted, change) in _CHANGES.items():
        rule = take_for_any_order(world.state, kind, "tradebill")
        if rule is None:
            continue
        for number in _targets(rows, touched, rule, wanted):
            touched.add(number)
            slots[number] = change(rows[number])
            notes.append(_note(kind, rows[number]))
    changed = [row for slot in slots for row in slot]
    for kind, invent in (("bill_payment_extra", _strange_payment), ("bill_refund_extra", _strange_refund)):
        rule = world.take(kind, "tradebill")
        for number in range(int(rule.value) if rule and rows else 0):
            row = invent(rows[0], f"{day:%Y%m%d}{number:04d}")
            changed.append(row)
            notes.append(_note(kind, row))
    return changed, notes


def _targets(rows: list[Row], touched: set[int], rule: Rule, wanted: str) -> list[int]:
    fits = [
        number
        for number, row in enumerate(rows)
        if number not in touched and row["交易状态"] == wanted and rule.out_trade_no in (None, row["商户订单号"])
    ]
    return fits[: max(0, int(rule.value))]


def _note(kind: str, row: Row) -> dict[str, str]:
    return {"kind": kind, "out_trade_no": row["商户订单号"], "out_refund_no": row["商户退款单号"].removeprefix("0")}


def _strange_number(row: Row, length: int, prefix: str) -> str:
    """A number nobody has, the same each time the bill is asked for."""
    seed = f"{row['微信订单号']}{row['商户退款单号']}{prefix}"
    return prefix + str(int(hashlib.sha256(seed.encode()).hexdigest(), 16))[: length - len(prefix)]


def _more(text: str) -> str:
    """One fen more; integers, a bill is compared to the fen."""
    fen = int(text.replace(".", "")) + 1
    return f"{fen // 100}.{fen % 100:02d}"


def _gone(_row: Row) -> list[Row]:
    return []


def _twice(row: Row) -> list[Row]:
    return [row, dict(row)]


def _swapped(row: Row) -> list[Row]:
    return [_strange_payment(row, row["交易时间"][:10].replace("-", ""))]


def _other_amount(row: Row) -> list[Row]:
    return [row | {"订单金额": _more(row["订单金额"]), "应结订单金额": _more(row["应结订单金额"])}]


def _other_transaction(row: Row) -> list[Row]:
    return [row | {"微信订单号": _strange_number(row, 28, "42001")}]


def _other_refund_amount(row: Row) -> list[Row]:
    return [row | {"申请退款金额": _more(row["申请退款金额"]), "退款金额": _more(row["退款金额"])}]


def _other_refund_status(row: Row) -> list[Row]:
    return [row | {"退款状态": "PROCESSING" if row["退款状态"] == "SUCCESS" else "SUCCESS"}]


def _other_fee(row: Row) -> list[Row]:
    return [row | {"手续费": f"{row['手续费'][:-1]}{(int(row['手续费'][-1]) + 1) % 10}", "费率": "0.61%"}]


def _other_merchant(row: Row) -> list[Row]:
    return [row | {"特约商户号": "1900000001"}]


def _strange_payment(row: Row, mark: str) -> Row:
    number = _strange_number(row | {"商户退款单号": mark}, 28, "42002")
    paid = row if row["交易状态"] == "SUCCESS" else row | _PAID
    return paid | {"微信订单号": number, "商户订单号": f"STRANGER{mark}"}


def _strange_refund(row: Row, mark: str) -> Row:
    number = _strange_number(row | {"商户退款单号": mark}, 28, "503")
    return row | _REFUNDED | {"微信退款单号": number, "商户退款单号": f"STRANGER{mark}"}


_PAID = {
    "交易状态": "SUCCESS",
    "应结订单金额": "1.00",
    "订单金额": "1.00",
    "退款金额": "0.00",
    "申请退款金额": "0.00",
    "手续费": "0.00600",
    "微信退款单号": "0",
    "商户退款单号": "0",
    "退款类型": "",
    "退款状态": "",
}
_REFUNDED = {
    "交易状态": "REFUND",
    "应结订单金额": "0.00",
    "代金券金额": "0.00",
    "订单金额": "0.00",
    "退款金额": "1.00",
    "申请退款金额": "1.00",
    "手续费": "-0.00600",
    "退款类型": "ORIGINAL",
    "退款状态": "SUCCESS",
}
_CHANGES: dict[str, tuple[str, Change]] = {
    "bill_difference": ("SUCCESS", _swapped),
    "bill_payment_missing": ("SUCCESS", _gone),
    "bill_payment_twice": ("SUCCESS", _twice),
    "bill_amount": ("SUCCESS", _other_amount),
    "bill_transaction_id": ("SUCCESS", _other_transaction),
    "bill_fee": ("SUCCESS", _other_fee),
    "bill_merchant": ("SUCCESS", _other_merchant),
    "bill_refund_missing": ("REFUND", _gone),
    "bill_refund_amount": ("REFUND", _other_refund_amount),
    "bill_refund_status": ("REFUND", _other_refund_status),
}
