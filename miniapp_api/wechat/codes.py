"""Mini program codes (小程序码): drawn by WeChat and kept, because a sign is printed again and again."""

import hashlib
import logging
import re

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.settings import WechatSettings
from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat.access_token import AccessTokens
from miniapp_api.wechat.client import MiniProgram, Refusal, misconfigured

log = logging.getLogger(__name__)

KEPT_S = 30 * 86400
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")


class MiniProgramCodes:
    """The ``MiniProgramCodes`` port."""

    def __init__(self, settings: WechatSettings, redis: Redis, program: MiniProgram, tokens: AccessTokens) -> None:
        self._appid, self._redis = settings.appid, redis
        self._program, self._tokens = program, tokens

    async def wxacode(self, scene: str, page: str) -> bytes:
        """A JPEG of the code that opens ``page`` with ``scene``; the same one for 30 days.

        Raises: ValueError (a scene that WeChat would refuse), OutsideUnavailable.
        """
        if not _SCENE.fullmatch(scene):
            raise ValueError("scene has 1 to 32 characters of WeChat's choice")
        key = f"wechat:code:{hashlib.sha256(f'{self._appid} {page} {scene}'.encode()).hexdigest()}"
        kept = await self._kept(key)
        if kept is not None:
            return kept
        try:
            image = await self._tokens.used_in(lambda token: self._program.wxacode(token, scene, page))
        except Refusal as refusal:
            raise misconfigured(refusal, "getwxacodeunlimit") from refusal
        if not image.startswith(b"\xff\xd8"):
            raise OutsideUnavailable()
        await self._keep(key, image)
        return image

    async def _kept(self, key: str) -> bytes | None:
        try:
            image: bytes | None = await self._redis.get(key)
        except (RedisError, OSError) as error:
            log.warning("redis away, code is drawn again", extra={"error": type(error).__name__})
            return None
        return image

    async def _keep(self, key: str, image: bytes) -> None:
        try:
            await self._redis.set(key, image, ex=KEPT_S)
        except (RedisError, OSError) as error:
            log.warning("redis away, code is not kept", extra={"error": type(error).__name__})
