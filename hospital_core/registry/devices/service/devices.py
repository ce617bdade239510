"""Devices: introduced by a code, approved by staff, revoked at once."""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel import attempts, revocations
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Done
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Busy, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.devices import codes
from hospital_core.registry.devices.commands import (
    ApproveDevice,
    CreateEnrolment,
    DeviceSeen,
    EnrolDevice,
    PairDevice,
    RequestPairing,
    RevokeDevice,
)
from hospital_core.registry.devices.errors import (
    DeviceKeyKnown,
    EnrolmentCodeWrong,
    PairingCodeWrong,
    PlaceNeeded,
    TooManyPairings,
)
from hospital_core.registry.devices.queries import device
from hospital_core.registry.devices.service.kiosk_sessions import end_sessions_of
from hospital_core.registry.devices.states import DEVICE, DeviceKind
from hospital_core.registry.devices.views import DeviceView, EnrolmentCode, Pairing
from hospital_core.registry.organization.queries import location
from hospital_core.registry.staff.permissions import Permission, require

CODE_VALID = timedelta(minutes=10)
PAIRINGS_WAITING_MAX = 200
# The code is typed by a person who is signed in: that person is who may not go on guessing.
PAIR_DEVICE = Purpose("pair_device")

_ENROLMENT = """
INSERT INTO device_enrolment (id, kind, name, location_id, code_hash, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""

_SPEND = """
UPDATE device_enrolment SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING id, kind, name, location_id"""

_DEVICE = """
INSERT INTO device (id, version, kind, name, public_key, status, location_id, created_at, software)
VALUES ($1, 0, $2, $3, $4, 'pending', $5, $6, $7)"""

# Codes that nobody typed in time stop standing in the way of the unique index; screens long gone leave altogether.
_EXPIRE_PAIRINGS = """
WITH gone AS (DELETE FROM device WHERE status = 'pending' AND pairing_expires_at < $1::timestamptz - interval '1 day')
UPDATE device SET pairing_hash = NULL WHERE pairing_expires_at <= $1 AND pairing_hash IS NOT NULL
  AND pairing_expires_at >= $1::timestamptz - interval '1 day'"""

# The same screen asking again gets a new code on its own row; a code that another screen shows now is drawn again.
_PAIRING = """
INSERT INTO device AS d (id, version, kind, name, public_key, status, created_at, software,
                         pairing_hash, pairing_expires_at)
SELECT $1, 0, $2, $3, $4, 'pending', $5, $6, $7, $8
WHERE NOT EXISTS (SELECT 1 FROM device other WHERE other.pairing_hash = $7)
ON CONFLICT (public_key) DO UPDATE SET
    pairing_hash = EXCLUDED.pairing_hash, pairing_expires_at = EXCLUDED.pairing_expires_at,
    software = EXCLUDED.software, version = d.version + 1
