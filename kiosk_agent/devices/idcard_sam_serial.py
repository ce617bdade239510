"""Identity card reader on a serial line (身份证读卡器, 串口)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import ClassVar

import serial

from kiosk_agent.devices import sam_frames as sam
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

_POLL_S = 0.3
_ANSWER_S = 1.5
_ABSENT_AFTER = 2  # a reader loses a lying card for one poll now and then


class SamSerialSettings(DriverSettings):
    """``port`` by id (/dev/serial/by-id/…), never ttyUSB0: that changes when it is plugged in again."""

    port: str
    baud_rate: int = 115_200


class SamSerialReader:
    """Finds, selects and reads cards; one card lying there gives one event."""

    kind: ClassVar[DeviceKind] = "id_reader"
    Settings: ClassVar[type[DriverSettings]] = SamSerialSettings

    def __init__(self, settings: SamSerialSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._line: serial.Serial | None = None
        self._last_answer_at = 0.0
        self.card_present = False

    async def open(self) -> None:
        """Opens the line and asks for a card once, to see that a reader answers."""
        try:
            self._line = await asyncio.to_thread(
                serial.Serial, self._settings.port, self._settings.baud_rate, timeout=_ANSWER_S, write_timeout=_ANSWER_S
            )
            await self._ask(sam.FIND)
        except (OSError, serial.SerialException, sam.FrameError) as error:
            await self.close()
            raise DeviceUnavailable(f"no card reader on {self._settings.port}: {error}") from error

    async def close(self) -> None:
        """Lets go of the line."""
        line, self._line = self._line, None
        self.card_present = False
        if line is not None:
            with contextlib.suppress(OSError):
                line.close()

    async def probe(self) -> DeviceStatus:
        """The endless polling in `events` is the probe: it answered a moment ago or it did not."""
        if self._line is None or time.monotonic() - self._last_answer_at > 3 * _ANSWER_S:
            raise DeviceUnavailable("the reader stopped answering")
        return DeviceStatus(DeviceState.READY)

    async def events(self) -> AsyncIterator[CardEvent | ScanEvent | CardUnreadable]:
        """Polls for a card. Raises: DeviceUnavailable."""
        missed = _ABSENT_AFTER
        while True:
            await asyncio.sleep(_POLL_S)
            is_there = await self._finds_card()
            missed = 0 if is_there else missed + 1
            if is_there and not self.card_present:
                self.card_present = True
                yield await self._read_card()
            elif missed >= _ABSENT_AFTER:
                self.card_present = False

    async def _finds_card(self) -> bool:
        try:
            found, _ = await self._ask(sam.FIND)
        except sam.FrameError:
            return False
        # A card that was read is not "found" again until it leaves the field, but it can be selected.
        if found == sam.FOUND:
            return True
        return self.card_present and await self._still_selects()

    async def _still_selects(self) -> bool:
        with contextlib.suppress(sam.FrameError):
            selected, _ = await self._ask(sam.SELECT)
            return selected == sam.DONE
        return False

    async def _read_card(self) -> CardEvent | CardUnreadable:
        try:
            selected, _ = await self._ask(sam.SELECT)
            if selected != sam.DONE:
                return CardUnreadable(f"select answered {selected:#x}")
            done, data = await self._ask(sam.READ)
            if done != sam.DONE:
                return CardUnreadable(f"read answered {done:#x}")
            card = sam.card_text(data)
        except sam.FrameError as error:
            return CardUnreadable(str(error))
        return CardEvent(card.document_no, card.name)

    async def _ask(self, command: bytes) -> tuple[int, bytes]:
        try:
            answer = await asyncio.to_thread(self._exchange, command)
        except (OSError, serial.SerialException, TypeError) as error:
            # pyserial raises TypeError when the descriptor disappears under a read.
            raise DeviceUnavailable(f"card reader: {error}") from error
        self._last_answer_at = time.monotonic()
        return sam.unframe(answer)

    def _exchange(self, command: bytes) -> bytes:
        line = self._line
        if line is None:
            raise serial.SerialException("line is closed")
        line.reset_input_buffer()
        line.write(sam.frame(command))
        header = line.read(7)
        if len(header) < 7:
            raise serial.SerialTimeoutException("no answer")
        return bytes(header + line.read(sam.body_length(header)))
