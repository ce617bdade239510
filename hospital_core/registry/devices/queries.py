"""Reads of devices and kiosk sessions."""

from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.tokens import token_hash
from hospital_core.registry.devices import codes
from hospital_core.registry.devices.errors import DeviceNotApproved, DeviceRevoked, DeviceUnknown
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.devices.views import DeviceView, KioskSessionView
from hospital_core.registry.patients.queries import patient_names

_DEVICE = """
SELECT d.id, d.kind, d.name, d.status, d.location_id, l.name AS location, d.software, d.created_at, d.approved_at,
       d.last_seen_at, d.public_key
FROM device d LEFT JOIN location l ON l.id = d.location_id"""

_LIVE = """
    k.token_hash = $1 AND k.ended_at IS NULL AND k.expires_at > hospital_now()
    AND EXISTS (SELECT 1 FROM device d WHERE d.id = k.device_id AND d.status = 'active')"""

_SESSION = f"SELECT k.* FROM kiosk_session k WHERE {_LIVE}"

_TOUCH = f"""
UPDATE kiosk_session k
SET expires_at = least(hospital_now() + interval '120 seconds', k.opened_at + interval '10 minutes')
WHERE {_LIVE} RETURNING k.*"""


def topic_of(device_id: UUID) -> str:
    """The live topic on which the hospital speaks to one device."""
    return f"device:{device_id}"


async def device(reading: Reading, device_id: UUID) -> DeviceView:
    """One device (设备). Raises NotFound."""
    row = await reading.fetch_row(f"{_DEVICE} WHERE d.id = $1", device_id)
    if row is None:
        raise NotFound()
    return _view(row)


async def devices(
    reading: Reading, kind: DeviceKind | None = None, status: DeviceStatus | None = None
) -> list[DeviceView]:
    """All devices, those that wait for approval first. Screens that were never paired are left out."""
    rows = await reading.fetch(
        f"{_DEVICE} WHERE ($1::text IS NULL OR d.kind = $1) AND ($2::text IS NULL OR d.status = $2) "
        "AND NOT (d.status = 'pending' AND d.pairing_expires_at IS NOT NULL) "
        "ORDER BY d.status = 'pending' DESC, d.status, d.kind, d.name, d.id",
        kind.value if kind else None, status.value if status else None,
    )  # fmt: skip
    return [_view(row) for row in rows]


async def verify_device_signature(reading: Reading, device_id: UUID, message: bytes, signature: str) -> DeviceView:
    """The device, when the signature (Ed25519, base64url) over ``message`` was made with its key.

    The message must be a challenge of ours that is fresh and used once: the edge sees to that.

    Raises: DeviceUnknown (no such device and a wrong signature look the same); to who holds the key DeviceRevoked,
    DeviceNotApproved.
    """
    row = await reading.fetch_row(f"{_DEVICE} WHERE d.id = $1", device_id)
    if row is None or not codes.signature_is_valid(row["public_key"], message, signature):
        raise DeviceUnknown()
    if row["status"] == DeviceStatus.REVOKED:
        raise DeviceRevoked()
    if row["status"] != DeviceStatus.ACTIVE:
        raise DeviceNotApproved()
    return _view(row)


async def kiosk_session_of(reading: Reading, token: str) -> KioskSessionView | None:
    """The live kiosk session a token opens; None when it ended, ran out or its device was revoked."""
    return await _session(reading, _SESSION, token)


async def touch_kiosk_session(reading: Reading, token: str) -> KioskSessionView | None:
    """The same, and another 120 seconds from now, ten minutes in all: a person is touching the screen."""
    return await _session(reading, _TOUCH, token)


async def _session(reading: Reading, sql: str, token: str) -> KioskSessionView | None:
    row = await reading.fetch_row(sql, token_hash(token))
    if row is None:
        return None
    name = (await patient_names(reading, [row["patient_id"]]))[row["patient_id"]].name
    return KioskSessionView(
        session_id=row["id"], device_id=row["device_id"], patient_id=row["patient_id"],
        patient_name_masked=mask_name(name), proof=row["proof"], opened_at=row["opened_at"],
        expires_at=row["expires_at"],
    )  # fmt: skip


def _view(row: Record) -> DeviceView:
    return DeviceView(**{name: row[name] for name in DeviceView.model_fields})
