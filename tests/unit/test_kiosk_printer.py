"""The real receipt driver against the simulated printer, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from kiosk_agent.devices.base import (
    DeviceState,
    DeviceUnavailable,
    PrinterNotReady,
    PrintJob,
    PrintOutcomeUnknown,
    Surroundings,
)
from kiosk_agent.devices.escpos_status import status_of
from kiosk_agent.devices.receipt_printer import PrinterSettings, ReceiptPrinter, encode
from kiosk_agent.devices.sim_printer import PrinterFault, SimPrinterSettings, SimReceiptPrinter
from kiosk_agent.slip import render_slip
from tests.unit.test_kiosk_slip import HOSPITAL, make_ticket

SLIP = render_slip(make_ticket(), HOSPITAL)
JOB = PrintJob("job-1", encode(SLIP))


@pytest.fixture
async def printer(tmp_path: Path) -> AsyncIterator[SimReceiptPrinter]:
    made = SimReceiptPrinter(SimPrinterSettings(), Surroundings(tmp_path))
    await made.open()
    yield made
    await made.close()
    await made.simulated.stop()


async def test_printed_slip_is_the_preview(printer: SimReceiptPrinter) -> None:
    await printer.print(JOB)
    [print_id] = printer.simulated.gallery()
    with Image.open(printer.simulated.prints / f"{print_id}.png") as printed:
        assert printed.size == SLIP.size
        assert ImageChops.difference(printed.convert("L"), SLIP.convert("L")).getbbox() is None


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (PrinterFault.NONE, DeviceState.READY),
        (PrinterFault.NO_PAPER, DeviceState.NO_MEDIA),
        (PrinterFault.COVER_OPEN, DeviceState.COVER_OPEN),
        (PrinterFault.JAM, DeviceState.JAM),
    ],
)
async def test_probe_with_fault_tells_it(printer: SimReceiptPrinter, fault: PrinterFault, state: DeviceState) -> None:
    await printer.simulated.set_fault(fault)
    assert (await printer.probe()).state is state


@pytest.mark.parametrize("fault", [PrinterFault.NO_PAPER, PrinterFault.COVER_OPEN, PrinterFault.JAM])
async def test_fault_before_the_job_sends_nothing_and_mended_prints(
    printer: SimReceiptPrinter, fault: PrinterFault
) -> None:
    await printer.simulated.set_fault(fault)
    with pytest.raises(PrinterNotReady):
        await printer.print(JOB)
    assert printer.simulated.gallery() == []
    await printer.simulated.set_fault(PrinterFault.NONE)
    await printer.print(JOB)
    assert len(printer.simulated.gallery()) == 1


async def test_line_lost_in_the_middle_is_an_unknown_outcome(printer: SimReceiptPrinter) -> None:
    await printer.simulated.set_fault(PrinterFault.LOSE_CONNECTION)
    with pytest.raises(PrintOutcomeUnknown):
        await printer.print(JOB)


async def test_unplugged_printer_is_unavailable_and_comes_back(printer: SimReceiptPrinter) -> None:
    await printer.simulated.set_fault(PrinterFault.OFFLINE)
    with pytest.raises(DeviceUnavailable):
        await printer.probe()
    await printer.close()
    with pytest.raises(DeviceUnavailable):
        await printer.open()
    await printer.simulated.set_fault(PrinterFault.NONE)
    await printer.open()
    await printer.print(JOB)
    assert len(printer.simulated.gallery()) == 1


async def test_probe_during_a_job_does_not_disturb_it(printer: SimReceiptPrinter) -> None:
    printing = asyncio.create_task(printer.print(JOB))
    await asyncio.sleep(0)
    assert (await printer.probe()).state is DeviceState.BUSY
    await printing
    assert len(printer.simulated.gallery()) == 1


async def test_printer_file_gets_the_bytes_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lp0"
    printer = ReceiptPrinter(PrinterSettings(target="file", path=str(path)), Surroundings(tmp_path))
    await printer.open()
    assert (await printer.probe()).state is DeviceState.UNKNOWN
    await printer.print(JOB)
    await printer.close()
    assert path.read_bytes() == JOB.payload


async def test_nobody_on_the_port_is_unavailable(tmp_path: Path) -> None:
    printer = ReceiptPrinter(PrinterSettings(host="127.0.0.1", port=1), Surroundings(tmp_path))
    with pytest.raises(DeviceUnavailable):
        await printer.open()


def test_low_paper_is_a_warning_and_still_works() -> None:
    found = status_of(0x12, 0x12, 0x12, 0x1E)
    assert found.state is DeviceState.WARNING
    assert found.can_work
