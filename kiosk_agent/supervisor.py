"""One task per device (设备守护): open, look every five seconds, on an error close and try again with patience."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kiosk_agent.devices.base import (
    CardEvent,
    CardUnreadable,
    DeviceState,
    DeviceStatus,
    DeviceUnavailable,
    Driver,
    Printer,
    ScanEvent,
    Source,
)

log = logging.getLogger("kiosk.supervisor")

SourceEvent = CardEvent | ScanEvent | CardUnreadable
PROBE_S = 5.0
_PAUSE_MAX_S = 30.0
_HEALTHY_AFTER_S = 60.0
_CONNECTING = DeviceStatus(DeviceState.CONNECTING)


@dataclass
class SupervisedDevice:
    """A driver and what is known of it."""

    name: str
    driver: Driver
    status: DeviceStatus = _CONNECTING
    failures: int = 0
    _look_now: asyncio.Event = field(default_factory=asyncio.Event)

    def look_now(self) -> None:
        """Probes at once instead of at the next round."""
        self._look_now.set()

    async def pause(self, seconds: float) -> None:
        """Waits, or is woken by `look_now`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look_now.wait()
        self._look_now.clear()


class DeviceSupervisor:
    """Keeps all devices of the kiosk working."""

    def __init__(
        self,
        on_event: Callable[[SourceEvent], Awaitable[None]],
        on_change: Callable[[], None],
        probe_s: float = PROBE_S,
    ) -> None:
        self._on_event, self._on_change, self._probe_s = on_event, on_change, probe_s
        self.devices: list[SupervisedDevice] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, name: str, driver: Driver) -> None:
        """Before `start`."""
        self.devices.append(SupervisedDevice(name, driver))

    def start(self) -> None:
        """Starts one task per device."""
        self._tasks = [asyncio.create_task(self._keep(device), name=device.name) for device in self.devices]

    async def stop(self) -> None:
        """Ends the tasks; each closes its device."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def printer(self) -> tuple[SupervisedDevice, Printer] | None:
        """The first printer that is there, ready or not: a job asks it itself."""
        for device in self.devices:
            if isinstance(device.driver, Printer) and device.status.state is not DeviceState.CONNECTING:
                return device, device.driver
        return None

    @property
    def is_card_present(self) -> bool:
        """Whether something lies on any reader."""
        return any(isinstance(device.driver, Source) and device.driver.card_present for device in self.devices)

    def report(self, device: SupervisedDevice, status: DeviceStatus) -> None:
        """Takes what a probe or a job found."""
        if status != device.status:
            log.info("device %s (%s): %s %s", device.name, device.driver.kind, status.state, status.detail)
            device.status = status
            self._on_change()

    async def _keep(self, device: SupervisedDevice) -> None:
        while True:
            healthy_since = time.monotonic()
            try:
                await self._use(device)
            except DeviceUnavailable as error:
                self.report(device, DeviceStatus(DeviceState.OFFLINE, str(error)))
            except Exception as error:
                # A driver's own fault must not take the other devices with it.
                log.exception("driver of %s failed", device.name)
                self.report(device, DeviceStatus(DeviceState.OFFLINE, type(error).__name__))
            finally:
                await device.driver.close()
            device.failures = 0 if time.monotonic() - healthy_since > _HEALTHY_AFTER_S else device.failures
            await device.pause(min(_PAUSE_MAX_S, 2.0**device.failures) * random.uniform(0.8, 1.2))
            device.failures = min(device.failures + 1, 6)

    async def _use(self, device: SupervisedDevice) -> None:
        await device.driver.open()
        reading: asyncio.Task[None] | None = None
        if isinstance(device.driver, Source):
            reading = asyncio.create_task(self._read(device.driver))
        try:
            while True:
                if reading is not None and reading.done():
                    reading.result()
                self.report(device, await device.driver.probe())
                await device.pause(self._probe_s)
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, source: Source) -> None:
        async for event in source.events():
            await self._on_event(event)
