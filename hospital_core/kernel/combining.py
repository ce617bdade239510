"""Many commands of one kind in one transaction (合并提交), for the minutes in which everybody wants the same thing.

While one transaction is under way, whoever comes next waits for it and shares the following one: nobody waits for a
timer, and a lonely caller waits for nobody. A combined command is a fast way for plain cases only. What it does not
do, and every member of a transaction that failed, is done alone by ``kernel.run``, which knows every refusal.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
import orjson
from tortoise.exceptions import IntegrityError, OperationalError

from hospital_core.kernel import hints, ports
from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.events import handlers_of
from hospital_core.kernel.ids import new_id
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
    apart: frozenset[Hashable]
    outcome: "asyncio.Future[Any]"


class Combiner(Generic[Input, Answer]):
    """Runs commands of one service, alone or together; one per process.

    ``apart`` names what two members of one transaction must not share. Shapes: at most ``size_max`` members in one of
    at most ``at_once`` transactions.
    """

    def __init__(
        self,
        alone: Service[Input, Answer],
        together: Together,
        apart: Callable[[Context, Input], Iterable[Hashable]],
        *,
        size_max: int = 64,
        at_once: int = 2,
    ) -> None:
        self._alone, self._together, self._apart = alone, together, apart
        self._size_max, self._at_once = size_max, at_once
        self._waiting: deque[_Member] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, ctx: Context, command: Input) -> Answer:
        """As ``kernel.run`` with the service that works alone, only cheaper. Raises: what that raises."""
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(ctx, command, frozenset(self._apart(ctx, command)), outcome))
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


_REPLAYED = """
SELECT w.member - 1 AS member
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (actor_key, route, key, member)
JOIN idempotency_record i USING (actor_key, route, key)"""

# Everything that the members leave behind besides their own rows. The answer is written with its key, at the end: a
# twin that committed meanwhile leaves one row fewer, and all is undone.
_WRITE = """
WITH event AS (
    INSERT INTO outbox_event (id, name, payload, cause, request_id, occurred_at)
    SELECT w.id, w.name, w.payload, w.cause, w.request_id, $1
    FROM unnest($2::uuid[], $3::text[], $4::jsonb[], $5::uuid[], $6::uuid[])
         AS w (id, name, payload, cause, request_id)),
delivery AS (
    INSERT INTO outbox_delivery (id, event_id, handler, state, not_before, attempts)
    SELECT w.id, w.event_id, w.handler, 'due', w.not_before, 0
    FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::timestamptz[]) AS w (id, event_id, handler, not_before)),
audit AS (
    INSERT INTO audit_row (id, at, actor_kind, actor_id, session_id, device_id, on_behalf_of, action, object_kind,
                           object_id, patient_id, outcome, reason, proof, detail, request_id)
    SELECT w.id, $1, w.actor_kind, w.actor_id, w.session_id, w.device_id, w.on_behalf_of, w.action, w.object_kind,
           w.object_id, w.patient_id, w.outcome, w.reason, w.proof, w.detail, w.request_id
    FROM unnest($11::uuid[], $12::text[], $13::uuid[], $14::uuid[], $15::uuid[], $16::uuid[], $17::text[], $18::text[],
                $19::uuid[], $20::uuid[], $21::text[], $22::text[], $23::text[], $24::jsonb[], $25::uuid[])
         AS w (id, actor_kind, actor_id, session_id, device_id, on_behalf_of, action, object_kind, object_id,
               patient_id, outcome, reason, proof, detail, request_id)),
answered AS (
    INSERT INTO idempotency_record (id, actor_key, route, key, body_hash, answer, created_at)
    SELECT w.id, w.actor_key, w.route, w.key, w.body_hash, w.answer, $1
    FROM unnest($26::uuid[], $27::text[], $28::text[], $29::text[], $30::bytea[], $31::bytea[])
         AS w (id, actor_key, route, key, body_hash, answer)
    ORDER BY w.actor_key, w.route, w.key
    ON CONFLICT (actor_key, route, key) DO NOTHING RETURNING id)
