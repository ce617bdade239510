"""A card reader and a scanner made of software (模拟读卡器, 模拟扫码器), worked from the /_sim panel."""

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

from kiosk_agent.devices.base import (
    CardEvent,
    CardUnreadable,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    DeviceUnavailable,
    DriverSettings,
    ScanEvent,
    Surroundings,
)


class SimSourceSettings(DriverSettings):
    """Nothing to set."""


class _SimSource:
    Settings: ClassVar[type[DriverSettings]] = SimSourceSettings

    def __init__(self, settings: SimSourceSettings, surroundings: Surroundings) -> None:
        self._events: asyncio.Queue[CardEvent | ScanEvent | CardUnreadable] = asyncio.Queue(20)
        self.is_unplugged = False
        self.card_present = False

    async def open(self) -> None:
        if self.is_unplugged:
            raise DeviceUnavailable("unplugged")

    async def close(self) -> None:
        self.card_present = False

    async def probe(self) -> DeviceStatus:
        if self.is_unplugged:
            raise DeviceUnavailable("unplugged")
        return DeviceStatus(DeviceState.READY)

    async def events(self) -> AsyncIterator[CardEvent | ScanEvent | CardUnreadable]:
        while True:
            yield await self._events.get()

    def _put(self, event: CardEvent | ScanEvent | CardUnreadable) -> None:
        if self.is_unplugged:
            raise DeviceUnavailable("unplugged")
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            raise DeviceUnavailable("too many events at once") from None


class SimIdReader(_SimSource):
    """Simulated identity card reader."""

    kind: ClassVar[DeviceKind] = "id_reader"

    def present(self, document_no: str, name: str, *, stays: bool) -> None:
        """Lays a card on the reader; without ``stays`` it is taken away at once."""
        self._put(CardEvent(document_no, name))
        self.card_present = stays

    def remove(self) -> None:
        """Takes the card away."""
        self.card_present = False


class SimScanner(_SimSource):
    """Simulated code scanner."""

    kind: ClassVar[DeviceKind] = "scanner"

    def scan(self, text: str) -> None:
        """Reads one code."""
        self._put(ScanEvent(text))
