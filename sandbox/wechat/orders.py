"""Orders 支付订单 by mini program or native QR: place, query, close, pay. Rules: reference §3 idempotency, §4.2."""

from __future__ import annotations

import re
import secrets
import time
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
_STATE_TEXT = {
    "NOTPAY": "订单未支付",
    "USERPAYING": "用户支付中，请稍后查询",
    "SUCCESS": "支付成功",
    "REFUND": "订单发生过退款",
    "CLOSED": "订单已关闭",
    "REVOKED": "订单已撤销",
    "PAYERROR": "支付失败",
}
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


def place_order(world: World, body: dict[str, Any], *, trade_type: str, partner: bool) -> dict[str, Any]:
    """JSAPI or native order 下单: first call creates, an identical re-entry gives a further prepay_id or code_url.

    Raises: PayError PARAM_ERROR, INVALID_REQUEST (other parameters), ORDERPAID, ORDER_CLOSED.
    """
    order = checked_order(world, body, trade_type=trade_type, partner=partner)
    order.notify_url = notify_url_field(body, needed=True)
    order.openid = _payer(world, body, partner) if trade_type == "JSAPI" else ""
    known = world.state.orders.get(order.out_trade_no)
    if known is not None:
        settle_lazily(world, known)
        if known.trade_state in ("SUCCESS", "REFUND"):
            raise PayError(400, "ORDERPAID", "该订单已支付")
        if known.trade_state == "CLOSED":
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭，请更换商户订单号后重试")
        if known.request != body or known.trade_type != trade_type:
            raise PayError(400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致，请核实参数内容")
        order = known
    world.state.orders[order.out_trade_no] = order
    if trade_type == "NATIVE":
        # The code before this one is dead from now on.
        order.code_url = f"weixin://wxpay/bizpayurl?pr={secrets.token_urlsafe(9)}"
        order.code_url_at = world.now()
        return {"code_url": order.code_url}
    stamp = beijing(world.now()).strftime("%d%H%M%S")
    prepay_id = f"wx{stamp}{secrets.token_hex(13)}"
    order.prepay_ids[prepay_id] = world.now()
    return {"prepay_id": prepay_id}


def checked_order(world: World, body: dict[str, Any], *, trade_type: str, partner: bool) -> Order:
    """A new order from the parameters that all ways of paying share, still without payer and notify_url.

    Raises: PayError PARAM_ERROR, NO_AUTH.
    """
    sub_mchid = _ordering_merchant(world, body, partner)
    out_trade_no = text_field(body, "out_trade_no", longest=32)
    if not _OUT_TRADE_NO.fullmatch(out_trade_no):
        raise param_error("out_trade_no", "只能是 6-32 位数字、大小写字母或 _-|*")
    text_field(body, "description", longest=127)
    text_field(body, "attach", longest=128, needed=False)
    amount = body.get("amount")
    total_fen = fen_field(amount, "total")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise param_error("amount/currency", "境内商户号只支持 CNY")
    return Order(
        out_trade_no=out_trade_no,
        request=body,
        total_fen=total_fen,
        openid="",
        notify_url="",
        created_at=world.now(),
        expires_at=_expiry(world, body),
        trade_type=trade_type,
        sub_mchid=sub_mchid,
    )


def _ordering_merchant(world: World, body: dict[str, Any], partner: bool) -> str:
    """The special merchant of a service provider's order, "" for an ordinary merchant's."""
    config = world.config
    if not partner:
        if body.get("appid") != config.appid:
            raise PayError(400, "PARAM_ERROR", "appid 与商户号未绑定或不存在")
        if body.get("mchid") != config.mchid:
            raise PayError(400, "PARAM_ERROR", "商户号与签名所用商户号不一致")
        return ""
    if body.get("sp_appid") not in (config.sp_appid, config.appid):
        raise PayError(400, "PARAM_ERROR", "sp_appid 与服务商商户号未绑定或不存在")
    if body.get("sp_mchid") != config.mchid:
        raise PayError(400, "PARAM_ERROR", "服务商商户号与签名所用商户号不一致")
    if body.get("sub_appid") not in (None, config.appid):
        raise PayError(400, "PARAM_ERROR", "sub_appid 与 sub_mchid 不匹配")
    sub_mchid = text_field(body, "sub_mchid", longest=32)
    if sub_mchid not in config.sub_mchids:
        raise PayError(403, "NO_AUTH", "特约商户号与服务商没有授权关系")
    return sub_mchid


def _payer(world: World, body: dict[str, Any], partner: bool) -> str:
    payer = body.get("payer")
    given = payer if isinstance(payer, dict) else {}
    name = "openid"
    if partner:
        name = "sub_openid" if "sub_openid" in given else "sp_openid"
        if name == "sub_openid" and not body.get("sub_appid"):
            raise PayError(400, "PARAM_ERROR", "使用 sub_openid 时必须同时传 sub_appid")
        if name == "sp_openid" and body["sp_appid"] != world.config.appid:
            raise PayError(400, "PARAM_ERROR", "无效的 sp_openid：sp_appid 和 sp_openid 不匹配")
    openid = given.get(name)
    if not isinstance(openid, str) or openid not in world.state.users:
        raise PayError(400, "PARAM_ERROR", "无效的 openid：appid 和 openid 不匹配")
    return openid


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


def settle_lazily(world: World, order: Order) -> None:
    """What time alone does to an order: the platform closes what nobody paid for 7 days, and revokes a payment code
    whose password never came. `time_expire` alone closes nothing."""
    if order.trade_state == "NOTPAY" and world.now() - order.created_at > AUTO_CLOSE_SECONDS:
        order.trade_state = "CLOSED"
    if order.trade_state == "USERPAYING" and order.revoke_at is not None and order.revoke_at <= time.time():
        order.trade_state = "REVOKED"
        order.revoked_at = world.now()
        world.store.touch()


def find_order(
    world: World, *, out_trade_no: str | None = None, transaction_id: str | None = None, sub_mchid: str | None = None
) -> Order:
    """Raises: PayError ORDER_NOT_EXIST, also when it is another merchant's; `sub_mchid` None asks for anybody's."""
    order = world.state.orders.get(out_trade_no or "")
    if transaction_id is not None:
        order = next((o for o in world.state.orders.values() if o.transaction_id == transaction_id), None)
    if order is None or (sub_mchid is not None and order.sub_mchid != sub_mchid):
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    settle_lazily(world, order)
    return order


def order_view(world: World, order: Order) -> dict[str, Any]:
    """The transaction object of query and callback 订单."""
    view: dict[str, Any] = {
        **merchant_view(world, order),
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
        trade_type=order.trade_type,
        bank_type="OTHERS",
        success_time=rfc3339(order.paid_at),
        payer=_payer_view(order),
    )
    view["amount"].update(payer_total=order.payer_total_fen, payer_currency="CNY")
    if order.payer_total_fen < order.total_fen:
        saved_fen = order.total_fen - order.payer_total_fen
        coupon = {"coupon_id": "109519", "name": "沙箱代金券", "scope": "GLOBAL", "type": "NOCASH", "amount": saved_fen}
        view["promotion_detail"] = [{**coupon, "currency": "CNY"}]
    return view


def merchant_view(world: World, order: Order) -> dict[str, Any]:
    """Whose order it is, in the words of its API: `sub_appid` only where it was sent."""
    if not order.sub_mchid:
        return {"appid": order.request["appid"], "mchid": order.request["mchid"]}
    view = {"sp_appid": order.request["sp_appid"], "sp_mchid": world.config.mchid, "sub_mchid": order.sub_mchid}
    return {**view, "sub_appid": order.request["sub_appid"]} if order.request.get("sub_appid") else view


def _payer_view(order: Order) -> dict[str, str]:
    if not order.sub_mchid:
        return {"openid": order.openid}
    return {"sub_openid" if order.request.get("sub_appid") else "sp_openid": order.openid}


def close_order(world: World, out_trade_no: str, sub_mchid: str) -> None:
    """Close 关单, re-entrant.

    Raises: PayError ORDER_NOT_EXIST; INVALID_REQUEST for a payment code's order, which can only be reversed; ORDERPAID,
    also when the person pays in the last moment (fault switch).
    """
    order = find_order(world, out_trade_no=out_trade_no, sub_mchid=sub_mchid)
    if order.trade_type == "MICROPAY":
        raise PayError(400, "INVALID_REQUEST", "付款码支付订单不支持关单，只能撤销")
    if order.trade_state == "NOTPAY" and world.take("pay_before_close", "close", out_trade_no):
        if not order.openid:
            order.openid = next(iter(world.state.users))
        mark_paid(world, order)
    if order.paid_at is not None:
        raise PayError(400, "ORDERPAID", "该订单已支付，不能关单")
    order.trade_state = "CLOSED"


def sheet_order(world: World, key: str) -> Order:
    """The order behind a prepay_id or a scanned code_url, as the pay sheet would open it.

    Raises: SheetError when WeChat would show an error instead of the amount.
    """
    for order in world.state.orders.values():
        if key and (key in order.prepay_ids or key == order.code_url):
            settle_lazily(world, order)
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


def pay(world: World, key: str, openid: str | None) -> Notification:
    """A person presses 立即支付; an order of native QR is paid by whoever scans it.

    Raises: SheetError when the order cannot be paid (any more).
    """
    order = sheet_order(world, key)
    if order.trade_state in ("SUCCESS", "REFUND"):
        raise SheetError("already_paid", "该订单已支付，请勿重复支付")
    if order.trade_state == "CLOSED":
        raise SheetError("closed", "该订单已关闭")
    if order.trade_type == "NATIVE" and (openid is None or openid not in world.state.users):
        raise SheetError("payer_unknown", "请选择付款的微信用户", 400)
    if order.trade_type == "JSAPI" and openid is not None and openid != order.openid:
        raise SheetError("other_payer", "支付者与下单用户不一致", 403)
    now = world.now()
    if order.expires_at is not None and now >= order.expires_at:
        raise SheetError("expired", "该订单已超过支付期限")
    if now - order.prepay_ids.get(key, order.code_url_at) > PREPAY_VALID_SECONDS:
        raise SheetError("prepay_expired", "支付会话已过期，请返回商户页面重新发起支付")
    if order.trade_type == "NATIVE":
        order.openid = str(openid)
    notification = mark_paid(world, order)
    assert notification is not None, "only payment codes are without a callback"
    return notification


def mark_paid(world: World, order: Order) -> Notification | None:
    """The money has moved: state, transaction number, coupon, and the notification that will tell the merchant.

    For a payment code 付款码 there is none, ever: the merchant asks.
    """
    coupon = world.take("coupon", "pay", order.out_trade_no)
    coupon_fen = min(int(coupon.value), order.total_fen - 1) if coupon else 0
    order.trade_state = "SUCCESS"
    order.transaction_id = digits("42000", 28)
    order.paid_at = world.now()
    order.payer_total_fen = order.total_fen - coupon_fen
    world.store.touch()
    if order.trade_type == "MICROPAY":
        return None
    return new_notification(
        world,
        event_type="TRANSACTION.SUCCESS",
        summary="支付成功",
        original_type="transaction",
        notify_url=order.notify_url,
        out_trade_no=order.out_trade_no,
        resource=order_view(world, order),
    )
