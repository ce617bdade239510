"""The hub (分发中心): who listens to which topic in this worker, and what each has already seen.

A subscriber gets a snapshot, then every change by its number. A hole, a new epoch or a recovered link lead back to a
snapshot; nothing is ever skipped silently.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from backend.http import metrics
from backend.realtime.client import Client, Subscription
from backend.realtime.link import RedisLink
from backend.realtime.topics import Mode, Topics
from hospital_core.kernel import hints
from hospital_core.kernel.context import system_context
from hospital_core.kernel.live import NOWHERE, position
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.transactions import is_database_trouble

log = logging.getLogger(__name__)

HEARTBEAT_S = 3.0
_LIVE = hints.live_channel("")
_UNAUTHENTICATED = 4401


class Hub:
    """One per worker."""

    def __init__(self, link: RedisLink, topics: Topics) -> None:
        self.topics = topics
        self._link = link
        self._clients: set[Client] = set()
        self._by_topic: dict[str, set[Client]] = defaultdict(set)
        self._loading: dict[str, asyncio.Task[tuple[str, int, bytes]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        link.on_message(self._received)
        link.on_recovery(self._reload_all)

    def join(self, client: Client) -> None:
        """A client is connected."""
        self._clients.add(client)

    def leave(self, client: Client) -> None:
        """A client is gone."""
        self._clients.discard(client)
        for topic in client.subscriptions:
            self._forget(topic, client)

    def subscribe(self, client: Client, topic: str, mode: Mode) -> None:
        """Begin a subscription; the snapshot follows."""
        client.subscriptions[topic] = Subscription(mode)
        self._by_topic[topic].add(client)
        self._spawn(self._give_snapshot(client, topic))

    def unsubscribe(self, client: Client, topic: str) -> None:
        """End a subscription."""
        if client.subscriptions.pop(topic, None) is not None:
            self._forget(topic, client)

    def resync(self, client: Client, topic: str) -> None:
        """Start a subscription over, keeping its mode."""
        known = client.subscriptions.get(topic)
        if known is not None and not known.loading:
            self.subscribe(client, topic, known.mode)

    def revoked(self, kind: str, subject: UUID) -> None:
        """Close every socket whose session or device lost its credentials."""
        for client in list(self._clients):
            if subject in (client.actor.session_id, client.actor.device_id, client.actor.id):
                client.close(_UNAUTHENTICATED, "revoked")

    async def keep_beating(self) -> None:
        """Heartbeats: the server's time, and whether changes are arriving at all."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            beat = orjson.dumps(
                {"type": "heartbeat", "server_time": datetime.now(UTC).isoformat(), "live": self._link.up}
            ).decode()
            for client in list(self._clients):
                client.push(beat)

    def close_all(self) -> None:
        """The worker stops: clients come back to another one."""
        for client in list(self._clients):
            client.close(1001, "going away")

    def _forget(self, topic: str, client: Client) -> None:
        listeners = self._by_topic.get(topic)
        if listeners is not None:
            listeners.discard(client)
            if not listeners:
                del self._by_topic[topic]

    def _received(self, channel: str, text: str) -> None:
        if not channel.startswith(_LIVE):
            return
        topic = channel[len(_LIVE) :]
        if topic in self._by_topic:
            frame = orjson.loads(text)
            self._spread(topic, frame["epoch"], frame["seq"], frame["data"])

    def _spread(self, topic: str, epoch: str, seq: int, data: Any) -> None:
        """Encode once, then a plain loop over the listeners."""
        body = {"topic": topic, "epoch": epoch, "seq": seq}
        change = orjson.dumps({"type": "change", **body, "data": data}).decode()
        hint = orjson.dumps({"type": "hint", **body}).decode()
        for client in list(self._by_topic[topic]):
            subscription = client.subscriptions[topic]
            text = change if subscription.mode is Mode.DATA else hint
            if subscription.loading:
                subscription.waiting.append((seq, text))
            elif subscription.epoch == epoch and subscription.seq >= seq:
                continue
            elif subscription.seq == seq - 1 and (subscription.epoch == epoch or subscription.seq == NOWHERE.seq):
                # The first change of a topic that nobody had written to brings its epoch along.
                subscription.epoch, subscription.seq = epoch, seq
                client.push(text)
                metrics.LIVE_FRAMES.labels(subscription.mode.value).inc()
            else:
                self.resync(client, topic)

    async def _give_snapshot(self, client: Client, topic: str) -> None:
        try:
            epoch, seq, data = await self._snapshot(topic)
        except Exception as error:
            client.close(1013, "try again")  # whatever it was: nobody waits for a snapshot that does not come
            if not is_database_trouble(error):
                raise
            log.warning("no snapshot", extra={"topic": topic, "error": type(error).__name__})
            return
        subscription = client.subscriptions.get(topic)
        if subscription is None:
            return
        subscription.epoch, subscription.seq, subscription.loading = epoch, seq, False
        client.push(self._snapshot_frame(topic, subscription, data))
        metrics.LIVE_FRAMES.labels("snapshot").inc()
        waiting, subscription.waiting = subscription.waiting, []
        for number, text in sorted(waiting):
            if number == subscription.seq + 1:
                subscription.seq = number
                client.push(text)
            elif number > subscription.seq:
                self.resync(client, topic)
                return

    @staticmethod
    def _snapshot_frame(topic: str, subscription: Subscription, data: bytes) -> str:
        head = {"topic": topic, "epoch": subscription.epoch, "seq": subscription.seq}
        if subscription.mode is Mode.HINT:
            return orjson.dumps({"type": "hint", **head}).decode()
        return orjson.dumps({"type": "snapshot", **head, "data": orjson.Fragment(data)}).decode()

    async def _snapshot(self, topic: str) -> tuple[str, int, bytes]:
        """One load serves everybody who asks meanwhile: 500 screens coming back are one query."""
        task = self._loading.get(topic)
        if task is None:
            task = self._loading[topic] = asyncio.create_task(self._load(topic))
            task.add_done_callback(lambda _: self._loading.pop(topic, None))
        return await asyncio.shield(task)

    async def _load(self, topic: str) -> tuple[str, int, bytes]:
        found = self.topics.find(topic)
        assert found is not None, "subscribed topics exist"
        kind, subject = found
        reading = Reading(system_context())
        where = await position(reading, topic)
        view = await kind.snapshot(reading, subject)
        return str(where.epoch), where.seq, view.model_dump_json().encode()

    async def _reload_all(self) -> None:
        """The link stands again: whatever was missed is in a fresh snapshot."""
        for topic, clients in list(self._by_topic.items()):
            for client in list(clients):
                self.resync(client, topic)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
