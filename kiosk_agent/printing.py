"""Takes slips out of the spool and puts them on paper (打印执行)."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from kiosk_agent.devices.base import DeviceUnavailable, PrinterNotReady, PrintJob, PrintOutcomeUnknown
from kiosk_agent.devices.receipt_printer import encode
from kiosk_agent.fonts import FontMissing
from kiosk_agent.page_protocol import PrintState
from kiosk_agent.protocol import KioskTicket
from kiosk_agent.slip import render_slip
from kiosk_agent.spool import Job, JobStatus, Spool
from kiosk_agent.supervisor import DeviceSupervisor

log = logging.getLogger("kiosk.printing")

# Long enough for staff to bring a new roll, short enough that no stranger finds the slip.
SLIP_LASTS_S = 300.0
_RETRY_S = 1.0


_PRINT_STATES = {
    JobStatus.LEASED: PrintState.PRINTING,
    JobStatus.PRINTING: PrintState.PRINTING,
    JobStatus.PRINTED: PrintState.PRINTED,
    JobStatus.FAILED: PrintState.FAILED,
    JobStatus.UNKNOWN: PrintState.UNKNOWN,
}


def print_state_of(job: Job) -> PrintState:
    """What the patient is told of a slip; one that was put back waits for the printer."""
    return _PRINT_STATES.get(job.status, PrintState.WAITING if job.detail else PrintState.PRINTING)


class PrintWorker:
    """One slip at a time; ``on_change(job_id)`` after every step."""

    def __init__(
        self,
        spool: Spool,
        supervisor: DeviceSupervisor,
        hospital_name: Callable[[], str],
        on_change: Callable[[str], None],
    ) -> None:
        self._spool, self._supervisor = spool, supervisor
        self._hospital_name, self._on_change = hospital_name, on_change
        self._wake = asyncio.Event()

    def submit(self, job_id: str, ticket: KioskTicket) -> Job:
        """Queues a slip, once per id."""
        job = self._spool.add(job_id, ticket.model_dump_json(), lasts_s=SLIP_LASTS_S)
        self._wake.set()
        return job

    async def run(self) -> None:
        """Works for ever; begins with what a crash left behind."""
        for job_id in self._spool.recover():
            log.warning("print job %s: outcome unknown after a restart, not printed again", job_id)
        while True:
            for job_id in self._spool.expire():
                self._on_change(job_id)
            if not await self._print_next():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_S):
                        await self._wake.wait()
                self._wake.clear()

    async def _print_next(self) -> bool:
        """Whether to go on at once."""
        found = self._supervisor.printer()
        if found is None:
            return False
        job = self._spool.lease_next()
        if job is None:
            return False
        device, printer = found
        self._spool.start(job.id)
        try:
            payload = await self._payload(job)
            await printer.print(PrintJob(job.id, payload))
        except PrinterNotReady as error:
            self._supervisor.report(device, error.status)
            self._spool.put_back(job.id, error.status.state)
        except DeviceUnavailable as error:
            device.look_now()
            self._spool.put_back(job.id, str(error))
        except PrintOutcomeUnknown as error:
            device.look_now()
            log.warning("%s", error)
            self._spool.finish(job.id, JobStatus.UNKNOWN, str(error))
        except (FontMissing, ValueError) as error:
            log.error("slip %s cannot be drawn: %s", job.id, error)
            self._spool.finish(job.id, JobStatus.FAILED, type(error).__name__)
        else:
            self._spool.finish(job.id, JobStatus.PRINTED)
            device.look_now()
        self._on_change(job.id)
        standing = self._spool.job(job.id)
        return standing is not None and standing.status is not JobStatus.QUEUED

    async def _payload(self, job: Job) -> bytes:
        ticket = KioskTicket.model_validate_json(job.slip)
        return await asyncio.to_thread(lambda: encode(render_slip(ticket, self._hospital_name())))