WHERE d.status = 'pending' AND d.kind = EXCLUDED.kind
RETURNING id"""


async def create_enrolment(uow: UnitOfWork, command: CreateEnrolment) -> EnrolmentCode:
    """Make a code with which one device may introduce itself (生成注册码): ten minutes, one use.

    Raises: Forbidden, NotFound (no such place).
    """
    require(uow.ctx, Permission.DEVICE_MANAGE)
    if command.location_id is not None:
        await location(uow, command.location_id)
    enrolment_id, code, expires_at = new_id(), codes.new_enrolment_code(), uow.now + CODE_VALID
    await uow.execute(
        _ENROLMENT, enrolment_id, command.kind.value, command.name, command.location_id, codes.enrolment_hash(code),
        uow.ctx.actor.id, expires_at,
    )  # fmt: skip
    uow.audited("device_enrolment", enrolment_id)
    return EnrolmentCode(enrolment_id=enrolment_id, code=code, expires_at=expires_at)


async def enrol_device(uow: UnitOfWork, command: EnrolDevice) -> DeviceView:
    """Introduce a device with its own key (设备注册); it then waits for approval.

    The code is not guessable in its ten minutes, so failures are not counted here: a count that strangers can drive
    up would only lock out the technician. The edge limits requests by address.

    Raises: EnrolmentCodeWrong, DeviceKeyKnown, FieldProblem.
    """
    public_key = codes.normal_public_key(command.public_key)
    enrolment = await uow.fetch_row(_SPEND, codes.enrolment_hash(command.code), uow.now)
    if enrolment is None:
        raise EnrolmentCodeWrong()
    device_id = new_id()
    await uow.execute(
        _DEVICE, device_id, enrolment["kind"], enrolment["name"], public_key, enrolment["location_id"], uow.now,
        command.software,
    )  # fmt: skip
    await uow.execute("UPDATE device_enrolment SET device_id = $2 WHERE id = $1", enrolment["id"], device_id)
    uow.audited("device", device_id)
    return await device(uow, device_id)


async def request_pairing(uow: UnitOfWork, command: RequestPairing) -> Pairing:
    """Give a screen a code to show (请求配对): six digits, ten minutes, no two screens the same.

    Raises: TooManyPairings, DeviceKeyKnown, FieldProblem.
    """
    public_key = codes.normal_public_key(command.public_key)
    await uow.execute(_EXPIRE_PAIRINGS, uow.now)
    waiting = await uow.fetch_value("SELECT count(*) FROM device WHERE pairing_hash IS NOT NULL")
    if waiting >= PAIRINGS_WAITING_MAX:
        raise TooManyPairings(retry_after=int(CODE_VALID.total_seconds()))
    device_id, code, expires_at = await _draw_pairing(uow, public_key, command.software)
    uow.audited("device", device_id)
    return Pairing(device_id=device_id, code=code, expires_at=expires_at)


async def pair_device(uow: UnitOfWork, command: PairDevice) -> DeviceView:
    """Give the screen that shows this code its place (配对); it is approved by that.

    Five wrong codes lock the staff member out of pairing for fifteen minutes.

    Raises: Forbidden, NotFound (no such place), PairingCodeWrong, TooManyAttempts, StateConflict.
    """
    require(uow.ctx, Permission.DEVICE_MANAGE)
    subject = uow.ctx.actor.key()
    await attempts.guard(PAIR_DEVICE, subject, uow)
    await location(uow, command.location_id)
    row = await uow.fetch_row(
        "SELECT id, name FROM device WHERE pairing_hash = $1 AND pairing_expires_at > $2 AND status = 'pending'",
        codes.pairing_hash(command.code), uow.now,
    )  # fmt: skip
    if row is None:
        uow.if_refused(lambda: attempts.failed(PAIR_DEVICE, subject, uow.ctx))
        raise PairingCodeWrong()
    await attempts.succeeded(PAIR_DEVICE, subject, uow)
    await _approve(uow, row["id"], command.location_id, command.name or row["name"])
    return await device(uow, row["id"])


async def approve_device(uow: UnitOfWork, command: ApproveDevice) -> DeviceView:
    """Let an enrolled device work at a place (审核通过).

    Raises: Forbidden, NotFound, PlaceNeeded, StateConflict.
    """
    require(uow.ctx, Permission.DEVICE_MANAGE)
    known = await device(uow, command.device_id)
    location_id = command.location_id or known.location_id
    if location_id is None:
        raise PlaceNeeded()
    await location(uow, location_id)
    await _approve(uow, command.device_id, location_id, known.name)
    return await device(uow, command.device_id)


async def revoke_device(uow: UnitOfWork, command: RevokeDevice) -> Done:
    """Take a device's right to speak away (吊销); its tokens, sockets and kiosk session end at once.

    Raises: Forbidden, NotFound, StateConflict.
    """
    require(uow.ctx, Permission.DEVICE_MANAGE)
    await transition(uow, DEVICE, "revoke", command.device_id, pairing_hash=None, pairing_expires_at=None)
    await revocations.revoke(uow, revocations.SubjectKind.DEVICE, command.device_id)
    await end_sessions_of(uow, command.device_id)
    uow.audited("device", command.device_id)
    return Done()


async def seen(uow: UnitOfWork, command: DeviceSeen) -> Done:
    """Note that the acting device was heard of (心跳): once per token, not per beat, for each leaves an audit line.

    Raises: Unauthenticated.
    """
    device_id = acting_device(uow)
    await uow.execute(
        "UPDATE device SET last_seen_at = $2, software = coalesce($3, software) WHERE id = $1",
        device_id, uow.now, command.software,
    )  # fmt: skip
    uow.audited("device", device_id)
    return Done()


def acting_device(uow: UnitOfWork) -> UUID:
    """The device that acts. Raises Unauthenticated for everybody else."""
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.DEVICE or actor.id is None:
        raise Unauthenticated()
    return actor.id


async def _draw_pairing(uow: UnitOfWork, public_key: str, software: str) -> tuple[UUID, str, object]:
    """Draw until the code is free: among 200 of a million the second draw is already rare."""
    expires_at = uow.now + CODE_VALID
    kind, name = DeviceKind.DISPLAY.value, "候诊屏"
    for _ in range(5):
        code = codes.new_pairing_code()
        values = (new_id(), kind, name, public_key, uow.now, software, codes.pairing_hash(code), expires_at)
        device_id = await uow.fetch_value(_PAIRING, *values)
        if device_id is not None:
            return device_id, code, expires_at
        known: Record | None = await uow.fetch_row("SELECT status, kind FROM device WHERE public_key = $1", public_key)
        if known is not None and (known["status"] != "pending" or known["kind"] != kind):
            raise DeviceKeyKnown()
    raise Busy()


async def _approve(uow: UnitOfWork, device_id: UUID, location_id: UUID, name: str) -> None:
    await transition(
        uow, DEVICE, "approve", device_id, location_id=location_id, name=name, approved_by=uow.ctx.actor.id,
        approved_at=uow.now, pairing_hash=None, pairing_expires_at=None,
    )  # fmt: skip
    uow.audited("device", device_id)
