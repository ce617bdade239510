"""Fault switches 故障开关: one table of kinds, one list of active rules.

A rule fires `times` times (-1: until removed), for one `target` or "*", optionally for one order only, so that
tests running side by side do not disturb each other.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass

from sandbox.wechat.errors import SheetError
from sandbox.wechat.state import Rule, State

PAY_OPERATIONS = (
    "prepay",
    "native",
    "codepay",
    "query",
    "close",
    "reverse",
    "refund",
    "refund_query",
    "abnormal_refund",
    "certificates",
    "tradebill",
    "download",
)
MINI_OPERATIONS = (
    "code2session",
    "token",
    "stable_token",
    "phone",
    "subscribe_send",
    "wxacode",
    "urllink",
    "msg_sec_check",
)
_PUSH = ("subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event")
_CALLBACK = ("TRANSACTION", "REFUND")
_BILL = ("tradebill",)
_API = PAY_OPERATIONS + MINI_OPERATIONS


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `value` is the default of the rule's number, `unit` says what it counts, `group` orders the
    console's list."""

    group: str
    title: str
    targets: tuple[str, ...]
    value: float = 0
    unit: str = ""


KINDS: dict[str, Kind] = {
    "callback_duplicate": Kind("回调", "回调重复（并行送达）", _CALLBACK, 1, "多送几份"),
    "callback_again": Kind("回调", "回调成功后仍再次送达", _CALLBACK),
    "callback_drop": Kind("回调", "回调丢失", _CALLBACK),
    "callback_delay": Kind("回调", "回调延迟", _CALLBACK, 30, "秒"),
    "callback_before_response": Kind("回调", "回调先于应答到达", ("prepay", "pay", "refund")),
    "callback_out_of_order": Kind("回调", "支付回调晚于退款回调", ("TRANSACTION",), 60, "最多等待秒"),
    "callback_mixed_serial": Kind("回调", "回调混用平台证书与公钥", _CALLBACK, 50, "证书占百分比"),
    "callback_stale_timestamp": Kind("应拒绝的回调", "回调时间戳过旧", _CALLBACK, 3600, "旧多少秒"),
    "callback_signature_probe": Kind("应拒绝的回调", "回调签名探测流量", _CALLBACK),
    "callback_forged": Kind("应拒绝的回调", "回调签名伪造（他人私钥）", _CALLBACK),
    "callback_wrong_amount": Kind("应拒绝的回调", "回调金额不符", _CALLBACK, 1, "多几分"),
    "callback_wrong_mchid": Kind("应拒绝的回调", "回调商户号不符", _CALLBACK),
    "callback_unknown_serial": Kind("应拒绝的回调", "回调证书序列号未知", _CALLBACK),
    "api_timeout": Kind("接口", "接口已受理但不应答", _API, 20, "挂起秒"),
    "api_lost": Kind("接口", "接口已受理但连接断开", _API),
    "api_delay": Kind("接口", "接口应答变慢", _API, 2, "秒"),
    "api_flaky": Kind("接口", "网关不稳定（随机 500，未受理）", _API, 30, "失败百分比"),
    "api_429": Kind("接口", "接口限频 429（未受理）", PAY_OPERATIONS),
    "api_500": Kind("接口", "接口系统错误 500（未受理）", _API),
    "api_500_after": Kind("接口", "接口系统错误 500（已受理）", PAY_OPERATIONS),
    "api_signature_probe": Kind("接口", "应答签名探测流量（已受理）", PAY_OPERATIONS),
    "mini_errcode": Kind("接口", "小程序接口返回错误码", MINI_OPERATIONS, -1, "errcode"),
    "coupon": Kind("资金", "用户使用代金券", ("pay",), 100, "抵扣分"),
    "pay_before_close": Kind("资金", "关单前一刻用户付款", ("close",)),
    "codepay_password": Kind("资金", "付款码需要输密码", ("codepay",)),
    "codepay_no_money": Kind("资金", "付款码余额不足", ("codepay",)),
    "refund_processing": Kind("资金", "退款一直处理中", ("refund",)),
    "refund_abnormal": Kind("资金", "退款异常 ABNORMAL", ("refund",)),
    "refund_closed": Kind("资金", "退款关闭 CLOSED", ("refund",)),
    "refund_not_enough": Kind("资金", "商户余额不足，退款被拒", ("refund",)),
    "bill_difference": Kind("对账单", "换掉一笔支付（少一笔、多一笔）", _BILL, 1, "笔"),
    "bill_payment_missing": Kind("对账单", "少一笔支付", _BILL, 1, "笔"),
    "bill_payment_extra": Kind("对账单", "多一笔支付", _BILL, 1, "笔"),
    "bill_payment_twice": Kind("对账单", "同一笔支付出现两次", _BILL, 1, "笔"),
    "bill_amount": Kind("对账单", "支付金额不符", _BILL, 1, "笔"),
    "bill_transaction_id": Kind("对账单", "微信订单号不符", _BILL, 1, "笔"),
    "bill_refund_missing": Kind("对账单", "少一笔退款", _BILL, 1, "笔"),
    "bill_refund_extra": Kind("对账单", "多一笔退款", _BILL, 1, "笔"),
    "bill_refund_amount": Kind("对账单", "退款金额不符", _BILL, 1, "笔"),
    "bill_refund_status": Kind("对账单", "退款状态不符", _BILL, 1, "笔"),
    "bill_fee": Kind("对账单", "手续费不符", _BILL, 1, "笔"),
    "bill_merchant": Kind("对账单", "特约商户号不符", _BILL, 1, "笔"),
    "bill_not_ready": Kind("对账单", "账单尚未生成", _BILL),
    "bill_bad_hash": Kind("对账单", "账单摘要与文件不符", _BILL),
    "push_duplicate": Kind("消息推送", "推送重复", _PUSH, 1, "多送几份"),
    "push_drop": Kind("消息推送", "推送丢失", _PUSH),
    "push_forged": Kind("消息推送", "推送签名伪造", _PUSH),
}


