"""Mini program server API over HTTP 小程序服务端接口: always HTTP 200, errors as errcode. Rules: reference §4.4."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
import qrcode
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import raw

from sandbox.wechat import messages, tokens
from sandbox.wechat.crypto import nonce_text
from sandbox.wechat.errors import MiniError
from sandbox.wechat.faults import happens
from sandbox.wechat.payapi import hang_up
from sandbox.wechat.state import Code
from sandbox.wechat.world import World

blueprint = Blueprint("miniprogram")
CODE_VALID_SECONDS = 300
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
URL_LINK_DAYS_MAX = 30
_WORDS = {"赌博": "risky", "毒品": "risky", "枪支": "risky", "代开发票": "risky", "加微信": "review", "代购": "review"}
Act = Callable[[World, Request, dict[str, Any]], dict[str, Any] | bytes]


def operation(name: str, method: str, path: str, *, needs_token: bool = True) -> Callable[[Act], Act]:
    """Serve an operation; the body of a POST is JSON, whatever its content type says (wechatpy sends none)."""

    def register(act: Act) -> Act:
        @wraps(act)
        async def handler(request: Request) -> HTTPResponse:
            world: World = request.app.ctx.world
            return await _serve(world, request, name, act, needs_token)

        blueprint.add_route(handler, path, methods=[method], name=name)
        return act

    return register


async def _serve(world: World, request: Request, name: str, act: Act, needs_token: bool) -> HTTPResponse:
    delay = world.take("api_delay", name)
    if delay:
        await asyncio.sleep(delay.value)
    if world.take("api_500", name) or happens(world.take("api_flaky", name)):
        world.log(name, request.method, request.path, 500, fault="api_500")
        return raw(b"", status=500)
    fault = ""
    try:
        rule = world.take("mini_errcode", name)
        if rule is not None:
            fault = rule.kind
            raise MiniError(int(rule.value), "system error" if rule.value == -1 else "simulated error")
        if needs_token:
            tokens.check_token(world, request.args.get("access_token"))
        answer = act(world, request, _json_body(request))
    except MiniError as error:
        message = f"{error.errmsg}, rid: {nonce_text(8)}-{nonce_text(8)}-{nonce_text(8)}".lower()
        answer = {"errcode": error.errcode, "errmsg": message}
    world.store.touch()
    await world.store.saved()
    for kind in ("api_timeout", "api_lost"):
        rule = world.take(kind, name)
        if rule is not None:
            await hang_up(world, request, name, rule)
            return raw(b"", status=500)  # never reaches the client: the connection is gone
    code = answer.get("errcode", 0) if isinstance(answer, dict) else 0
    world.log(name, request.method, request.path, 200, code, fault)
    if isinstance(answer, bytes):
        return raw(answer, content_type="image/jpeg")
    return raw(orjson.dumps(answer), content_type="application/json; encoding=utf-8")


def _json_body(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return {}
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise MiniError(47001, "data format error")
    return body


def redeem(world: World, value: Any, kind: str, *, used_errcode: int) -> Code:
    """Use up a code 临时凭证.

    Raises: MiniError 40029 unknown, of the other kind or older than 5 minutes; `used_errcode` used before.
    """
    code = world.state.codes.get(value) if isinstance(value, str) else None
    if code is None or code.kind != kind or world.now() - code.created_at > CODE_VALID_SECONDS:
        raise MiniError(40029, "invalid code")
    if code.used_at is not None:
        raise MiniError(used_errcode, "code been used" if used_errcode == 40163 else "invalid code")
    code.used_at = world.now()
    return code


@operation("code2session", "GET", "/sns/jscode2session", needs_token=False)
def code_to_session(world: World, request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    tokens.check_app(world, request.args.get("appid"), request.args.get("secret"))
    if not request.args.get("js_code"):
        raise MiniError(41008, "missing code")
    if request.args.get("grant_type") != "authorization_code":
        raise MiniError(40002, "invalid grant_type")
    code = redeem(world, request.args.get("js_code"), "login", used_errcode=40163)
    user = world.state.users[code.openid]
    user.session_key = world.new_session_key()
    answer = {"openid": user.openid, "session_key": user.session_key}
    return {**answer, "unionid": user.unionid} if user.unionid else answer


@operation("token", "GET", "/cgi-bin/token", needs_token=False)
def token(world: World, request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    if request.args.get("grant_type") != "client_credential":
        raise MiniError(40002, "invalid grant_type")
    tokens.check_app(world, request.args.get("appid"), request.args.get("secret"))
    return tokens.plain_token(world)


@operation("stable_token", "POST", "/cgi-bin/stable_token", needs_token=False)
def stable_token(world: World, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    if body.get("grant_type") != "client_credential":
        raise MiniError(40002, "invalid grant_type")
    tokens.check_app(world, body.get("appid"), body.get("secret"))
    return tokens.stable_token(world, force=body.get("force_refresh") is True)


@operation("phone", "POST", "/wxa/business/getuserphonenumber")
def phone_number(world: World, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("code"):
        raise MiniError(41008, "missing code")
    waiting = world.state.codes.get(str(body["code"]))
    if body.get("openid") and waiting is not None and waiting.openid != body["openid"]:
        raise MiniError(40003, "invalid openid")
    code = redeem(world, body["code"], "phone", used_errcode=40029)
    phone = world.state.users[code.openid].phone
    info = {"phoneNumber": phone, "purePhoneNumber": phone, "countryCode": "86"}
    watermark = {"timestamp": int(world.now()), "appid": world.config.appid}
    return {"errcode": 0, "errmsg": "ok", "phone_info": {**info, "watermark": watermark}}


@operation("subscribe_send", "POST", "/cgi-bin/message/subscribe/send")
def subscribe_send(world: World, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    messages.send(world, body)
    return {"errcode": 0, "errmsg": "ok"}


@operation("wxacode", "POST", "/wxa/getwxacodeunlimit")
def wxa_code(world: World, _request: Request, body: dict[str, Any]) -> bytes:
    """A JPEG with an ordinary QR code of `page?scene=…` in the place of the round mini program code."""
    scene = body.get("scene")
    if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
        raise MiniError(40169, "invalid length for scene, or the data is not json string")
    page = body.get("page") or ""
    if body.get("check_path", True):
        messages.check_page(world, page)
    width = body.get("width", 430)
    if type(width) is not int or not 280 <= width <= 1280:
        raise MiniError(40097, "invalid args")
    image = qrcode.make(f"{page}?scene={scene}").get_image().convert("RGB").resize((width, width))
    output = io.BytesIO()
    image.save(output, "JPEG", quality=90)
    return output.getvalue()


@operation("urllink", "POST", "/wxa/generate_urllink")
def url_link(world: World, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """A link that opens a page of the mini program from outside WeChat; 30 days at most."""
    messages.check_page(world, body.get("path") or "")
    if not isinstance(body.get("query", ""), str) or len(body.get("query", "")) > 1024:
        raise MiniError(40212, "invalid query")
    kind, now = body.get("expire_type", 0), world.now()
    until = body.get("expire_time", now + URL_LINK_DAYS_MAX * 86400) if kind == 0 else None
    days = body.get("expire_interval", URL_LINK_DAYS_MAX)
    if kind == 0 and (type(until) not in (int, float) or not now < until <= now + URL_LINK_DAYS_MAX * 86400):
        raise MiniError(85401, "time limit between 1min and 30 days")
    if kind not in (0, 1) or type(days) is not int or not 1 <= days <= URL_LINK_DAYS_MAX:
        raise MiniError(85401, "time limit between 1min and 30 days")
    return {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{nonce_text(11)}"}


@operation("msg_sec_check", "POST", "/wxa/msg_sec_check")
def msg_sec_check(world: World, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Text safety 文本内容安全识别 v2; the sandbox knows a handful of words."""
    content = body.get("content")
    if not isinstance(content, str) or not 1 <= len(content) <= 2500:
        raise MiniError(40129, "invalid content")
    if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4):
        raise MiniError(47001, "data format error")
    if body.get("openid") not in world.state.users:
        raise MiniError(40003, "invalid openid")
    verdicts = [verdict for word, verdict in _WORDS.items() if word in content]
    suggest = "risky" if "risky" in verdicts else "review" if verdicts else "pass"
    label = {"pass": 100, "review": 10001, "risky": 20006}[suggest]
    detail = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    result = {"suggest": suggest, "label": label}
    return {"errcode": 0, "errmsg": "ok", "detail": [detail], "trace_id": nonce_text(24), "result": result}
