"""Reading the ledger. Balances are sums over lines: no row is shared by everybody who pays."""

from uuid import UUID

from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.ledger.views import JournalLineView, JournalView
from hospital_core.kernel.reading import Reading

_JOURNALS = """
SELECT e.id, e.kind, e.source_kind, e.source_id, e.at, l.account, l.amount_fen, l.patient_id
FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
WHERE e.source_kind = $1 AND e.source_id = $2 ORDER BY e.at, e.id, l.amount_fen DESC"""


async def balance(reading: Reading, account: LedgerAccount, patient_id: UUID | None = None) -> int:
    """Balance of an account in fen (科目余额), of one patient if named; debit positive."""
    total: int = await reading.fetch_value(
        "SELECT coalesce(sum(amount_fen), 0)::bigint FROM journal_line "
        "WHERE account = $1 AND ($2::uuid IS NULL OR patient_id = $2)",
        account.value,
        patient_id,
    )
    return total


async def journals_of(reading: Reading, source_kind: str, source_id: UUID) -> list[JournalView]:
    """All journals of one source (凭证), oldest first."""
    found: dict[UUID, JournalView] = {}
    for row in await reading.fetch(_JOURNALS, source_kind, source_id):
        journal = found.setdefault(row["id"], JournalView(**dict(row), lines=[]))
        journal.lines.append(JournalLineView(**dict(row)))
    return list(found.values())
