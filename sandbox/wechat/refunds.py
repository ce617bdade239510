"""Refunds 退款: asked for, PROCESSING for a while, then SUCCESS, ABNORMAL or CLOSED. Rules: reference §3, §4.2."""

from __future__ import annotations

import re
import time
from typing import Any

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import new_notification
from sandbox.wechat.errors import PayError
from sandbox.wechat.orders import fen_field, find_order, merchant_view, notify_url_field, param_error, text_field
from sandbox.wechat.state import Notification, Order, Refund
from sandbox.wechat.text import digits, rfc3339
from sandbox.wechat.world import World

_OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
MAX_REFUNDS = 50
GAP_SECONDS = 60
REFUNDABLE_SECONDS = 365 * 86400
_SUMMARY = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}


def ask_refund(world: World, body: dict[str, Any]) -> Refund:
    """Refund 申请退款: the same number with the same body is one refund however often it is sent.

    Raises: PayError PARAM_ERROR, INVALID_REQUEST, RESOURCE_NOT_EXISTS, FREQUENCY_LIMITED, NOT_ENOUGH.
    """
    out_refund_no = text_field(body, "out_refund_no", longest=64)
    if not _OUT_REFUND_NO.fullmatch(out_refund_no):
        raise param_error("out_refund_no", "只能是数字、大小写字母或 _-|*@")
    known = world.state.refunds.get(out_refund_no)
    if known is not None:
        if known.request != body:
            raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        return known
    order = _refundable_order(world, body)
    refund_fen = _checked_amount(order, body, _earlier(world, order))
    if world.take("refund_not_enough", "refund", order.out_trade_no):
        raise PayError(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
    refund = _new_refund(world, order, body, refund_fen)
    world.state.refunds[out_refund_no] = refund
    order.trade_state = "REFUND"
    world.dispatcher.wake()
    return refund


def _refundable_order(world: World, body: dict[str, Any]) -> Order:
    transaction_id = text_field(body, "transaction_id", longest=32, needed=False)
    out_trade_no = text_field(body, "out_trade_no", longest=32, needed=False)
    if not transaction_id and not out_trade_no:
        raise param_error("transaction_id", "与 out_trade_no 至少填一个")
    sub_mchid = text_field(body, "sub_mchid", longest=32, needed=False)
    try:
        order = find_order(world, out_trade_no=out_trade_no, transaction_id=transaction_id or None, sub_mchid=sub_mchid)
    except PayError:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在") from None
    if out_trade_no and order.out_trade_no != out_trade_no:
        raise PayError(400, "INVALID_REQUEST", "transaction_id 与 out_trade_no 不是同一笔订单")
    if order.paid_at is None:
        raise PayError(400, "INVALID_REQUEST", "订单未支付，不能退款")
    if order.revoked_at is not None:
        raise PayError(400, "INVALID_REQUEST", "订单已撤销，款项已退回用户")
    if world.now() - order.paid_at > REFUNDABLE_SECONDS:
        raise PayError(400, "INVALID_REQUEST", "订单已经超过退款期限")
    return order


def _earlier(world: World, order: Order) -> list[Refund]:
    return [refund for refund in world.state.refunds.values() if refund.out_trade_no == order.out_trade_no]


def _checked_amount(order: Order, body: dict[str, Any], earlier: list[Refund]) -> int:
    amount = body.get("amount")
    refund_fen = fen_field(amount, "refund")
    if fen_field(amount, "total") != order.total_fen:
        raise PayError(400, "INVALID_REQUEST", "订单金额不一致，请核实 amount.total")
    if not isinstance(amount, dict) or amount.get("currency") != "CNY":
        raise param_error("amount/currency", "必填，且只支持 CNY")
    text_field(body, "reason", longest=80, needed=False)
    notify_url_field(body, needed=False)
    taken_fen = sum(refund.refund_fen for refund in earlier if refund.status != "CLOSED")
    if taken_fen + refund_fen > order.total_fen:
        raise PayError(400, "INVALID_REQUEST", "累计退款金额大于订单可退金额")
    if len(earlier) >= MAX_REFUNDS:
        raise PayError(400, "INVALID_REQUEST", "单笔订单最多退款 50 次")
    return refund_fen


def _new_refund(world: World, order: Order, body: dict[str, Any], refund_fen: int) -> Refund:
    earlier = _earlier(world, order)
    if earlier and world.now() - max(refund.created_at for refund in earlier) < world.wait(GAP_SECONDS):
        raise PayError(429, "FREQUENCY_LIMITED", "同一笔订单多次退款需间隔 1 分钟，请稍后使用原单号重试")
    outcome = "SUCCESS"
    for kind, name in (
        ("refund_abnormal", "ABNORMAL"),
        ("refund_closed", "CLOSED"),
        ("refund_processing", "PROCESSING"),
    ):
        if world.take(kind, "refund", order.out_trade_no):
            outcome = name
    return Refund(
        out_refund_no=body["out_refund_no"],
        refund_id=digits("503", 28),
        out_trade_no=order.out_trade_no,
        request=body,
        refund_fen=refund_fen,
        payer_refund_fen=_payer_share(order, earlier, refund_fen),
        notify_url=body.get("notify_url") or None,
        created_at=world.now(),
        finish_at=_finish_at(world, outcome),
        outcome=outcome,
    )


def _finish_at(world: World, outcome: str) -> float:
    """When the bank answers; a refund that stays PROCESSING waits for `/_sim/refunds/…/settle`."""
    if outcome == "PROCESSING":
        return time.time() + 10 * 365 * 86400
    return time.time() + world.wait(world.state.settings.refund_seconds)


def apply_abnormal(world: World, refund_id: str, body: dict[str, Any]) -> Refund:
    """Abnormal refund 发起异常退款: an ABNORMAL refund goes to another account of the person, or to the merchant's.

    Raises: PayError RESOURCE_NOT_EXISTS, PARAM_ERROR, INVALID_REQUEST.
    """
    refund = find_refund(world, text_field(body, "out_refund_no", longest=64), body.get("sub_mchid") or "")
    if refund.refund_id != refund_id:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    kind = body.get("type")
    if kind not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
        raise param_error("type", "应为 USER_BANK_CARD 或 MERCHANT_BANK_CARD")
    if kind == "USER_BANK_CARD":
        text_field(body, "bank_type", longest=16)
        for name in ("bank_account", "real_name"):
            if not crypto.opens(world.public_key_signer.key, text_field(body, name, longest=1024)):
                raise param_error(name, "应使用微信支付公钥加密")
    if refund.status == "ABNORMAL":
        refund.status, refund.outcome = "PROCESSING", "SUCCESS"
        refund.account = "用户银行卡" if kind == "USER_BANK_CARD" else "商户银行账户"
        refund.finish_at = _finish_at(world, "SUCCESS")
        world.dispatcher.wake()
    elif refund.account == "支付用户零钱":
        raise PayError(400, "INVALID_REQUEST", "退款单状态不是退款异常，不能发起异常退款")
    return refund


def _payer_share(order: Order, earlier: list[Refund], refund_fen: int) -> int:
    """What of this refund is the payer's own money; cumulative rounding, so all shares add up to what was paid."""
    assert order.payer_total_fen is not None
    before_fen = sum(refund.refund_fen for refund in earlier if refund.status != "CLOSED")
    paid_fen = order.payer_total_fen
    return (before_fen + refund_fen) * paid_fen // order.total_fen - before_fen * paid_fen // order.total_fen


def find_refund(world: World, out_refund_no: str, sub_mchid: str) -> Refund:
    """Raises: PayError RESOURCE_NOT_EXISTS, also when it is another merchant's."""
    refund = world.state.refunds.get(out_refund_no)
    if refund is None or world.state.orders[refund.out_trade_no].sub_mchid != sub_mchid:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return refund


def refund_view(world: World, refund: Refund) -> dict[str, Any]:
    """The refund object of 申请退款 and 查询单笔退款."""
    order = world.state.orders[refund.out_trade_no]
    view: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": refund.account,
        "create_time": rfc3339(refund.created_at),
        "status": refund.status,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order.total_fen,
            "refund": refund.refund_fen,
            "payer_total": order.payer_total_fen,
            "payer_refund": refund.payer_refund_fen,
            "settlement_total": order.payer_total_fen,
            "settlement_refund": refund.payer_refund_fen,
            "discount_refund": refund.refund_fen - refund.payer_refund_fen,
            "currency": "CNY",
        },
    }
    if refund.success_at is not None:
        view["success_time"] = rfc3339(refund.success_at)
    return view


