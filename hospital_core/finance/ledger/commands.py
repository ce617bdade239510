"""What the ledger is told."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from pydantic import Field

from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.kernel.commands import Command


@dataclass(frozen=True)
class Line:
    """One side of a journal (分录); cash names its drawer. Units: fen, debit positive, credit negative."""

    account: LedgerAccount
    amount_fen: int
    patient_id: UUID | None = None
    drawer_id: UUID | None = None


def moved(
    amount_fen: int,
    *,
    debit: LedgerAccount,
    credit: LedgerAccount,
    patient_id: UUID | None,
    drawer_id: UUID | None = None,
) -> list[Line]:
    """The two lines that move an amount from one account (贷) to another (借); the drawer stands on the cash side."""
    cash = LedgerAccount.CASH_DRAWER
    return [
        Line(account, signed_fen, patient_id, drawer_id if account is cash else None)
        for account, signed_fen in ((debit, amount_fen), (credit, -amount_fen))
    ]


class CloseDay(Command):
    """Close an accounting day (日结): its totals are frozen and no journal enters it any more."""

    day: date


class Correct(Command):
    """Correct a journal that no document of a patient stands behind (红字更正), by its mirror image today."""

    entry_id: UUID
    reason: str = Field(min_length=1, max_length=100)
