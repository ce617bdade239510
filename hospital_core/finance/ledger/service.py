"""Writing the ledger. Only additions: a mistake is corrected by another journal."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import orjson

from hospital_core.finance.ledger.commands import CloseDay, Correct, Line
from hospital_core.finance.ledger.errors import (
    CorrectedByItsDocument,
    DayAlreadyClosed,
    DayNotOver,
    EarlierDayOpen,
)
from hospital_core.finance.ledger.queries import trial_balance
from hospital_core.finance.ledger.states import CORRECTABLE, JournalKind, LedgerAccount
from hospital_core.finance.ledger.views import ClosedDayView, JournalRef
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day

# The day of the hospital's calendar, or the first one that is still open.
_OPEN_DAY = "greatest({today}::date, (SELECT max(day) + 1 FROM closed_day))"

_POST = f"""
WITH entry AS (
    INSERT INTO journal_entry (id, kind, source_kind, source_id, at, accounting_date)
    VALUES ($1, $2, $3, $4, $5, {_OPEN_DAY.format(today="$6")}))
INSERT INTO journal_line (id, entry_id, account, amount_fen, patient_id, drawer_id)
SELECT line.id, $1, line.account, line.amount_fen, line.patient_id, line.drawer_id
FROM unnest($7::uuid[], $8::text[], $9::bigint[], $10::uuid[], $11::uuid[])
     AS line (id, account, amount_fen, patient_id, drawer_id)"""

# Shared by every journal of the day (trigger accounting_day_is_open), alone while the day is closed.
_LOCK_DAY = "SELECT pg_advisory_xact_lock(521436, $1::date - DATE '2000-01-01')"

_EARLIER = """
SELECT min(accounting_date) FROM journal_entry
WHERE accounting_date < $1 AND accounting_date > coalesce((SELECT max(day) FROM closed_day), '-infinity')"""

# What was booked while the lock was waited for is in it, so the day ends after that.
_LAST = "SELECT greatest($2::timestamptz, max(at)) FROM journal_entry WHERE accounting_date = $1"

_CLOSE = "INSERT INTO closed_day (id, day, closed_at, closed_by, totals) VALUES ($1, $2, $3, $4, $5::jsonb)"


async def accounting_day(uow: UnitOfWork) -> date:
    """The day that a journal posted now belongs to (会计日期): today, or the first day that is not closed."""
    day: date = await uow.fetch_value(f"SELECT {_OPEN_DAY.format(today='$1')}", hospital_day(uow.now))
    return day


async def post(uow: UnitOfWork, kind: JournalKind, source_kind: str, source_id: UUID, lines: Sequence[Line]) -> UUID:
    """Write one journal (记账) into the open accounting day and return its id; a source is journalled once per kind.

    Raises: ValueError when the lines do not balance (a bug; the database's deferred trigger has the last word),
    AlreadyJournalled, AccountingDayClosed, CardBalanceTooLow at their constraints.
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


async def close_day(uow: UnitOfWork, command: CloseDay) -> ClosedDayView:
    """Close an accounting day (日结) with the balances of all accounts; what is booked later enters the next day.

    The caller sees to it that no shift of the day is open. Raises: DayNotOver, DayAlreadyClosed, EarlierDayOpen.
    Locks: the day, until every journal that is being booked into it is committed.
    """
    day, today = command.day, hospital_day(uow.now)
    if day > today:
        raise DayNotOver(today=today.isoformat())
    await uow.execute(_LOCK_DAY, day)
    if await uow.fetch_value("SELECT 1 FROM closed_day WHERE day >= $1 LIMIT 1", day):
        raise DayAlreadyClosed()
    earlier = await uow.fetch_value(_EARLIER, day)
    if earlier is not None:
        raise EarlierDayOpen(day=earlier.isoformat())
    balances = await trial_balance(uow, day)
    day_id, totals = (
        new_id(),
        orjson.dumps({row.account.value: row.model_dump(exclude={"account"}) for row in balances}),
    )
    closed_at = await uow.fetch_value(_LAST, day, uow.now)
    await uow.execute(_CLOSE, day_id, day, closed_at, uow.ctx.actor.id, totals.decode())
    uow.audited("closed_day", day_id, reason=day.isoformat())
    return ClosedDayView(day=day, closed_at=closed_at, closed_by=uow.ctx.actor.id, accounts=balances)


async def correct(uow: UnitOfWork, command: Correct) -> JournalRef:
    """Write a journal's mirror image into the open day (红字更正); the wrong one stays where it is, for ever.

    What belongs to a bill, payment or refund is corrected by taking that back, which keeps both sides equal.
    Raises: NotFound, CorrectedByItsDocument, AlreadyJournalled (it was corrected before).
    """
    kind = await uow.fetch_value("SELECT kind FROM journal_entry WHERE id = $1", command.entry_id)
    if kind is None:
        raise NotFound()
    if JournalKind(kind) not in CORRECTABLE:
        raise CorrectedByItsDocument(kind=kind)
    lines = await mirror(uow, command.entry_id)
    entry_id = await post(uow, JournalKind.CORRECTION, "journal_entry", command.entry_id, lines)
    uow.audited("journal_entry", entry_id, reason=command.reason)
    return JournalRef(entry_id=entry_id)


async def mirror(uow: UnitOfWork, entry_id: UUID) -> list[Line]:
    """What undoes a journal: its lines with the other sign (红字分录)."""
    rows = await uow.fetch("SELECT * FROM journal_line WHERE entry_id = $1 ORDER BY id", entry_id)
    return [
        Line(LedgerAccount(row["account"]), -row["amount_fen"], row["patient_id"], row["drawer_id"]) for row in rows
    ]
