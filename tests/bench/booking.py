"""Bookings (预约) over HTTP beside the least that PostgreSQL must do for one, driven by pgbench on the same server."""

import asyncio
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from statistics import fmean, quantiles
from uuid import UUID

import asyncpg
import httpx

from hospital_core.access.scheduling.rules import RuleCode
from tests.bench.crowd import Caller, make_crowd
from tests.bench.ground import Ground, pgbench
from tests.bench.rush import Rush, rush
from tests.fixtures.access import make_clinic, make_session, rule

CLIENTS = 16  # of pgbench
CONNECTIONS = 256  # of the phones: in a rush many wait at once
CROWD = 12_000
SESSIONS = 200
EVERYBODY = 2_000
DRAINED_WITHIN_S = 60
_PLACES_MAX = 500
_TABLES = """
CREATE TABLE bench_place (id int PRIMARY KEY, taken int NOT NULL, capacity int NOT NULL CHECK (taken <= capacity));
CREATE TABLE bench_appointment (id uuid PRIMARY KEY, place_id int NOT NULL, patient_id uuid NOT NULL,
                                created_at timestamptz NOT NULL);
CREATE TABLE bench_outbox (id uuid PRIMARY KEY, name text NOT NULL, payload jsonb NOT NULL, at timestamptz NOT NULL);
INSERT INTO bench_place SELECT n, 0, 100000000 FROM generate_series(1, 1000) AS n;
"""
# The least a booking is: one conditional update, the appointment, the event; five round trips, as a service would.
_SCRIPT = """
\\set place random(1, {places})
BEGIN;
UPDATE bench_place SET taken = taken + 1 WHERE id = :place AND taken < capacity;
INSERT INTO bench_appointment VALUES (gen_random_uuid(), :place, gen_random_uuid(), now());
INSERT INTO bench_outbox VALUES (gen_random_uuid(), 'AppointmentHeld', '{{"place": 1}}', now());
COMMIT;
"""


@dataclass
class Booked:
    """Rounds of one kind of booking and of its limit (transactions a second; empty without pgbench)."""

    what: str
    places: int
    target: float
    ours: list[Rush] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Crush:
    """Everybody at once: what it was like, for them and for the others."""

    clients: int
    rush: Rush
    oversold: int
    others_p99_ms: float
    drained_s: float | None


