"""The relay (投递器): carries events from the outbox to their handlers, at least once, in batches.

Due deliveries of one inside-handler are processed in one transaction under SKIP LOCKED; a batch that fails is split
until the culprit stands alone, which is retried with back-off and finally parked where staff can see it.
Outside-handlers are leased first, then called with no transaction open.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from hospital_core.kernel.context import system_context
from hospital_core.kernel.events import Handler, handler_named
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import finish_inside
from hospital_core.kernel.transactions import is_database_away, is_database_trouble, transaction
from hospital_core.kernel.uow import UnitOfWork

log = logging.getLogger(__name__)

BATCH = 200
ATTEMPTS_MAX = 8
OUTSIDE_LEASE = timedelta(seconds=60)
OUTSIDE_AT_ONCE = 16

# The oldest and the newest: when thousands wait for a system outside that is slow, what has just happened must not wait
# behind them. Whoever has waited longest comes first, so that what happened first is, as a rule, reacted to first.
_DUE_HANDLERS = """
SELECT handler FROM (
    (SELECT handler, not_before FROM outbox_delivery WHERE state = 'due' AND not_before <= hospital_now()
     ORDER BY not_before LIMIT 2000)
    UNION ALL
    (SELECT handler, not_before FROM outbox_delivery WHERE state = 'due' AND not_before <= hospital_now()
     ORDER BY not_before DESC LIMIT 500)) AS due
GROUP BY handler ORDER BY min(not_before), handler"""

_TAKE = """
SELECT d.id, d.event_id, d.attempts, e.name, e.payload
FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id
WHERE d.state = 'due' AND d.handler = $1 AND d.not_before <= hospital_now() AND ($3::uuid[] IS NULL OR d.id = ANY($3))
ORDER BY d.not_before LIMIT $2 FOR UPDATE OF d SKIP LOCKED"""

_DONE = "UPDATE outbox_delivery SET state = 'done', finished_at = hospital_now() WHERE id = ANY($1::uuid[])"

_LEASE = """
UPDATE outbox_delivery SET not_before = hospital_now() + $2, attempts = attempts + 1 WHERE id = ANY($1::uuid[])"""

_FAILED = """
UPDATE outbox_delivery
SET attempts = attempts + $5, last_error = $3, state = $4::text, not_before = hospital_now() + $2,
    finished_at = CASE WHEN $4::text = 'parked' THEN hospital_now() END
WHERE id = $1"""


@dataclass(frozen=True)
class Delivery:
    """One taken delivery with its event's data."""

    id: UUID
    event_id: UUID
    attempts: int
    payload: str


def back_off(attempt: int) -> timedelta:
    """Waiting time before try number ``attempt + 1``: 1 s doubling to 5 min, with jitter."""
    return timedelta(seconds=min(300.0, 2.0**attempt) * random.uniform(0.7, 1.3))


class Performers:
    """Outside-handlers at work, a task for each: a system that does not answer delays only its own messages."""

    def __init__(self, woken: asyncio.Event) -> None:
        self._woken = woken
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, handler: Handler) -> None:
        """Let a handler work through a share of what is due, unless it is at work already."""
        if handler.name not in self._tasks:
            self._tasks[handler.name] = asyncio.create_task(self._work(handler), name=handler.name)

    async def stop(self) -> None:
        """Leave what is under way: its lease runs out and it is taken up again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, handler: Handler) -> None:
        try:
            if await _perform(handler):
                self._woken.set()
        except Exception as error:
            if not is_database_trouble(error):
                log.error("bug", exc_info=error, extra={"handler": handler.name})
            log.warning("outside handler paused", extra={"handler": handler.name, "error": type(error).__name__})
        finally:
            del self._tasks[handler.name]


async def relay_once(performers: Performers | None = None) -> int:
    """Deliver what is due now; returns how many deliveries were finished or failed.

    With ``performers`` outside-handlers only begin, and are not waited for.
    """
    async with pooled_connection() as connection:
        names = [row["handler"] for row in await connection.fetch(_DUE_HANDLERS)]
    handled = 0
    for name in names:
        handler = handler_named(name)
        if handler is None:
            handled += await _park_orphans(name)
        elif handler.outside and performers is not None:
            performers.begin(handler)
        elif handler.outside:
            handled += await _perform(handler)
        else:
            handled += await _handle(handler, None)
    return handled


async def drain(rounds_max: int = 100) -> int:
    """Relay until nothing is due (tests, command line)."""
    total = 0
    for _ in range(rounds_max):
        handled = await relay_once()
        total += handled
        if handled == 0:
            return total
    return total


async def run_relay(woken: asyncio.Event, stopped: Callable[[], bool], idle_s: float = 0.5) -> None:
    """The worker's loop: relay, then sleep until a hint or ``idle_s``. A lost database only pauses it."""
    performers = Performers(woken)
    try:
        while not stopped():
            woken.clear()
            if not await _relay_or_pause(performers):
                with suppress(TimeoutError):
                    async with asyncio.timeout(idle_s):
                        await woken.wait()
    finally:
        await performers.stop()


