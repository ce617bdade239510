"""Many commands of one kind in one transaction (合并提交), for the minutes in which everybody wants the same thing.

While one transaction is under way, whoever comes next waits for it and shares the following one: nobody waits for a
timer, and a lonely caller waits for nobody. One at a time, because two at a time are twice as many half as large ones.
A combined command is a fast way for plain cases only. What it does not do, and every member of a transaction that
failed, is done alone by ``kernel.run``, which knows every refusal.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
from tortoise.exceptions import IntegrityError, OperationalError

from hospital_core.kernel import hints, ports
from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Context, IdempotencyKey
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.events import handlers_of
from hospital_core.kernel.ids import new_ids
from hospital_core.kernel.run import ANSWER_COLUMN, action_of, keyring, run
from hospital_core.kernel.transactions import transaction
from hospital_core.kernel.uow import AuditEntry, UnitOfWork

log = logging.getLogger(__name__)

Input = TypeVar("Input")
Answer = TypeVar("Answer", bound=View)
Service = Callable[[UnitOfWork, Input], Awaitable[Answer]]
# Answers by position; None: do this one alone. A DomainError: refused, and nothing was written for it.
Outcomes = Sequence[Any]
Together = Callable[[Sequence[UnitOfWork], Sequence[Any]], Awaitable[Outcomes]]


class Undone(Exception):
    """Somebody outside was faster: roll all of it back and do every member alone."""


@dataclass(eq=False)
class _Member:
    ctx: Context
    command: Any
    key: IdempotencyKey
    apart: frozenset[Hashable]
    outcome: "asyncio.Future[Any]"


class Combiner(Generic[Input, Answer]):
    """Runs commands of one service, alone or together; one per process.

    All members come from one kind of actor by one route. ``apart`` names what two members of one transaction must not
    share. Shapes: at most ``size_max`` members in one of at most ``at_once`` transactions.
    """

    def __init__(
        self,
        alone: Service[Input, Answer],
        together: Together,
        apart: Callable[[Context, Input], Iterable[Hashable]],
        *,
        size_max: int = 128,
        at_once: int = 1,
    ) -> None:
        self._alone, self._together, self._apart = alone, together, apart
        self._size_max, self._at_once = size_max, at_once
        self._waiting: deque[_Member] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, ctx: Context, command: Input) -> Answer:
        """As ``kernel.run`` with the service that works alone, only cheaper. Raises: what that raises.

        Whoever brings no key, or acts with a proof or for another, is done alone: the shared statements know none.
        """
        key = ctx.idempotency
        if key is None or (ctx.proof, ctx.on_behalf_of, ctx.cause, ctx.actor.device_id) != (None, None, None, None):
            return await run(ctx, self._alone, command)
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(ctx, command, key, frozenset(self._apart(ctx, command)), outcome))
        self._start()
        found = await outcome
        if found is None:
            return await run(ctx, self._alone, command)
        if isinstance(found, DomainError):
            raise found
        answer: Answer = found
        return answer

    def _start(self) -> None:
        while self._waiting and len(self._under_way) < self._at_once:
            task = asyncio.create_task(self._serve(self._take()))
            self._under_way.add(task)
            task.add_done_callback(self._served)

    def _served(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._start()

    def _take(self) -> list[_Member]:
        taken: list[_Member] = []
        shared: set[Hashable] = set()
        passed: list[_Member] = []
        while self._waiting and len(taken) < self._size_max:
            member = self._waiting.popleft()
            if member.outcome.done():  # its caller has gone
                continue
            if shared.isdisjoint(member.apart):
                taken.append(member)
                shared |= member.apart
            else:
                passed.append(member)
        self._waiting.extendleft(reversed(passed))
        return taken

    async def _serve(self, members: list[_Member]) -> None:
        outcomes: Outcomes = [None] * len(members)
        try:
            if members:
                outcomes = await _run_together(self._alone, self._together, members)
        except (Undone, asyncpg.PostgresError, IntegrityError, OperationalError) as error:
            log.info("done one by one", extra={"members": len(members), "why": type(error).__name__})
        except Exception:
            log.exception("combined command failed")
        finally:
            for member, outcome in zip(members, outcomes, strict=True):
                if not member.outcome.done():
                    member.outcome.set_result(outcome)


# The clock, and which members have had their answer before. 1 route, 2 actors, 3 keys
_BEGIN = """
SELECT hospital_now() AS now,
       ARRAY(SELECT (SELECT true FROM idempotency_record i
                     WHERE i.actor_key = w.actor_key AND i.route = $1 AND i.key = w.key)
             FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS w (actor_key, key, member)
             ORDER BY w.member) AS replayed"""

# Everything that the members leave behind besides their own rows. The answer is written with its key, at the end: a
# twin that committed meanwhile leaves one row fewer, and all is undone. Few columns: reading an array costs asyncpg and
# PostgreSQL more than the row it goes into.
_WRITE = """
WITH event AS (
    INSERT INTO outbox_event (id, name, payload, request_id, occurred_at)
    SELECT w.id, w.name, w.payload, w.request_id, $1
    FROM unnest($2::uuid[], $3::text[], $4::jsonb[], $5::uuid[]) AS w (id, name, payload, request_id)),