async def measure_bookings(ground: Ground, rounds: int, seconds: float) -> tuple[list[Booked], Crush]:
    """Spread over two hundred sessions, all in one, and everybody at once; limit and ours in turns."""
    await _make_tables(ground)
    crowd = await make_crowd(ground.engines.owner, CROWD)
    spread = Booked(f"spread over {SESSIONS} sessions", 1000, 0.5)
    hot = Booked("one sought-after session", 1, 1.0)
    # Each phone books a few times in this hour; the counts stay on.
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 50), rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 50):
        await asyncio.sleep(1.2)  # until every worker has read them
        for number in range(rounds):
            sessions = await _sessions(ground, SESSIONS, CROWD // SESSIONS + 1, day=1 + 2 * number)
            wishes = [(caller, sessions[at % SESSIONS]) for at, caller in enumerate(crowd)]
            await _round(ground, spread, wishes, seconds)
            (one,) = await _sessions(ground, 1, _PLACES_MAX, day=2 + 2 * number)
            await _round(ground, hot, [(caller, one) for caller in crowd[: _PLACES_MAX * 2]], seconds)
        crush = await _everybody_at_once(ground, crowd, day=3 + 2 * rounds)
    return [spread, hot], crush


async def _round(ground: Ground, kind: Booked, wishes: list[tuple[Caller, UUID]], seconds: float) -> None:
    """The limit before and after ours: a machine whose speed drifts meanwhile drifts for both."""
    before = await _pgbench(ground, kind.places, seconds)
    kind.ours.append(await rush(ground, wishes, connections=CONNECTIONS, seconds_max=round(seconds * 4) + 4))
    after = await _pgbench(ground, kind.places, seconds)
    if before and after:
        kind.limit.append(fmean(before + after))


async def _sessions(ground: Ground, count: int, places: int, *, day: int) -> list[UUID]:
    """Sessions of doctors of their own, all in one new department, so that nobody has a claim there yet."""
    clinic = await make_clinic()
    made = []
    for _ in range(count):
        beside = await make_clinic(beside=clinic)
        made.append((await make_session(clinic=beside, places=places, starts_in=timedelta(days=day))).schedule_id)
    return made


async def _everybody_at_once(ground: Ground, crowd: list[Caller], *, day: int) -> Crush:
    sessions = await _sessions(ground, 4, _PLACES_MAX, day=day)
    others = asyncio.create_task(_others(ground))
    wishes = [(caller, sessions[at % len(sessions)]) for at, caller in enumerate(crowd[: EVERYBODY * 2])]
    came = await rush(ground, wishes, connections=EVERYBODY, seconds_max=12, threads=1)
    others.cancel()
    latencies = await others
    database = await asyncpg.connect(ground.engines.owner)
    try:
        oversold = await database.fetchval(
            "SELECT count(*) FROM (SELECT slot_id FROM appointment WHERE schedule_id = ANY($1) "
            "AND status = 'pending' GROUP BY slot_id HAVING count(*) > 1) AS twice",
            sessions,
        )
        drained = await _drained(database)
    finally:
        await database.close()
    p99 = quantiles(latencies, n=100, method="inclusive")[98] * 1000 if len(latencies) > 2 else 0.0
    return Crush(EVERYBODY, came, oversold, p99, drained)


async def _others(ground: Ground) -> list[float]:
    """People who only want to read their appointments meanwhile: one after the other, twenty times a second."""
    latencies: list[float] = []
    clock = asyncio.get_running_loop().time
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        try:
            for person, held in cycle(ground.booked):
                headers = {"Authorization": f"Bearer {ground.token(person)}"}
                started = clock()
                url = f"http://127.0.0.1:{ground.port}/api/miniapp/v1/appointments/{held.id}"
                (await client.get(url, headers=headers)).raise_for_status()
                latencies.append(clock() - started)
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
    return latencies


async def _drained(database: asyncpg.Connection) -> float | None:
    """Seconds until no event waits that is due; None when it took too long."""
    due = "SELECT count(*) FROM outbox_delivery WHERE state = 'due' AND not_before <= now()"
    clock = asyncio.get_running_loop().time
    started = clock()
    while clock() - started < DRAINED_WITHIN_S:
        if not await database.fetchval(due):
            return clock() - started
        await asyncio.sleep(0.2)
    return None


async def _make_tables(ground: Ground) -> None:
    connection = await asyncpg.connect(ground.engines.owner)
    try:
        await connection.execute(_TABLES)
    finally:
        await connection.close()


async def _pgbench(ground: Ground, places: int, seconds: float) -> list[float]:
    program = pgbench()
    if program is None:
        return []
    script = ground.folder / f"booking-{places}.sql"
    script.write_text(_SCRIPT.format(places=places))
    process = await asyncio.create_subprocess_exec(
        str(program), "-n", "-M", "prepared", f"-c{CLIENTS}", "-j2", f"-T{max(1, round(seconds))}", "-f", str(script),
        env=_connection(ground), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, error = await process.communicate()
    found = re.search(rb"tps = ([0-9.]+)", told)
    if found is None:
        raise RuntimeError("pgbench failed: " + error.decode(errors="replace")[-500:])
    return [float(found[1])]


def _connection(ground: Ground) -> dict[str, str]:
    """The Unix socket, as the owner of the tables; the password stays out of the command line."""
    address = re.fullmatch(r"postgres://([^:]+):([^@]+)@[^/]+/(.+)", ground.engines.owner)
    assert address is not None
    return {
        "PATH": os.defpath, "PGHOST": str(ground.engines.socket_dir), "PGPORT": str(ground.engines.port),
        "PGUSER": address[1], "PGPASSWORD": address[2], "PGDATABASE": address[3],
    }  # fmt: skip
