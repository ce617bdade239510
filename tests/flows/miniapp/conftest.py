"""Phones that speak HTTP with the real server; its simulated WeChat calls it back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.fixtures.miniapp import Phone
from tests.fixtures.server import Server
from tests.fixtures.wechat import Simulator


@pytest.fixture
async def simulator(server: Server) -> AsyncIterator[Simulator]:
    """The server's WeChat, fault-free, its waits 100 times faster; other tests' orders are left alone."""
    simulator = Simulator(server.wechat_url)
    await simulator.http.delete("/faults")
    await simulator.post("/settings", time_scale=100, refund_seconds=10)
    yield simulator
    await simulator.http.delete("/faults")
    await simulator.post("/settings", time_scale=1)
    await simulator.http.aclose()


@pytest.fixture
def new_phone(server: Server) -> Callable[[], Phone]:
    """Makes phones that are not signed in yet."""
    return lambda: Phone(server.party().http)


@pytest.fixture
async def phone(new_phone: Callable[[], Phone], simulator: Simulator) -> Phone:
    """A phone signed in by a new person."""
    return await new_phone().sign_in(simulator)
