"""What readers see of devices and kiosk sessions."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus, KioskProof


class EnrolmentCode(View):
    """A one-time enrolment code (注册码), shown once."""

    enrolment_id: UUID
    code: str = Field(repr=False)
    expires_at: datetime


class DeviceView(View):
    """A device (设备)."""

    id: UUID
    kind: DeviceKind
    name: str
    status: DeviceStatus
    location_id: UUID | None
    location: str | None
    software: str
    created_at: datetime
    approved_at: datetime | None
    last_seen_at: datetime | None

    def actor(self) -> Actor:
        """The actor that requests of this device act as."""
        return Actor(ActorKind.DEVICE, self.id, device_id=self.id)


class Pairing(View):
    """What a screen shows until somebody gives it a place (配对码)."""

    device_id: UUID
    code: str = Field(repr=False)
    expires_at: datetime


class KioskSessionOpened(View):
    """A kiosk session begins: the only time its token is seen."""

    session_id: UUID
    token: str = Field(repr=False)
    patient_id: UUID
    patient_name_masked: str
    expires_at: datetime


class KioskSessionView(View):
    """A live kiosk session (自助机会话). ``proof`` belongs into ``Context.proof`` of what is done in it."""

    session_id: UUID
    device_id: UUID
    patient_id: UUID
    patient_name_masked: str
    proof: KioskProof
    opened_at: datetime
    expires_at: datetime

    def actor(self) -> Actor:
        """The actor that requests of this session act as."""
        return Actor(
            ActorKind.KIOSK_SESSION, self.session_id, session_id=self.session_id, device_id=self.device_id,
            patient_id=self.patient_id,
        )  # fmt: skip
