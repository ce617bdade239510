"""Kiosks and screens at the administrator's desk (设备管理)."""

from typing import Any

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.commands import ApproveDevice, CreateEnrolment, PairDevice, RevokeDevice, TellDevice
from hospital_core.registry.devices.errors import PairingCodeWrong, PlaceNeeded
from hospital_core.registry.devices.queries import devices
from hospital_core.registry.devices.service import (
    approve_device,
    create_enrolment,
    pair_device,
    revoke_device,
    tell_device,
)
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.devices.views import DeviceView, EnrolmentCode
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class DeviceQuery(Query):
    """Devices of a kind or in a state."""

    kind: DeviceKind | None = None
    status: DeviceStatus | None = None


@routes.get("/devices", view=Page[DeviceView], permission=Permission.DEVICE_MANAGE, query=DeviceQuery)
async def all_devices(call: Call[Any]) -> Page[DeviceView]:
    """Devices (设备), those that wait for approval first."""
    return Page(items=await devices(Reading(call.ctx), call.query.kind, call.query.status))


@routes.post(
    "/devices/enrolments", view=EnrolmentCode, permission=Permission.DEVICE_MANAGE, command=CreateEnrolment,
    idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def make_enrolment(call: Call[CreateEnrolment]) -> EnrolmentCode:
    """A code with which one device may introduce itself (生成注册码)."""
    return await run(call.ctx, create_enrolment, call.command)


@routes.post(
    "/devices/pair", view=DeviceView, permission=Permission.DEVICE_MANAGE, command=PairDevice, idempotent=True,
    errors=(NotFound, PairingCodeWrong, TooManyAttempts, StateConflict),
)  # fmt: skip
async def pair(call: Call[PairDevice]) -> DeviceView:
    """Give the screen that shows a code its place (配对)."""
    return await run(call.ctx, pair_device, call.command)


@routes.post(
    "/devices/{device_id}/approve", view=DeviceView, permission=Permission.DEVICE_MANAGE, command=ApproveDevice,
    idempotent=True, errors=(NotFound, PlaceNeeded, StateConflict),
)  # fmt: skip
async def approve(call: Call[ApproveDevice]) -> DeviceView:
    """Let an enrolled device work (审核通过)."""
    return await run(call.ctx, approve_device, call.command)


@routes.post(
    "/devices/{device_id}/revoke", view=Done, permission=Permission.DEVICE_MANAGE, command=RevokeDevice,
    idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def revoke(call: Call[RevokeDevice]) -> Done:
    """Take a device out of service at once (吊销)."""
    return await run(call.ctx, revoke_device, call.command)


@routes.post(
    "/devices/{device_id}/tell", view=Done, permission=Permission.DEVICE_MANAGE, command=TellDevice,
    idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def tell(call: Call[TellDevice]) -> Done:
    """Tell a device to show itself or to load its page anew (设备指令)."""
    return await run(call.ctx, tell_device, call.command)
