"""Control API `/_sim/…`: people, payments and fault switches, for this machine only."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import orjson
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import raw

from sandbox.wechat import bills, codepay, faults, messages, orders, push, refunds
from sandbox.wechat.errors import PayError, SheetError
from sandbox.wechat.state import Code, State, User
from sandbox.wechat.text import rfc3339
from sandbox.wechat.world import MadeBill, World

blueprint = Blueprint("control", url_prefix="/_sim")
_LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


@blueprint.on_request
async def only_this_machine(request: Request) -> None:
    """The control API can pay and forge: no other machine, no rebound name, no foreign page may reach it."""
    host = urlsplit(f"//{request.host}").hostname
    if not ipaddress.ip_address(request.ip).is_loopback or host not in _LOOPBACK_NAMES:
        raise SheetError("loopback_only", "控制接口只能在本机访问", 403)
    origin = request.headers.get("origin")
    own = f"{request.scheme}://{request.host}"
    if origin and origin != own and not (request.method == "GET" and origin in _world(request).config.return_origins):
        raise SheetError("foreign_origin", "不接受其他网页的请求", 403)


@blueprint.on_response
async def save_and_allow(request: Request, response: HTTPResponse) -> None:
    world = _world(request)
    if request.method != "GET":
        world.store.touch()
        await world.store.saved()
    origin = request.headers.get("origin")
    if request.method == "GET" and origin in world.config.return_origins:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
    response.headers["Vary"] = "Origin"
    response.headers["Cache-Control"] = "no-store"


def _world(request: Request) -> World:
    world: World = request.app.ctx.world
    return world


def _json(data: Any, status: int = 200) -> HTTPResponse:
    return raw(orjson.dumps(data), status=status, content_type="application/json")


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise SheetError("bad_json", "请求体应为 JSON 对象", 400)
    return body


def _user(world: World, openid: str) -> User:
    user = world.state.users.get(openid)
    if user is None:
        raise SheetError("user_not_found", "没有这个微信用户", 404)
    return user


@blueprint.get("/state")
async def read_state(request: Request) -> HTTPResponse:
    world = _world(request)
    state = asdict(world.state)
    state["codes"] = len(state["codes"])
    state["tokens"] = len(state["tokens"])
    calls = [asdict(call) for call in world.calls]
    made = [_bill_view(bill) for bill in world.made_bills]
    return _json({"business_time": rfc3339(world.now()), "calls": calls, "bills": made, **state})


def _bill_view(bill: MadeBill) -> dict[str, Any]:
    return {name: value for name, value in vars(bill).items() if name != "content"}


@blueprint.post("/bills")
async def make_bill(request: Request) -> HTTPResponse:
    """Make the bill of a day as a merchant's download would, without the wait for 10 o'clock of the next day."""
    world, body = _world(request), _body(request)
    try:
        day = date.fromisoformat(str(body.get("day", "")))
    except ValueError:
        raise SheetError("bad_day", "账单日应为 yyyy-MM-dd", 400) from None
    try:
        bills.make_bill(world, day, "ALL", str(body.get("sub_mchid") or ""))
    except PayError as error:
        raise SheetError(error.code.lower(), error.message) from error
    return _json(_bill_view(world.made_bills[0]), 201)


@blueprint.get("/bills/<bill_id:str>")
async def read_bill(request: Request, bill_id: str) -> HTTPResponse:
    """A bill as it was handed out, before gzip."""
    bill = next((bill for bill in _world(request).made_bills if bill.id == bill_id), None)
    if bill is None:
        raise SheetError("bill_not_found", "没有这份账单", 404)
    return raw(bill.content, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


@blueprint.post("/reset")
async def reset(request: Request) -> HTTPResponse:
    """Forget everything; `{"keep_users": true}` keeps the people, so that bound accounts stay valid."""
    world = _world(request)
    users = world.state.users if _body(request).get("keep_users") else {}
    world.store.state = State(users=users)
    world.calls.clear()
    world.bills.clear()
    world.made_bills.clear()
    if not users:
        world.add_demo_users()
    return _json({"ok": True})


@blueprint.get("/page-config")
async def page_config(request: Request) -> HTTPResponse:
    config = _world(request).config
    templates = [
        {"template_id": item.template_id, "title": item.title, "long_term": item.long_term} for item in config.templates
    ]
    return _json(
        {"merchant_name": config.merchant_name, "return_origins": config.return_origins, "templates": templates}
    )


@blueprint.get("/users")
async def list_users(request: Request) -> HTTPResponse:
    return _json({"items": [_user_view(user) for user in _world(request).state.users.values()]})


def _user_view(user: User) -> dict[str, Any]:
    return {"openid": user.openid, "nickname": user.nickname, "phone": user.phone, "unionid": user.unionid}


@blueprint.post("/users")
async def create_user(request: Request) -> HTTPResponse:
    body = _body(request)
    nickname, phone, openid = body.get("nickname"), body.get("phone"), body.get("openid")
    if not isinstance(nickname, str) or not 1 <= len(nickname.strip()) <= 32:
        raise SheetError("bad_nickname", "昵称应为 1-32 个字", 400)
    if not isinstance(phone, str) or not (phone.isascii() and phone.isdigit() and len(phone) == 11):
        raise SheetError("bad_phone", "手机号应为 11 位数字", 400)
    if openid is not None and (not isinstance(openid, str) or not 1 <= len(openid) <= 64):
        raise SheetError("bad_openid", "openid 应为不超过 64 个字符", 400)
    return _json(_user_view(_world(request).add_user(nickname.strip(), phone, openid=openid)), 201)


@blueprint.get("/users/<openid:str>")
async def read_user(request: Request, openid: str) -> HTTPResponse:
    return _json(_user_view(_user(_world(request), openid)))


def _new_code(request: Request, openid: str, kind: str) -> HTTPResponse:
    world = _world(request)
    user = _user(world, openid)
    for old in list(world.state.codes.values()):
        if old.created_at < world.now() - 86400:
            del world.state.codes[old.code]
    code = Code(secrets.token_urlsafe(24), kind, user.openid, world.now())
    world.state.codes[code.code] = code
    return _json({"code": code.code}, 201)


@blueprint.post("/users/<openid:str>/login-code")
async def login_code(request: Request, openid: str) -> HTTPResponse:
    """What `wx.login` would give."""
    return _new_code(request, openid, "login")


@blueprint.post("/users/<openid:str>/phone-code")
async def phone_code(request: Request, openid: str) -> HTTPResponse:
    """What the getPhoneNumber button would give."""
    return _new_code(request, openid, "phone")


@blueprint.post("/users/<openid:str>/payment-code")
async def payment_code(request: Request, openid: str) -> HTTPResponse:
    """What the person's 付款码 shows for the next minute."""
    world = _world(request)
    user = _user(world, openid)
    return _json({"auth_code": codepay.new_payment_code(world, user.openid).code}, 201)