async def _relay_or_pause(performers: Performers) -> int:
    try:
        return await relay_once(performers)
    except Exception as error:
        if not is_database_trouble(error):
            raise
        log.warning("relay paused", extra={"error": type(error).__name__})
        await asyncio.sleep(1.0)
        return 1


async def _handle(handler: Handler, only: Sequence[UUID] | None) -> int:
    """One batch of an inside-handler in one transaction."""
    taken: list[Delivery] = []
    try:
        async with transaction() as connection:
            taken = await _take(connection, handler.name, only)
            if not taken:
                return 0
            now = await connection.fetchval("SELECT hospital_now()")
            sends = []
            for delivery in taken:
                uow = UnitOfWork(system_context(delivery.event_id), connection, now)
                uow.action = handler.name[:80]
                await handler.call(uow, handler.event.model_validate_json(delivery.payload))
                sends.append(await finish_inside(uow))
            await connection.execute(_DONE, [delivery.id for delivery in taken])
    except Exception as error:
        if not taken or is_database_away(error):
            raise
        return await _split(handler, taken, error)
    for send in sends:
        send()
    return len(taken)


async def _split(handler: Handler, failed: list[Delivery], error: Exception) -> int:
    if len(failed) == 1:
        await _failed(handler, failed[0], error, tried=1)
        return 1
    middle = len(failed) // 2
    halves = failed[:middle], failed[middle:]
    return sum([await _handle(handler, [delivery.id for delivery in half]) for half in halves])


async def _perform(handler: Handler) -> int:
    """A few deliveries of an outside-handler side by side, leased so that a dead process only delays them."""
    async with transaction() as connection:
        taken = await _take(connection, handler.name, None, OUTSIDE_AT_ONCE)
        await connection.execute(_LEASE, [delivery.id for delivery in taken], OUTSIDE_LEASE)
    await asyncio.gather(*(_perform_one(handler, delivery) for delivery in taken))
    return len(taken)


async def _perform_one(handler: Handler, delivery: Delivery) -> None:
    event = handler.event.model_validate_json(delivery.payload)
    try:
        async with asyncio.timeout(OUTSIDE_LEASE.seconds * 0.75):
            await handler.call(system_context(delivery.event_id), event)
    except Exception as error:
        await _failed(handler, delivery, error, tried=0)
        return
    async with pooled_connection() as connection:
        await connection.execute(_DONE, [delivery.id])


async def _failed(handler: Handler, delivery: Delivery, error: Exception, *, tried: int) -> None:
    """Put a failed delivery back, or park it. The error's text may hold data of persons: only its kind is kept."""
    attempts = delivery.attempts + 1
    parked = attempts >= ATTEMPTS_MAX
    code = getattr(error, "code", None)
    text = f"{type(error).__name__}" + (f" {code}" if isinstance(code, str) else "")
    log.warning(
        "delivery failed",
        extra={"handler": handler.name, "event_id": str(delivery.event_id), "error": text, "parked": parked},
    )
    async with pooled_connection() as connection:
        state = "parked" if parked else "due"
        await connection.execute(_FAILED, delivery.id, back_off(attempts), text[:400], state, tried)


async def _take(
    connection: asyncpg.Connection, handler: str, only: Sequence[UUID] | None, limit: int = BATCH
) -> list[Delivery]:
    rows = await connection.fetch(_TAKE, handler, limit, list(only) if only is not None else None)
    return [Delivery(row["id"], row["event_id"], row["attempts"], row["payload"]) for row in rows]


async def _park_orphans(name: str) -> int:
    """Deliveries whose handler is no longer in the code are parked, not dropped."""
    log.error("no such handler", extra={"handler": name})
    async with pooled_connection() as connection:
        status = await connection.execute(
            "UPDATE outbox_delivery SET state = 'parked', last_error = 'no such handler', finished_at = hospital_now() "
            "WHERE handler = $1 AND state = 'due'",
            name,
        )
    return int(status.rpartition(" ")[2])
