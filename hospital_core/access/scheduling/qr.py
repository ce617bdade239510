"""Codes that are signed, typed and work for a minute: a phone's for one check-in (预约二维码), a screen's (院内签到码).

``K`` names an appointment, ``P`` the place where a screen hangs (``kernel.signed_codes``). There is no table of used
phone codes: one opens nothing once its appointment is checked in, because only a booked one can be (the state is the
single use), and a minute after it was made it opens nothing at all.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hospital_core.access.scheduling.errors import QrExpired, QrInvalid
from hospital_core.kernel.signed_codes import LIFETIME, CodeExpired, CodeInvalid, read_signed_code, signed_code

__all__ = ["LIFETIME", "QrContent", "QrPurpose", "appointment_qr", "presence_code", "read_presence", "read_qr"]


class QrPurpose(StrEnum):
    """What a code may be shown for; one kind is never taken for another. ``I`` is a patient's (``accounts``)."""

    KIOSK_CHECK_IN = "K"
    PRESENCE = "P"


@dataclass(frozen=True)
class QrContent:
    """What a valid code says."""

    appointment_id: UUID
    expires_at: datetime


def appointment_qr(appointment_id: UUID, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> str:
    """The text of a fresh code; two calls never give the same one."""
    return signed_code(purpose, appointment_id, now)


def presence_code(location_id: UUID, now: datetime) -> str:
    """The text that a screen shows (院内签到码): whoever can scan it stands before it, or did a minute ago."""
    return signed_code(QrPurpose.PRESENCE, location_id, now)


def read_presence(text: str, now: datetime) -> UUID:
    """Where the screen hangs that showed a code. Raises QrInvalid, QrExpired."""
    return _read(text, now, QrPurpose.PRESENCE)[0]


def read_qr(text: str, now: datetime, purpose: QrPurpose = QrPurpose.KIOSK_CHECK_IN) -> QrContent:
    """Check a scanned text. Raises QrInvalid (not ours, altered, another purpose) or QrExpired."""
    return QrContent(*_read(text, now, purpose))


def _read(text: str, now: datetime, purpose: QrPurpose) -> tuple[UUID, datetime]:
    try:
        return read_signed_code(purpose, text, now)
    except CodeExpired as expired:
        raise QrExpired() from expired
    except CodeInvalid as invalid:
        raise QrInvalid() from invalid
