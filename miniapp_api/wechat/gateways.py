"""The hosts of WeChat Pay (支付网关域名): one client each of the unmodified wechatpayv3, and which of them to ask.

The library answers ``(status, text)`` and raises bare exceptions for an answer whose signature does not hold, though
the platform has acted by then (its deliberate signature probes look just so). Here every call ends in one of three
ways: a verified answer, a clear refusal, or ``GatewayUnknown``.

Another host is asked when a request never left for the first, or when the first gave no answer to a call that may be
repeated: one that acts once under its number however often it is sent. Source: 微信支付 跨城冗灾升级指引.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from backend.settings import WechatSettings
from hospital_core.finance.payments.ports import GatewayRefused, GatewayUnknown

log = logging.getLogger(__name__)

Ask = Callable[[AsyncWeChatPay], Awaitable[tuple[int, str | bytes]]]

TIMEOUT_S = (2, 5)  # to connect, between two bytes
DEADLINE_S = 8.0  # for a whole call to one host
_AVOIDED_S = 60.0  # how long a host that was away is asked last

# Spellings differ between generations of the documents; underscores are ignored.
_BUSY = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEEDED"})
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class HostAway(GatewayUnknown):
    """One host gave no answer. ``sent``: it may have acted all the same."""

    def __init__(self, name: str, *, sent: bool) -> None:
        super().__init__(name)
        self.sent = sent


class Gateways:
    """A client for each host; one of these per worker."""

    def __init__(self, settings: WechatSettings) -> None:
        if "BEGIN PRIVATE KEY" not in settings.merchant_key:
            raise ValueError("wechat.merchant_key must be PKCS#8 PEM (BEGIN PRIVATE KEY)")
        self._clients = [_client(settings, url) for url in settings.pay_gateways]
        self._away_at: dict[AsyncWeChatPay, float] = {}

    @property
    def first(self) -> AsyncWeChatPay:
        """The client whose keys sign parameters and open notices; all have the same."""
        return self._clients[0]

    async def connect(self) -> None:
        """Make the connection pools of this worker; without them no call works."""
        for client in self._clients:
            await client.__aenter__()

    async def disconnect(self) -> None:
        """Drop the connections."""
        for client in self._clients:
            await client.__aexit__(None, None, None)

    async def ask(self, name: str, ask: Ask, *, repeatable: bool = True) -> dict[str, Any]:
        """The verified body of a 2xx, from whichever host answers. Raises: GatewayUnknown, GatewayRefused."""
        answer, _ = await self.ask_whom(name, ask, repeatable=repeatable)
        return answer

    async def ask_whom(self, name: str, ask: Ask, *, repeatable: bool = True) -> tuple[dict[str, Any], AsyncWeChatPay]:
        """As ``ask``, with the client that answered: a bill is fetched from the host that made it."""
        trouble: GatewayUnknown = GatewayUnknown(name)
        for client in self._in_order():
            try:
                answer = await _asked(name, ask(client))
            except HostAway as away:
                self._away_at[client] = time.monotonic()
                trouble = away
                if away.sent and not repeatable:
                    break
                continue
            self._away_at.pop(client, None)
            return answer, client
        raise trouble

    def _in_order(self) -> list[AsyncWeChatPay]:
        """As configured, but those that were away a moment ago last."""
        now = time.monotonic()
        return sorted(self._clients, key=lambda client: now - self._away_at.get(client, -_AVOIDED_S) < _AVOIDED_S)


def _client(settings: WechatSettings, url: str) -> AsyncWeChatPay:
    # Never a logger: at DEBUG the library would print signed requests and decrypted notices.
    client = AsyncWeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=settings.mchid,
        private_key=settings.merchant_key,
        cert_serial_no=settings.merchant_serial,
        appid=settings.sp_appid or settings.appid,
        apiv3_key=settings.apiv3_key,
        partner_mode=settings.sp_appid is not None,
        timeout=TIMEOUT_S,
        public_key=settings.platform_public_key,
        public_key_id=settings.platform_public_key_id,
    )
    client._core._gate_way = url
    return client


async def _asked(name: str, call: Awaitable[tuple[int, str | bytes]]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            status, text = await call
    except (httpx.HTTPError, TimeoutError) as error:
        log.warning("no answer from wechat pay", extra={"call": name, "error": type(error).__name__})
        raise HostAway(name, sent=not isinstance(error, _NEVER_LEFT)) from error
    except Exception as error:  # the library's own word for an unsigned answer is a bare Exception
        log.warning("no usable answer from wechat pay", extra={"call": name, "error": type(error).__name__})
        raise GatewayUnknown(name) from error
    body = read_object(text)
    if status == 204:
        return {}
    if status == 200 and body is not None:
        return body
    raise _refusal(name, status, body)


def _refusal(name: str, status: int, body: dict[str, Any] | None) -> Exception:
    """4xx answers carry no verified signature: only one in WeChat's own words counts as a refusal.

    401 means that our key, serial or clock is wrong: nothing was decided about the order, ask again later. A gateway in
    trouble (502 to 504, no words of WeChat's own) is as good as away.
    """
    code = body.get("code") if body else None
    extra = {"call": name, "status": status, "code": code}
    if status == 401:
        log.error("wechat pay refuses our signature", extra=extra)
        return GatewayUnknown(name)
    if status in (502, 503, 504) and code is None:
        return HostAway(name, sent=True)
    if not isinstance(code, str) or not 400 <= status < 500 or status == 429 or plain(code) in _BUSY:
        log.warning("wechat pay is busy", extra=extra)
        return GatewayUnknown(name)
    return GatewayRefused(code)


def read_object(text: str | bytes) -> dict[str, Any] | None:
    """A JSON object, or None for whatever else it is."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def plain(code: str) -> str:
    """A code without what differs between generations of the documents."""
    return code.replace("_", "").upper()


def is_one_of(refusal: GatewayRefused, codes: frozenset[str]) -> bool:
    """Whether WeChat's word is one of these, in whichever spelling."""
    return plain(refusal.code) in codes
