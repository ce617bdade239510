"""The link to Redis (Redis 连接): sends hints, receives live changes; knows whether it stands.

Redis carries only what can be rebuilt: a lost message costs time, never data. When the link is down, open screens are
told so with their next heartbeat.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from backend.http import metrics
from hospital_core.kernel.ids import new_id

log = logging.getLogger(__name__)

PING_S = 2.0
DEAD_S = 5.0
_WAITING_MAX = 10_000

Receiver = Callable[[str, str], None]


class RedisLink:
    """One per process. Also the ``Hints`` port: ``send`` never waits and never fails.

    Several hospitals may share a Redis, and its channels know no database number: ``scope`` keeps them apart.
    """

    def __init__(self, url: str, patterns: tuple[str, ...], scope: str = "") -> None:
        self._url = url
        self._patterns = patterns
        self._scope = f"{scope}:" if scope else ""
        self._outgoing: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_WAITING_MAX)
        self._receivers: list[Receiver] = []
        self._recovered: list[Callable[[], Awaitable[None]]] = []
        self._beat = f"beat:{new_id()}"
        self._heard_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def up(self) -> bool:
        """Whether something was heard from Redis lately."""
        return time.monotonic() - self._heard_at < DEAD_S

    def on_message(self, receiver: Receiver) -> None:
        """Be given every message of the patterns: (channel, text)."""
        self._receivers.append(receiver)

    def on_recovery(self, call: Callable[[], Awaitable[None]]) -> None:
        """Be called whenever the link stands (again): what happened meanwhile must be looked up."""
        self._recovered.append(call)

    def send(self, channel: str, text: str) -> None:
        """Queue a message; dropped when Redis has been away for long."""
        with suppress(asyncio.QueueFull):
            self._outgoing.put_nowait((channel, text))

    def start(self) -> None:
        """Begin listening and sending."""
        for work in (self._listen(), self._send()):
            task = asyncio.create_task(work)
            self._tasks.add(task)  # an unreferenced task may be collected while it waits

    async def stop(self) -> None:
        """End both loops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _client(self) -> Redis:
        return Redis.from_url(self._url, decode_responses=True, socket_connect_timeout=2, socket_timeout=None)

    async def _listen(self) -> None:
        while True:
            client = self._client()
            try:
                async with client.pubsub() as channels:
                    await channels.psubscribe(*(self._scope + pattern for pattern in self._patterns))
                    await channels.subscribe(self._beat)
                    self._heard()
                    for call in self._recovered:
                        await call()
                    await self._receive(client, channels)
            except (RedisError, OSError, TimeoutError) as error:
                self._heard_at = 0.0
                metrics.REDIS_UP.set(0)
                log.warning("redis away", extra={"error": type(error).__name__})
            finally:
                await client.aclose()
            await asyncio.sleep(0.5)

    async def _receive(self, client: Redis, channels: PubSub) -> None:
        """Read until the link breaks. A message to ourselves proves the whole way; without it the link is given up."""
        while True:
            message = await channels.get_message(ignore_subscribe_messages=True, timeout=PING_S)
            if message is not None:
                self._heard()
                if message["type"] == "pmessage":
                    for receiver in self._receivers:
                        receiver(message["channel"].removeprefix(self._scope), message["data"])
            if time.monotonic() - self._heard_at > DEAD_S:
                raise TimeoutError("redis is silent")
            if message is None:
                # Not wait_for: it forgets that it was cancelled when Redis answers in the same moment.
                async with asyncio.timeout(PING_S):
                    await client.publish(self._beat, "")

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        metrics.REDIS_UP.set(1)

    async def _send(self) -> None:
        client = self._client()
        while True:
            channel, text = await self._outgoing.get()
            try:
                async with asyncio.timeout(2):
                    await client.publish(self._scope + channel, text)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("hint lost", extra={"error": type(error).__name__})
                await client.aclose()
                client = self._client()
