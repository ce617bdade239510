"""One simulator process for all tests of this folder; each test resets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from wechatpayv3.async_ import AsyncWeChatPay

from sandbox.wechat import WechatSandboxFiles, make_config
from tests.fixtures.wechat import Receiver, Simulator, make_pay, start_simulator, stop_simulator

PHONE_ORIGIN = "http://127.0.0.1:45999"


@pytest.fixture(scope="session")
def wechat_files(tmp_path_factory: pytest.TempPathFactory) -> WechatSandboxFiles:
    return make_config(tmp_path_factory.mktemp("wechat") / "keys", return_origins=[PHONE_ORIGIN])


@pytest.fixture(scope="session")
def simulator_url(wechat_files: WechatSandboxFiles) -> Iterator[str]:
    process, address = start_simulator(
        wechat_files.simulator_config_path, wechat_files.directory.parent / "session-state.json"
    )
    yield address
    stop_simulator(process)


@pytest.fixture
async def simulator(simulator_url: str) -> AsyncIterator[Simulator]:
    """Reset before each test; waits run 100 times faster, so the first retry comes after 0.15 s."""
    simulator = Simulator(simulator_url)
    await simulator.post("/reset")
    await simulator.post("/settings", time_scale=100, refund_seconds=10)
    yield simulator
    await simulator.http.aclose()


@pytest.fixture(scope="session")
async def pay(wechat_files: WechatSandboxFiles, simulator_url: str) -> AsyncIterator[AsyncWeChatPay]:
    async with make_pay(wechat_files, simulator_url) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
    yield receiver
    server.close()
    await server.wait_closed()