@blueprint.post("/users/<openid:str>/subscribe")
async def subscribe(request: Request, openid: str) -> HTTPResponse:
    world, body = _world(request), _body(request)
    user = _user(world, openid)
    template = messages.find_template(world, str(body.get("template_id", "")))
    if template is None:
        raise SheetError("template_not_found", "没有这个订阅消息模板", 404)
    left = messages.subscribe(world, user.openid, template, body.get("accept") is True)
    return _json({"template_id": template.template_id, "left": left})


@blueprint.post("/users/<openid:str>/unsubscribe")
async def unsubscribe(request: Request, openid: str) -> HTTPResponse:
    """The person switches a template off in the mini program's settings."""
    world, body = _world(request), _body(request)
    template = messages.find_template(world, str(body.get("template_id", "")))
    if template is None:
        raise SheetError("template_not_found", "没有这个订阅消息模板", 404)
    messages.switch_off(world, _user(world, openid).openid, template)
    return _json({"template_id": template.template_id, "left": 0})


@blueprint.get("/users/<openid:str>/messages")
async def user_messages(request: Request, openid: str) -> HTTPResponse:
    world = _world(request)
    _user(world, openid)
    found = [
        {**asdict(message), "sent_at": rfc3339(message.sent_at)}
        for message in world.state.messages
        if message.openid == openid
    ]
    return _json({"items": found})


@blueprint.get("/prepay/<prepay_id:str>")
async def read_prepay(request: Request, prepay_id: str) -> HTTPResponse:
    """What the pay sheet shows."""
    return _sheet(request, prepay_id)


@blueprint.get("/scan")
async def read_scanned(request: Request) -> HTTPResponse:
    """What the pay sheet shows after scanning `?code_url=` 扫一扫."""
    return _sheet(request, str(request.args.get("code_url", "")))


def _sheet(request: Request, key: str) -> HTTPResponse:
    world = _world(request)
    order = orders.sheet_order(world, key)
    user = world.state.users.get(order.openid)
    return _json(
        {
            "merchant_name": world.config.merchant_name,
            "description": order.request["description"],
            "total_fen": order.total_fen,
            "trade_state": order.trade_state,
            "out_trade_no": order.out_trade_no,
            "openid": order.openid,
            "nickname": user.nickname if user else "",
        }
    )


