"""A small seeded hospital to back up, and empty databases to restore into."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from backend.demo.seed import Extent, seed_hospital
from hospital_core.kernel.audit import seal
from tests.fixtures.engines import Engines, drop_database, make_database, with_database
from tests.fixtures.keys import AUDIT_KEY, TEST_KEYS

Bare = Callable[[], AbstractAsyncContextManager[str]]


def _named(engines: Engines, name: str) -> Engines:
    urls = (with_database(url, name) for url in (engines.owner, engines.app, engines.sealer))
    return Engines(engines.admin, *urls, engines.redis)


@pytest.fixture(scope="session")
async def seeded(engines: Engines) -> AsyncIterator[str]:
    """Name of a database with a small demo hospital in it, its audit trail sealed; made once, then cloned."""
    name = f"seeded_{secrets.token_hex(6)}"
    await make_database(engines, name)
    database = _named(engines, name)
    try:
        await seed_hospital(database.app, TEST_KEYS, "only-for-this-test", extent=Extent(days=1, patients_max=20))
        sealer = await asyncpg.connect(database.sealer)
        await seal(sealer, AUDIT_KEY, None)
        await sealer.close()
        yield name
    finally:
        await drop_database(engines, name)


@pytest.fixture
async def hospital(engines: Engines, seeded: str) -> AsyncIterator[Engines]:
    """A small hospital of this test's own."""
    name = f"ops_{secrets.token_hex(6)}"
    await _create(engines, name, seeded)
    try:
        yield _named(engines, name)
    finally:
        await drop_database(engines, name)


async def _create(engines: Engines, name: str, template: str) -> None:
    admin = await asyncpg.connect(engines.admin)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER hospital_owner TEMPLATE {template}")
    finally:
        await admin.close()


@pytest.fixture
def bare(engines: Engines) -> Bare:
    """Makes databases with roles and no table: ``async with bare() as owner_url``."""

    @asynccontextmanager
    async def make() -> AsyncIterator[str]:
        name = f"bare_{secrets.token_hex(6)}"
        await _create(engines, name, "template0")
        try:
            yield with_database(engines.owner, name)
        finally:
            await drop_database(engines, name)

    return make
