"""Tables of devices and of the sessions patients hold at kiosks."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus


class Device(VersionedRow):
    """A kiosk, screen or PDA (设备) with its own Ed25519 public key, bound to a place."""

    kind = fields.CharField(max_length=10)
    name = fields.CharField(max_length=60)
    public_key = fields.CharField(max_length=64, unique=True)
    status = fields.CharField(max_length=10)
    location_id: UUID | None
    location = refers_to("Location", null=True)
    pairing_hash = fields.BinaryField(null=True)
    pairing_expires_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    approved_by = fields.UUIDField(null=True)
    approved_at = fields.DatetimeField(null=True)
    last_seen_at = fields.DatetimeField(null=True)
    software = fields.CharField(max_length=40, default="")

    class Meta:
        table = "device"
        constraints = [
            one_of("device", DeviceKind, "kind"),
            one_of("device", DeviceStatus),
            UniqueConstraint(fields=("pairing_hash",), name="pairing_code_once"),
        ]


class DeviceEnrolment(Row):
    """A one-time code that lets one new device introduce itself (注册码); ten minutes, hash only."""

    kind = fields.CharField(max_length=10)
    name = fields.CharField(max_length=60)
    location_id: UUID | None
    location = refers_to("Location", null=True)
    code_hash = fields.BinaryField()
    created_by = fields.UUIDField(null=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    device_id: UUID | None
    device = refers_to("Device", null=True)

    class Meta:
        table = "device_enrolment"
        constraints = [UniqueConstraint(fields=("code_hash",), name="enrolment_code_once")]


class KioskSession(Row):
    """One proven patient in front of a kiosk (自助机会话): 120 s, one patient, ends on leaving."""

    device_id: UUID
    device = refers_to("Device")
    patient_id: UUID
    patient = refers_to("Patient")
    token_hash = fields.BinaryField()
    proof = fields.CharField(max_length=20)
    opened_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "kiosk_session"
        indexes = [Index(fields=["device_id"])]
        constraints = [
            UniqueConstraint(fields=("token_hash",), name="kiosk_session_token_once"),
            UniqueConstraint(fields=("device_id",), condition="ended_at IS NULL", name="kiosk_one_session"),
        ]
