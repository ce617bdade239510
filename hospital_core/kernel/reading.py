"""Reads (读): statements on a pooled connection, each seeing what is committed when it starts."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
from asyncpg import Record
from tortoise import connections

from hospital_core.kernel.context import Context

CONNECTION = "default"


def pooled_connection() -> AbstractAsyncContextManager[asyncpg.Connection]:
    """A connection of the process's pool, returned to it on exit (Tortoise owns the pool)."""
    acquire: AbstractAsyncContextManager[asyncpg.Connection] = connections.get(CONNECTION).acquire_connection()
    return acquire


class Reading:
    """What queries take: the caller's context and a way to ask the database.

    A ``UnitOfWork`` is a Reading too, so a query inside a command sees that command's own rows.
    """

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Record]:
        """All rows of a statement."""
        async with pooled_connection() as connection:
            rows: Sequence[Record] = await connection.fetch(sql, *arguments)
            return rows

    async def fetch_row(self, sql: str, *arguments: Any) -> Record | None:
        """The first row, or None."""
        async with pooled_connection() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        """The first column of the first row, or None."""
        async with pooled_connection() as connection:
            return await connection.fetchval(sql, *arguments)
