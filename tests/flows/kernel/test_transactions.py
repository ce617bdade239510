"""A transaction that cannot begin or end leaves nothing behind: not in the pool, not in the task's context."""

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from tortoise import connections

from hospital_core.kernel.reading import CONNECTION, pooled_connection
from hospital_core.kernel.transactions import is_database_away, transaction
from hospital_core.registry.patients.models import Patient
from tests.fixtures.engines import Engines
from tests.fixtures.finance import make_payer


async def _answer() -> int:
    async with pooled_connection() as connection:
        return int(await connection.fetchval("SELECT 42"))


async def _in_use() -> int:
    """Connections taken from the pool; the ORM opens it with the first statement, so one goes first."""
    assert await _answer() == 42
    pool = connections.get(CONNECTION)._pool  # type: ignore[attr-defined]
    return int(pool.get_size() - pool.get_idle_size())


async def test_given_begin_fails_then_the_task_and_the_pool_are_as_before(
    core: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await _in_use()

    async def lost(self: Transaction) -> None:
        raise asyncpg.InternalClientError("not connected")

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "start", lost)
        with pytest.raises(asyncpg.InternalClientError) as caught:
            async with transaction():
                pytest.fail("nothing began")
    assert is_database_away(caught.value)
    assert await _in_use() == before


async def test_given_the_connection_dies_inside_then_the_same_task_goes_on_with_another(core: Engines) -> None:
    before = await _in_use()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as caught:
        async with transaction() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_database_away(caught.value)
    assert await _in_use() == before
    async with transaction() as connection:
        assert await connection.fetchval("SELECT 43") == 43


async def test_given_a_transaction_then_the_orm_writes_in_it_and_a_rollback_takes_that_back(core: Engines) -> None:
    patient_id = await make_payer(name="张三丰")
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await Patient.filter(id=patient_id).update(name="李四光")
            assert (await Patient.get(id=patient_id)).name == "李四光"
            raise ZeroDivisionError
    assert (await Patient.get(id=patient_id)).name == "张三丰"
