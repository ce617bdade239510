"""The kiosk itself (自助机设备): introduces itself, signs in, learns its place."""

from typing import Any
from uuid import UUID

from backend.http.devices import add_device_sign_in
from backend.http.routing import SLOW, Audience, Call, Owner, Routes
from backend.settings import Settings
from hospital_core.kernel import ports
from hospital_core.kernel.commands import View
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.commands import EnrolDevice
from hospital_core.registry.devices.errors import DeviceKeyKnown, EnrolmentCodeWrong
from hospital_core.registry.devices.queries import device
from hospital_core.registry.devices.service import enrol_device
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus

routes = Routes("kiosk", "/api/kiosk/v1", Audience.KIOSK)


class Enrolled(View):
    """A kiosk has introduced itself and waits for approval (等待审核)."""

    device_id: UUID
    status: DeviceStatus


class Place(View):
    """Where a kiosk stands."""

    id: UUID | None
    name: str


class KioskDevice(View):
    """The kiosk as the hospital knows it (自助机); ``hospital_name`` is printed on the slip."""

    id: UUID
    name: str
    status: DeviceStatus
    location: Place | None
    hospital_name: str


@routes.post(
    "/enrolments", view=Enrolled, audience=Audience.OPEN, command=EnrolDevice, limit=SLOW,
    errors=(EnrolmentCodeWrong, DeviceKeyKnown, FieldProblem),
)  # fmt: skip
async def enrol(call: Call[EnrolDevice]) -> Enrolled:
    """A new kiosk shows its code and its public key (设备注册)."""
    enrolled = await run(call.ctx, enrol_device, call.command)
    return Enrolled(device_id=enrolled.id, status=enrolled.status)


add_device_sign_in(routes, DeviceKind.KIOSK)


@routes.get("/device", view=KioskDevice, owner=Owner.DEVICE)
async def this_device(call: Call[Any]) -> KioskDevice:
    """The calling kiosk (本机信息)."""
    assert call.ctx.actor.device_id is not None
    found = await device(Reading(call.ctx), call.ctx.actor.device_id)
    place = Place(id=found.location_id, name=found.location or "") if found.location_id else None
    name = ports.use(Settings).hospital_name
    return KioskDevice(id=found.id, name=found.name, status=found.status, location=place, hospital_name=name)
