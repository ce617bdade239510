"""A person's card balance (预存款) while something is taken from it."""

from collections.abc import Iterable

from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.errors import CardBalanceTooLow
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.ledger.views import CardPart


class Purse:
    """The parts of a balance on a person's files; the ledger's CHECK has the last word on each."""

    def __init__(self, parts: Iterable[CardPart]) -> None:
        self._left = {part.patient_id: part.balance_fen for part in parts}

    @property
    def left_fen(self) -> int:
        """What is there."""
        return sum(self._left.values())

    def take(self, amount_fen: int) -> list[Line]:
        """The lines that take an amount from the card, file by file. Raises: CardBalanceTooLow."""
        if amount_fen > self.left_fen:
            raise CardBalanceTooLow(balance_fen=self.left_fen)
        lines = []
        for patient_id, there_fen in self._left.items():
            here_fen = min(there_fen, amount_fen)
            if here_fen:
                lines.append(Line(LedgerAccount.PATIENT_CARD, here_fen, patient_id))
                self._left[patient_id] -= here_fen
                amount_fen -= here_fen
        return lines
