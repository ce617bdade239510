"""The SAM serial driver against a reader of ours at the other end of a pty."""

import asyncio
import os
import threading
import tty
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kiosk_agent.devices import sam_frames as sam
from kiosk_agent.devices.base import CardEvent, CardUnreadable, DeviceState, DeviceUnavailable, Surroundings
from kiosk_agent.devices.idcard_sam_serial import SamSerialReader, SamSerialSettings

CARD = sam.IdentityCard(
    name="欧阳文静",
    sex="2",
    nation="01",
    birth_date="19900307",
    address="北京市东城区示范路1号",
    document_no="110101199003070134",
    issuer="北京市公安局东城分局",
    valid_from="20160101",
    valid_to="20360101",
)


class FakeReader(threading.Thread):
    """Answers frames on the master side of a pty, as a module does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.master, slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.port, self._slave = os.ttyname(slave), slave
        self.card: sam.IdentityCard | None = None
        self.is_damaged = False
        self._was_selected = False

    def run(self) -> None:
        try:
            while True:
                head = self._read(7)
                self._answer(self._read(int.from_bytes(head[5:7], "big"))[:-1])
        except OSError:
            return  # the line was closed

    def _read(self, wanted: int) -> bytes:
        data = b""
        while len(data) < wanted:
            data += os.read(self.master, wanted - len(data))
        return data

    def _answer(self, command: bytes) -> None:
        if self.card is None:
            self._was_selected = False
            body = b"\x00\x00\x80"
        elif command == sam.FIND:
            # As real modules do: a card that was read is not found again until it was taken away.
            body = b"\x00\x00\x80" if self._was_selected else b"\x00\x00\x9f" + bytes(4)
        elif command == sam.SELECT:
            self._was_selected = True
            body = b"\x00\x00\x90" + bytes(8)
        else:
            body = b"\x00\x00\x90" + sam.text_block(self.card)
        frame = bytearray(sam.frame(body))
        if self.is_damaged and command == sam.READ:
            frame[40] ^= 0xFF
        os.write(self.master, bytes(frame))

    def close(self) -> None:
        os.close(self._slave)
        os.close(self.master)


@pytest.fixture
def fake() -> FakeReader:
    made = FakeReader()
    made.start()
    return made


@pytest.fixture
async def reader(fake: FakeReader, tmp_path: Path) -> AsyncIterator[SamSerialReader]:
    made = SamSerialReader(SamSerialSettings(port=fake.port), Surroundings(tmp_path))
    await made.open()
    yield made
    await made.close()


async def test_card_laid_down_is_read_once_and_its_removal_seen(reader: SamSerialReader, fake: FakeReader) -> None:
    events = reader.events()
    fake.card = CARD
    assert await asyncio.wait_for(anext(events), 5) == CardEvent("110101199003070134", "欧阳文静")
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(1.5)
    assert not waiting.done()
    assert reader.card_present
    assert (await reader.probe()).state is DeviceState.READY
    fake.card = None
    await asyncio.sleep(1.5)
    assert not reader.card_present
    fake.card = replace(CARD, name="李四", document_no="11010119900307015X")
    assert await asyncio.wait_for(waiting, 5) == CardEvent("11010119900307015X", "李四")


async def test_damaged_frame_is_an_unreadable_card(reader: SamSerialReader, fake: FakeReader) -> None:
    fake.is_damaged, fake.card = True, CARD
    assert isinstance(await asyncio.wait_for(anext(reader.events()), 5), CardUnreadable)


async def test_line_without_a_reader_is_unavailable(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        reader = SamSerialReader(SamSerialSettings(port=os.ttyname(slave)), Surroundings(tmp_path))
        with pytest.raises(DeviceUnavailable):
            await reader.open()
    finally:
        os.close(slave)
        os.close(master)


def test_frames_as_the_vendors_print_them() -> None:
    assert sam.frame(sam.FIND).hex(" ") == "aa aa aa 96 69 00 03 20 01 22"
    assert sam.frame(sam.SELECT).hex(" ") == "aa aa aa 96 69 00 03 20 02 21"
    assert sam.frame(sam.READ).hex(" ") == "aa aa aa 96 69 00 03 30 01 32"


@pytest.mark.parametrize("at", range(7, 20))
def test_any_flipped_byte_is_noticed(at: int) -> None:
    frame = bytearray(sam.frame(b"\x00\x00\x90" + bytes(range(20))))
    frame[at] ^= 0x04
    with pytest.raises(sam.FrameError):
        sam.unframe(bytes(frame))


def test_text_block_comes_back_as_it_was() -> None:
    assert sam.card_text(sam.text_block(CARD)) == CARD


@pytest.mark.parametrize(
    ("valid_to", "day", "expected"),
    [("20360101", date(2026, 3, 5), True), ("20260101", date(2026, 3, 5), False), ("长期", date(2099, 1, 1), True)],
)
def test_validity_of_a_card(valid_to: str, day: date, expected: bool) -> None:
    assert replace(CARD, valid_to=valid_to).is_valid_on(day) is expected
