"""Appointment codes (预约二维码): a signed, typed text that works for one minute and one check-in.

``HSP1.K.<appointment>.<expires>.<nonce>.<signature>``: capital letters, digits and dots only, so that QR uses its
compact alphanumeric mode. There is no table of used codes: a code opens nothing once its appointment is checked in,
because only a booked one can be (the state is the single use), and a minute after it was made it opens nothing at all.
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


@dataclass(frozen=True)
class QrContent:
    """What a valid code says."""

    appointment_id: UUID
    expires_at: datetime


def appointment_qr(appointment_id: UUID, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> str:
    """The text of a fresh code; two calls never give the same one."""
    expires = int((now + LIFETIME).timestamp())
    body = ".".join((_FORMAT, purpose, _text(appointment_id.bytes), str(expires), _text(os.urandom(_NONCE_BYTES))))
    return f"{body}.{_sign(body)}"


def read_qr(text: str, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> QrContent:
    """Check a scanned text. Raises QrInvalid (not ours, altered, another purpose) or QrExpired."""
    body, _, signature = text.strip().rpartition(".")
    fields = body.split(".")
    if len(text) > 200 or not text.isascii() or len(fields) != 5:
        raise QrInvalid()
    if not hmac.compare_digest(_sign(body), signature):
        raise QrInvalid()
    form, kind, appointment, expires, _nonce = fields
    if form != _FORMAT or kind != purpose:
        raise QrInvalid()
    expires_at = datetime.fromtimestamp(int(expires), UTC)
    # A code signed for longer than its lifetime was not made here, whatever its signature says.
    if not now < expires_at <= now + LIFETIME + timedelta(seconds=5):
        raise QrExpired()
    return QrContent(UUID(bytes=base64.b32decode(appointment + "=" * (-len(appointment) % 8))), expires_at)


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _sign(body: str) -> str:
    key = ports.use(QrKey).secret()
    return _text(hmac.digest(key, f"appointment-qr:{body}".encode(), hashlib.sha256)[:_SIGNATURE_BYTES])
