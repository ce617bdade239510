"""What readers of the ledger see."""

from datetime import datetime
from uuid import UUID

from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.kernel.commands import View


class JournalLineView(View):
    """One side of a journal (分录): debit positive, credit negative."""

    account: LedgerAccount
    amount_fen: int
    patient_id: UUID | None


class JournalView(View):
    """One balanced journal (凭证)."""

    id: UUID
    kind: JournalKind
    source_kind: str
    source_id: UUID
    at: datetime
    lines: list[JournalLineView]
