"""Codes that are signed, typed and work for a minute: a phone's for one check-in (预约二维码), a screen's (院内签到码).

``HSP1.K.<appointment>.<expires>.<nonce>.<signature>``; for a screen ``P`` and the place where it hangs. Capital
letters, digits and dots only, so that QR uses its compact alphanumeric mode. There is no table of used phone codes: one
opens nothing once its appointment is checked in, because only a booked one can be (the state is the single use), and a
minute after it was made it opens nothing at all.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from hospital_core.access.scheduling.errors import QrExpired, QrInvalid
from hospital_core.access.scheduling.ports import QrKey
from hospital_core.kernel import ports

LIFETIME = timedelta(seconds=60)
_FORMAT = "HSP1"
_NONCE_BYTES = 5
_SIGNATURE_BYTES = 15


class QrPurpose(StrEnum):
    """What a code may be shown for; one kind is never taken for another."""

    KIOSK_CHECK_IN = "K"
    PRESENCE = "P"


@dataclass(frozen=True)
class QrContent:
    """What a valid code says."""

    appointment_id: UUID
    expires_at: datetime


def appointment_qr(appointment_id: UUID, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> str:
    """The text of a fresh code; two calls never give the same one."""
    return _code(appointment_id, now, purpose)


def presence_code(location_id: UUID, now: datetime) -> str:
    """The text that a screen shows (院内签到码): whoever can scan it stands before it, or did a minute ago."""
    return _code(location_id, now, QrPurpose.PRESENCE)


def read_presence(text: str, now: datetime) -> UUID:
    """Where the screen hangs that showed a code. Raises QrInvalid, QrExpired."""
    return _read(text, now, QrPurpose.PRESENCE)[0]


def _code(subject_id: UUID, now: datetime, purpose: QrPurpose) -> str:
    expires = int((now + LIFETIME).timestamp())
    body = ".".join((_FORMAT, purpose, _text(subject_id.bytes), str(expires), _text(os.urandom(_NONCE_BYTES))))
    return f"{body}.{_sign(body)}"


def read_qr(text: str, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> QrContent:
    """Check a scanned text. Raises QrInvalid (not ours, altered, another purpose) or QrExpired."""
    return QrContent(*_read(text, now, purpose))


def _read(text: str, now: datetime, purpose: QrPurpose) -> tuple[UUID, datetime]:
    body, _, signature = text.strip().rpartition(".")
    fields = body.split(".")
    if len(text) > 200 or not text.isascii() or len(fields) != 5:
        raise QrInvalid()
    if not hmac.compare_digest(_sign(body), signature):
        raise QrInvalid()
    form, kind, subject, expires, _nonce = fields
    if form != _FORMAT or kind != purpose:
        raise QrInvalid()
    expires_at = datetime.fromtimestamp(int(expires), UTC)
    # A code signed for longer than its lifetime was not made here, whatever its signature says.
    if not now < expires_at <= now + LIFETIME + timedelta(seconds=5):
        raise QrExpired()
    return UUID(bytes=base64.b32decode(subject + "=" * (-len(subject) % 8))), expires_at


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _sign(body: str) -> str:
    key = ports.use(QrKey).secret()
    return _text(hmac.digest(key, f"appointment-qr:{body}".encode(), hashlib.sha256)[:_SIGNATURE_BYTES])
