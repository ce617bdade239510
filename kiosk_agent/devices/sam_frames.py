"""Frames of the resident identity card module (二代证 SAM 模块协议).

``AA AA AA 96 69 | length (2, big endian) | body | xor``; the length counts the body and the xor byte, the xor covers
length and body. Source: the public interface of GA 450 readers as many vendors document it.
"""

from dataclasses import dataclass
from datetime import date

PREAMBLE = b"\xaa\xaa\xaa\x96\x69"
FIND, SELECT, READ = b"\x20\x01", b"\x20\x02", b"\x30\x01"
FOUND, DONE, NO_CARD = 0x9F, 0x90, 0x80
_TEXT_BYTES = 256
_BODY_MAX = 4096

# Field name and length in UTF-16 units, in the order they stand on the chip.
_FIELDS = (
    ("name", 15),
    ("sex", 1),
    ("nation", 2),
    ("birth_date", 8),
    ("address", 35),
    ("document_no", 18),
    ("issuer", 15),
    ("valid_from", 8),
    ("valid_to", 8),
)


class FrameError(ValueError):
    """Damaged or unexpected bytes."""


def frame(body: bytes) -> bytes:
    """Wraps a command or an answer."""
    counted = (len(body) + 1).to_bytes(2, "big") + body
    return PREAMBLE + counted + bytes([_xor(counted)])


def _xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


def body_length(header: bytes) -> int:
    """Bytes still to be read after the seven of preamble and length. Raises: FrameError."""
    if header[:5] != PREAMBLE:
        raise FrameError("no preamble")
    length = int.from_bytes(header[5:7], "big")
    if not 4 <= length <= _BODY_MAX:
        raise FrameError(f"impossible length {length}")
    return length


def unframe(data: bytes) -> tuple[int, bytes]:
    """SW3 and what follows it, of one whole answer. Raises: FrameError."""
    length = body_length(data)
    if len(data) != 7 + length or _xor(data[5:]) != 0:
        raise FrameError("wrong length or checksum")
    return data[9], data[10:-1]


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """What the text block of a card says. The photograph needs a licensed library and is left alone."""

    name: str
    sex: str
    nation: str
    birth_date: str
    address: str
    document_no: str
    issuer: str
    valid_from: str
    valid_to: str

    def is_valid_on(self, day: date) -> bool:
        """``长期`` has no end."""
        today = day.strftime("%Y%m%d")
        return self.valid_from <= today and (not self.valid_to.isdigit() or today <= self.valid_to)


def card_text(data: bytes) -> IdentityCard:
    """Reads the answer to READ: two lengths, the text, the photograph. Raises: FrameError."""
    if len(data) < 4 + _TEXT_BYTES or int.from_bytes(data[0:2], "big") != _TEXT_BYTES:
        raise FrameError("no text block")
    text = data[4 : 4 + _TEXT_BYTES].decode("utf-16-le", errors="replace")
    values, at = {}, 0
    for name, length in _FIELDS:
        values[name] = text[at : at + length].strip(" \x00")
        at += length
    card = IdentityCard(**values)
    if len(card.document_no) != 18 or not card.name:
        raise FrameError("the text block makes no sense")
    return card


def text_block(card: IdentityCard) -> bytes:
    """The reverse of `card_text`, for simulators."""
    text = "".join(getattr(card, name).ljust(length)[:length] for name, length in _FIELDS)
    block = text.encode("utf-16-le").ljust(_TEXT_BYTES, b" \x00"[:1])
    return _TEXT_BYTES.to_bytes(2, "big") + (1024).to_bytes(2, "big") + block[:_TEXT_BYTES] + bytes(1024)
