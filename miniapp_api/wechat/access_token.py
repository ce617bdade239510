"""The mini program's access token (接口调用凭据): one for all workers, asked for once.

``stable_token`` answers everybody with the same token, so a second asker only wastes quota; a Redis lock keeps it to
one. When Redis is away each worker asks for itself and gets the same token: slower, never wrong.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.settings import WechatSettings
from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat.client import Refusal

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# Invalid, illegal, expired: the platform forgot the token before its time.
TOKEN_REFUSED = frozenset({40001, 40014, 42001})
_MARGIN_S = 60
_LOCK_S = 10  # longer than one call to the platform may take
_WAIT_S = 8


class _Token(BaseModel):
    text: str
    expires_at: float

    def is_usable(self, refused: str | None) -> bool:
        return self.text != refused and self.expires_at > time.time()


class _Issued(BaseModel):
    access_token: str
    expires_in: int


class AccessTokens:
    """Knows the token, or gets it; one per worker."""

    def __init__(self, settings: WechatSettings, redis: Redis, http: httpx.AsyncClient) -> None:
        self._url = f"{settings.api_base_url.rstrip('/')}/cgi-bin/stable_token"
        self._ask = {"grant_type": "client_credential", "appid": settings.appid, "secret": settings.secret}
        self._redis, self._http = redis, http
        self._key = f"wechat:access_token:{settings.appid}"
        self._known: _Token | None = None
        self._one_at_a_time = asyncio.Lock()

    async def used_in(self, call: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Call with the token; once more with a new one when the platform no longer takes it.

        Raises: Refusal, OutsideUnavailable.
        """
        token = await self._usable(None)
        try:
            return await call(token)
        except Refusal as refusal:
            if refusal.errcode not in TOKEN_REFUSED:
                raise
        return await call(await self._usable(refused=token))

    async def _usable(self, refused: str | None) -> str:
        async with self._one_at_a_time:
            if self._known is None or not self._known.is_usable(refused):
                self._known = await self._obtain(refused)
            return self._known.text

    async def _obtain(self, refused: str | None) -> _Token:
        try:
            return await self._shared(refused)
        except (RedisError, OSError) as error:
            log.warning("redis away, this worker asks for itself", extra={"error": type(error).__name__})
            return await self._fetch(refused)

    async def _shared(self, refused: str | None) -> _Token:
        known = await self._read()
        if known is not None and known.is_usable(refused):
            return known
        async with self._redis.lock(f"{self._key}:lock", timeout=_LOCK_S, blocking_timeout=_WAIT_S):
            known = await self._read()
            if known is not None and known.is_usable(refused):
                return known
            fresh = await self._fetch(refused)
            await self._redis.set(self._key, fresh.model_dump_json(), ex=max(1, int(fresh.expires_at - time.time())))
            return fresh

    async def _read(self) -> _Token | None:
        text = await self._redis.get(self._key)
        try:
            return _Token.model_validate_json(text) if text else None
        except ValidationError:
            return None

    async def _fetch(self, refused: str | None) -> _Token:
        """Forced only when the platform itself repeats a token it refuses: that is allowed 20 times a day."""
        token = await self._stable_token(force=False)
        return await self._stable_token(force=True) if token.text == refused else token

    async def _stable_token(self, *, force: bool) -> _Token:
        try:
            answer = await self._http.post(self._url, json={**self._ask, "force_refresh": force})
            issued = _Issued.model_validate_json(answer.content)
        except httpx.HTTPError as error:
            raise OutsideUnavailable() from error
        except ValidationError as error:
            log.error("no access token", extra={"errcode": _errcode_of(answer)})
            raise OutsideUnavailable() from error
        return _Token(text=issued.access_token, expires_at=time.time() + max(1, issued.expires_in - _MARGIN_S))


def _errcode_of(answer: httpx.Response) -> object:
    try:
        return answer.json().get("errcode")
    except (ValueError, AttributeError):
        return f"http {answer.status_code}"
