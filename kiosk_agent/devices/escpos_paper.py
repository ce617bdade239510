"""The subset of ESC/POS our slips use, read back into pictures (ESC/POS 解析).

Any other command is an error: a simulated printer that ignored it would hide a slip that prints wrongly.
"""

from dataclasses import dataclass, field

from PIL import Image

PAPER_DOTS = 576


class UnknownCommand(ValueError):
    """Bytes this paper cannot show."""


@dataclass
class Paper:
    """Bytes in, cut pieces of paper out. ``feed`` takes chunks of any size."""

    cut: list[Image.Image] = field(default_factory=list)
    completion_marks: int = 0
    _buffer: bytearray = field(default_factory=bytearray)
    _rows: list[bytes] = field(default_factory=list)

    def feed(self, data: bytes) -> None:
        """Takes bytes and works through every command that is complete."""
        self._buffer += data
        while self._buffer and (used := self._step()):
            del self._buffer[:used]

    @property
    def is_in_job(self) -> bool:
        """Whether an unfinished command or an uncut picture is waiting."""
        return bool(self._buffer or self._rows)

    def _step(self) -> int:
        head = bytes(self._buffer[:2])
        if head == b"\x1b@":
            return 2
        if head == b"\x1dv":
            return self._raster()
        if head == b"\x1dV":
            return self._cut()
        if head == b"\x1dr":
            return self._mark()
        if head == b"\x1bd":
            return self._feed_lines()
        if len(head) < 2 and head in {b"\x1b", b"\x1d"}:
            return 0
        raise UnknownCommand(f"not understood: {bytes(self._buffer[:8]).hex(' ')}")

    def _raster(self) -> int:
        if len(self._buffer) < 8:
            return 0
        if self._buffer[2:4] != b"0\x00":
            raise UnknownCommand("only GS v 0 in normal density")
        width = int.from_bytes(self._buffer[4:6], "little")
        height = int.from_bytes(self._buffer[6:8], "little")
        end = 8 + width * height
        if width * 8 > PAPER_DOTS:
            raise UnknownCommand(f"{width * 8} dots do not fit on {PAPER_DOTS}")
        if len(self._buffer) < end:
            return 0
        for row in range(height):
            line = bytes(self._buffer[8 + row * width : 8 + (row + 1) * width])
            self._rows.append(line.ljust(PAPER_DOTS // 8, b"\x00"))
        return end

    def _cut(self) -> int:
        if len(self._buffer) < 3:
            return 0
        length = 4 if self._buffer[2] in {65, 66} else 3
        if len(self._buffer) < length:
            return 0
        if self._rows:
            # ESC/POS: 1 is black; Pillow: 0 is black.
            bits = bytes(byte ^ 0xFF for row in self._rows for byte in row)
            self.cut.append(Image.frombytes("1", (PAPER_DOTS, len(self._rows)), bits))
        self._rows = []
        return length

    def _mark(self) -> int:
        if len(self._buffer) < 3:
            return 0
        self.completion_marks += 1
        return 3

    def _feed_lines(self) -> int:
        if len(self._buffer) < 3:
            return 0
        self._rows += [bytes(PAPER_DOTS // 8)] * (30 * self._buffer[2])
        return 3
