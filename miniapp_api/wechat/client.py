"""The mini program's server API (小程序服务端接口) through wechatpy, turned into something a worker can wait for.

wechatpy is synchronous, so each call runs in a small thread pool of its own: a slow platform must not take the threads
that hash passwords. It never fetches or renews an access token here (``access_token`` does, for all workers).
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatWxa
from wechatpy.exceptions import WeChatClientException

from backend.settings import WechatSettings
from hospital_core.kernel.errors import OutsideUnavailable

log = logging.getLogger(__name__)

TIMEOUT_S = (2, 5)  # to connect, between two bytes
_THREADS = 16
_CODE_WIDTH = 430


class Refusal(Exception):
    """WeChat answered with an errcode."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode


class _Wxa(WeChatWxa):
    """The calls of the mini program that 1.8.18 lacks, or makes with an access token it does not need."""

    def code_to_session(self, js_code: str) -> Any:
        """Source: 小程序登录 code2Session. An empty token keeps wechatpy from fetching one first."""
        client = self._client
        params = {"appid": client.appid, "secret": client.secret, "js_code": js_code}
        return self._get("sns/jscode2session", params=params | {"grant_type": "authorization_code", "access_token": ""})

    def phone_number(self, token: str, code: str) -> Any:
        """Source: 手机号快速验证 getPhoneNumber."""
        return self._post("wxa/business/getuserphonenumber", params={"access_token": token}, data={"code": code})

    def send_message(self, token: str, message: dict[str, Any]) -> Any:
        """Source: 发送订阅消息 sendMessage."""
        return self._post("cgi-bin/message/subscribe/send", params={"access_token": token}, data=message)

    def wxacode(self, token: str, scene: str, page: str) -> Any:
        """Source: 获取不限制的小程序码 getwxacodeunlimit; wechatpy's own lacks ``check_path``."""
        data = {"scene": scene, "page": page, "check_path": False, "width": _CODE_WIDTH}
        return self._post("wxa/getwxacodeunlimit", params={"access_token": token}, data=data)


class _Client(WeChatClient):
    """wechatpy without a mind of its own about tokens."""

    wxa = _Wxa()

    def fetch_access_token(self) -> Any:
        raise RuntimeError("access tokens come from miniapp_api.wechat.access_token")


class MiniProgram:
    """One mini program (小程序); one per worker."""

    def __init__(self, settings: WechatSettings) -> None:
        self.appid = settings.appid
        self._client = _Client(settings.appid, settings.secret, timeout=TIMEOUT_S, auto_retry=False)
        self._client.wxa.API_BASE_URL = f"{settings.api_base_url.rstrip('/')}/"
        for scheme in ("http://", "https://"):
            self._client._http.mount(scheme, HTTPAdapter(pool_maxsize=_THREADS))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wechat")

    async def code_to_session(self, code: str) -> dict[str, Any]:
        """Trade a log-in code. Raises: Refusal, OutsideUnavailable."""
        return await self._call(self._client.wxa.code_to_session, code)

    async def phone_number(self, token: str, code: str) -> dict[str, Any]:
        """Trade a phone-number code. Raises: Refusal, OutsideUnavailable."""
        return await self._call(self._client.wxa.phone_number, token, code)

    async def send_message(self, token: str, message: dict[str, Any]) -> None:
        """Send a subscribe message. Raises: Refusal, OutsideUnavailable."""
        await self._call(self._client.wxa.send_message, token, message)

    async def wxacode(self, token: str, scene: str, page: str) -> bytes:
        """Draw a mini program code. Raises: Refusal, OutsideUnavailable."""
        answer = await self._perform(self._client.wxa.wxacode, token, scene, page)
        if not isinstance(answer, requests.Response):  # pictures come as the raw response
            raise OutsideUnavailable()
        return answer.content

    def close(self) -> None:
        """Let go of threads and sockets; calls under way end by their timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client._http.close()

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        answer = await self._perform(function, *arguments)
        if not isinstance(answer, dict):  # wechatpy hands over the raw response when it is not JSON
            raise OutsideUnavailable()
        return answer

    async def _perform(self, function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, partial(function, *arguments))
        except requests.RequestException as error:
            raise OutsideUnavailable() from error
        except WeChatClientException as error:
            if error.errcode is None or error.errcode == -1:  # an HTTP error; "system busy"
                raise OutsideUnavailable() from error
            raise Refusal(error.errcode) from error


def misconfigured(refusal: Refusal, call: str) -> OutsideUnavailable:
    """A refusal no patient can mend (appid, secret, quota, address list): told to the operator, not to the person."""
    log.error("wechat refuses the hospital", extra={"call": call, "errcode": refusal.errcode})
    return OutsideUnavailable()
