"""What the ledger is told."""

from dataclasses import dataclass
from uuid import UUID

from hospital_core.finance.ledger.states import LedgerAccount


@dataclass(frozen=True)
class Line:
    """One side of a journal (分录). Units: fen, debit positive, credit negative."""

    account: LedgerAccount
    amount_fen: int
    patient_id: UUID | None = None


def moved(amount_fen: int, *, debit: LedgerAccount, credit: LedgerAccount, patient_id: UUID | None) -> list[Line]:
    """The two lines that move an amount from one account (贷) to another (借)."""
    return [Line(debit, amount_fen, patient_id), Line(credit, -amount_fen, patient_id)]
