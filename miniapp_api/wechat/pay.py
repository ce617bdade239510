"""WeChat Pay v3 (微信支付): the ``PaymentGateway`` port on the unmodified wechatpayv3, in public-key mode (公钥模式).

The library answers ``(status, text)`` and raises bare exceptions for an answer whose signature does not hold, though
the platform has acted by then (its deliberate signature probes look just so). Here every call ends in one of three
ways: a verified answer, a clear refusal, or ``GatewayUnknown``.
Source: 微信支付 APIv3 签名与验签, JSAPI 下单, 查询订单, 关闭订单, 申请退款, 查询单笔退款.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, StrictInt, ValidationError
from typing_extensions import Annotated
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from backend.settings import WechatSettings
from hospital_core.finance.payments.ports import (
    ChannelOrder,
    ChannelRefund,
    ChannelRefundStatus,
    CloseResult,
    GatewayRefused,
    GatewayUnknown,
    Merchant,
    PrepayOrder,
    RefundOrder,
    TradeState,
)

log = logging.getLogger(__name__)

PAY_NOTIFY_PATH = "/api/miniapp/v1/wechat/pay-notify"
REFUND_NOTIFY_PATH = "/api/miniapp/v1/wechat/refund-notify"

_TIMEOUT_S = (2, 5)  # to connect, between two bytes
_DEADLINE_S = 8  # for a whole call
_SHANGHAI = ZoneInfo("Asia/Shanghai")

# Spellings differ between generations of the documents; underscores are ignored.
_BUSY = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEEDED"})
_ABSENT = frozenset({"ORDERNOTEXIST", "ORDERNOTEXISTS", "RESOURCENOTEXISTS", "RESOURCENOTEXIST"})
_PAID = frozenset({"ORDERPAID"})
_CLOSED = frozenset({"ORDERCLOSED"})

Answer = TypeVar("Answer", bound=BaseModel)


class _Prepaid(BaseModel):
    prepay_id: str


class _Amount(BaseModel):
    total: StrictInt
    currency: str = "CNY"


class _Payer(BaseModel):
    openid: str | None = None


class Transaction(BaseModel):
    """The transaction object (支付订单) of queries and notices."""

    out_trade_no: str
    trade_state: TradeState
    mchid: str
    appid: str
    amount: _Amount | None = None
    transaction_id: str | None = None
    success_time: AwareDatetime | None = None
    payer: _Payer | None = None


class _RefundAmount(BaseModel):
    refund: StrictInt


# One document spells it CLOSE, the other CLOSED.
RefundStatusText = Annotated[ChannelRefundStatus, BeforeValidator(lambda text: "CLOSED" if text == "CLOSE" else text)]


class _Refund(BaseModel):
    out_refund_no: str
    status: RefundStatusText
    amount: _RefundAmount
    refund_id: str
    success_time: AwareDatetime | None = None


class WechatPay:
    """One merchant's channel (微信支付渠道); one per worker, between ``connect`` and ``disconnect``."""

    def __init__(self, settings: WechatSettings) -> None:
        if "BEGIN PRIVATE KEY" not in settings.merchant_key:
            raise ValueError("wechat.merchant_key must be PKCS#8 PEM (BEGIN PRIVATE KEY)")
        self._merchant = Merchant(settings.mchid, settings.appid)
        self._pay_notify_url = settings.notify_origin.rstrip("/") + PAY_NOTIFY_PATH
        self._refund_notify_url = settings.notify_origin.rstrip("/") + REFUND_NOTIFY_PATH
        # No logger: the library would print signed requests and decrypted notices.
        self.client = AsyncWeChatPay(
            wechatpay_type=WeChatPayType.MINIPROG,
            mchid=settings.mchid,
            private_key=settings.merchant_key,
            cert_serial_no=settings.merchant_serial,
            appid=settings.appid,
            apiv3_key=settings.apiv3_key,
            timeout=_TIMEOUT_S,
            public_key=settings.platform_public_key,
            public_key_id=settings.platform_public_key_id,
        )
        self.client._core._gate_way = settings.pay_base_url.rstrip("/")

    async def connect(self) -> None:
        """Make the connection pool of this worker; without it no call works."""
        await self.client.__aenter__()

    async def disconnect(self) -> None:
        """Drop the connections."""
        await self.client.__aexit__(None, None, None)

    @property
    def merchant(self) -> Merchant:
        """Who is paid."""
        return self._merchant

    async def prepay(self, order: PrepayOrder) -> str:
        """Place a JSAPI order (下单). A re-entry must repeat every byte, so all of it follows from ``order``."""
        answer = await self._ask(
            "prepay",
            self.client.pay(
                description=order.description,
                out_trade_no=order.out_trade_no,
                amount={"total": order.amount_fen, "currency": "CNY"},
                payer={"openid": order.payer_openid},
                time_expire=order.pay_until.astimezone(_SHANGHAI).isoformat(timespec="seconds"),
                notify_url=self._pay_notify_url,
                pay_type=WeChatPayType.MINIPROG,
            ),
        )
        return _read(_Prepaid, answer).prepay_id

    async def pay_parameters(self, prepay_id: str) -> dict[str, str]:
        """The arguments of ``wx.requestPayment`` (调起支付), signed with the merchant's key."""
        stamp, nonce, package = str(int(time.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        return {
            "appId": self._merchant.appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.client.sign([self._merchant.appid, stamp, nonce, package]),
        }

    async def query(self, out_trade_no: str) -> ChannelOrder:
        """Ask for an order (查单)."""
        try:
            answer = await self._ask("query", self.client.query(out_trade_no=out_trade_no))
        except GatewayRefused as refusal:
            if _is(refusal, _ABSENT):
                return ChannelOrder(out_trade_no, TradeState.ABSENT)
            raise
        transaction = _read(Transaction, answer)
        if transaction.out_trade_no != out_trade_no:
            raise GatewayUnknown("the answer is about another order")
        return ChannelOrder(
            out_trade_no=out_trade_no,
            state=transaction.trade_state,
            mchid=transaction.mchid,
            appid=transaction.appid,
            amount_fen=transaction.amount.total if transaction.amount else None,
            currency=transaction.amount.currency if transaction.amount else None,
            transaction_id=transaction.transaction_id,
            payer_openid=transaction.payer.openid if transaction.payer else None,
            succeeded_at=transaction.success_time,
        )

    async def close(self, out_trade_no: str) -> CloseResult:
        """Close an unpaid order (关单); closing again is the same."""
        try:
            await self._ask("close", self.client.close(out_trade_no))
        except GatewayRefused as refusal:
            if _is(refusal, _PAID):
                return CloseResult.ALREADY_PAID
            if _is(refusal, _ABSENT):
                return CloseResult.ABSENT
            if not _is(refusal, _CLOSED):
                raise
        return CloseResult.CLOSED

    async def refund(self, order: RefundOrder) -> ChannelRefund:
        """Ask to give money back (申请退款); accepted is not yet given back."""
        call = self.client.refund(
            out_refund_no=order.out_refund_no,
            amount={"refund": order.amount_fen, "total": order.total_fen, "currency": "CNY"},
            transaction_id=order.transaction_id,
            reason=order.reason,
            notify_url=self._refund_notify_url,
        )
        return _refund_of(await self._ask("refund", call), order.out_refund_no)

    async def query_refund(self, out_refund_no: str) -> ChannelRefund:
        """Ask for a refund (查退款)."""
        try:
            answer = await self._ask("query_refund", self.client.query_refund(out_refund_no))
        except GatewayRefused as refusal:
            if _is(refusal, _ABSENT):
                return ChannelRefund(out_refund_no, ChannelRefundStatus.ABSENT)
            raise
        return _refund_of(answer, out_refund_no)

    async def _ask(self, name: str, call: Awaitable[tuple[int, str | bytes]]) -> dict[str, Any]:
        """The verified body of a 2xx. Raises: GatewayUnknown, GatewayRefused."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                status, text = await call
        except Exception as error:  # the library's own word for an unsigned answer is a bare Exception
            log.warning("no usable answer from wechat pay", extra={"call": name, "error": type(error).__name__})
            raise GatewayUnknown(name) from error
        body = _object(text)
        if status == 204:
            return {}
        if status == 200 and body is not None:
            return body
        raise self._refusal(name, status, body)

    @staticmethod
    def _refusal(name: str, status: int, body: dict[str, Any] | None) -> Exception:
        """4xx answers carry no verified signature: only one in WeChat's own words counts as a refusal.

        401 means that our key, serial or clock is wrong: nothing was decided about the order, ask again later.
        """
        code = body.get("code") if body else None
        extra = {"call": name, "status": status, "code": code}
        if status == 401:
            log.error("wechat pay refuses our signature", extra=extra)
            return GatewayUnknown(name)
        if not isinstance(code, str) or not 400 <= status < 500 or status == 429 or _plain(code) in _BUSY:
            log.warning("wechat pay is busy", extra=extra)
            return GatewayUnknown(name)
        return GatewayRefused(code)


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _plain(code: str) -> str:
    return code.replace("_", "").upper()


def _is(refusal: GatewayRefused, codes: frozenset[str]) -> bool:
    return _plain(refusal.code) in codes


def _read(shape: type[Answer], body: dict[str, Any]) -> Answer:
    """A signed answer in the documented shape; anything else is nothing we may act on."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise GatewayUnknown(f"unreadable {shape.__name__}") from error


def _refund_of(answer: dict[str, Any], out_refund_no: str) -> ChannelRefund:
    refund = _read(_Refund, answer)
    if refund.out_refund_no != out_refund_no:
        raise GatewayUnknown("the answer is about another refund")
    return ChannelRefund(out_refund_no, refund.status, refund.amount.refund, refund.refund_id, refund.success_time)


__all__ = ["PAY_NOTIFY_PATH", "REFUND_NOTIFY_PATH", "Transaction", "WechatPay"]
