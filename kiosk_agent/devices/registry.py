"""Which drivers there are and which devices this kiosk has (设备清单)."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kiosk_agent.devices.base import Driver, Surroundings
from kiosk_agent.devices.idcard_sam_serial import SamSerialReader
from kiosk_agent.devices.receipt_printer import ReceiptPrinter
from kiosk_agent.devices.sim_printer import SimReceiptPrinter
from kiosk_agent.devices.sim_sources import SimIdReader, SimScanner

ENTRY_POINT_GROUP = "kiosk_agent.drivers"
BUILT_IN: dict[str, type[Any]] = {
    "receipt_printer": ReceiptPrinter,
    "sim_printer": SimReceiptPrinter,
    "sim_id_reader": SimIdReader,
    "sim_scanner": SimScanner,
    "idcard_sam_serial": SamSerialReader,
}


class DeviceEntry(BaseModel):
    """One ``[[device]]`` of devices.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=40)
    driver: str
    settings: dict[str, Any] = {}


class DeviceList(BaseModel):
    """The whole of devices.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    device: list[DeviceEntry] = []


SIMULATED = DeviceList(
    device=[
        DeviceEntry(name="模拟凭条打印机", driver="sim_printer"),
        DeviceEntry(name="模拟身份证读卡器", driver="sim_id_reader"),
        DeviceEntry(name="模拟扫码器", driver="sim_scanner"),
    ]
)


class UnknownDriver(LookupError):
    """devices.toml names a driver nobody provides (未知驱动)."""


def drivers() -> dict[str, type[Any]]:
    """Built-in drivers, and those of installed packages: a hospital's own wins over ours of the same name."""
    found = dict(BUILT_IN)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        found[entry.name] = entry.load()
    return found


def read_device_list(path: Path) -> DeviceList:
    """Reads devices.toml. Raises: OSError, ValueError with the reason."""
    return DeviceList.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def make_driver(entry: DeviceEntry, surroundings: Surroundings) -> Driver:
    """One device from its entry. Raises: UnknownDriver, ValidationError."""
    known = drivers()
    if entry.driver not in known:
        raise UnknownDriver(f"device {entry.name!r}: no driver {entry.driver!r}; known: {', '.join(sorted(known))}")
    driver = known[entry.driver]
    made: Driver = driver(driver.Settings.model_validate(entry.settings), surroundings)
    return made
