"""Waiting-room screens (候诊屏接口): ``/api/display/v1``.

A screen has no keyboard: it shows a code, and is paired by who types it.
"""

from typing import Any
from uuid import UUID

from backend.http.codes import svg_of
from backend.http.devices import add_device_sign_in
from backend.http.routing import SLOW, Audience, Call, Owner, Route, Routes
from hospital_core.access.queueing.presence import code_of_screen
from hospital_core.access.queueing.queries import area_board
from hospital_core.access.queueing.views import BoardView, PresenceCodeView
from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Actor
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.commands import RequestPairing
from hospital_core.registry.devices.errors import DeviceKeyKnown, TooManyPairings
from hospital_core.registry.devices.queries import device
from hospital_core.registry.devices.service import request_pairing
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.devices.views import DeviceView, Pairing

routes = Routes("display", "/api/display/v1", Audience.DISPLAY)


@routes.post(
    "/pairings", view=Pairing, audience=Audience.OPEN, command=RequestPairing, limit=SLOW,
    errors=(DeviceKeyKnown, TooManyPairings, FieldProblem),
)  # fmt: skip
async def pairing(call: Call[RequestPairing]) -> Pairing:
    """A code for the screen to show until an administrator types it (请求配对)."""
    return await run(call.ctx, request_pairing, call.command)


class PairingStatus(View):
    """Whether a screen's code was typed (配对进度)."""

    status: DeviceStatus


@routes.get("/pairings/{device_id}", view=PairingStatus, audience=Audience.OPEN, errors=(NotFound,))
async def pairing_status(call: Call[Any]) -> PairingStatus:
    """What became of a pairing (配对进度): screens ask every few seconds; the id is known to nobody else."""
    found = await device(Reading(call.ctx), call.path["device_id"])
    if found.kind is not DeviceKind.DISPLAY:
        raise NotFound()
    return PairingStatus(status=found.status)


add_device_sign_in(routes, DeviceKind.DISPLAY)


@routes.get("/device", view=DeviceView, owner=Owner.DEVICE)
async def this_screen(call: Call[Any]) -> DeviceView:
    """The calling screen and its place (本屏信息)."""
    return await device(Reading(call.ctx), _screen(call.ctx.actor))


@routes.get("/board", view=BoardView, owner=Owner.DEVICE, errors=(NotFound,))
async def board(call: Call[Any]) -> BoardView:
    """The board of the screen's waiting area (候诊屏)."""
    reading = Reading(call.ctx)
    place = (await device(reading, _screen(call.ctx.actor))).location_id
    if place is None:
        raise NotFound()
    return await area_board(reading, place)


class ShownCode(PresenceCodeView):
    """A code with its picture (院内签到码)."""

    svg: str


@routes.get("/presence-code", view=ShownCode, owner=Owner.DEVICE, errors=(NotFound,))
async def get_presence_code(call: Call[Any]) -> ShownCode:
    """A fresh code for the screen to show (院内签到码): who scans it is here."""
    reading = Reading(call.ctx)
    place = (await device(reading, _screen(call.ctx.actor))).location_id
    if place is None:
        raise NotFound()
    code = await code_of_screen(reading, place)
    return ShownCode(**code.model_dump(), svg=svg_of(code.text).decode())


def _screen(actor: Actor) -> UUID:
    assert actor.device_id is not None
    return actor.device_id


ROUTES: list[Route] = routes.table
