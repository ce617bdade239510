"""What a patient's own phone asks of payments (自助缴费)."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command

TOP_UP_MIN_FEN = 100
TOP_UP_MAX_FEN = 500_000


class PayHow(StrEnum):
    """With what a bill is paid from a phone (支付方式)."""

    WECHAT = "wechat"
    CARD = "card"
    CARD_THEN_WECHAT = "card_then_wechat"  # 余额不足部分微信支付

    @property
    def takes_card(self) -> bool:
        """Whether the card's balance is used."""
        return self is not PayHow.WECHAT


class PayBill(Command):
    """Pay what is left of a bill (缴费). ``place_ids``: as in ``OpenIntent``."""

    invoice_id: UUID
    how: PayHow = PayHow.WECHAT
    place_ids: tuple[UUID, ...] = ()


class CancelBill(Command):
    """Not to be paid now after all (取消缴费): its charges are open again, what was paid of it goes back."""

    invoice_id: UUID


class TopUpCard(Command):
    """Put money on a patient's card by phone (预存款充值). Units: fen, 1 to 5,000 yuan at a time."""

    patient_id: UUID
    amount_fen: Annotated[int, Field(ge=TOP_UP_MIN_FEN, le=TOP_UP_MAX_FEN)]


class WithdrawCard(Command):
    """Have the card's money back the way it came (预存款退款), all of it unless an amount is named."""

    patient_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
