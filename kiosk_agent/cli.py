"""``kiosk-agent``: the program on the kiosk PC (自助机程序)."""

import asyncio
import ipaddress
import logging
import socket
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from sanic import Sanic

from kiosk_agent.agent import AgentSettings
from kiosk_agent.devices.registry import DeviceList, drivers, read_device_list
from kiosk_agent.fonts import FontMissing, find_face
from kiosk_agent.hospital import Hospital, HospitalRefused, HospitalUnreachable
from kiosk_agent.identity import load_identity
from kiosk_agent.link import enrol as enrol_device
from kiosk_agent.server import create_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Agent of a self-service kiosk 自助机程序")
_out = Console()
_err = Console(stderr=True)

_Server = Annotated[str, typer.Option(help="Address of the hospital, https://… or http:// on loopback")]
_Data = Annotated[Path, typer.Option(help="Folder of this kiosk: key, spool, devices.toml")]
_Ca = Annotated[Path | None, typer.Option(help="The hospital's own certificate authority, PEM")]


@app.command()
def run(
    server: _Server,
    data: _Data,
    port: Annotated[int, typer.Option(help="0 takes a free one; it is printed")] = 8100,
    host: Annotated[str, typer.Option(help="Loopback address")] = "127.0.0.1",
    fd: Annotated[int | None, typer.Option(help="Inherited listening socket instead of host and port")] = None,
    enrolment_code: Annotated[str | None, typer.Option(help="One-time code, needed on the first start only")] = None,
    simulate: Annotated[bool, typer.Option(help="Simulated devices and their panel /_sim")] = False,
    sim_cards: Annotated[Path | None, typer.Option(help="JSON list of {document_no, name} for the panel")] = None,
    devices: Annotated[Path | None, typer.Option(help="devices.toml; default DATA/devices.toml")] = None,
    frame_ancestor: Annotated[list[str] | None, typer.Option(help="Origin that may frame the page")] = None,
    hospital_name: Annotated[str, typer.Option(help="Printed when the hospital does not say its name")] = "",
    ca: _Ca = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING")] = "INFO",
) -> None:
    """Serve the kiosk until SIGINT or SIGTERM."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    # httpx writes a line per request, sanic per start and stop.
    for noisy in ("httpx", "httpcore", "sanic.root", "sanic.server", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _warn_about_fonts()
    settings = AgentSettings(
        server=server,
        data=data.absolute(),
        enrolment_code=enrolment_code,
        is_simulated=simulate,
        sim_cards=sim_cards,
        devices=_device_list(devices, data, is_simulated=simulate),
        frame_ancestors=tuple(frame_ancestor or ()),
        hospital_name=hospital_name,
        ca=ca,
    )
    listener = _listener(host, port, fd)
    sanic = create_app(settings, listener)
    address, bound = listener.getsockname()[:2]
    _out.print(f"kiosk on http://{address}:{bound}/", highlight=False)
    sanic.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(sanic)


@app.command()
def enrol(
    server: _Server,
    data: _Data,
    code: Annotated[str, typer.Option(help="One-time code from 设备管理", prompt=True)],
    ca: _Ca = None,
) -> None:
    """Introduce this kiosk to the hospital; an administrator then approves it."""
    _out.print(asyncio.run(_enrol(server, data, code, ca)), highlight=False)


@app.command(name="devices")
def list_devices(data: _Data) -> None:
    """Show the drivers there are and what devices.toml makes of them."""
    _out.print("drivers: " + ", ".join(sorted(drivers())), highlight=False)
    listed = _device_list(None, data, is_simulated=False) or DeviceList()
    for entry in listed.device:
        _out.print(f"{entry.name}: {entry.driver} {entry.settings}", highlight=False)


async def _enrol(server: str, data: Path, code: str, ca: Path | None) -> str:
    identity = load_identity(data.absolute())
    if identity.device_id is not None:
        return f"already enrolled as {identity.device_id}"
    hospital = Hospital(server, ca)
    try:
        enrolled = await enrol_device(hospital, identity, code)
    except HospitalRefused as error:
        _err.print(f"the hospital refused: {error.problem.title or error.problem.code}", highlight=False)
        raise typer.Exit(1) from error
    except HospitalUnreachable as error:
        _err.print(f"the hospital does not answer: {error}", highlight=False)
        raise typer.Exit(2) from error
    finally:
        await hospital.close()
    return f"enrolled as {enrolled.device_id}, {enrolled.status}; key {identity.public_key[:8]}…"


def _device_list(devices: Path | None, data: Path, *, is_simulated: bool) -> DeviceList | None:
    path = devices or data / "devices.toml"
    if not path.exists():
        if devices is not None:
            raise typer.BadParameter(f"no such file: {devices}")
        return None if is_simulated else DeviceList()
    try:
        return read_device_list(path)
    except (ValidationError, ValueError, OSError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error


def _warn_about_fonts() -> None:
    try:
        find_face(bold=True)
    except FontMissing as error:
        _err.print(f"[yellow]{error}[/yellow]", highlight=False)


def _listener(host: str, port: int, fd: int | None) -> socket.socket:
    listener = socket.socket(fileno=fd) if fd is not None else socket.create_server((host, port))
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        # A patient's page over plain HTTP, without a password: it must not leave this machine.
        raise typer.BadParameter("the kiosk listens on loopback only")
    return listener


if __name__ == "__main__":
    app()
