"""Receipt printer (凭条打印机) speaking ESC/POS: network port, device file, or the simulated one.

python-escpos makes the bytes; the transport is ours because a job needs three different answers from it: nothing was
sent, it was printed, nobody knows.
"""

import asyncio
import contextlib
import os
import stat
from typing import ClassVar, Literal, Protocol

from escpos.printer import Dummy
from PIL import Image

from kiosk_agent.devices import escpos_status as status
from kiosk_agent.devices.base import (
    DeviceKind,
    DeviceState,
    DeviceStatus,
    DeviceUnavailable,
    DriverSettings,
    PrinterNotReady,
    PrintJob,
    PrintOutcomeUnknown,
    Surroundings,
)

# 80 mm paper, 576 dots: python-escpos warns on stdout unless a profile names the width.
PROFILE = "TM-T20II"
_FRAGMENT_DOTS = 256  # small printers have small buffers
_CONNECT_S = 3.0
_STATUS_S = 1.5
_PRINT_S = 20.0
_STATUS_QUESTIONS = (status.ASK_PRINTER, status.ASK_OFFLINE_CAUSE, status.ASK_ERROR_CAUSE, status.ASK_PAPER)


def encode(image: Image.Image) -> bytes:
    """A one-bit picture as ESC/POS: initialise, raster fragments, feed to the knife and cut."""
    printer = Dummy(profile=PROFILE)
    printer.hw("INIT")
    printer.image(image, impl="bitImageRaster", fragment_height=_FRAGMENT_DOTS)
    printer.cut(feed=False)
    return bytes(printer.output)


class PrinterSettings(DriverSettings):
    """``target = "network"`` with host and port, or ``"file"`` with path."""

    target: Literal["network", "file"] = "network"
    host: str = ""
    port: int = 9100
    path: str = ""


class _Transport(Protocol):
    answers: bool

    async def send(self, data: bytes) -> None: ...
    async def receive(self, timeout_s: float) -> bytes: ...
    async def close(self) -> None: ...


class _NetworkTransport:
    """A raw TCP port, usually 9100."""

    answers = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> "_NetworkTransport":
        async with asyncio.timeout(_CONNECT_S):
            return cls(*await asyncio.open_connection(host, port))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self, timeout_s: float) -> bytes:
        async with asyncio.timeout(timeout_s):
            data = await self._reader.read(64)
        if not data:
            raise ConnectionResetError("the printer closed the connection")
        return data

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


class _FileTransport:
    """A character device such as /dev/usb/lp0 (or a plain file). Drivers of the class usblp seldom answer."""

    answers = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    async def open(cls, path: str) -> "_FileTransport":
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if os.path.exists(path) and stat.S_ISCHR(os.stat(path).st_mode):
            flags = os.O_WRONLY
        return cls(await asyncio.to_thread(os.open, path, flags, 0o600))

    async def send(self, data: bytes) -> None:
        await asyncio.to_thread(self._write_all, data)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    async def receive(self, timeout_s: float) -> bytes:
        raise TimeoutError("a printer file does not answer")

    async def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


class ReceiptPrinter:
    """A real ESC/POS printer (热敏凭条打印机)."""

    kind: ClassVar[DeviceKind] = "receipt_printer"
    Settings: ClassVar[type[DriverSettings]] = PrinterSettings

    def __init__(self, settings: PrinterSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._transport: _Transport | None = None
        # One conversation at a time: a probe's answer must not be taken for a job's.
        self._lock = asyncio.Lock()

    async def _connect(self) -> _Transport:
        if self._settings.target == "file":
            return await _FileTransport.open(self._settings.path)
        return await _NetworkTransport.open(self._settings.host, self._settings.port)

    async def open(self) -> None:
        """Connects. Raises: DeviceUnavailable."""
        try:
            self._transport = await self._connect()
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(f"no connection to the printer: {error}") from error

    async def close(self) -> None:
        """Lets go of the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def probe(self) -> DeviceStatus:
        """Asks the printer with DLE EOT 1-4. A busy printer is not disturbed."""
        if self._lock.locked():
            return DeviceStatus(DeviceState.BUSY)
        async with self._lock:
            return await self._ask()

    async def print(self, job: PrintJob) -> None:
        """Sends the job and waits until the printer has worked through it."""
        async with self._lock:
            found = await self._ask()
            if not found.can_work:
                raise PrinterNotReady(found)
            await self._send_and_confirm(self._connected(), job)

    def _connected(self) -> _Transport:
        if self._transport is None:
            raise DeviceUnavailable("printer is not connected")
        return self._transport

    async def _ask(self) -> DeviceStatus:
        transport = self._connected()
        if not transport.answers:
            return DeviceStatus(DeviceState.UNKNOWN, "this connection carries no status")
        try:
            answers = [await self._ask_one(transport, n) for n in _STATUS_QUESTIONS]
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(f"the printer does not answer: {error!r}") from error
        return status.status_of(*answers)

    async def _ask_one(self, transport: _Transport, n: int) -> int:
        await transport.send(status.DLE_EOT + bytes([n]))
        async with asyncio.timeout(_STATUS_S):
            while True:
                found = [byte for byte in await transport.receive(_STATUS_S) if status.is_status_byte(byte)]
                if found:
                    return found[-1]

    async def _send_and_confirm(self, transport: _Transport, job: PrintJob) -> None:
        try:
            async with asyncio.timeout(_PRINT_S):
                await transport.send(job.payload)
            if transport.answers:
                await transport.send(status.GS_R_PAPER)
                await transport.receive(_PRINT_S)
        except (OSError, TimeoutError) as error:
            await self.close()
            raise PrintOutcomeUnknown(f"{job.id}: no confirmation: {error!r}") from error
