"""Money (金额): whole fen everywhere; a price per unit is a Decimal of yuan, never a float."""

from decimal import ROUND_HALF_UP, Decimal

from pydantic import Field
from typing_extensions import Annotated

Fen = Annotated[int, Field(ge=0, le=99_999_999_999, description="amount in fen (分), 1/100 yuan")]

_CENT = Decimal(100)


def fen_of(unit_price: Decimal, quantity: Decimal = Decimal(1)) -> int:
    """Line amount in fen of ``unit_price`` yuan × ``quantity``, half a fen rounded up (四舍五入)."""
    return int((unit_price * quantity * _CENT).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def yuan_text(amount_fen: int) -> str:
    """``1234`` → ``12.34``; the sign is kept."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def fen_from_yuan(text: str) -> int:
    """Fen of a yuan text as channel bills write it. Raises ValueError when it is not a whole number of fen."""
    amount = Decimal(text) * _CENT
    if amount != amount.to_integral_value():
        raise ValueError(f"not a whole number of fen: {text}")
    return int(amount)
