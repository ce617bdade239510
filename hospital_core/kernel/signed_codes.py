"""Codes that a screen or a phone shows (动态码): signed, of one purpose, good for a minute.

``HSP1.<purpose>.<subject>.<expires>.<nonce>.<signature>``: capital letters, digits and dots only, so that QR uses its
compact alphanumeric mode. The subject is an id and nothing else. What makes a code work once is its reader's business.
"""

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from hospital_core.kernel import ports

LIFETIME = timedelta(seconds=60)
_FORMAT = "HSP1"
_NONCE_BYTES = 5
_SIGNATURE_BYTES = 15
# Clocks of one server's processes are the database's; this is for what was rounded.
_TOLERANCE = timedelta(seconds=5)
_LENGTH_MAX = 200


class CodeKey(Protocol):
    """The secret that signs shown codes (动态码密钥); the same in every process of the server."""

    def secret(self) -> bytes:
        """At least 32 bytes, from the settings."""
        ...


class CodeInvalid(ValueError):
    """Not ours, altered, or of another purpose."""


class CodeExpired(ValueError):
    """The code's minute has passed, or it claims a longer one."""


def signed_code(purpose: str, subject_id: UUID, now: datetime) -> str:
    """The text of a fresh code; two calls never give the same one."""
    expires = int((now + LIFETIME).timestamp())
    body = ".".join((_FORMAT, purpose, _text(subject_id.bytes), str(expires), _text(os.urandom(_NONCE_BYTES))))
    return f"{body}.{_sign(body)}"


def read_signed_code(purpose: str, text: str, now: datetime) -> tuple[UUID, datetime]:
    """The subject of a scanned text, and until when it works. Raises CodeInvalid, CodeExpired."""
    body, _, signature = text.strip().rpartition(".")
    fields = body.split(".")
    if len(text) > _LENGTH_MAX or not text.isascii() or len(fields) != 5:
        raise CodeInvalid()
    if not hmac.compare_digest(_sign(body), signature):
        raise CodeInvalid()
    form, kind, subject, expires, _nonce = fields
    if form != _FORMAT or kind != purpose:
        raise CodeInvalid()
    expires_at = datetime.fromtimestamp(int(expires), UTC)
    # A code signed for longer than its lifetime was not made here, whatever its signature says.
    if not now < expires_at <= now + LIFETIME + _TOLERANCE:
        raise CodeExpired()
    return UUID(bytes=base64.b32decode(subject + "=" * (-len(subject) % 8))), expires_at


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _sign(body: str) -> str:
    # The word is older than the other purposes; the purpose itself stands in the signed text.
    message = f"appointment-qr:{body}".encode()
    return _text(hmac.digest(ports.use(CodeKey).secret(), message, hashlib.sha256)[:_SIGNATURE_BYTES])
