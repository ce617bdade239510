"""Journals balance by the database, stand once per source, and are never changed."""

from uuid import UUID

import asyncpg
import pytest

from hospital_core.finance.ledger.commands import Line, moved
from hospital_core.finance.ledger.errors import AlreadyJournalled
from hospital_core.finance.ledger.queries import balance, journals_of
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.finance import forged, rows, value

pytestmark = pytest.mark.usefixtures("core")

RECEIVABLE, REVENUE = LedgerAccount.PATIENT_RECEIVABLE, LedgerAccount.REVENUE_REGISTRATION


async def _post(source_id: UUID, lines: list[Line]) -> None:
    await run(system_context(), forged(lambda uow: post(uow, JournalKind.INVOICED, "test", source_id, lines)), None)


async def test_given_a_journal_then_it_is_read_back_and_counts_in_the_balance() -> None:
    patient_id, source_id = new_id(), new_id()
    await _post(source_id, moved(1234, debit=RECEIVABLE, credit=REVENUE, patient_id=patient_id))
    reading = Reading(system_context())
    (journal,) = await journals_of(reading, "test", source_id)
    assert [(line.account, line.amount_fen) for line in journal.lines] == [(RECEIVABLE, 1234), (REVENUE, -1234)]
    assert await balance(reading, RECEIVABLE, patient_id) == 1234
    assert await balance(reading, REVENUE, patient_id) == -1234


async def test_given_unbalanced_lines_then_the_service_refuses() -> None:
    source_id = new_id()
    with pytest.raises(ValueError, match="does not balance"):
        await _post(source_id, [Line(RECEIVABLE, 100), Line(REVENUE, -99)])
    with pytest.raises(ValueError, match="does not balance"):
        await _post(source_id, [])
    assert await rows("SELECT 1 FROM journal_entry WHERE source_id = $1", source_id) == []


async def test_given_unbalanced_lines_past_the_service_then_the_database_refuses_the_commit() -> None:
    entry_id, source_id = new_id(), new_id()

    async def write(uow: UnitOfWork) -> None:
        await uow.execute(
            "INSERT INTO journal_entry (id, kind, source_kind, source_id, at, accounting_date) "
            "VALUES ($1, 'invoiced', 'test', $2, $3, current_date)",
            entry_id, source_id, uow.now,
        )  # fmt: skip
        for account, amount_fen in ((RECEIVABLE, 100), (REVENUE, -99)):
            await uow.execute(
                "INSERT INTO journal_line (id, entry_id, account, amount_fen) VALUES ($1, $2, $3, $4)",
                new_id(), entry_id, account.value, amount_fen,
            )  # fmt: skip

    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await run(system_context(), forged(write), None)
    assert await rows("SELECT 1 FROM journal_entry WHERE id = $1", entry_id) == []


async def test_given_a_source_journalled_twice_under_one_kind_then_the_second_is_refused() -> None:
    source_id = new_id()
    lines = moved(500, debit=RECEIVABLE, credit=REVENUE, patient_id=None)
    await _post(source_id, lines)
    with pytest.raises(AlreadyJournalled):
        await _post(source_id, lines)
    assert await value("SELECT count(*) FROM journal_entry WHERE source_id = $1", source_id) == 1


@pytest.mark.parametrize("table", ["journal_entry", "journal_line", "payment_notice"])
async def test_given_the_app_role_then_the_ledger_cannot_be_changed(table: str) -> None:
    await _post(new_id(), moved(700, debit=RECEIVABLE, credit=REVENUE, patient_id=None))
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(system_context(), forged(lambda uow, sql=statement: uow.execute(sql)), None)  # type: ignore[misc]