def add_rule(
    state: State,
    *,
    kind: str,
    target: str = "*",
    times: int = -1,
    value: float | None = None,
    out_trade_no: str | None = None,
) -> Rule:
    """Switch a fault on.

    Raises: SheetError when kind, target or times make no sense.
    """
    known = KINDS.get(kind)
    if known is None:
        raise SheetError("unknown_kind", f"没有这种故障：{kind}", 400)
    if target != "*" and target not in known.targets:
        raise SheetError("unknown_target", f"{kind} 的对象只能是 * 或 {'、'.join(known.targets)}", 400)
    if times < -1 or times == 0:
        raise SheetError("bad_times", "times 应为正整数，或 -1 表示一直有效", 400)
    rule = Rule(secrets.token_hex(4), kind, target, times, known.value if value is None else value, out_trade_no)
    state.rules.append(rule)
    return rule


def take(state: State, kind: str, target: str, out_trade_no: str | None = None) -> Rule | None:
    """The rule that strikes now, counted down; None when the fault is off."""
    for rule in state.rules:
        hits = rule.kind == kind and rule.target in ("*", target)
        if hits and rule.out_trade_no in (None, out_trade_no):
            if rule.times > 0:
                rule.times -= 1
                if rule.times == 0:
                    state.rules.remove(rule)
            return rule
    return None


def take_for_any_order(state: State, kind: str, target: str) -> Rule | None:
    """As `take`, where the rule itself says which order it means and the caller looks for it."""
    rule = next((rule for rule in state.rules if rule.kind == kind and rule.target in ("*", target)), None)
    return None if rule is None else take(state, kind, target, rule.out_trade_no)


def happens(rule: Rule | None) -> bool:
    """Whether a rule whose value is a percentage strikes this time."""
    return rule is not None and random.uniform(0, 100) < rule.value
