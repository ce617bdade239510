"""Bookings (预约) over HTTP beside the least that PostgreSQL must do for one, driven by pgbench on the same server."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

import asyncpg

from hospital_core.kernel.ids import new_id
from tests.bench.ground import Ground, pgbench, sessions_of
from tests.bench.load import Load, once_each
from tests.fixtures.access import Person

PATH = "/api/miniapp/v1/appointments"
SESSIONS = 40
PER_PERSON = 3
CLIENTS = 16
_PLACES_MAX = 500
_TABLES = """
CREATE TABLE bench_place (id int PRIMARY KEY, taken int NOT NULL, capacity int NOT NULL CHECK (taken <= capacity));
CREATE TABLE bench_appointment (id uuid PRIMARY KEY, place_id int NOT NULL, patient_id uuid NOT NULL,
                                created_at timestamptz NOT NULL);
CREATE TABLE bench_outbox (id uuid PRIMARY KEY, name text NOT NULL, payload jsonb NOT NULL, at timestamptz NOT NULL);
INSERT INTO bench_place SELECT n, 0, 1000000 FROM generate_series(1, 1000) AS n;
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
    ours: list[Load] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)


async def measure_bookings(ground: Ground, rounds: int, seconds: float) -> list[Booked]:
    """Spread over forty sessions, and all in one; limit and ours in turns."""
    await _make_tables(ground)
    spread, hot = Booked("spread over 40 sessions", 1000), Booked("all in one session", 1)
    people = len(ground.persons)
    sessions = await sessions_of(
        ground.clinic, SESSIONS, min(_PLACES_MAX, ceil(people / SESSIONS) * PER_PERSON * rounds)
    )
    for number in range(rounds):
        one = (await sessions_of(ground.clinic, 1, people))[0]
        spread.limit += await _pgbench(ground, spread.places, seconds)
        spread.ours.append(await _book(ground, _spread(ground.persons, sessions, number)))
        hot.limit += await _pgbench(ground, hot.places, seconds)
        hot.ours.append(await _book(ground, ((person, one) for person in ground.persons)))
    return [spread, hot]


def _spread(persons: list[Person], sessions: list[UUID], number: int) -> Iterator[tuple[Person, UUID]]:
    """Every person books other sessions in each round, neighbours never the same one."""
    for turn in range(number * PER_PERSON, (number + 1) * PER_PERSON):
        for index, person in enumerate(persons):
            yield person, sessions[(index + turn) % len(sessions)]


async def _book(ground: Ground, wanted: Iterator[tuple[Person, UUID]]) -> Load:
    posts = [
        (PATH, ground.token(person), str(new_id()),
         json.dumps({"patient_id": str(person.patient_id), "schedule_id": str(session)}))
        for person, session in wanted
    ]  # fmt: skip
    return await once_each(ground.port, posts, CLIENTS)


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
