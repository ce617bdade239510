"""Databases of their own for the demo: the seeded hospital would stand in other tests' way."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.fixtures.engines import Engines, drop_database, make_database, with_database


@asynccontextmanager
async def own_database(engines: Engines) -> AsyncIterator[Engines]:
    """A fresh migrated database for one test."""
    name = f"demo_{secrets.token_hex(6)}"
    await make_database(engines, name)
    try:
        yield Engines(
            engines.admin,
            with_database(engines.owner, name),
            with_database(engines.app, name),
            with_database(engines.sealer, name),
            engines.redis,
        )
    finally:
        await drop_database(engines, name)


@pytest.fixture
async def empty(engines: Engines) -> AsyncIterator[Engines]:
    """A migrated database with nothing in it."""
    async with own_database(engines) as database:
        yield database


@pytest.fixture
def another(engines: Engines) -> Callable[[], object]:
    """Makes further databases: ``async with another() as database``."""
    return lambda: own_database(engines)
