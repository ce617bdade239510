"""Databases of their own for the demo: the seeded hospital would stand in other tests' way."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.fixtures.engines import Engines, own_database


@pytest.fixture
async def empty(engines: Engines) -> AsyncIterator[Engines]:
    """A migrated database with nothing in it."""
    async with own_database(engines) as database:
        yield database


@pytest.fixture
def another(engines: Engines) -> Callable[[], object]:
    """Makes further databases: ``async with another() as database``."""
    return lambda: own_database(engines)
