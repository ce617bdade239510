"""Orders 支付订单: place, query, close, and a person paying. Rules: reference §3 idempotency, §4.2."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.wechat import crypto
from sandbox.wechat.callbacks import new_notification
from sandbox.wechat.errors import PayError, SheetError
from sandbox.wechat.state import Notification, Order
from sandbox.wechat.text import beijing, digits, rfc3339
from sandbox.wechat.world import World

PREPAY_VALID_SECONDS = 2 * 3600
AUTO_CLOSE_SECONDS = 7 * 86400
_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_STATE_TEXT = {"NOTPAY": "订单未支付", "SUCCESS": "支付成功", "REFUND": "订单发生过退款", "CLOSED": "订单已关闭"}
PAY_SIGN_FIELDS = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")


def param_error(name: str, issue: str) -> PayError:
    detail = {"field": f"/body/{name}", "issue": issue, "location": "body"}
    return PayError(400, "PARAM_ERROR", f"参数错误：{name} {issue}", detail)


def text_field(body: Mapping[str, Any], name: str, *, longest: int, needed: bool = True) -> str:
    """A string of the body, checked.

    Raises: PayError PARAM_ERROR.
    """
    value = body.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value) or len(value) > longest:
        raise param_error(name, f"应为不超过 {longest} 个字符的字符串")
    return value


def fen_field(amount: Any, name: str) -> int:
    """A positive whole number of fen; `True` and 1.0 are not numbers of fen."""
    value = amount.get(name) if isinstance(amount, dict) else None
    if type(value) is not int or not 1 <= value <= 1_000_000_000:
        raise param_error(f"amount/{name}", "应为大于 0 的整数，单位为分")
    return value


def notify_url_field(body: Mapping[str, Any], *, needed: bool) -> str:
    url = text_field(body, "notify_url", longest=256, needed=needed)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        good = False
    if url and not good:
        raise param_error("notify_url", "应为完整地址且不能携带查询参数")
    return url


def place_order(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """JSAPI order 下单: first call creates, an identical re-entry gives a further prepay_id.

    Raises: PayError PARAM_ERROR, INVALID_REQUEST (other parameters), ORDERPAID, ORDER_CLOSED.
    """
    order = _checked_order(world, body)
    known = world.state.orders.get(order.out_trade_no)
    if known is not None:
        _close_when_old(world, known)
        if known.trade_state in ("SUCCESS", "REFUND"):
            raise PayError(400, "ORDERPAID", "该订单已支付")
        if known.trade_state == "CLOSED":
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭，请更换商户订单号后重试")
        if known.request != body:
            raise PayError(400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致，请核实参数内容")
        order = known
    world.state.orders[order.out_trade_no] = order
    stamp = beijing(world.now()).strftime("%d%H%M%S")
    prepay_id = f"wx{stamp}{secrets.token_hex(13)}"
    order.prepay_ids[prepay_id] = world.now()
    return {"prepay_id": prepay_id}


def _checked_order(world: World, body: dict[str, Any]) -> Order:
    config = world.config
    if body.get("appid") != config.appid:
        raise PayError(400, "PARAM_ERROR", "appid 与商户号未绑定或不存在")
    if body.get("mchid") != config.mchid:
        raise PayError(400, "PARAM_ERROR", "商户号与签名所用商户号不一致")
    out_trade_no = text_field(body, "out_trade_no", longest=32)
    if not _OUT_TRADE_NO.fullmatch(out_trade_no):
        raise param_error("out_trade_no", "只能是 6-32 位数字、大小写字母或 _-|*")
    text_field(body, "description", longest=127)
    text_field(body, "attach", longest=128, needed=False)
    amount = body.get("amount")
    total_fen = fen_field(amount, "total")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise param_error("amount/currency", "境内商户号只支持 CNY")
    payer = body.get("payer")
    openid = payer.get("openid") if isinstance(payer, dict) else None
    if not isinstance(openid, str) or openid not in world.state.users:
        raise PayError(400, "PARAM_ERROR", "无效的 openid：appid 和 openid 不匹配")
    return Order(
        out_trade_no=out_trade_no,
        request=body,
        total_fen=total_fen,
        openid=openid,
        notify_url=notify_url_field(body, needed=True),
        created_at=world.now(),
        expires_at=_expiry(world, body),
    )


def _expiry(world: World, body: dict[str, Any]) -> float | None:
    text = text_field(body, "time_expire", longest=64, needed=False)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise param_error("time_expire", "应为 RFC3339 时间") from None
    if at.tzinfo is None:
        raise param_error("time_expire", "缺少时区")
    # An identical re-entry after the expiry must still be told about its order, so only a new one is refused.
    if at.timestamp() <= world.now() and body.get("out_trade_no") not in world.state.orders:
        raise param_error("time_expire", "早于当前时间")
    return at.timestamp()


def _close_when_old(world: World, order: Order) -> None:
    """The platform closes what nobody paid for 7 days; `time_expire` alone closes nothing."""
    if order.trade_state == "NOTPAY" and world.now() - order.created_at > AUTO_CLOSE_SECONDS:
        order.trade_state = "CLOSED"


def find_order(world: World, *, out_trade_no: str | None = None, transaction_id: str | None = None) -> Order:
    """Raises: PayError ORDER_NOT_EXIST."""
    order = world.state.orders.get(out_trade_no or "")
    if transaction_id is not None:
        order = next((o for o in world.state.orders.values() if o.transaction_id == transaction_id), None)
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    _close_when_old(world, order)
    return order


def order_view(order: Order) -> dict[str, Any]:
    """The transaction object of query and callback 订单."""
    view: dict[str, Any] = {
        "appid": order.request["appid"],
        "mchid": order.request["mchid"],
        "out_trade_no": order.out_trade_no,
        "trade_state": order.trade_state,
        "trade_state_desc": _STATE_TEXT[order.trade_state],
        "attach": order.request.get("attach") or "",
        "amount": {"total": order.total_fen, "currency": "CNY"},
    }
    if order.paid_at is None or order.payer_total_fen is None:
        return view
    view.update(
        transaction_id=order.transaction_id,
        trade_type="JSAPI",
        bank_type="OTHERS",
        success_time=rfc3339(order.paid_at),
        payer={"openid": order.openid},
    )
    view["amount"].update(payer_total=order.payer_total_fen, payer_currency="CNY")
    if order.payer_total_fen < order.total_fen:
        saved_fen = order.total_fen - order.payer_total_fen
        coupon = {"coupon_id": "109519", "name": "沙箱代金券", "scope": "GLOBAL", "type": "NOCASH", "amount": saved_fen}
        view["promotion_detail"] = [{**coupon, "currency": "CNY"}]
    return view


def close_order(world: World, out_trade_no: str) -> None:
    """Close 关单, re-entrant.

    Raises: PayError ORDER_NOT_EXIST; ORDERPAID, also when the person pays in the last moment (fault switch).
    """
    order = find_order(world, out_trade_no=out_trade_no)
    if order.trade_state == "NOTPAY" and world.take("pay_before_close", "close", out_trade_no):
        mark_paid(world, order)
    if order.paid_at is not None:
        raise PayError(400, "ORDERPAID", "该订单已支付，不能关单")
    order.trade_state = "CLOSED"


def sheet_order(world: World, prepay_id: str) -> Order:
    """The order behind a prepay_id, as the pay sheet would open it.

    Raises: SheetError when WeChat would show an error instead of the amount.
    """
    for order in world.state.orders.values():
        if prepay_id in order.prepay_ids:
            _close_when_old(world, order)
            return order
    raise SheetError("prepay_not_found", "支付订单不存在，请返回商户页面重新发起支付", 404)


def check_pay_sign(world: World, prepay_id: str, given: Mapping[str, Any]) -> None:
    """Verify what `wx.requestPayment` was called with 调起支付签名.

    Raises: SheetError naming what WeChat would stumble on.
    """
    missing = [name for name in PAY_SIGN_FIELDS if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise SheetError("pay_sign_incomplete", f"调起支付缺少参数：{'、'.join(missing)}", 400)
    if given["signType"] != "RSA" or given["package"] != f"prepay_id={prepay_id}":
        raise SheetError("pay_sign_mismatch", "调起支付参数错误：signType 应为 RSA，package 应为 prepay_id=…", 400)
    if given["appId"] != world.config.appid:
        raise SheetError("pay_sign_appid", "调起支付的 appId 与下单时不一致", 400)
    text = "".join(f"{given[name]}\n" for name in PAY_SIGN_FIELDS[:4])
    if not crypto.verify(world.merchant_key, text.encode(), given["paySign"]):
        raise SheetError("pay_sign_wrong", "支付验证签名失败", 400)


def pay(world: World, prepay_id: str, openid: str | None) -> Notification:
    """A person presses 立即支付.

    Raises: SheetError when the order cannot be paid (any more).
    """
    order = sheet_order(world, prepay_id)
    if order.trade_state in ("SUCCESS", "REFUND"):
        raise SheetError("already_paid", "该订单已支付，请勿重复支付")
    if order.trade_state == "CLOSED":
        raise SheetError("closed", "该订单已关闭")
    if openid is not None and openid != order.openid:
        raise SheetError("other_payer", "支付者与下单用户不一致", 403)
    now = world.now()
    if order.expires_at is not None and now >= order.expires_at:
        raise SheetError("expired", "该订单已超过支付期限")
    if now - order.prepay_ids[prepay_id] > PREPAY_VALID_SECONDS:
        raise SheetError("prepay_expired", "支付会话已过期，请返回商户页面重新发起支付")
    return mark_paid(world, order)


def mark_paid(world: World, order: Order) -> Notification:
    """The money has moved: state, transaction number, coupon, and the notification that will tell the merchant."""
    coupon = world.take("coupon", "pay", order.out_trade_no)
    coupon_fen = min(int(coupon.value), order.total_fen - 1) if coupon else 0
    order.trade_state = "SUCCESS"
    order.transaction_id = digits("42000", 28)
    order.paid_at = world.now()
    order.payer_total_fen = order.total_fen - coupon_fen
    return new_notification(
        world,
        event_type="TRANSACTION.SUCCESS",
        summary="支付成功",
        original_type="transaction",
        notify_url=order.notify_url,
        out_trade_no=order.out_trade_no,
        resource=order_view(order),
    )
