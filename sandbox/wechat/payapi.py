"""WeChat Pay v3 over HTTP 支付接口: request check, faults, the operation, a signed answer. Rules: reference §4.1."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from urllib.parse import unquote

import orjson
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import raw

from sandbox.wechat import bills, codepay, crypto, orders, refunds
from sandbox.wechat.errors import PayError
from sandbox.wechat.faults import happens
from sandbox.wechat.state import Rule
from sandbox.wechat.text import rfc3339
from sandbox.wechat.world import World

blueprint = Blueprint("pay")
JSON = "application/json; charset=utf-8"
CLOCK_TOLERANCE_SECONDS = 300
_ERRORS = {
    "api_429": PayError(429, "FREQUENCY_LIMITED", "频率限制，请降低请求接口频率"),
    "api_500": PayError(500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
    "api_500_after": PayError(500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
}


@dataclass(frozen=True)
class Call:
    """A checked request: its JSON body, the path variable and the fault rule scope."""

    world: World
    request: Request
    body: dict[str, Any]
    path_value: str = ""

    @property
    def partner(self) -> bool:
        """Whether a service provider 服务商 asks, by its own paths."""
        return self.request.path.startswith(_PARTNER)

    @property
    def sub_mchid(self) -> str:
        """The special merchant named in body or query, "" for an ordinary merchant."""
        value = self.body.get("sub_mchid") or self.request.args.get("sub_mchid") or ""
        return value if isinstance(value, str) else ""


_PARTNER = "/v3/pay/partner/"
Act = Callable[[Call], Awaitable[dict[str, Any] | bytes | None]]


def operation(name: str, method: str, *paths: str, writes: bool) -> Callable[[Act], Act]:
    """Serve an operation: check, act, save, then answer as the active faults allow. The first path names it."""

    def register(act: Act) -> Act:
        @wraps(act)
        async def handler(request: Request, path_value: str = "") -> HTTPResponse:
            world: World = request.app.ctx.world
            return await _serve(world, request, name, act, unquote(path_value), writes)

        for number, path in enumerate(paths):
            # One operation, so that one fault rule reaches all its paths.
            blueprint.add_route(handler, path, methods=[method], name=f"{name}_{number}" if number else name)
        return act

    return register


async def _serve(world: World, request: Request, name: str, act: Act, path_value: str, writes: bool) -> HTTPResponse:
    struck = ""
    try:
        body = check_request(world, request)
        order_no = _scope(body, path_value)
        delay = world.take("api_delay", name, order_no)
        if delay:
            await asyncio.sleep(delay.value)
        if happens(world.take("api_flaky", name, order_no)):
            struck = "api_flaky"
            raise _ERRORS["api_500"]
        for kind in ("api_429", "api_500"):
            if world.take(kind, name, order_no):
                struck = kind
                raise _ERRORS[kind]
        result = await act(Call(world, request, body, path_value))
        if writes:
            world.store.touch()
            await world.store.saved()
        rule = _after_fault(world, name, order_no)
        if rule is not None:
            struck = rule.kind
            return await _faulty(world, request, name, rule, result)
        return _answer(world, request, name, result)
    except PayError as error:
        if writes:
            world.store.touch()  # a refusal may have closed an old order or used up a fault
            await world.store.saved()
        return _refusal(world, request, name, error, struck)


def _scope(body: dict[str, Any], path_value: str) -> str | None:
    value = body.get("out_trade_no") or path_value or None
    return value if isinstance(value, str) else None


def _after_fault(world: World, name: str, order_no: str | None) -> Rule | None:
    for kind in ("api_timeout", "api_lost", "api_500_after", "api_signature_probe"):
        rule = world.take(kind, name, order_no)
        if rule is not None:
            return rule
    return None


async def _faulty(
    world: World, request: Request, name: str, rule: Rule, result: dict[str, Any] | bytes | None
) -> HTTPResponse:
    if rule.kind == "api_500_after":
        return _refusal(world, request, name, _ERRORS["api_500_after"], rule.kind)
    if rule.kind == "api_signature_probe":
        return _answer(world, request, name, result, probe=True)
    await hang_up(world, request, name, rule)
    return raw(b"", status=500)  # never reaches the client: the connection is gone


async def hang_up(world: World, request: Request, name: str, rule: Rule) -> None:
    """Answer nothing: hold the line (api_timeout) or not (api_lost), then cut it."""
    world.log(name, request.method, request.path, 0, fault=rule.kind)
    if rule.kind == "api_timeout":
        await asyncio.sleep(rule.value)
    cast(asyncio.Transport, request.transport).abort()


def check_request(world: World, request: Request) -> dict[str, Any]:
    """The request's JSON body, once its signature and merchant are right.

    Raises: PayError SIGN_ERROR, PARAM_ERROR, NO_AUTH.
    """
    url = request.raw_url.decode("ascii", "replace")
    fields = crypto.parse_authorization(request.headers.get("authorization", ""))
    if fields is None:
        raise PayError(401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    if not request.headers.get("accept") or not request.headers.get("user-agent"):
        raise PayError(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent")
    if fields["mchid"] != world.config.mchid or fields["serial_no"].upper() != world.config.merchant_cert_serial:
        raise PayError(401, "SIGN_ERROR", "商户证书序列号有误，请使用签名私钥匹配的证书序列号")
    if not fields["timestamp"].isdigit() or abs(time.time() - int(fields["timestamp"])) > CLOCK_TOLERANCE_SECONDS:
        raise PayError(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    message = crypto.request_message(request.method, url, fields["timestamp"], fields["nonce_str"], request.body)
    if not crypto.verify(world.merchant_key, message, fields["signature"]):
        raise _sign_error(request.method, url, message)
    body = _json_body(request)
    for name in ("mchid", "sp_mchid"):
        for mchid in (body.get(name), request.args.get(name)):
            if mchid is not None and mchid != world.config.mchid:
                raise PayError(403, "NO_AUTH", "商户号与签名所用商户号不一致")
    return body


def _sign_error(method: str, url: str, message: bytes) -> PayError:
    text = message.decode("utf-8", "replace")
    information = {
        "method": method,
        "url": url,
        "truncated_sign_message": text[:256],
        "sign_message_length": len(message),
    }
    detail = {
        "field": "signature",
        "issue": "sign not match",
        "location": "authorization",
        "sign_information": information,
    }
    return PayError(401, "SIGN_ERROR", "错误的签名，导致验签失败", detail)


def _json_body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise PayError(400, "PARAM_ERROR", "请求体不是合法的 JSON 对象")
    return body


def _answer(
    world: World, request: Request, name: str, result: dict[str, Any] | bytes | None, *, probe: bool = False
) -> HTTPResponse:
    status = 204 if result is None else 200
    world.log(name, request.method, request.path, status, fault="api_signature_probe" if probe else "")
    if isinstance(result, bytes):
        # The bill itself comes without signature headers; its SHA-1 was in the signed answer before.
        return raw(result, content_type="application/octet-stream")
    body = b"" if result is None else orjson.dumps(result)
    return _signed(world, request, status, body, "0", probe=probe)


def _refusal(world: World, request: Request, name: str, error: PayError, fault: str) -> HTTPResponse:
    world.log(name, request.method, request.path, error.status, error.code, fault)
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.detail:
        body["detail"] = error.detail
    return _signed(world, request, error.status, orjson.dumps(body), error.code)


def _signed(
    world: World, request: Request, status: int, body: bytes, code: str, *, probe: bool = False
) -> HTTPResponse:
    signer = world.response_signer(request.headers.get("wechatpay-serial", ""))
    headers = signer.headers(body, probe=probe)
    headers["Request-ID"] = f"{crypto.nonce_text(24).upper()}-{code}"
    return raw(body, status=status, headers=headers, content_type=JSON)


_ORDERS = "/v3/pay/transactions"
_SP_ORDERS = "/v3/pay/partner/transactions"


@operation("prepay", "POST", f"{_ORDERS}/jsapi", f"{_SP_ORDERS}/jsapi", writes=True)
async def prepay(call: Call) -> dict[str, Any]:
    answer = orders.place_order(call.world, call.body, trade_type="JSAPI", partner=call.partner)
    out_trade_no = call.body["out_trade_no"]
    if call.world.take("callback_before_response", "prepay", out_trade_no):
        order = orders.find_order(call.world, out_trade_no=out_trade_no)
        await call.world.dispatcher.deliver(orders.pay(call.world, answer["prepay_id"], order.openid))
    return answer


@operation("native", "POST", f"{_ORDERS}/native", f"{_SP_ORDERS}/native", writes=True)
async def native(call: Call) -> dict[str, Any]:
    return orders.place_order(call.world, call.body, trade_type="NATIVE", partner=call.partner)


@operation("codepay", "POST", f"{_ORDERS}/codepay", f"{_SP_ORDERS}/codepay", writes=True)
async def charge_code(call: Call) -> dict[str, Any]:
    return codepay.charge_code(call.world, call.body, partner=call.partner)


@operation(
    "reverse",
    "POST",
    f"{_ORDERS}/out-trade-no/<path_value:str>/reverse",
    f"{_SP_ORDERS}/out-trade-no/<path_value:str>/reverse",
    writes=True,
)
async def reverse(call: Call) -> dict[str, Any]:
    names = ("sp_appid", "sp_mchid", "sub_mchid") if call.partner else ("appid", "mchid")
    _need(call, call.body, *names)
    codepay.reverse_order(call.world, call.path_value, call.sub_mchid)
    return {**{name: call.body[name] for name in names}, "out_trade_no": call.path_value}


@operation(
    "query",
    "GET",
    f"{_ORDERS}/out-trade-no/<path_value:str>",
    f"{_ORDERS}/id/<path_value:str>",
    f"{_SP_ORDERS}/out-trade-no/<path_value:str>",
    f"{_SP_ORDERS}/id/<path_value:str>",
    writes=False,
)
async def query(call: Call) -> dict[str, Any]:
    _need(call, dict(call.request.args), *(("sp_mchid", "sub_mchid") if call.partner else ("mchid",)))
    by_transaction = "/transactions/id/" in call.request.path
    order = orders.find_order(
        call.world,
        out_trade_no=None if by_transaction else call.path_value,
        transaction_id=call.path_value if by_transaction else None,
        sub_mchid=call.sub_mchid,
    )
    return orders.order_view(call.world, order)


def _need(call: Call, given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not given.get(name):
            raise PayError(400, "PARAM_ERROR", f"缺少参数 {name}")


@operation(
    "close",
    "POST",
    f"{_ORDERS}/out-trade-no/<path_value:str>/close",
    f"{_SP_ORDERS}/out-trade-no/<path_value:str>/close",
    writes=True,
)
async def close(call: Call) -> None:
    _need(call, call.body, *(("sp_mchid", "sub_mchid") if call.partner else ("mchid",)))
    orders.close_order(call.world, call.path_value, call.sub_mchid)


@operation("refund", "POST", "/v3/refund/domestic/refunds", writes=True)
async def ask_refund(call: Call) -> dict[str, Any]:
    refund = refunds.ask_refund(call.world, call.body)
    view = refunds.refund_view(call.world, refund)
    if refund.status == "PROCESSING" and call.world.take("callback_before_response", "refund", refund.out_trade_no):
        notification = refunds.settle(call.world, refund)
        if notification is not None:
            await call.world.dispatcher.deliver(notification)
    return view


@operation("refund_query", "GET", "/v3/refund/domestic/refunds/<path_value:str>", writes=False)
async def query_refund(call: Call) -> dict[str, Any]:
    return refunds.refund_view(call.world, refunds.find_refund(call.world, call.path_value, call.sub_mchid))


@operation("abnormal_refund", "POST", "/v3/refund/domestic/refunds/<path_value:str>/apply-abnormal-refund", writes=True)
async def apply_abnormal_refund(call: Call) -> dict[str, Any]:
    return refunds.refund_view(call.world, refunds.apply_abnormal(call.world, call.path_value, call.body))


@operation("certificates", "GET", "/v3/certificates", writes=False)
async def certificates(call: Call) -> dict[str, Any]:
    world = call.world
    if not world.has_certificates or world.certificate is None or world.certificate_signer is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
    sealed = crypto.encrypt_resource(world.config.apiv3_key, world.config.platform_cert_pem.encode(), "certificate")
    entry = {
        "serial_no": world.certificate_signer.serial,
        "effective_time": rfc3339(world.certificate.not_valid_before_utc.timestamp()),
        "expire_time": rfc3339(world.certificate.not_valid_after_utc.timestamp()),
        "encrypt_certificate": sealed,
    }
    return {"data": [entry]}


@operation("tradebill", "GET", "/v3/bill/tradebill", writes=False)
async def trade_bill(call: Call) -> dict[str, Any]:
    query = {name: call.request.args.get(name) for name in call.request.args}
    return bills.ask_bill(call.world, query, f"{call.request.scheme}://{call.request.host}")


@operation("download", "GET", "/v3/billdownload/file", writes=False)
async def download_bill(call: Call) -> bytes:
    return bills.bill_file(call.world, call.request.args.get("token", ""))


async def unknown(request: Request, path_value: str) -> HTTPResponse:
    async def refuse(call: Call) -> None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", f"无此接口：{call.request.path}")

    return await _serve(request.app.ctx.world, request, "unknown", refuse, path_value, writes=False)


blueprint.add_route(unknown, "/v3/<path_value:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], name="unknown")