@blueprint.post("/pay")
async def pay(request: Request) -> HTTPResponse:
    """The person pays a `prepay_id` or a scanned `code_url`; parameters of `wx.requestPayment` are verified when
    any is given."""
    world, body = _world(request), _body(request)
    prepay_id = str(body.get("prepay_id") or body.get("code_url") or "")
    orders.sheet_order(world, prepay_id)
    if any(name in body for name in orders.PAY_SIGN_FIELDS):
        orders.check_pay_sign(world, prepay_id, body)
    openid = body.get("openid")
    notification = orders.pay(world, prepay_id, str(openid) if openid is not None else None)
    if world.take("callback_before_response", "pay", notification.out_trade_no):
        await world.dispatcher.deliver(notification)
    order = orders.find_order(world, out_trade_no=notification.out_trade_no)
    return _json({"result": "ok", "notification_id": notification.id, **orders.order_view(world, order)})


@blueprint.post("/orders/<out_trade_no:str>/password")
async def enter_password(request: Request, out_trade_no: str) -> HTTPResponse:
    """The person types the password of a payment code, or declines with `{"accept": false}`."""
    world = _world(request)
    order = codepay.enter_password(world, out_trade_no, _body(request).get("accept", True) is True)
    return _json(orders.order_view(world, order))


@blueprint.post("/refunds/<out_refund_no:str>/settle")
async def settle_refund(request: Request, out_refund_no: str) -> HTTPResponse:
    """Let the bank answer for a refund now."""
    world = _world(request)
    refund = world.state.refunds.get(out_refund_no)
    if refund is None or refund.status != "PROCESSING":
        raise SheetError("refund_not_waiting", "没有处理中的这笔退款", 404)
    refunds.settle(world, refund)
    return _json(asdict(refund))


@blueprint.post("/push/verify")
async def verify_push(request: Request) -> HTTPResponse:
    """Check the push address as the back office does before it saves it."""
    await push.verify_address(_world(request), _world(request).dispatcher.http)
    return _json({"ok": True})


@blueprint.get("/orders/<out_trade_no:str>")
async def read_order(request: Request, out_trade_no: str) -> HTTPResponse:
    state = _world(request).state
    order = state.orders.get(out_trade_no)
    if order is None:
        raise SheetError("order_not_found", "没有这笔订单", 404)
    given_back = [asdict(refund) for refund in state.refunds.values() if refund.out_trade_no == out_trade_no]
    sent = [asdict(item) for item in state.notifications.values() if item.out_trade_no == out_trade_no]
    return _json({**asdict(order), "refunds": given_back, "notifications": sent})


@blueprint.post("/notifications/<notification_id:str>/send")
async def send_notification(request: Request, notification_id: str) -> HTTPResponse:
    """Send a notification now, also one that was already delivered (a late duplicate) or had run out of retries."""
    world = _world(request)
    notification = world.state.notifications.get(notification_id)
    if notification is None:
        raise SheetError("notification_not_found", "没有这条通知", 404)
    accepted = await world.dispatcher.deliver(notification)
    return _json({"accepted": accepted, "status": notification.status})


@blueprint.get("/faults")
async def list_faults(request: Request) -> HTTPResponse:
    kinds = {name: asdict(kind) for name, kind in faults.KINDS.items()}
    return _json({"kinds": kinds, "rules": [asdict(rule) for rule in _world(request).state.rules]})


@blueprint.post("/faults")
async def add_fault(request: Request) -> HTTPResponse:
    body = _body(request)
    types = {"kind": str, "target": str, "times": int, "value": int | float, "out_trade_no": str}
    for name, value in body.items():
        if name not in types or not isinstance(value, types[name]):
            raise SheetError("bad_field", f"字段 {name} 不对", 400)
    if "kind" not in body:
        raise SheetError("bad_field", "缺少字段 kind", 400)
    return _json(asdict(faults.add_rule(_world(request).state, **body)), 201)


@blueprint.delete("/faults")
async def clear_faults(request: Request) -> HTTPResponse:
    _world(request).state.rules.clear()
    return _json({"ok": True})


@blueprint.delete("/faults/<rule_id:str>")
async def remove_fault(request: Request, rule_id: str) -> HTTPResponse:
    state = _world(request).state
    state.rules[:] = [rule for rule in state.rules if rule.id != rule_id]
    return _json({"ok": True})


@blueprint.post("/settings")
async def change_settings(request: Request) -> HTTPResponse:
    """Merge the given settings; waits already running shrink or stretch with a new time scale."""
    world, body = _world(request), _body(request)
    for name, value in body.items():
        _check_setting(name, value)
    world.change_settings(body)
    return _json(asdict(world.state.settings))


def _check_setting(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = {
        "clock_offset_seconds": number,
        "time_scale": number and 0 < value <= 1_000_000,
        "refund_seconds": number and value >= 0,
        "callback_timeout_seconds": number and 0 < value <= 60,
        "callback_signing": value in ("", "public_key", "certificate"),
        "push_url": isinstance(value, str) and (value == "" or value.startswith(("http://", "https://"))),
        "push_format": value in ("json", "xml"),
        "push_encrypted": isinstance(value, bool),
    }
    if not good.get(name, False):
        raise SheetError("bad_setting", f"设置 {name} 不对", 400)
