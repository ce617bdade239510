"""Commands about devices and kiosk sessions."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from hospital_core.kernel.commands import Command
from hospital_core.registry.devices.states import DeviceKind, DeviceOrder, KioskProof
from hospital_core.registry.patients.states import DocumentKind

DeviceName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
PublicKey = Annotated[str, StringConstraints(min_length=43, max_length=44)]
Software = Annotated[str, StringConstraints(max_length=40)]


class CreateEnrolment(Command):
    """Make a code with which one device may introduce itself (生成注册码)."""

    kind: DeviceKind
    name: DeviceName
    location_id: UUID | None = None


class EnrolDevice(Command):
    """Introduce a device (设备注册). ``public_key``: Ed25519, 32 bytes, base64url."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=20)] = Field(repr=False)
    public_key: PublicKey
    software: Software = ""


class RequestPairing(Command):
    """A screen without keyboard asks for a code to show (请求配对)."""

    public_key: PublicKey
    software: Software = ""


class PairDevice(Command):
    """Type the code that a screen shows and give it its place (配对)."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] = Field(repr=False)
    location_id: UUID
    name: DeviceName | None = None


class ApproveDevice(Command):
    """Let an enrolled device work at a place (审核通过); without a place, that of its enrolment."""

    device_id: UUID
    location_id: UUID | None = None


class RevokeDevice(Command):
    """Take a device's right to speak away, at once (吊销)."""

    device_id: UUID


class TellDevice(Command):
    """Tell a device something (设备指令)."""

    device_id: UUID
    command: DeviceOrder


class DeviceSeen(Command):
    """A device was heard of, with the software it runs (心跳)."""

    software: Software | None = None


class OpenKioskSession(Command):
    """A patient proves who they are at a kiosk (自助机身份核验).

    ``id_card``: number and name as the card's chip gave them. ``appointment_qr``: the route has read the signed code
    and names the patient; never taken from a body. ``identity_code``: as the phone showed it (就诊码).
    """

    proof_kind: KioskProof
    document_kind: DocumentKind = DocumentKind.NATIONAL_ID
    document_no: Annotated[str, StringConstraints(max_length=40)] | None = Field(default=None, repr=False)
    name: Annotated[str, StringConstraints(max_length=200)] | None = Field(default=None, repr=False)
    patient_id: UUID | None = None
    identity_code: Annotated[str, StringConstraints(max_length=256)] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _complete(self) -> "OpenKioskSession":
        shown = {
            KioskProof.ID_CARD: self.document_no is not None and self.name is not None,
            KioskProof.APPOINTMENT_QR: self.patient_id is not None,
            KioskProof.IDENTITY_CODE: self.identity_code is not None,
        }
        parts = (self.document_no, self.patient_id, self.identity_code)
        if not shown[self.proof_kind] or sum(part is not None for part in parts) != 1:
            raise ValueError("the proof is incomplete")
        return self
