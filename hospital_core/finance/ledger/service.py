"""Writing the ledger. Only additions: a mistake is corrected by another journal."""

from collections.abc import Sequence
from uuid import UUID

from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.states import JournalKind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day

# The day of the hospital's calendar, or the first one that is still open.
_POST = """
WITH entry AS (
    INSERT INTO journal_entry (id, kind, source_kind, source_id, at, accounting_date)
    VALUES ($1, $2, $3, $4, $5, greatest($6::date, (SELECT max(day) + 1 FROM closed_day))))
INSERT INTO journal_line (id, entry_id, account, amount_fen, patient_id, drawer_id)
SELECT line.id, $1, line.account, line.amount_fen, line.patient_id, line.drawer_id
FROM unnest($7::uuid[], $8::text[], $9::bigint[], $10::uuid[], $11::uuid[])
     AS line (id, account, amount_fen, patient_id, drawer_id)"""


async def post(uow: UnitOfWork, kind: JournalKind, source_kind: str, source_id: UUID, lines: Sequence[Line]) -> UUID:
    """Write one journal (记账) and return its id; a source is journalled once per kind.

    Raises: ValueError when the lines do not balance (a bug; the database's deferred trigger has the last word),
    AlreadyJournalled at the constraint ``journal_once_per_source``.
    """
    if not lines or sum(line.amount_fen for line in lines) != 0:
        raise ValueError(f"a {kind} journal of {source_kind} does not balance")
    entry_id = new_id()
    await uow.execute(
        _POST, entry_id, kind.value, source_kind, source_id, uow.now, hospital_day(uow.now),
        [new_id() for _ in lines],
        [line.account.value for line in lines],
        [line.amount_fen for line in lines],
        [line.patient_id for line in lines],
        [line.drawer_id for line in lines],
    )  # fmt: skip
    return entry_id
