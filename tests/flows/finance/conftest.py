"""A fresh in-memory payment channel for each test of money, and what reconciliation needs beside it."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from backend.einvoice import HttpEInvoicePlatform
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import ports
from tests.fixtures.einvoice import PlatformControl, platform_settings, start_platform, stop_platform
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


@pytest.fixture(scope="session")
def platform_url() -> Iterator[str]:
    """One for all: it counts its numbers on, as the database that keeps them does."""
    process, address = start_platform()
    yield address
    stop_platform(process)


@pytest.fixture
async def platform(platform_url: str, gateway: FakeGateway) -> AsyncIterator[PlatformControl]:
    """The platform of this test, joined to the port; off again afterwards."""
    adapter, control = HttpEInvoicePlatform(platform_settings(platform_url)), PlatformControl(platform_url)
    ports.provide(EInvoicePlatform, adapter)
    yield control
    ports._adapters.pop(EInvoicePlatform)
    await control.heal()
    await control.http.aclose()
    await adapter.close()
