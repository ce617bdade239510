"""Channels in memory for each test of messages."""

import pytest

from hospital_core.access.scheduling.ports import QrKey
from hospital_core.exchange.notifications.ports import Messenger
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import ports
from tests.fixtures.access import FakeMessenger, TestQrKey
from tests.fixtures.engines import Engines
from tests.fixtures.finance import FakeGateway


@pytest.fixture(autouse=True)
def gateway(core: Engines) -> FakeGateway:
    """The payment channel of this test."""
    fake = FakeGateway()
    ports.provide(PaymentGateway, fake)
    ports.provide(QrKey, TestQrKey())
    return fake


@pytest.fixture(autouse=True)
def messenger(core: Engines) -> FakeMessenger:
    """The message channel of this test."""
    fake = FakeMessenger()
    ports.provide(Messenger, fake)
    return fake
