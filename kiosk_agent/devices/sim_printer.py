"""A printer made of software (模拟打印机): a TCP port that reads ESC/POS back and keeps each slip as PNG.

The driver in front of it is the real `ReceiptPrinter`, over a real socket, so what is tried with it is what a hospital
runs; only the paper is not real.
"""

import asyncio
import logging
import time
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from PIL import Image

from kiosk_agent.devices import escpos_status as status
from kiosk_agent.devices.base import DeviceKind, DriverSettings, Surroundings
from kiosk_agent.devices.escpos_paper import Paper, UnknownCommand
from kiosk_agent.devices.receipt_printer import PrinterSettings, ReceiptPrinter, _NetworkTransport, _Transport

log = logging.getLogger("kiosk.sim_printer")

PRINTS_KEPT = 200
_SLOW_S = 6.0


class PrinterFault(StrEnum):
    """Switches of the simulated printer (模拟故障)."""

    NONE = "none"
    NO_PAPER = "no_paper"
    COVER_OPEN = "cover_open"
    JAM = "jam"
    OFFLINE = "offline"
    SLOW = "slow"
    LOSE_CONNECTION = "lose_connection"


class SimulatedPrinter:
    """The printer itself. Faults: see `PrinterFault`; ``lose_connection`` drops the line in the middle of a job."""

    def __init__(self, prints: Path) -> None:
        self.prints = prints
        self.fault = PrinterFault.NONE
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self) -> None:
        """Listens on a free loopback port."""
        self.prints.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.close()
        if server is not None:
            await server.wait_closed()

    async def set_fault(self, fault: PrinterFault) -> None:
        """Turns one fault on (or all off). ``offline`` pulls the cable."""
        self.fault = fault
        if fault is PrinterFault.OFFLINE:
            await self.stop()
        elif self._server is None:
            await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        paper = Paper()
        try:
            while data := await reader.read(65536):
                await self._take(paper, data, writer)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            log.info("printer connection ended: %r", error)
        except UnknownCommand:
            log.exception("the slip uses a command this printer does not know")
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _take(self, paper: Paper, data: bytes, writer: asyncio.StreamWriter) -> None:
        # The driver never asks in the middle of a job, so between jobs these bytes are a question, inside one they
        # are part of the picture.
        if not paper.is_in_job and len(data) % 3 == 0 and data[:2] == status.DLE_EOT:
            writer.write(bytes(self._status_byte(data[at + 2]) for at in range(0, len(data), 3)))
            await writer.drain()
            return
        if self.fault is PrinterFault.LOSE_CONNECTION:
            raise ConnectionResetError("simulated loss in the middle of a job")
        if self.fault is PrinterFault.SLOW:
            await asyncio.sleep(_SLOW_S)
        marks = paper.completion_marks
        paper.feed(data)
        for image in paper.cut:
            await asyncio.to_thread(self._keep, image)
        paper.cut.clear()
        if paper.completion_marks > marks:
            writer.write(b"\x00" * (paper.completion_marks - marks))
            await writer.drain()

    def _status_byte(self, n: int) -> int:
        bits = {
            (PrinterFault.NO_PAPER, 1): status.OFFLINE,
            (PrinterFault.NO_PAPER, 2): status.PAPER_END_STOP,
            (PrinterFault.NO_PAPER, 4): status.PAPER_OUT,
            (PrinterFault.COVER_OPEN, 1): status.OFFLINE,
            (PrinterFault.COVER_OPEN, 2): status.COVER_OPEN,
            (PrinterFault.JAM, 1): status.OFFLINE,
            (PrinterFault.JAM, 2): status.ERROR_OCCURRED,
            (PrinterFault.JAM, 3): status.CUTTER_ERROR,
        }
        return status.FIXED | bits.get((self.fault, n), 0)

    def _keep(self, image: Image.Image) -> None:
        # Sorted by name is sorted by time: the gallery needs no index.
        name = f"{time.time_ns():020d}"
        partial = self.prints / f".{name}.part"
        image.save(partial, format="PNG")
        partial.rename(self.prints / f"{name}.png")
        for old in sorted(self.prints.glob("*.png"))[:-PRINTS_KEPT]:
            old.unlink(missing_ok=True)

    def gallery(self) -> list[str]:
        """Ids of the kept slips, newest first."""
        return [path.stem for path in sorted(self.prints.glob("*.png"), reverse=True)]


class SimPrinterSettings(PrinterSettings):
    """Nothing to set."""


class SimReceiptPrinter(ReceiptPrinter):
    """The real driver, connected to a `SimulatedPrinter` of its own (模拟凭条打印机)."""

    kind: ClassVar[DeviceKind] = "receipt_printer"
    Settings: ClassVar[type[DriverSettings]] = SimPrinterSettings

    def __init__(self, settings: SimPrinterSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self.simulated = SimulatedPrinter(surroundings.data / "prints")
        self._is_plugged_in = False

    async def _connect(self) -> _Transport:
        if not self._is_plugged_in:
            await self.simulated.start()
            self._is_plugged_in = True
        return await _NetworkTransport.open("127.0.0.1", self.simulated.port)
