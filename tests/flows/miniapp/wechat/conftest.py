"""One simulated WeChat for all tests of this folder, reset before each; adapters opened on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from miniapp_api.wechat.adapters import WechatAdapters, open_wechat
from sandbox.wechat import WechatSandboxFiles, make_config
from tests.fixtures.engines import Engines
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.wechat import Receiver, Simulator, start_simulator, stop_simulator


@pytest.fixture(scope="session")
def wechat_files(tmp_path_factory: pytest.TempPathFactory) -> WechatSandboxFiles:
    return make_config(tmp_path_factory.mktemp("miniapp-wechat") / "keys")


@pytest.fixture(scope="session")
def simulator_url(wechat_files: WechatSandboxFiles) -> Iterator[str]:
    process, address = start_simulator(wechat_files.simulator_config_path)
    yield address
    stop_simulator(process)


@pytest.fixture
async def simulator(simulator_url: str) -> AsyncIterator[Simulator]:
    """Reset before each test; waits run 100 times faster."""
    simulator = Simulator(simulator_url)
    await simulator.post("/reset")
    await simulator.post("/settings", time_scale=100, refund_seconds=10)
    yield simulator
    await simulator.http.aclose()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The merchant's notify address, a few lines of socket code."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield receiver
    server.close()
    await server.wait_closed()


@pytest.fixture
async def wechat(
    wechat_files: WechatSandboxFiles, simulator: Simulator, receiver: Receiver, engines: Engines
) -> AsyncIterator[WechatAdapters]:
    """The adapters as a worker has them; notices go to ``receiver``."""
    settings = wechat_settings(wechat_files, simulator.address, notify_origin=receiver.url)
    adapters = await open_wechat(settings, engines.redis)
    await adapters.tokens._redis.delete(adapters.tokens._key)
    yield adapters
    await adapters.close()