def settle_due_refunds(world: World) -> None:
    """Finish every refund whose time has come."""
    now = time.time()
    for refund in list(world.state.refunds.values()):
        if refund.status == "PROCESSING" and refund.finish_at <= now:
            settle(world, refund)


def settle(world: World, refund: Refund) -> Notification | None:
    """The bank has answered: final status, and a callback when the merchant asked for one."""
    refund.status = "SUCCESS" if refund.outcome == "PROCESSING" else refund.outcome
    refund.outcome = refund.status
    if refund.outcome == "SUCCESS":
        refund.success_at = world.now()
    world.store.touch()
    if refund.notify_url is None:
        return None
    view = refund_view(world, refund)
    amount = {name: view["amount"][name] for name in ("total", "refund", "payer_total", "payer_refund")}
    copied = ("transaction_id", "out_trade_no", "refund_id", "out_refund_no", "user_received_account", "success_time")
    order = world.state.orders[refund.out_trade_no]
    merchant = {name: value for name, value in merchant_view(world, order).items() if name.endswith("mchid")}
    resource = {**merchant, "refund_status": refund.status, "amount": amount}
    resource.update({name: view[name] for name in copied if name in view})
    return new_notification(
        world,
        event_type=f"REFUND.{refund.status}",
        summary=_SUMMARY[refund.status],
        original_type="refund",
        notify_url=refund.notify_url,
        out_trade_no=refund.out_trade_no,
        resource=resource,
    )
