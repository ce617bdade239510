"""The one opener of transactions (命令执行).

``run`` writes the command's rows, its idempotency record with the answer, its audit line, its events and its live
changes in one transaction, then sends hints. Nothing else in the house opens a transaction for a command.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar, get_type_hints

import asyncpg
import orjson
from tortoise.exceptions import IntegrityError, OperationalError

from hospital_core.kernel import hints, ports, secrecy
from hospital_core.kernel.commands import View
from hospital_core.kernel.constraints import explain
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import DomainError, IdempotencyMismatch
from hospital_core.kernel.events import handlers_of
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.transactions import transaction
from hospital_core.kernel.uow import AuditEntry, UnitOfWork

Input = TypeVar("Input")
Answer = TypeVar("Answer")
Service = Callable[[UnitOfWork, Input], Awaitable[Answer]]

ANSWER_COLUMN = "idempotency_record.answer"

# A twin waits here on the unique key until the first commits, then finds no row of its own.
_CLAIM = """
WITH claim AS (
    INSERT INTO idempotency_record (id, actor_key, route, key, body_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, hospital_now())
    ON CONFLICT (actor_key, route, key) DO NOTHING RETURNING id)
SELECT hospital_now() AS now, (SELECT id FROM claim) AS claimed"""

_FIRST_ANSWER = "SELECT body_hash, answer FROM idempotency_record WHERE actor_key = $1 AND route = $2 AND key = $3"


async def run(ctx: Context, service: Service[Input, Answer], command: Input) -> Answer:
    """Run one command in one transaction and return its answer; a repeated key returns the first answer.

    Raises: whatever the service raises (nothing is kept then but what it asked for by ``uow.if_refused``),
    IdempotencyMismatch, and the meaning of a breached database constraint (``kernel.constraints``).
    """
    refusals: list[Callable[[], Awaitable[object]]] = []
    try:
        return await _run(ctx, service, command, refusals)
    except DomainError:
        for remember in refusals:
            await remember()
        raise


async def _run(
    ctx: Context, service: Service[Input, Answer], command: Input, refusals: list[Callable[[], Awaitable[object]]]
) -> Answer:
    try:
        async with transaction() as connection:
            now, replay = await _begin(ctx, connection)
            if replay is not None:
                return _replayed(service, replay)
            uow = UnitOfWork(ctx, connection, now)
            uow.refusals = refusals
            uow.audit(AuditEntry(action_of(service)))
            answer = await service(uow, command)
            topics = await _finish(uow, answer)
    except (asyncpg.PostgresError, IntegrityError, OperationalError) as error:
        meaning = explain(error)
        if meaning is None:
            raise
        raise meaning from error
    _send_hints(uow, topics)
    return answer


def action_of(service: Callable[..., Any]) -> str:
    """Name of a service in the audit trail: ``scheduling.book_appointment``."""
    parts = service.__module__.removeprefix("hospital_core.").split(".")
    context = parts[1] if len(parts) > 1 and parts[0] != "kernel" else parts[0]
    return f"{context}.{service.__name__}"


async def _begin(ctx: Context, connection: asyncpg.Connection) -> tuple[Any, bytes | None]:
    key = ctx.idempotency
    if key is None:
        return await connection.fetchval("SELECT hospital_now()"), None
    scope = (ctx.actor.key(), key.route, key.key)
    row = await connection.fetchrow(_CLAIM, new_id(), *scope, key.body_hash)
    if row["claimed"] is not None:
        return row["now"], None
    first = await connection.fetchrow(_FIRST_ANSWER, *scope)
    if first["body_hash"] != key.body_hash:
        raise IdempotencyMismatch()
    return row["now"], bytes(first["answer"])


def _replayed(service: Service[Input, Answer], sealed: bytes) -> Answer:
    answer: Answer = _view_of(service).model_validate_json(keyring().open_bytes(sealed, ANSWER_COLUMN))
    return answer


@cache
def _view_of(service: Callable[..., Any]) -> Any:
    view = get_type_hints(service)["return"]
    if not (isinstance(view, type) and issubclass(view, View)):
        raise TypeError(f"{service.__name__} must return a View to be called with an Idempotency-Key")
    return view


_LIVE = """
WITH step AS (
    INSERT INTO live_topic (topic, epoch, seq) VALUES ($1, $2, 1)
    ON CONFLICT (topic) DO UPDATE SET seq = live_topic.seq + 1 RETURNING epoch, seq),
change AS (
    INSERT INTO live_change (id, topic, seq, data, at) SELECT $2, $1, step.seq, $3::jsonb, $4 FROM step)
