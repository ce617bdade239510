"""A fresh in-memory payment channel for each test of money, and what reconciliation needs beside it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import ports
from tests.fixtures.engines import Engines, with_database
from tests.fixtures.finance import FakeGateway, value
from tests.fixtures.reconciled import Bills


@pytest.fixture
def gateway(core: Engines) -> FakeGateway:
    """The channel of this test, joined to the port."""
    fake = FakeGateway()
    ports.provide(PaymentGateway, fake)
    return fake


@pytest.fixture
async def admin(core: Engines) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may turn triggers off."""
    name = await value("SELECT current_database()")
    connection = await asyncpg.connect(with_database(core.admin, name))
    yield connection
    await connection.close()


@pytest.fixture
def bills(gateway: FakeGateway) -> Bills:
    return Bills(gateway)