delivery AS (
    INSERT INTO outbox_delivery (id, event_id, handler, state, not_before, attempts)
    SELECT w.id, w.event_id, w.handler, 'due', w.not_before, 0
    FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::timestamptz[]) AS w (id, event_id, handler, not_before)),
audit AS (
    INSERT INTO audit_row (id, at, actor_kind, actor_id, session_id, action, object_kind, object_id, patient_id,
                           outcome, detail, request_id)
    SELECT w.id, $1, $10, w.actor_id, w.session_id, $11, $12, w.object_id, w.patient_id, 'success', '{}', w.request_id
    FROM unnest($13::uuid[], $14::uuid[], $15::uuid[], $16::uuid[], $17::uuid[], $18::uuid[])
         AS w (id, actor_id, session_id, object_id, patient_id, request_id)),
answered AS (
    INSERT INTO idempotency_record (id, actor_key, route, key, body_hash, answer, created_at)
    SELECT w.id, w.actor_key, $19, w.key, w.body_hash, w.answer, $1
    FROM unnest($20::uuid[], $21::text[], $22::text[], $23::bytea[], $24::bytea[])
         AS w (id, actor_key, key, body_hash, answer)
    ORDER BY w.actor_key, w.key
    ON CONFLICT (actor_key, route, key) DO NOTHING RETURNING id)
SELECT count(*) FROM answered"""


async def _run_together(alone: Service[Any, Any], together: Together, members: list[_Member]) -> Outcomes:
    outcomes: list[Any] = [None] * len(members)
    async with transaction() as connection:
        now, fresh = await _begin(connection, members)
        uows = [_unit(members[position].ctx, connection, now, action_of(alone)) for position in fresh]
        if not uows:
            return outcomes
        answers = await together(uows, [members[position].command for position in fresh])
        done = []
        for position, uow, answer in zip(fresh, uows, answers, strict=True):
            outcomes[position] = answer
            if answer is not None and not isinstance(answer, DomainError):
                done.append((uow, answer))
        if done:
            await _write(connection, now, done)
    _hint([uow for uow, _ in done])
    return outcomes


async def _begin(connection: asyncpg.Connection, members: list[_Member]) -> tuple[datetime, list[int]]:
    keys = [member.key for member in members]
    row = await connection.fetchrow(
        _BEGIN, keys[0].route, [member.ctx.actor.key() for member in members], [key.key for key in keys]
    )
    return row["now"], [position for position, replayed in enumerate(row["replayed"]) if not replayed]


def _unit(ctx: Context, connection: asyncpg.Connection, now: datetime, action: str) -> UnitOfWork:
    uow = UnitOfWork(ctx, connection, now)
    uow.audit(AuditEntry(action))
    return uow


async def _write(connection: asyncpg.Connection, now: datetime, done: list[tuple[UnitOfWork, View]]) -> None:
    if any(uow.live or len(uow.audits) != 1 for uow, _ in done):
        raise TypeError("a combined command has one line of audit and tells no live topic: their rows are locks")
    keys = [uow.ctx.idempotency for uow, _ in done if uow.ctx.idempotency is not None]
    written = await connection.fetchval(
        _WRITE, now, *_events(done), *_audits(done), keys[0].route,
        new_ids(len(done)), [uow.ctx.actor.key() for uow, _ in done], [key.key for key in keys],
        [key.body_hash for key in keys],
        [keyring().seal(answer.model_dump_json().encode(), ANSWER_COLUMN) for _, answer in done],
    )  # fmt: skip
    if written != len(done):
        raise Undone()


def _events(done: list[tuple[UnitOfWork, View]]) -> list[list[Any]]:
    recorded = [(uow.ctx, one) for uow, _ in done for one in uow.recorded]
    deliveries = [
        (one.event_id, handler.name, one.not_before) for _, one in recorded for handler in handlers_of(type(one.event))
    ]
    return [
        [one.event_id for _, one in recorded],
        [type(one.event).__name__ for _, one in recorded],
        [one.event.model_dump_json() for _, one in recorded],
        [ctx.request_id for ctx, _ in recorded],
        new_ids(len(deliveries)),
        [event_id for event_id, _, _ in deliveries],
        [handler for _, handler, _ in deliveries],
        [not_before for _, _, not_before in deliveries],
    ]


def _audits(done: list[tuple[UnitOfWork, View]]) -> list[Any]:
    first = done[0][0]
    return [
        first.ctx.actor.kind.value, first.audits[0].action, first.audits[0].object_kind,
        new_ids(len(done)),
        [uow.ctx.actor.id for uow, _ in done],
        [uow.ctx.actor.session_id for uow, _ in done],
        [uow.audits[0].object_id for uow, _ in done],
        [uow.audits[0].patient_id for uow, _ in done],
        [uow.ctx.request_id for uow, _ in done],
    ]  # fmt: skip


def _hint(uows: list[UnitOfWork]) -> None:
    sender = ports.optional(hints.Hints)
    # A timer wakes nobody: the relay finds it when it is due.
    if sender is not None and any(one.not_before <= uow.now for uow in uows for one in uow.recorded):
        sender.send(hints.OUTBOX, "")
