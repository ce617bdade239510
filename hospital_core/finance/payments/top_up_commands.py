"""What a window asks for the card besides cash (窗口充值)."""

from uuid import UUID

from pydantic import Field

from hospital_core.finance.payments.commands import MAX_TOP_UP_FEN, AuthCode
from hospital_core.kernel.commands import Command


class RecordTopUp(Command):
    """Record what a bank card's terminal took ahead (银行卡充值), under its own number."""

    patient_id: UUID
    amount_fen: int = Field(gt=0, le=MAX_TOP_UP_FEN)
    reference: str = Field(min_length=1, max_length=64)


class ChargeTopUp(Command):
    """Charge the payment code that was scanned, for the card (付款码充值)."""

    patient_id: UUID
    amount_fen: int = Field(gt=0, le=MAX_TOP_UP_FEN)
    auth_code: AuthCode