SELECT count(*) FROM answered"""


async def _run_together(alone: Service[Any, Any], together: Together, members: list[_Member]) -> Outcomes:
    action = action_of(alone)
    outcomes: list[Any] = [None] * len(members)
    async with transaction() as connection:
        now = await connection.fetchval("SELECT hospital_now()")
        replayed = await _replayed(connection, members)
        fresh = [position for position in range(len(members)) if position not in replayed]
        uows = [_unit(members[position].ctx, connection, now, action) for position in fresh]
        if not uows:
            return outcomes
        answers = await together(uows, [members[position].command for position in fresh])
        done = []
        for position, uow, answer in zip(fresh, uows, answers, strict=True):
            outcomes[position] = answer
            if isinstance(answer, View):
                done.append((uow, answer))
        if done:
            await _write(connection, now, done)
    _hint([uow for uow, _ in done])
    return outcomes


def _unit(ctx: Context, connection: asyncpg.Connection, now: datetime, action: str) -> UnitOfWork:
    uow = UnitOfWork(ctx, connection, now)
    uow.audit(AuditEntry(action))
    return uow


async def _replayed(connection: asyncpg.Connection, members: list[_Member]) -> set[int]:
    keyed = [(at, member.ctx, member.ctx.idempotency) for at, member in enumerate(members)]
    scopes = [(at, ctx.actor.key(), key.route, key.key) for at, ctx, key in keyed if key is not None]
    if not scopes:
        return set()
    positions, actors, routes, keys = zip(*scopes, strict=True)
    rows = await connection.fetch(_REPLAYED, actors, routes, keys)
    return {positions[row["member"]] for row in rows}


async def _write(connection: asyncpg.Connection, now: datetime, done: list[tuple[UnitOfWork, View]]) -> None:
    if any(uow.live for uow, _ in done):
        raise TypeError("a combined command cannot tell live topics: their rows are locks")
    keyed = [(uow.ctx.actor.key(), uow.ctx.idempotency, answer) for uow, answer in done if uow.ctx.idempotency]
    written = await connection.fetchval(
        _WRITE, now, *_events(done), *_audits(done),
        [new_id() for _ in keyed], [actor for actor, _, _ in keyed], [key.route for _, key, _ in keyed],
        [key.key for _, key, _ in keyed], [key.body_hash for _, key, _ in keyed],
        [keyring().seal(answer.model_dump_json().encode(), ANSWER_COLUMN) for _, _, answer in keyed],
    )  # fmt: skip
    if written != len(keyed):
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
        [ctx.cause for ctx, _ in recorded],
        [ctx.request_id for ctx, _ in recorded],
        [new_id() for _ in deliveries],
        [event_id for event_id, _, _ in deliveries],
        [handler for _, handler, _ in deliveries],
        [not_before for _, _, not_before in deliveries],
    ]


def _audits(done: list[tuple[UnitOfWork, View]]) -> list[list[Any]]:
    lines = [(uow.ctx, entry) for uow, _ in done for entry in uow.audits]
    return [
        [new_id() for _ in lines],
        [ctx.actor.kind.value for ctx, _ in lines],
        [ctx.actor.id for ctx, _ in lines],
        [ctx.actor.session_id for ctx, _ in lines],
        [ctx.actor.device_id for ctx, _ in lines],
        [ctx.on_behalf_of for ctx, _ in lines],
        [entry.action for _, entry in lines],
        [entry.object_kind for _, entry in lines],
        [entry.object_id for _, entry in lines],
        [entry.patient_id for _, entry in lines],
        [entry.outcome for _, entry in lines],
        [entry.reason for _, entry in lines],
        [ctx.proof for ctx, _ in lines],
        [orjson.dumps(entry.detail).decode() for _, entry in lines],
        [ctx.request_id for ctx, _ in lines],
    ]


def _hint(uows: list[UnitOfWork]) -> None:
    sender = ports.optional(hints.Hints)
    if sender is not None and any(uow.recorded for uow in uows):
        sender.send(hints.OUTBOX, "")
