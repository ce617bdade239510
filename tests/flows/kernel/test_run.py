"""One command, one transaction: rows, idempotency, audit, events and live changes live or die together."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from asyncpg import Record

from hospital_core.kernel import events, relay
from hospital_core.kernel.commands import Command, View
from hospital_core.kernel.context import Actor, ActorKind, Context, IdempotencyKey
from hospital_core.kernel.errors import DomainError, IdempotencyMismatch, Kind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from tests.fixtures.engines import Engines

pytestmark = pytest.mark.usefixtures("core")


class BellRung(events.Event):
    bell: UUID


class RingBell(Command):
    bell: UUID
    fail: bool = False


class Rung(View):
    bell: UUID
    number: UUID


class BellBroken(DomainError):
    code = "tests.bell_broken"
    kind = Kind.CONFLICT
    title = "铃坏了"


HEARD: list[UUID] = []
POISON: set[UUID] = set()


@events.handles(BellRung)
async def hear(uow: UnitOfWork, event: BellRung) -> None:
    if event.bell in POISON:
        raise RuntimeError("cannot hear")
    uow.audit(AuditEntry("tests.heard", "bell", event.bell))
    HEARD.append(event.bell)


async def ring_bell(uow: UnitOfWork, command: RingBell) -> Rung:
    uow.record(BellRung(bell=command.bell))
    uow.audited("bell", command.bell)
    uow.tell_live(f"bell:{command.bell}", {"rung": True})
    if command.fail:
        raise BellBroken()
    return Rung(bell=command.bell, number=new_id())


def _ctx(key: str | None = None, body: bytes = b"x", actor: UUID | None = None) -> Context:
    who = Actor(ActorKind.STAFF, actor or new_id())
    return Context(who, idempotency=IdempotencyKey(key, "POST /bells", body) if key else None)


async def _rows(sql: str, *args: object) -> list[Record]:
    return list(await Reading(_ctx()).fetch(sql, *args))


async def test_given_a_command_then_rows_audit_events_and_live_changes_commit_together() -> None:
    bell = new_id()
    await run(_ctx(), ring_bell, RingBell(bell=bell))
    audit = await _rows("SELECT action, actor_kind, outcome FROM audit_row WHERE object_id = $1", bell)
    assert [(r["action"].rpartition(".")[2], r["actor_kind"], r["outcome"]) for r in audit] == [
        ("ring_bell", "staff", "success")
    ]
    assert len(await _rows("SELECT 1 FROM outbox_event WHERE payload->>'bell' = $1", str(bell))) == 1
    assert len(await _rows("SELECT 1 FROM live_change WHERE topic = $1", f"bell:{bell}")) == 1
    await relay.drain()
    assert HEARD.count(bell) == 1
    assert len(await _rows("SELECT 1 FROM audit_row WHERE object_id = $1 AND action = 'tests.heard'", bell)) == 1


async def test_given_a_failing_command_then_nothing_is_kept() -> None:
    bell = new_id()
    with pytest.raises(BellBroken):
        await run(_ctx(key=str(bell)), ring_bell, RingBell(bell=bell, fail=True))
    assert await _rows("SELECT 1 FROM outbox_event WHERE payload->>'bell' = $1", str(bell)) == []
    assert await _rows("SELECT 1 FROM audit_row WHERE object_id = $1", bell) == []
    assert await _rows("SELECT 1 FROM idempotency_record WHERE key = $1", str(bell)) == []


async def test_given_twenty_twins_with_one_key_then_one_effect_and_one_answer() -> None:
    bell, actor = new_id(), new_id()
    ctx = _ctx(key=str(bell), actor=actor)
    answers = await asyncio.gather(*(run(ctx, ring_bell, RingBell(bell=bell)) for _ in range(20)))
    assert len({answer.number for answer in answers}) == 1
    assert len(await _rows("SELECT 1 FROM outbox_event WHERE payload->>'bell' = $1", str(bell))) == 1


async def test_without_a_key_twenty_calls_have_twenty_effects() -> None:
    """The control: it is the key that makes one of twenty."""
    bell = new_id()
    answers = await asyncio.gather(*(run(_ctx(), ring_bell, RingBell(bell=bell)) for _ in range(20)))
    assert len({answer.number for answer in answers}) == 20


async def test_given_the_same_key_with_another_body_then_it_is_refused() -> None:
    bell, actor = new_id(), new_id()
    await run(_ctx(key="k", body=b"a", actor=actor), ring_bell, RingBell(bell=bell))
    with pytest.raises(IdempotencyMismatch):
        await run(_ctx(key="k", body=b"b", actor=actor), ring_bell, RingBell(bell=bell))


async def test_given_a_stored_answer_then_it_is_not_readable_in_the_database() -> None:
    bell, actor = new_id(), new_id()
    await run(_ctx(key="sealed", actor=actor), ring_bell, RingBell(bell=bell))
    (row,) = await _rows("SELECT answer FROM idempotency_record WHERE actor_key = $1", f"staff:{actor}")
    assert str(bell).encode() not in bytes(row["answer"])


async def test_given_one_poisoned_event_in_a_batch_then_only_it_fails_and_is_parked_in_the_end() -> None:
    good, bad = [new_id() for _ in range(9)], new_id()
    POISON.add(bad)
    for bell in [*good[:4], bad, *good[4:]]:
        await run(_ctx(), ring_bell, RingBell(bell=bell))
    await relay.drain(5)
    assert all(HEARD.count(bell) >= 1 for bell in good)
    heard = await _rows(
        "SELECT object_id FROM audit_row WHERE action = 'tests.heard' AND object_id = ANY($1::uuid[])", good
    )
    assert len(heard) == len(good), "each good event committed exactly once"
    state = await _delivery(bad)
    assert (state["state"], state["attempts"]) == ("due", 1)
    for _ in range(relay.ATTEMPTS_MAX):
        await _make_due(bad)
        await relay.drain(2)
    assert (await _delivery(bad))["state"] == "parked"
    POISON.discard(bad)


async def _delivery(bell: UUID) -> Record:
    (row,) = await _rows(
        "SELECT d.* FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id WHERE e.payload->>'bell' = $1",
        str(bell),
    )
    return row


async def _make_due(bell: UUID) -> None:
    await _rows(
        "UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e "
        "WHERE e.id = d.event_id AND e.payload->>'bell' = $1 AND d.state = 'due' RETURNING d.id",
        str(bell),
    )


async def test_given_a_timer_then_it_fires_only_after_its_time() -> None:
    bell = new_id()

    async def ring_later(uow: UnitOfWork, command: RingBell) -> Rung:
        uow.record(BellRung(bell=command.bell), not_before=uow.now + timedelta(hours=1))
        return Rung(bell=command.bell, number=new_id())

    await run(_ctx(), ring_later, RingBell(bell=bell))
    await relay.drain()
    assert bell not in HEARD
    await _make_due(bell)
    await relay.drain()
    assert HEARD.count(bell) == 1


async def test_given_four_relays_then_each_event_is_heard_once() -> None:
    bells = [new_id() for _ in range(60)]
    for bell in bells:
        await run(_ctx(), ring_bell, RingBell(bell=bell))
    await asyncio.gather(*(relay.drain() for _ in range(4)))
    assert [HEARD.count(bell) for bell in bells] == [1] * len(bells)


async def test_given_the_app_role_then_history_cannot_be_changed(core: Engines) -> None:
    bell = new_id()
    await run(_ctx(), ring_bell, RingBell(bell=bell))
    for table in ("audit_row", "outbox_event", "journal_line", "audit_seal", "clock_offset"):
        with pytest.raises(Exception, match="permission denied"):
            await _rows(f"DELETE FROM {table} RETURNING 1")


class LetterPosted(events.Event):
    letter: UUID


class ParcelPosted(events.Event):
    parcel: UUID


STUCK = asyncio.Event()
ARRIVED: list[UUID] = []


@events.performs(LetterPosted)
async def carry_letter(ctx: Context, event: LetterPosted) -> None:
    """An outside system that does not answer."""
    await STUCK.wait()


@events.performs(ParcelPosted)
async def carry_parcel(ctx: Context, event: ParcelPosted) -> None:
    ARRIVED.append(event.parcel)


async def test_given_thousands_that_wait_for_a_slow_system_then_what_just_happened_is_found_behind_them() -> None:
    bell, (slow,) = new_id(), events.handlers_of(LetterPosted)
    await _rows(
        "WITH letter AS (INSERT INTO outbox_event (id, name, payload, request_id, occurred_at) "
        "SELECT gen_random_uuid(), 'LetterPosted', '{}', gen_random_uuid(), hospital_now() "
        "FROM generate_series(1, 2500) RETURNING id) "
        "INSERT INTO outbox_delivery (id, event_id, handler, state, not_before, attempts) "
        "SELECT gen_random_uuid(), id, $1, 'due', hospital_now() - interval '1 hour', 0 FROM letter RETURNING id",
        slow.name,
    )
    at_work = SimpleNamespace(begin=lambda handler: None)
    try:
        await run(_ctx(), ring_bell, RingBell(bell=bell))
        await relay.relay_once(at_work)  # type: ignore[arg-type]
        assert HEARD.count(bell) == 1
    finally:
        sql = "UPDATE outbox_delivery SET state = 'done' WHERE handler = $1 AND state = 'due' RETURNING id"
        await _rows(sql, slow.name)


async def post_both(uow: UnitOfWork, command: RingBell) -> Rung:
    uow.record(LetterPosted(letter=command.bell))
    uow.record(ParcelPosted(parcel=command.bell))
    uow.record(BellRung(bell=command.bell))
    return Rung(bell=command.bell, number=new_id())


async def test_given_an_outside_system_that_hangs_then_only_its_own_messages_wait() -> None:
    bells = [new_id() for _ in range(3)]
    woken, stop = asyncio.Event(), asyncio.Event()
    relaying = asyncio.create_task(relay.run_relay(woken, stop.is_set, idle_s=0.02))
    try:
        for bell in bells:
            await run(_ctx(), post_both, RingBell(bell=bell))
        async with asyncio.timeout(20):
            while not all(bell in ARRIVED and bell in HEARD for bell in bells):
                await asyncio.sleep(0.02)
        sql = "SELECT state FROM outbox_delivery WHERE handler LIKE '%carry_letter' AND state <> 'done'"
        assert len(await _rows(sql)) == 3
    finally:
        STUCK.set()
        await asyncio.sleep(0.2)
        stop.set()
        await asyncio.wait_for(relaying, 10)
