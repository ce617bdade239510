"""Payment codes 付款码: the hospital scans the person's code. Rules: reference §4.2.

The answer says at once whether it was paid; with a password pending it says USERPAYING and the merchant polls, then
reverses. No callback ever comes.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from sandbox.wechat.errors import PayError, SheetError
from sandbox.wechat.orders import checked_order, find_order, mark_paid, order_view, param_error, settle_lazily
from sandbox.wechat.state import Code, Order
from sandbox.wechat.world import World

CODE_VALID_SECONDS = 60
PASSWORD_ABOVE_FEN = 100_000  # 1000 CNY
AUTO_REVOKE_SECONDS = 45
REVERSE_AFTER_SECONDS = 15
_AUTH_CODE = re.compile(r"1[0-5]\d{16}")


def new_payment_code(world: World, openid: str) -> Code:
    """What the person's phone shows at this moment 付款码; it changes every minute."""
    prefix = secrets.choice(("10", "11", "12", "13", "14"))
    code = Code(prefix + f"{secrets.randbelow(10**16):016d}", "payment", openid, world.now())
    world.state.codes[code.code] = code
    return code


def charge_code(world: World, body: dict[str, Any], *, partner: bool) -> dict[str, Any]:
    """Take money from a scanned code 付款码支付; the same number again tells how it stands.

    Raises: PayError PARAM_ERROR, INVALID_REQUEST, ORDERPAID, ORDER_REVERSED, AUTH_CODE_INVALID, AUTH_CODE_EXPIRED,
    NOT_ENOUGH.
    """
    order = checked_order(world, body, trade_type="MICROPAY", partner=partner)
    if "notify_url" in body:
        raise param_error("notify_url", "付款码支付没有回调通知")
    known = world.state.orders.get(order.out_trade_no)
    if known is not None:
        return _again(world, known, body)
    code = _scanned(world, body)
    order.openid = code.openid
    code.used_at = world.now()
    world.state.orders[order.out_trade_no] = order
    if world.take("codepay_no_money", "codepay", order.out_trade_no):
        order.trade_state = "PAYERROR"
        raise PayError(403, "NOT_ENOUGH", "用户账户余额不足，请更换支付方式")
    if order.total_fen > PASSWORD_ABOVE_FEN or world.take("codepay_password", "codepay", order.out_trade_no):
        order.trade_state = "USERPAYING"
        order.revoke_at = time.time() + world.wait(AUTO_REVOKE_SECONDS)
        world.dispatcher.wake()
    else:
        mark_paid(world, order)
    return order_view(world, order)


def _again(world: World, order: Order, body: dict[str, Any]) -> dict[str, Any]:
    settle_lazily(world, order)
    if order.request != body or order.trade_type != "MICROPAY":
        raise PayError(400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致，请核实参数内容")
    if order.trade_state in ("SUCCESS", "REFUND"):
        raise PayError(400, "ORDERPAID", "该订单已支付")
    if order.trade_state == "REVOKED":
        raise PayError(400, "ORDER_REVERSED", "该订单已撤销，请更换商户订单号")
    return order_view(world, order)


def _scanned(world: World, body: dict[str, Any]) -> Code:
    payer, scene = body.get("payer"), body.get("scene_info")
    auth_code = payer.get("auth_code") if isinstance(payer, dict) else None
    if not isinstance(auth_code, str) or not _AUTH_CODE.fullmatch(auth_code):
        raise param_error("payer/auth_code", "应为 18 位数字，前缀以 10-15 开头")
    store = scene.get("store_info") if isinstance(scene, dict) else None
    if not isinstance(store, dict) or not (store.get("id") or store.get("out_id")):
        raise param_error("scene_info/store_info", "门店 id 与 out_id 至少填一个")
    code = world.state.codes.get(auth_code)
    if code is None or code.kind != "payment":
        raise PayError(400, "AUTH_CODE_INVALID", "付款码无效，请扫描微信支付付款码")
    if code.used_at is not None or world.now() - code.created_at > CODE_VALID_SECONDS:
        raise PayError(400, "AUTH_CODE_EXPIRED", "付款码已过期，请刷新后重试")
    return code


def enter_password(world: World, out_trade_no: str, accept: bool) -> Order:
    """The person types the password, or declines 输入支付密码.

    Raises: SheetError when nobody waits for it (any more).
    """
    order = world.state.orders.get(out_trade_no)
    if order is None:
        raise SheetError("order_not_found", "没有这笔订单", 404)
    settle_lazily(world, order)
    if order.trade_state != "USERPAYING":
        raise SheetError("not_waiting", "该订单不在等待输入密码")
    if accept:
        mark_paid(world, order)
    else:
        order.trade_state = "PAYERROR"
    order.revoke_at = None
    return order


def reverse_order(world: World, out_trade_no: str, sub_mchid: str) -> None:
    """Reverse 撤销, re-entrant: paid money goes back to the person, an unpaid order ends.

    Raises: PayError ORDER_NOT_EXIST, INVALID_REQUEST; FREQUENCY_LIMITED within 15 s of the charge (assumed code).
    """
    order = find_order(world, out_trade_no=out_trade_no, sub_mchid=sub_mchid)
    if order.trade_type != "MICROPAY":
        raise PayError(400, "INVALID_REQUEST", "只有付款码支付订单可以撤销，其他订单请关单或退款")
    if order.trade_state == "REFUND":
        raise PayError(400, "INVALID_REQUEST", "订单已发生退款，不能撤销")
    if order.trade_state == "REVOKED":
        return
    if world.now() - order.created_at < world.wait(REVERSE_AFTER_SECONDS):
        raise PayError(429, "FREQUENCY_LIMITED", "支付后 15 秒内不能撤销，请稍后重试")
    order.trade_state = "REVOKED"
    order.revoked_at = world.now()
    order.revoke_at = None


def revoke_due(world: World) -> None:
    """End every wait for a password whose time is over."""
    for order in world.state.orders.values():
        if order.trade_state == "USERPAYING":
            settle_lazily(world, order)
