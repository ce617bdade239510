"""Refresh tokens (续期令牌): session, 256-bit secret and tag; the database keeps SHA-256 of the whole.

The next secret follows from the present one by a key outside the database. So two requests that race with the same
token get the same successor, though nobody keeps it in clear. The tag tells a token that was really issued, and is
therefore being used again, from a forged one.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from hospital_core.kernel.run import keyring

_SECRET_BYTES = 32
_TAG_BYTES = 16
_LENGTH = 16 + _SECRET_BYTES + _TAG_BYTES


@dataclass(frozen=True)
class RefreshToken:
    """A token in its parts."""

    session_id: UUID
    secret: bytes

    def text(self) -> str:
        """What the phone keeps."""
        body = self.session_id.bytes + self.secret
        return base64.urlsafe_b64encode(body + _tag(body)).rstrip(b"=").decode()

    def hashed(self) -> bytes:
        """What the database keeps."""
        return hashlib.sha256(self.session_id.bytes + self.secret).digest()

    def successor(self) -> "RefreshToken":
        """The token this one is traded for."""
        return RefreshToken(self.session_id, keyring().index(self.secret.hex(), "refresh_session.next"))


def first_token(session_id: UUID) -> RefreshToken:
    """The token a new session begins with."""
    return RefreshToken(session_id, secrets.token_bytes(_SECRET_BYTES))


def read_token(text: str) -> RefreshToken | None:
    """The parts of a token that this hospital issued at some time, or None."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
    if len(data) != _LENGTH or not hmac.compare_digest(_tag(body), tag):
        return None
    return RefreshToken(UUID(bytes=body[:16]), body[16:])


def _tag(body: bytes) -> bytes:
    return keyring().index(body.hex(), "refresh_session.tag")[:_TAG_BYTES]
