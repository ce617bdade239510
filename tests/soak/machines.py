"""The state machines of booking and money, for a very long time (状态机长跑).

A chunk is ten histories of fifty steps of one machine from one seed. After every step its machine looks at what the
step touched; after every chunk everything in the database is looked at.
"""

import asyncio
from typing import Any

import asyncpg

import hospital_core.reactions
from hospital_core.db import connect, disconnect
from hospital_core.exchange.notifications.ports import Messenger
from hospital_core.kernel import ports
from hospital_core.kernel.secrecy import KeyRing
from tests.faults.checker import PLACES
from tests.fixtures.access import FakeMessenger, TestQrKey
from tests.fixtures.engines import Engines, drop_database, make_database, with_database
from tests.fixtures.finance import rows
from tests.fixtures.findings import FINDINGS
from tests.fixtures.keys import TEST_KEYS
from tests.properties.booking_machine import Clinics, limits_off
from tests.properties.driver import LOOP, HospitalMachine, histories
from tests.properties.money_machine import Books

MACHINES: dict[str, type[HospitalMachine]] = {"booking": Clinics, "money": Books}
HISTORIES, STEPS = 10, 50  # of a chunk
CHUNKS_OF_A_DATABASE = 40

# Only for the checker and the tests' own updates: the hospital never asks for these.
_INDEXES = """
CREATE INDEX ON journal_line (patient_id);
CREATE INDEX ON appointment (schedule_id);
CREATE INDEX ON outbox_event ((payload->>'appointment_id'));"""


class Wrong(Exception):
    """Something is not as it must be; the text says what, and how to see it again."""


def machine_of(chunk: int) -> str:
    """The machines take turns."""
    return list(MACHINES)[chunk % len(MACHINES)]


def run_chunk(name: str, seed: int, *, examples: int = HISTORIES, shrinking: bool = True) -> int:
    """Let one chunk happen; returns how many steps it had. Raises: Wrong."""
    machine = MACHINES[name]
    before = machine.steps
    try:
        with limits_off():
            histories(machine, examples=examples, steps=STEPS, seeded=seed, shrinking=shrinking)
    except Exception as error:  # whatever it is, it was not to be
        story = "\n".join(getattr(error, "__notes__", []))
        steps = machine.steps - before
        raise Wrong(
            f"{name}, seed {seed}, after {steps} steps{' with shrinking' if shrinking else ''}: "
            f'{type(error).__name__}: {error}\n{story}\nSee it again: make soak SOAK="--replay {name}:{seed}"'
        ) from error
    return machine.steps - before


async def look_at_everything() -> list[tuple[str, Any]]:
    """All findings in the whole database; what still waits is laid to rest: its machine is gone."""
    await rows("UPDATE outbox_delivery SET state = 'done' WHERE state = 'due' RETURNING id")
    found = await rows(PLACES) + await rows(f"SELECT finding, id FROM ({FINDINGS}) AS f")
    return [(row["finding"], row["id"]) for row in found]


class Hospital:
    """A database for some chunks, connected in this process; the next ones get a fresh one, so that none grows old."""

    def __init__(self, engines: Engines, loop: asyncio.AbstractEventLoop, seed: int) -> None:
        self.engines = engines
        self.loop = loop
        self.name = f"soak_{seed}"
        self._open: str | None = None
        LOOP[:] = [loop]

    def be_at(self, chunk: int) -> None:
        """Open the database of a chunk: kept from an earlier run, or made."""
        name = f"{self.name}_{chunk // CHUNKS_OF_A_DATABASE}"
        if name != self._open:
            self.loop.run_until_complete(self._switch(name))

    def be_fresh(self) -> None:
        """An empty one, for a replay and for what needs no memory."""
        name = f"{self.name}_fresh"
        self.loop.run_until_complete(drop_database(self.engines, name))
        self.loop.run_until_complete(self._switch(name))

    def close(self) -> None:
        """Let the connections go; the database stays."""
        if self._open is not None:
            self.loop.run_until_complete(disconnect())
            self._open = None

    async def _switch(self, name: str) -> None:
        if self._open is not None:
            await disconnect()
            await drop_database(self.engines, self._open)
        await _exists_or_made(self.engines, name)
        hospital_core.reactions.load()
        ports.provide(KeyRing, TEST_KEYS)
        ports.provide(TestQrKey, TestQrKey())
        ports.provide(Messenger, FakeMessenger())
        await connect(with_database(self.engines.app, name), pool_max=12, application="hospital-soak")
        await rows("DELETE FROM booking_rule WHERE scope_key = '' RETURNING id")  # of a run that was killed
        self._open = name


async def _exists_or_made(engines: Engines, name: str) -> None:
    admin = await asyncpg.connect(engines.admin)
    try:
        known = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
    finally:
        await admin.close()
    if known:
        return
    await make_database(engines, name)
    owner = await asyncpg.connect(with_database(engines.owner, name))
    try:
        await owner.execute(_INDEXES)
    finally:
        await owner.close()