SELECT epoch, seq FROM step"""

_EVENTS = """
WITH event AS (
    INSERT INTO outbox_event (id, name, payload, cause, request_id, occurred_at)
    SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::jsonb[]), $4, $5, $6)
INSERT INTO outbox_delivery (id, event_id, handler, state, not_before, attempts)
SELECT unnest($7::uuid[]), unnest($8::uuid[]), unnest($9::text[]), 'due', unnest($10::timestamptz[]), 0"""

_AUDIT = """
INSERT INTO audit_row (id, at, actor_kind, actor_id, session_id, device_id, on_behalf_of, action, object_kind,
                       object_id, patient_id, outcome, reason, proof, detail, request_id)
SELECT unnest($1::uuid[]), $2, $3, $4, $5, $6, $7, unnest($8::text[]), unnest($9::text[]), unnest($10::uuid[]),
       unnest($11::uuid[]), unnest($12::text[]), unnest($13::text[]), $14, unnest($15::jsonb[]), $16"""


async def _finish(uow: UnitOfWork, answer: Any) -> list[tuple[str, str]]:
    await _write_events(uow)
    await write_audit(uow, uow.ctx, uow.audits, uow.now)
    key = uow.ctx.idempotency
    if key is not None:
        body = answer.model_dump_json().encode() if isinstance(answer, View) else b""
        await uow.execute(
            "UPDATE idempotency_record SET answer = $4 WHERE actor_key = $1 AND route = $2 AND key = $3",
            uow.ctx.actor.key(), key.route, key.key, keyring().seal(body, ANSWER_COLUMN),
        )  # fmt: skip
    return await _write_live(uow)


async def _write_events(uow: UnitOfWork) -> None:
    if not uow.recorded:
        return
    deliveries = [
        (new_id(), recorded.event_id, handler.name, recorded.not_before)
        for recorded in uow.recorded
        for handler in handlers_of(type(recorded.event))
    ]
    ids, event_ids, handlers, times = zip(*deliveries, strict=True)
    await uow.execute(
        _EVENTS,
        [r.event_id for r in uow.recorded],
        [type(r.event).__name__ for r in uow.recorded],
        [r.event.model_dump_json() for r in uow.recorded],
        uow.ctx.cause, uow.ctx.request_id, uow.now,
        ids, event_ids, handlers, times,
    )  # fmt: skip
    if any(r.not_before <= uow.now for r in uow.recorded):  # a timer wakes nobody: the relay finds it when it is due
        uow.hint(hints.OUTBOX)


async def write_audit(uow: Any, ctx: Context, entries: list[AuditEntry], at: Any) -> None:
    """Append audit lines of one actor; ``uow`` is anything with ``execute``."""
    if not entries:
        return
    actor = ctx.actor
    await uow.execute(
        _AUDIT,
        [new_id() for _ in entries], at, actor.kind.value, actor.id, actor.session_id, actor.device_id,
        ctx.on_behalf_of,
        [e.action for e in entries], [e.object_kind for e in entries], [e.object_id for e in entries],
        [e.patient_id for e in entries], [e.outcome for e in entries], [e.reason for e in entries],
        ctx.proof,
        [orjson.dumps(e.detail).decode() for e in entries], ctx.request_id,
    )  # fmt: skip


async def _write_live(uow: UnitOfWork) -> list[tuple[str, str]]:
    """Number the changes last, topics sorted: their rows are locks, taken late and always in the same order."""
    sent: list[tuple[str, str]] = []
    for topic, data in sorted(uow.live, key=lambda change: change[0]):
        text = orjson.dumps(data).decode()
        row = await uow.fetch_row(_LIVE, topic, new_id(), text, uow.now)
        assert row is not None
        frame = {"topic": topic, "epoch": str(row["epoch"]), "seq": row["seq"], "data": data}
        sent.append((topic, orjson.dumps(frame).decode()))
    return sent


async def finish_inside(uow: UnitOfWork) -> Callable[[], None]:
    """Write what a relay handler recorded; returns what to call once its batch has committed."""
    await _write_events(uow)
    await write_audit(uow, uow.ctx, uow.audits, uow.now)
    topics = await _write_live(uow)
    return lambda: _send_hints(uow, topics)


def _send_hints(uow: UnitOfWork, topics: list[tuple[str, str]]) -> None:
    sender = ports.optional(hints.Hints)
    if sender is None:
        return
    for topic, frame in topics:
        sender.send(hints.live_channel(topic), frame)
    for channel in uow.hints:
        sender.send(channel, "")


def keyring() -> secrecy.KeyRing:
    """The process's key ring. Raises PortMissing when the process was not wired."""
    return ports.use(secrecy.KeyRing)
