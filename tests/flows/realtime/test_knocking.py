"""Sockets are counted where they knock, like requests: before anybody looks at a cookie or a token."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from tests.fixtures.engines import Engines
from tests.fixtures.server import Server, running_server

GROUP = "server"


@pytest.fixture(scope="module")
async def strict(core: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server that takes forty requests at once of an address, and two more a second."""
    async with running_server(core, tmp_path_factory.mktemp("strict"), worker=False, rate_scale=0.02) as running:
        yield running


async def _knock(server: Server) -> int | None:
    """The code that ends a socket whose first frame is no log-in."""
    async with websockets.connect(f"{server.origin.replace('http', 'ws')}/ws/phone", proxy=None) as socket:
        with suppress(ConnectionClosed):  # who is not let in may be told before having said anything
            await socket.send('{"type": "auth"}')
        await socket.wait_closed()
        return socket.close_code


async def test_given_an_address_that_knocks_without_end_then_it_is_told_to_come_later(strict: Server) -> None:
    codes = [await _knock(strict) for _ in range(60)]
    assert codes[0] == 4401, "nobody is let in without a token"
    assert codes.count(1013) >= 10, "and nobody may try without end"
