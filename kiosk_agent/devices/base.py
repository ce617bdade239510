"""What a driver is (驱动接口). A hospital adds its own as entry points of the group ``kiosk_agent.drivers``."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

DeviceKind = Literal["receipt_printer", "id_reader", "scanner"]


class DeviceState(StrEnum):
    """State of a device (设备状态). A printer that never answers is UNKNOWN, not READY."""

    UNKNOWN = "unknown"
    CONNECTING = "connecting"
    READY = "ready"
    BUSY = "busy"
    WARNING = "warning"
    NO_MEDIA = "no_media"
    JAM = "jam"
    COVER_OPEN = "cover_open"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What a probe found."""

    state: DeviceState
    detail: str = ""

    @property
    def can_work(self) -> bool:
        """Whether a job may be handed to it now."""
        return self.state in {DeviceState.READY, DeviceState.WARNING, DeviceState.UNKNOWN}


class DeviceUnavailable(Exception):
    """The device cannot be reached; the supervisor tries again (设备不可用)."""


class PrinterNotReady(Exception):
    """Nothing was sent; the same job may be tried again (打印机未就绪)."""

    def __init__(self, status: DeviceStatus) -> None:
        super().__init__(f"printer is {status.state}: {status.detail}")
        self.status = status


class PrintOutcomeUnknown(Exception):
    """Bytes were sent and no proof came that paper came out: a person decides (打印结果未知)."""


class DriverSettings(BaseModel):
    """Settings of one device in ``devices.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every driver may use of its agent."""

    data: Path
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One slip as finished bytes for the printer; ``id`` makes a repeat harmless."""

    id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class CardEvent:
    """An identity card was read (读到身份证)."""

    document_no: str
    name: str


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """A code was scanned (扫到条码). It may be one that pays: it is in no log."""

    text: str = field(repr=False)


class CardUnreadable(Exception):
    """A card lies there but could not be read; the reader goes on (读卡失败)."""


@runtime_checkable
class Driver(Protocol):
    """One device. Its supervisor calls ``open``, then ``probe`` every 5 s, then ``close``."""

    kind: ClassVar[DeviceKind]
    Settings: ClassVar[type[DriverSettings]]

    async def open(self) -> None:
        """Raises: DeviceUnavailable."""
        ...

    async def close(self) -> None:
        """Never raises; harmless when not open."""
        ...

    async def probe(self) -> DeviceStatus:
        """Cheap look at the device. Raises: DeviceUnavailable."""
        ...


@runtime_checkable
class Printer(Driver, Protocol):
    """Prints and knows whether paper came out."""

    async def print(self, job: PrintJob) -> None:
        """Returns when the printer confirmed. Raises: PrinterNotReady, PrintOutcomeUnknown, DeviceUnavailable."""
        ...


@runtime_checkable
class Source(Driver, Protocol):
    """Reads cards or codes."""

    def events(self) -> AsyncIterator[CardEvent | ScanEvent | CardUnreadable]:
        """Endless while open. Raises: DeviceUnavailable."""
        ...

    @property
    def card_present(self) -> bool:
        """Whether something still lies on the reader."""
        ...
