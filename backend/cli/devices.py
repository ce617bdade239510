"""``hospital devices``: let kiosks, screens and PDAs in, list them, turn them out."""

from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from backend.cli.console import core_connected, fail, out, run_async, settings_or_fail
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.commands import CreateEnrolment, RevokeDevice
from hospital_core.registry.devices.queries import devices as all_devices
from hospital_core.registry.devices.service import create_enrolment, revoke_device
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.devices.views import DeviceView, EnrolmentCode
from hospital_core.registry.patients.ages import SHANGHAI

app = typer.Typer(help="Kiosks, screens and PDAs.", no_args_is_help=True)


def _context() -> Context:
    return system_context()


@app.command()
def enrol(
    kind: Annotated[DeviceKind, typer.Argument(help="What the device is.")],
    name: Annotated[str, typer.Argument(help="What people call it.")],
) -> None:
    """Make a one-time code for a new device; an administrator approves it at the console afterwards."""
    settings = settings_or_fail()

    async def work() -> EnrolmentCode:
        async with core_connected(settings):
            return await run(_context(), create_enrolment, CreateEnrolment(kind=kind, name=name))

    code = run_async(work())
    until = code.expires_at.astimezone(SHANGHAI)
    out.print(f"code [bold]{code.code}[/], valid until {until:%H:%M:%S} (Asia/Shanghai)")


@app.command("list")
def list_devices() -> None:
    """Every device, where it stands and when it was last heard of."""
    settings = settings_or_fail()

    async def work() -> list[DeviceView]:
        async with core_connected(settings):
            return await all_devices(Reading(_context()))

    table = Table(box=None, caption="times of Asia/Shanghai", caption_justify="left")
    table.add_column("id", no_wrap=True)
    for column in ("status", "name, place", "heard of"):
        table.add_column(column, overflow="fold")
    for device in run_async(work()):
        seen = f"{device.last_seen_at.astimezone(SHANGHAI):%m-%d %H:%M}" if device.last_seen_at else "never"
        what = f"{device.kind} {device.name}\n{device.location or '—'}"
        table.add_row(str(device.id), device.status, escape(what), seen)
    out.print(table)


@app.command()
def revoke(device: Annotated[UUID, typer.Argument(help="Id of the device.")]) -> None:
    """Turn a device out at once, open connections included."""
    settings = settings_or_fail()

    async def work() -> None:
        async with core_connected(settings):
            await run(_context(), revoke_device, RevokeDevice(device_id=device))

    try:
        run_async(work(), expected=(NotFound,))
    except NotFound:
        fail(f"There is no device {device}; `hospital devices list` names them.")
    out.print("[green]✓[/] revoked")
