"""Numbers that people read aloud, type and scan (业务编号): each ends in a check character.

A number is ``prefix + zero-padded sequence + check digit``; a barcode wraps one as ``KIND.NUMBER.CHECK`` so that a
scanner can tell at once that the wrong kind of label was scanned.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hospital_core.kernel import checkdigits


class NumberKind(StrEnum):
    """What a human number counts; the value is the prefix printed before the digits."""

    PATIENT = ""  # 病案号/门诊号: digits only, so that old people can key it in
    APPOINTMENT = "A"  # 预约号
    VISIT = "V"  # 就诊号
    ORDER = "R"  # 申请单号
    INVOICE = "B"  # 结算单号
    PAYMENT = "W"  # 商户订单号 (out_trade_no)
    REFUND = "T"  # 商户退款单号 (out_refund_no)


class BarcodeKind(StrEnum):
    """First field of every barcode the hospital prints."""

    PATIENT = "P1"  # 腕带
    INFUSION = "I1"  # 输液袋
    SPECIMEN = "S1"  # 标本
    BED = "B1"  # 床位
    STAFF = "U1"  # 工牌
    TICKET = "Q1"  # 排队号凭条


_WIDTH = 9


class _Values(Protocol):
    async def fetch_value(self, sql: str, *args: object) -> object: ...


def number_text(kind: NumberKind, sequence: int) -> str:
    """The printed form of the ``sequence``-th number of a kind, at least nine digits and a check digit."""
    digits = str(sequence).zfill(_WIDTH)
    return f"{kind.value}{digits}{checkdigits.mod11_10(digits)}"


def is_valid_number(kind: NumberKind, text: str) -> bool:
    """Whether ``text`` could have been issued: right prefix, digits and check digit."""
    digits = text.removeprefix(kind.value)
    if not text.startswith(kind.value) or len(digits) <= _WIDTH or not (digits.isascii() and digits.isdigit()):
        return False
    return checkdigits.mod11_10(digits[:-1]) == digits[-1]


async def next_number(sql: _Values, kind: NumberKind) -> str:
    """Draw the next number of a kind from its database sequence (gaps are possible and harmless)."""
    return number_text(kind, int(str(await sql.fetch_value(f"SELECT nextval('number_{kind.name.lower()}')"))))


@dataclass(frozen=True)
class Barcode:
    """A decoded label: which kind of thing, and its number."""

    kind: BarcodeKind
    number: str


def barcode_text(kind: BarcodeKind, number: str) -> str:
    """Text to print in a barcode: ``KIND.NUMBER.CHECK``, ASCII, never a name or an identity number."""
    return f"{kind.value}.{number}.{checkdigits.mod37_36(kind.value + number)}"


def read_barcode(text: str) -> Barcode | None:
    """Decode a scanned label; ``None`` when it is not ours or was misread."""
    parts = text.strip().upper().split(".")
    if len(parts) != 3 or parts[0] not in set(BarcodeKind) or not parts[1].isalnum() or not parts[1].isascii():
        return None
    kind, number, check = parts
    if checkdigits.mod37_36(kind + number) != check:
        return None
    return Barcode(BarcodeKind(kind), number)
