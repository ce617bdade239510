"""Reading the ledger. Balances are sums over lines: no row is shared by everybody who pays."""

from datetime import date
from uuid import UUID

from hospital_core.finance.ledger.states import CORRECTABLE, LedgerAccount
from hospital_core.finance.ledger.views import (
    AccountDay,
    CardBalanceView,
    CardPart,
    ClosedDayView,
    CorrectableJournal,
    JournalLineView,
    JournalView,
)
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

_JOURNALS = """
SELECT e.id, e.kind, e.source_kind, e.source_id, e.at, e.accounting_date, l.account, l.amount_fen, l.patient_id,
       l.drawer_id
FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
WHERE e.source_kind = $1 AND e.source_id = $2 ORDER BY e.at, e.id, l.amount_fen DESC"""

_CORRECTABLE = """
SELECT e.id, e.kind, e.source_kind, e.source_id, e.at, e.accounting_date, l.account, l.amount_fen, l.patient_id,
       l.drawer_id,
       EXISTS (SELECT 1 FROM journal_entry c WHERE c.kind = 'correction' AND c.source_kind = 'journal_entry'
                 AND c.source_id = e.id) AS corrected
FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
WHERE e.accounting_date = $1 AND e.kind = ANY($2::text[]) ORDER BY e.at, e.id, l.amount_fen DESC"""

# What was carried forward stands in the last closed day; only the days after it are summed.
_TRIAL_BALANCE = """
WITH base AS (SELECT day, totals FROM closed_day WHERE day < $1 ORDER BY day DESC LIMIT 1),
carried AS (SELECT key AS account, (value ->> 'closing_fen')::bigint AS fen FROM base, jsonb_each(base.totals)),
since AS (
    SELECT l.account,
           sum(l.amount_fen) FILTER (WHERE e.accounting_date < $1) AS before_fen,
           sum(l.amount_fen) FILTER (WHERE e.accounting_date = $1 AND l.amount_fen > 0) AS debit_fen,
           -sum(l.amount_fen) FILTER (WHERE e.accounting_date = $1 AND l.amount_fen < 0) AS credit_fen
    FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
    WHERE e.accounting_date <= $1 AND e.accounting_date > coalesce((SELECT day FROM base), '-infinity')
    GROUP BY l.account)
SELECT account, opening_fen, debit_fen, credit_fen, opening_fen + debit_fen - credit_fen AS closing_fen
FROM (SELECT coalesce(s.account, c.account) AS account,
             (coalesce(c.fen, 0) + coalesce(s.before_fen, 0))::bigint AS opening_fen,
             coalesce(s.debit_fen, 0)::bigint AS debit_fen, coalesce(s.credit_fen, 0)::bigint AS credit_fen
      FROM since s FULL JOIN carried c ON c.account = s.account) AS lines
ORDER BY account"""

_CARDS = """
SELECT patient_id, balance_fen FROM card_balance
WHERE patient_id IN (SELECT person_ids($1)) AND balance_fen > 0 ORDER BY patient_id = $1 DESC, patient_id"""


async def balance(
    reading: Reading, account: LedgerAccount, patient_id: UUID | None = None, *, drawer_id: UUID | None = None
) -> int:
    """Balance of an account in fen (科目余额), of one patient or drawer if named; debit positive."""
    total: int = await reading.fetch_value(
        "SELECT coalesce(sum(amount_fen), 0)::bigint FROM journal_line "
        "WHERE account = $1 AND ($2::uuid IS NULL OR patient_id = $2) AND ($3::uuid IS NULL OR drawer_id = $3)",
        account.value,
        patient_id,
        drawer_id,
    )
    return total


async def drawer_fen(reading: Reading, drawer_id: UUID) -> int:
    """What lies in a drawer by the books (账面现金)."""
    total: int = await reading.fetch_value(
        "SELECT coalesce(sum(amount_fen), 0)::bigint FROM journal_line WHERE drawer_id = $1", drawer_id
    )
    return total


async def card_balance(reading: Reading, patient_id: UUID) -> CardBalanceView:
    """What a person has paid ahead (预存款余额), over all their files; for callers that decided who may see it."""
    parts = await card_parts(reading, patient_id)
    return CardBalanceView(patient_id=patient_id, balance_fen=sum(part.balance_fen for part in parts))


async def card_parts(reading: Reading, patient_id: UUID) -> list[CardPart]:
    """On which of a person's files their card balance stands, the asked one first; merged files keep theirs."""
    return [CardPart(**dict(row)) for row in await reading.fetch(_CARDS, patient_id)]


async def trial_balance(reading: Reading, day: date) -> list[AccountDay]:
    """Every account's opening, movements and closing on an accounting day (试算平衡表), in fen."""
    return [AccountDay(**dict(row)) for row in await reading.fetch(_TRIAL_BALANCE, day)]


async def closed_day(reading: Reading, day: date) -> ClosedDayView:
    """A closed accounting day with the totals that were frozen then (日结单). Raises: NotFound."""
    row = await reading.fetch_row("SELECT * FROM closed_day WHERE day = $1", day)
    if row is None:
        raise NotFound()
    return ClosedDayView.frozen(row["day"], row["closed_at"], row["closed_by"], row["totals"])


async def correctable_journals(reading: Reading, day: date) -> list[CorrectableJournal]:
    """Journals of an accounting day that no document stands behind (可红冲凭证), oldest first."""
    found: dict[UUID, CorrectableJournal] = {}
    for row in await reading.fetch(_CORRECTABLE, day, [kind.value for kind in CORRECTABLE]):
        journal = found.setdefault(row["id"], CorrectableJournal(**dict(row), lines=[]))
        journal.lines.append(JournalLineView(**dict(row)))
    return list(found.values())


async def journals_of(reading: Reading, source_kind: str, source_id: UUID) -> list[JournalView]:
    """All journals of one source (凭证), oldest first."""
    found: dict[UUID, JournalView] = {}
    for row in await reading.fetch(_JOURNALS, source_kind, source_id):
        journal = found.setdefault(row["id"], JournalView(**dict(row), lines=[]))
        journal.lines.append(JournalLineView(**dict(row)))
    return list(found.values())
