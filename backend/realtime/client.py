"""One websocket's sending side (连接): a bounded queue, so that a slow reader costs only itself."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sanic import Websocket
from sanic.exceptions import WebsocketClosed
from websockets.exceptions import ConnectionClosed

from backend.http import metrics
from backend.realtime.topics import Mode
from hospital_core.kernel.context import Actor

QUEUE_MAX = 200
SEND_S = 10.0
TOO_SLOW = 4429


@dataclass
class Subscription:
    """Where one client stands in one topic; while ``loading``, changes wait for the snapshot."""

    mode: Mode
    seq: int = -1
    epoch: str = ""
    loading: bool = True
    waiting: list[tuple[int, str]] = field(default_factory=list)


class Client:
    """A connected and authenticated socket."""

    def __init__(self, socket: Websocket, transport: Any, actor: Actor) -> None:
        self.actor = actor
        self.subscriptions: dict[str, Subscription] = {}
        self._socket = socket
        self._transport = transport
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_MAX)
        self.closing: tuple[int, str] | None = None
        self._closed = asyncio.Event()

    def push(self, text: str) -> None:
        """Queue one frame; a client that has not read for long is dropped and will come back for a snapshot."""
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self._drop()

    def close(self, code: int, reason: str) -> None:
        """End this connection soon."""
        if self.closing is None:
            self.closing = (code, reason)
            self._closed.set()

    def _drop(self) -> None:
        """Cut a client off that reads too slowly; nothing more can be said to it."""
        if self.closing is None:
            metrics.SLOW_CLIENTS.inc()
        self.close(TOO_SLOW, "too slow")
        self._transport.abort()

    async def write(self) -> None:
        """Send what is queued, until cancelled or until the reader is too slow."""
        try:
            while True:
                text = await self._queue.get()
                async with asyncio.timeout(SEND_S):
                    await self._socket.send(text)
        except TimeoutError:
            self._drop()
        except (ConnectionClosed, WebsocketClosed, OSError):
            self.close(1001, "gone")

    async def until_closed(self) -> None:
        """Wait until somebody calls ``close``."""
        await self._closed.wait()

    async def say_goodbye(self) -> None:
        """The closing frame; a peer that does not answer is cut off."""
        code, reason = self.closing or (1000, "")
        with suppress(TimeoutError, ConnectionClosed, WebsocketClosed, OSError):
            async with asyncio.timeout(1.0):
                await self._socket.close(code, reason)
