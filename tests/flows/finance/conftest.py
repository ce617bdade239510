"""A fresh in-memory payment channel for each test of money."""

import pytest

from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import ports
from tests.fixtures.engines import Engines
from tests.fixtures.finance import FakeGateway


@pytest.fixture
def gateway(core: Engines) -> FakeGateway:
    """The channel of this test, joined to the port."""
    fake = FakeGateway()
    ports.provide(PaymentGateway, fake)
    return fake
