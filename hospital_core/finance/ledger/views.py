"""What readers of the ledger see."""

from datetime import date, datetime
from uuid import UUID

import orjson
from typing_extensions import Self

from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.kernel.commands import View


class JournalLineView(View):
    """One side of a journal (分录): debit positive, credit negative."""

    account: LedgerAccount
    amount_fen: int
    patient_id: UUID | None
    drawer_id: UUID | None


class JournalView(View):
    """One balanced journal (凭证)."""

    id: UUID
    kind: JournalKind
    source_kind: str
    source_id: UUID
    at: datetime
    accounting_date: date
    lines: list[JournalLineView]


class CorrectableJournal(JournalView):
    """A journal that only its mirror image can correct (可红冲凭证); ``corrected``: that was done."""

    corrected: bool


class JournalRef(View):
    """A journal that was written (凭证号)."""

    entry_id: UUID


class AccountDay(View):
    """One account on one day (科目日报): what was there, what moved, what is there. Units: fen, debit positive."""

    account: LedgerAccount
    opening_fen: int
    debit_fen: int
    credit_fen: int
    closing_fen: int


class ClosedDayView(View):
    """A closed accounting day (日结单)."""

    day: date
    closed_at: datetime
    closed_by: UUID | None
    accounts: list[AccountDay]

    @classmethod
    def frozen(cls, day: date, closed_at: datetime, closed_by: UUID | None, totals: str) -> Self:
        """From the stored JSON, account by account."""
        accounts = [AccountDay(account=account, **row) for account, row in orjson.loads(totals).items()]
        return cls(day=day, closed_at=closed_at, closed_by=closed_by, accounts=accounts)


class CardBalanceView(View):
    """What a person has paid ahead (预存款余额)."""

    patient_id: UUID
    balance_fen: int


class CardPart(View):
    """The part of a person's card balance that stands on one of their files."""

    patient_id: UUID
    balance_fen: int
