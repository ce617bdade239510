"""Callbacks 回调通知: signed, encrypted, retried on WeChat's ladder, bent by faults. Rules: reference §4.3."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.wechat import crypto, push
from sandbox.wechat.state import Attempt, Notification
from sandbox.wechat.text import rfc3339

if TYPE_CHECKING:
    from sandbox.wechat.world import World

logger = logging.getLogger("sandbox.wechat.callbacks")

MINUTE, HOUR = 60, 3600
RETRY_GAPS_SECONDS = (
    15,
    15,
    30,
    3 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    60 * MINUTE,
    3 * HOUR,
    3 * HOUR,
    3 * HOUR,
    6 * HOUR,
    6 * HOUR,
)
# What a merchant must refuse. An attempt carrying one of these never settles the notification.
TAMPERINGS = (
    "callback_stale_timestamp",
    "callback_signature_probe",
    "callback_forged",
    "callback_wrong_amount",
    "callback_wrong_mchid",
    "callback_unknown_serial",
)


def new_notification(
    world: World,
    *,
    event_type: str,
    summary: str,
    original_type: str,
    notify_url: str,
    out_trade_no: str,
    resource: dict[str, Any],
) -> Notification:
    """Store a notification and let it go out, at once unless a switch delays it."""
    notification = Notification(
        id=str(uuid.uuid4()),
        event_type=event_type,
        summary=summary,
        notify_url=notify_url,
        out_trade_no=out_trade_no,
        created_at=world.now(),
        resource={"original_type": original_type, **resource},
        body="",
        next_at=time.time(),
    )
    envelope = {
        "id": notification.id,
        "create_time": rfc3339(notification.created_at),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": summary,
    }
    notification.body = _sealed(world, envelope, resource, original_type)
    family = event_type.partition(".")[0]
    delay = world.take("callback_delay", family, out_trade_no)
    if delay:
        notification.next_at += world.wait(delay.value)
    held = world.take("callback_out_of_order", family, out_trade_no)
    if held:
        notification.waits_for_refund = True
        notification.next_at += world.wait(held.value)
    world.state.notifications[notification.id] = notification
    world.store.touch()
    world.dispatcher.wake()
    return notification


def _sealed(world: World, envelope: dict[str, Any], resource: dict[str, Any], original_type: str) -> str:
    sealed = crypto.encrypt_resource(world.config.apiv3_key, orjson.dumps(resource), original_type)
    return orjson.dumps({**envelope, "resource": {"original_type": original_type, **sealed}}).decode()


@dataclass
class Bend:
    """The faults that strike one attempt."""

    names: list[str] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @property
    def tampered(self) -> bool:
        return any(name in self.values for name in TAMPERINGS)


class Dispatcher:
    """Sends what is due, one task per notification, and finishes refunds whose time has come."""

    def __init__(self, world: World, settle_due: Callable[[World], None]) -> None:
        self._world = world
        self._settle_due = settle_due
        self._awake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[bool]] = {}
        self._being_saved: set[asyncio.Task[bool]] = set()
        self._tasks_of_pushes: dict[str, asyncio.Task[None]] = {}
        # A fresh connection each time: a kept one would fail, through no fault of the merchant, when it restarts.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self.http = httpx.AsyncClient(trust_env=False, follow_redirects=False, limits=limits, timeout=60)
        # A stranger's key for forged signatures and unknown serials, new at every start.
        self._stranger = crypto.Signer(
            secrets.token_hex(20).upper(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            self._awake.clear()
            self._settle_due(self._world)
            now = time.time()
            waiting = [n for n in self._world.state.notifications.values() if n.status == "pending"]
            for notification in waiting:
                if notification.next_at <= now and notification.id not in self._tasks:
                    self._start(notification)
            times = [n.next_at for n in waiting if n.next_at > now]
            times += push.start_due(self._world, self._tasks_of_pushes, self.http)
            times += [r.finish_at for r in self._world.state.refunds.values() if r.status == "PROCESSING"]
            # One second at most: the machine's clock may be moved under us.
            pause = min([1.0, *(max(0.005, at - time.time()) for at in times)])
            try:
                async with asyncio.timeout(pause):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def stop(self) -> None:
        tasks = [*self._tasks.values(), *self._being_saved, *self._tasks_of_pushes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.http.aclose()

    async def deliver(self, notification: Notification) -> bool:
        """Send now and wait for the merchant's answer; True when it was accepted."""
        return await asyncio.shield(self._tasks.get(notification.id) or self._start(notification))

    def _start(self, notification: Notification) -> asyncio.Task[bool]:
        task = asyncio.create_task(self._one_round(notification))
        self._tasks[notification.id] = task
        task.add_done_callback(lambda done: self._finished(notification.id, done))
        return task

    def _answered(self, notification_id: str) -> None:
        """The round has its answer and is only being saved: whoever sends now begins another."""
        self._being_saved.add(self._tasks.pop(notification_id))

    def _finished(self, notification_id: str, task: asyncio.Task[bool]) -> None:
        self._being_saved.discard(task)
        if self._tasks.get(notification_id) is task:
            del self._tasks[notification_id]
        self.wake()
        if not task.cancelled() and task.exception() is not None:
            logger.error("callback round failed", exc_info=task.exception())

    async def _one_round(self, notification: Notification) -> bool:
        bend = self._bend(notification)
        copies = 1 + int(bend.values.get("callback_duplicate", 0))
        attempts = await asyncio.gather(*(self._send(notification, bend) for _ in range(copies)))
        notification.attempts.extend(attempts)
        accepted = any(attempt.status in (200, 204) for attempt in attempts) and not bend.tampered
        if accepted and "callback_again" in bend:
            notification.next_at = time.time() + self._world.wait(RETRY_GAPS_SECONDS[0])
        elif accepted:
            notification.status = "delivered"
        elif notification.rung >= len(RETRY_GAPS_SECONDS):
            notification.status = "exhausted"
        else:
            notification.next_at = time.time() + self._world.wait(RETRY_GAPS_SECONDS[notification.rung])
            notification.rung += 1
        if notification.event_type.startswith("REFUND."):
            self._release_payment(notification.out_trade_no)
        self._world.store.touch()
        self._answered(notification.id)
        await self._world.store.saved()
        return accepted

    def _bend(self, notification: Notification) -> Bend:
        bend = Bend()
        family = notification.event_type.partition(".")[0]
        for name in ("callback_drop", "callback_duplicate", "callback_again", "callback_mixed_serial", *TAMPERINGS):
            rule = self._world.take(name, family, notification.out_trade_no)
            if rule is not None:
                bend.names.append(name)
                bend.values[name] = rule.value
        return bend

    def _release_payment(self, out_trade_no: str) -> None:
        for other in self._world.state.notifications.values():
            if other.out_trade_no == out_trade_no and other.waits_for_refund:
                other.waits_for_refund = False
                other.next_at = time.time()
        self.wake()

    async def _send(self, notification: Notification, bend: Bend) -> Attempt:
        started = time.time()
        if "callback_drop" in bend:
            return Attempt(started, None, 0, bend.names, "lost on the way")
        body = self._body(notification, bend).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0", "Accept": "*/*"}
        headers.update(self._signature(body, bend))
        timeout = self._world.state.settings.callback_timeout_seconds
        status, error = None, None
        try:
            # The whole answer within the limit, not each byte of it.
            async with asyncio.timeout(timeout):
                answer = await self.http.post(notification.notify_url, content=body, headers=headers)
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            error = type(problem).__name__
        violation = bend.tampered and status in (200, 204)
        return Attempt(started, status, int((time.time() - started) * 1000), bend.names, error, violation)

    def _body(self, notification: Notification, bend: Bend) -> str:
        """The stored body, or a freshly sealed one when the content itself must be wrong."""
        if "callback_wrong_amount" not in bend and "callback_wrong_mchid" not in bend:
            return notification.body
        resource = orjson.loads(orjson.dumps(notification.resource))
        original_type = resource.pop("original_type")
        if "callback_wrong_amount" in bend:
            resource["amount"]["total"] += int(bend.values["callback_wrong_amount"])
        if "callback_wrong_mchid" in bend:
            resource["sub_mchid" if "sub_mchid" in resource else "mchid"] = "1900000001"
        envelope = orjson.loads(notification.body)
        envelope.pop("resource")
        return _sealed(self._world, envelope, resource, original_type)

    def _signature(self, body: bytes, bend: Bend) -> dict[str, str]:
        honest = self._world.callback_signer()
        if "callback_mixed_serial" in bend and self._world.certificate_signer is not None:
            strikes = random.uniform(0, 100) < bend.values["callback_mixed_serial"]
            honest = self._world.certificate_signer if strikes else self._world.public_key_signer
        signer = honest
        if "callback_unknown_serial" in bend:
            signer = self._stranger
        elif "callback_forged" in bend:
            signer = crypto.Signer(honest.serial, self._stranger.key)
        timestamp = None
        if "callback_stale_timestamp" in bend:
            timestamp = int(time.time() - bend.values["callback_stale_timestamp"])
        return signer.headers(body, timestamp=timestamp, probe="callback_signature_probe" in bend)
