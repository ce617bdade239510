"""The server's side of the token 令牌校验, written from Jitsi's documents and not shared with the signer.

Source: jitsi/lib-jitsi-meet doc/tokens.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """Why somebody may not come in; ``words`` are shown."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code, self.words = code, words


@dataclass(frozen=True)
class Seat:
    """Whom a verified token lets in, and until when (seconds of the machine's clock)."""

    room: str
    holder: str
    name: str
    moderator: bool
    expires_at_s: int


@dataclass(frozen=True)
class Account:
    """Whose tokens are good 应用账号."""

    app_id: str
    secret: str
    host: str
    audience: str = "jitsi"

    def open(self, token: str, room: str) -> Seat:
        """Whom a token lets into a room. Raises: Refused."""
        body = self._verified(token)
        if body.get("iss") != self.app_id or self.audience not in _texts(body.get("aud")):
            raise Refused("account", "进入凭证不是发给本视频服务的")
        if body.get("sub") not in (self.host, "*"):
            raise Refused("domain", "进入凭证不是发给本视频服务的")
        if str(body.get("room", "")).lower() != room.lower():
            raise Refused("room", "进入凭证不属于这间诊室")
        now = time.time()
        if not isinstance(body.get("exp"), int) or body["exp"] <= now:
            raise Refused("expired", "进入凭证已过期，请回到预约页面重新进入")
        if body.get("nbf", 0) > now:
            raise Refused("early", "还没到进入时间")
        user = body.get("context", {}).get("user", {})
        return Seat(
            room=room.lower(), holder=str(user.get("id", "")), name=str(user.get("name", "")),
            moderator=body.get("moderator") is True, expires_at_s=body["exp"],
        )  # fmt: skip

    def _verified(self, token: str) -> dict[str, Any]:
        head, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        expected = hmac.digest(self.secret.encode(), f"{head}.{payload}".encode(), hashlib.sha256)
        try:
            header, given = json.loads(_bytes(head)), _bytes(signature)
        except (ValueError, binascii.Error):
            raise Refused("token", "没有进入凭证，请从预约页面进入") from None
        if not isinstance(header, dict) or header.get("alg") != "HS256" or not hmac.compare_digest(expected, given):
            raise Refused("signature", "进入凭证校验失败")
        body = json.loads(_bytes(payload))
        if not isinstance(body, dict):
            raise Refused("token", "进入凭证校验失败")
        return body


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
