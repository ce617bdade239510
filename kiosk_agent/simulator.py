"""The simulator panel's endpoints (模拟面板): lay down a card, scan a code, break the printer, look at the slips.

Mounted only with ``--simulate``. Programs use them as the panel does: plain JSON on loopback.
"""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import BadRequest, NotFound, SanicException
from sanic.response import json as json_response
from sanic.response import raw

from kiosk_agent.agent import Agent
from kiosk_agent.devices.base import DeviceUnavailable
from kiosk_agent.devices.sim_printer import PrinterFault, SimReceiptPrinter
from kiosk_agent.devices.sim_sources import SimIdReader, SimScanner
from kiosk_agent.supervisor import SupervisedDevice

_Driver = TypeVar("_Driver")
_Body = TypeVar("_Body", bound=BaseModel)


class _SimBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SimCard(_SimBody):
    """POST /_sim/id-card. With ``stays`` the card lies there until POST /_sim/id-card/remove."""

    document_no: str = Field(min_length=1, max_length=32)
    name: str = Field(default="", max_length=60)
    stays: bool = False


class SimScan(_SimBody):
    """POST /_sim/scan."""

    text: str = Field(min_length=1, max_length=512)


class SimPrinter(_SimBody):
    """POST /_sim/printer."""

    fault: PrinterFault


class SimPlug(_SimBody):
    """POST /_sim/plug: pulls the cable of the reader or the scanner, or puts it back."""

    device: str = Field(pattern="^(id_reader|scanner)$")
    is_unplugged: bool


class Busy(SanicException):
    """The simulated device takes nothing now."""

    status_code = 409


def blueprint(name: str) -> Blueprint:
    """The endpoints of one agent."""
    made = Blueprint(name, url_prefix="/_sim")
    made.add_route(_cards, "/cards")
    made.add_route(_id_card, "/id-card", methods=["POST"])
    made.add_route(_remove_card, "/id-card/remove", methods=["POST"])
    made.add_route(_scan, "/scan", methods=["POST"])
    made.add_route(_printer, "/printer", methods=["POST"])
    made.add_route(_plug, "/plug", methods=["POST"])
    made.add_route(_prints, "/prints")
    made.add_route(_print, "/prints/<print_id:str>")
    return made


def _agent(request: Request) -> Agent:
    agent: Agent = request.app.ctx.agent
    return agent


def _device(request: Request, driver: type[_Driver]) -> tuple[SupervisedDevice, _Driver]:
    for device in _agent(request).supervisor.devices:
        if isinstance(device.driver, driver):
            return device, device.driver
    raise NotFound("this kiosk has no such simulated device")


def _body(request: Request, model: type[_Body]) -> _Body:
    # A form of another page could post here without a preflight; JSON cannot be posted that way.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadRequest("send application/json")
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        raise BadRequest(error.errors(include_url=False, include_input=False)[0]["msg"]) from error


async def _cards(request: Request) -> HTTPResponse:
    path = _agent(request).settings.sim_cards
    cards: list[Any] = []
    if path is not None and path.exists():
        cards = json.loads(path.read_text(encoding="utf-8"))
    return json_response({"items": [{"document_no": one["document_no"], "name": one["name"]} for one in cards]})


async def _id_card(request: Request) -> HTTPResponse:
    card = _body(request, SimCard)
    _, reader = _device(request, SimIdReader)
    try:
        reader.present(card.document_no, card.name, stays=card.stays)
    except DeviceUnavailable as error:
        raise Busy(str(error)) from error
    return json_response({"accepted": True}, status=202)


async def _remove_card(request: Request) -> HTTPResponse:
    _, reader = _device(request, SimIdReader)
    reader.remove()
    return json_response({"accepted": True}, status=202)


async def _scan(request: Request) -> HTTPResponse:
    scan = _body(request, SimScan)
    _, scanner = _device(request, SimScanner)
    try:
        scanner.scan(scan.text)
    except DeviceUnavailable as error:
        raise Busy(str(error)) from error
    return json_response({"accepted": True}, status=202)


async def _printer(request: Request) -> HTTPResponse:
    wanted = _body(request, SimPrinter)
    device, printer = _device(request, SimReceiptPrinter)
    await printer.simulated.set_fault(wanted.fault)
    device.look_now()
    return json_response({"fault": wanted.fault})


async def _plug(request: Request) -> HTTPResponse:
    wanted = _body(request, SimPlug)
    kind: type[SimIdReader] | type[SimScanner] = SimIdReader if wanted.device == "id_reader" else SimScanner
    device, source = _device(request, kind)
    source.is_unplugged = wanted.is_unplugged
    device.look_now()
    return json_response({"is_unplugged": wanted.is_unplugged})


async def _prints(request: Request) -> HTTPResponse:
    _, printer = _device(request, SimReceiptPrinter)
    items = [{"id": one, "url": f"/_sim/prints/{one}.png"} for one in printer.simulated.gallery()]
    return json_response({"fault": printer.simulated.fault, "items": items})


async def _print(request: Request, print_id: str) -> HTTPResponse:
    _, printer = _device(request, SimReceiptPrinter)
    name = print_id.removesuffix(".png")
    if name not in printer.simulated.gallery():
        raise NotFound("no such slip")
    return raw((printer.simulated.prints / f"{name}.png").read_bytes(), content_type="image/png")
