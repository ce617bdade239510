"""The agent put together (自助机代理): line, devices, spool, flow."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kiosk_agent.devices.base import Surroundings
from kiosk_agent.devices.registry import SIMULATED, DeviceList, make_driver
from kiosk_agent.flow import Flow
from kiosk_agent.hospital import Hospital
from kiosk_agent.identity import load_identity
from kiosk_agent.link import HospitalLink
from kiosk_agent.page_protocol import PageState
from kiosk_agent.printing import PrintWorker
from kiosk_agent.spool import Spool
from kiosk_agent.supervisor import DeviceSupervisor
from kiosk_agent.visit import Timing

log = logging.getLogger("kiosk.agent")


@dataclass(frozen=True)
class AgentSettings:
    """What the command line says."""

    server: str
    data: Path
    enrolment_code: str | None = None
    is_simulated: bool = False
    sim_cards: Path | None = None
    devices: DeviceList | None = None
    frame_ancestors: tuple[str, ...] = ()
    hospital_name: str = ""
    ca: Path | None = None
    timing: Timing = field(default_factory=Timing)


class Agent:
    """Everything but the page's server. ``subscribe(listener)`` tells of every change."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        identity = load_identity(settings.data)
        self._listeners: set[Callable[[bool], None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.spool = Spool(settings.data / "spool.sqlite3")
        self.hospital = Hospital(settings.server, settings.ca)
        self.flow = Flow(
            self.hospital,
            self.spool,
            timing=settings.timing,
            is_simulated=settings.is_simulated,
            hospital_name=settings.hospital_name,
            public_key=identity.public_key,
            publish=self._changed,
            reload_pages=self._reload,
        )
        self.supervisor = DeviceSupervisor(self.flow.on_source_event, self._changed)
        self.link = HospitalLink(
            settings.server,
            self.hospital,
            identity,
            enrolment_code=settings.enrolment_code,
            ca=settings.ca,
            on_change=self._changed,
            on_command=self.flow.on_command,
        )
        self.printing = PrintWorker(self.spool, self.supervisor, lambda: self.flow.hospital_name, self.flow.on_print)
        self.flow.link, self.flow.supervisor, self.flow.printing = self.link, self.supervisor, self.printing
        self._add_devices()

    def _add_devices(self) -> None:
        surroundings = Surroundings(self.settings.data, self.settings.is_simulated)
        listed = self.settings.devices
        if listed is None:
            listed = SIMULATED if self.settings.is_simulated else DeviceList()
        for entry in listed.device:
            self.supervisor.add(entry.name, make_driver(entry, surroundings))
        if not listed.device:
            log.warning("this kiosk has no devices: write %s", self.settings.data / "devices.toml")

    def start(self) -> None:
        """Starts every task."""
        self.supervisor.start()
        # References are kept: a task nobody refers to may be collected while it works.
        self._tasks = [asyncio.create_task(work()) for work in (self.link.run, self.printing.run, self.flow.run)]
        for task in self._tasks:
            task.add_done_callback(_complain)

    async def stop(self) -> None:
        """Ends the patient's session, then everything else."""
        await self.flow.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.supervisor.stop()
        await self.hospital.close()
        self.spool.close()

    def state(self) -> PageState:
        """What the page shows."""
        return self.flow.page_state()

    def subscribe(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """``listener(must_reload)`` on each change; the answer ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener(False)

    def _reload(self) -> None:
        for listener in list(self._listeners):
            listener(True)


def _complain(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a task of the agent ended", exc_info=task.exception())
