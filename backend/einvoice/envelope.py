"""The envelope of every call and answer (报文封装). Source: EB-02.

Out: ``appid``, ``data`` (JSON in base64), ``noise`` (a UUID, new for each call), ``version`` "1.0", ``sign``. Back:
``data``, ``noise``, ``sign``; in ``data`` ``result`` ("S0000" is success) and ``message``, JSON or a text in base64.
The signature is upper-case MD5 over the fields and the shared key, as the platform defines it: it proves that both
sides hold the key, and nothing more, so the way there is TLS.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

VERSION = "1.0"
SUCCESS = "S0000"


class BadEnvelope(ValueError):
    """An answer that cannot be believed: not an envelope, or not signed with our key."""


@dataclass(frozen=True)
class Answer:
    """An answer that was verified. ``message`` is an object on success, a text otherwise."""

    result: str
    message: Any

    @property
    def text(self) -> str:
        """What the platform says in words."""
        return self.message if isinstance(self.message, str) else json.dumps(self.message, ensure_ascii=False)


def signature(appid: str, key: str, data: str, noise: str) -> str:
    """``sign`` of an envelope, out or back."""
    text = f"appid={appid}&data={data}&noise={noise}&key={key}&version={VERSION}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def seal(appid: str, key: str, body: dict[str, Any]) -> dict[str, str]:
    """The envelope around one call's body."""
    data = base64.b64encode(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).decode()
    noise = uuid4().hex
    return {
        "appid": appid,
        "data": data,
        "noise": noise,
        "version": VERSION,
        "sign": signature(appid, key, data, noise),
    }


def unseal(appid: str, key: str, raw: bytes) -> Answer:
    """What an answer says, once it was proven to be the platform's. Raises: BadEnvelope.

    Its noise is not compared with the call's: not every platform sends the call's back. That an answer belongs to its
    call is seen by the number in it.
    """
    try:
        envelope = json.loads(raw)
        data, noise, sign = (str(envelope[name]) for name in ("data", "noise", "sign"))
        expected, given = signature(appid, key, data, noise).encode(), sign.encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadEnvelope("not an envelope") from None
    if not hmac.compare_digest(expected, given):
        raise BadEnvelope("not signed with our key")
    try:
        inner = json.loads(base64.b64decode(data, validate=True))
        result, message = str(inner["result"]), inner["message"]
        text = base64.b64decode(message, validate=True).decode()
    except (ValueError, KeyError, TypeError, RecursionError):  # binascii.Error is a ValueError
        raise BadEnvelope("its data cannot be read") from None
    if result != SUCCESS:
        return Answer(result, text)
    try:
        return Answer(result, json.loads(text))
    except (ValueError, RecursionError):
        raise BadEnvelope("its message cannot be read") from None
