"""All of WeChat for one worker: made at start, closed at stop."""

from dataclasses import dataclass

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from backend.settings import WechatSettings
from miniapp_api.wechat.access_token import AccessTokens
from miniapp_api.wechat.client import MiniProgram
from miniapp_api.wechat.codes import MiniProgramCodes
from miniapp_api.wechat.login import Login
from miniapp_api.wechat.messages import SubscribeMessages
from miniapp_api.wechat.notices import Notices
from miniapp_api.wechat.pay import WechatPay
from miniapp_api.wechat.phone import PhoneNumbers
from miniapp_api.wechat.push import PushMessages

_REDIS_S = 1.0  # without Redis the token is asked for all the same: do not wait for it


@dataclass(frozen=True)
class WechatAdapters:
    """What routes and wiring take from WeChat. ``gateway``, ``messenger`` and ``codes`` are ports of
    the core."""

    settings: WechatSettings
    gateway: WechatPay
    notices: Notices
    login: Login
    phone: PhoneNumbers
    messenger: SubscribeMessages
    codes: MiniProgramCodes
    pushes: PushMessages
    tokens: AccessTokens
    _program: MiniProgram
    _redis: Redis
    _http: httpx.AsyncClient

    async def close(self) -> None:
        """Let go of every connection and thread."""
        await self.gateway.disconnect()
        await self._http.aclose()
        await self._redis.aclose()
        self._program.close()


async def open_wechat(settings: WechatSettings, redis_url: str) -> WechatAdapters:
    """Connect this worker to WeChat; nothing is asked before it is needed. Raises ValueError for unusable keys."""
    gateway = WechatPay(settings)
    redis = Redis.from_url(
        redis_url, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S, retry=Retry(NoBackoff(), 0)
    )
    http = httpx.AsyncClient(timeout=httpx.Timeout(5.0, connect=2.0))
    program = MiniProgram(settings)
    tokens = AccessTokens(settings, redis, http)
    await gateway.connect()
    return WechatAdapters(
        settings=settings,
        gateway=gateway,
        notices=Notices(gateway.client),
        login=Login(program),
        phone=PhoneNumbers(program, tokens),
        messenger=SubscribeMessages(settings, program, tokens),
        codes=MiniProgramCodes(settings, redis, program, tokens),
        pushes=PushMessages(settings),
        tokens=tokens,
        _program=program,
        _redis=redis,
        _http=http,
    )
