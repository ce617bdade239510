"""Transactions (事务): one connection of the pool for a while, given back and forgotten however it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError

from hospital_core.kernel.reading import CONNECTION, pooled_connection

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when a connection is lost between two of its steps
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    DBConnectionError,
    OSError,
    TimeoutError,
)


@asynccontextmanager
async def transaction() -> AsyncIterator[asyncpg.Connection]:
    """A transaction; the ORM's calls inside are part of it.

    Not Tortoise's ``in_transaction``: when BEGIN or the return to the pool fails there, the dead connection stays in
    the context, and every later request of the same keep-alive HTTP connection meets it.
    """
    connections = get_connections()
    wrapper = TransactionWrapper(connections.get(CONNECTION))  # type: ignore[arg-type]
    async with pooled_connection() as connection, connection.transaction():
        wrapper._connection = connection
        token = connections.set(CONNECTION, wrapper)
        try:
            yield connection
        finally:
            connections.reset(token)


def is_database_trouble(error: BaseException) -> bool:
    """Whether a background loop may wait and try again: the database is away, or refused a statement for now."""
    return isinstance(error, asyncpg.PostgresError) or is_database_away(error)


def is_database_away(error: BaseException) -> bool:
    """Whether the database (not the statement) failed: restarted, unreachable, shutting down."""
    return isinstance(error, _AWAY) or any(isinstance(argument, _AWAY) for argument in error.args)
