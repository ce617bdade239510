"""What is measured (度量对象): durable engines, a small hospital, the real server beside a bare one."""

import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from asyncpg import Record

import hospital_core.reactions
from backend.embedded.postgres import EmbeddedPostgres, PostgresUrls, postgres_programs
from backend.embedded.redis import EmbeddedRedis
from backend.processes import ChildSpec
from backend.supervisor import Supervisor, bind_listen_socket
from hospital_core.access.queueing.queries import with_ticket
from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.db import connect, disconnect
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.migrating import migrate
from sandbox.wechat import make_config
from tests.fixtures.access import Clinic, Person, book, make_clinic, make_person, make_session
from tests.fixtures.engines import Engines
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.server import test_settings, tokens

WORKERS = 2
POOL_MAX = 8
PERSONS = 300
READ_PERSONS = 64


@dataclass
class Ground:
    """Everything running."""

    folder: Path
    engines: PostgresUrls
    port: int
    bare_port: int
    supervisor: Supervisor
    clinic: Clinic
    persons: list[Person]
    booked: list[tuple[Person, AppointmentView]]
    tokens: dict[UUID, str] = field(default_factory=dict)

    def token(self, person: Person) -> str:
        """The access token of a person's phone."""
        if person.account_id not in self.tokens:
            self.tokens[person.account_id] = tokens().issue(
                sub=person.account_id, sid=new_id(), audience="miniapp", lifetime_s=7200
            )
        return self.tokens[person.account_id]

    def web_pids(self) -> list[int]:
        """The two processes that serve."""
        return [pid for name, pid in self.supervisor.pids().items() if name.startswith("web")]


@asynccontextmanager
async def running_ground(folder: Path, *, rate_scale: float = 1e6) -> AsyncIterator[Ground]:
    """Start everything, stop everything. ``rate_scale`` 1 leaves the request limits as in production."""
    async with EmbeddedPostgres(folder) as urls, EmbeddedRedis(folder) as redis:
        await migrate(urls.owner)
        hospital_core.reactions.load()
        ports.provide(KeyRing, TEST_KEYS)
        await connect(urls.app, pool_max=8, application="hospital-bench")
        try:
            ground = await _seeded(folder, urls)
            # Like pgbench, by the Unix socket.
            nearby = f"?host={urls.socket_dir}&port={urls.port}"
            engines = Engines(urls.admin, urls.owner, urls.app + nearby, urls.sealer + nearby, redis.url)
            await _start(ground, engines, rate_scale)
            try:
                yield ground
            finally:
                await ground.supervisor.stop()
        finally:
            await disconnect()


async def _seeded(folder: Path, urls: PostgresUrls) -> Ground:
    clinic = await make_clinic()
    persons = [await make_person() for _ in range(PERSONS)]
    session = await make_session(clinic=clinic, places=READ_PERSONS)
    booked = [(person, await book(person=person, session=session)) for person in persons[:READ_PERSONS]]
    return Ground(folder, urls, 0, 0, Supervisor(folder / "logs"), clinic, persons, booked)


class _Recorder(Reading):
    """Remembers the statements of a read, so that the limit runs the very same ones."""

    def __init__(self, ctx: Any) -> None:
        super().__init__(ctx)
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Record]:
        self.statements.append((sql, arguments))
        return await super().fetch(sql, *arguments)

    async def fetch_row(self, sql: str, *arguments: Any) -> Record | None:
        self.statements.append((sql, arguments))
        return await super().fetch_row(sql, *arguments)

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        self.statements.append((sql, arguments))
        return await super().fetch_value(sql, *arguments)


async def statements_of_read(
    person: Person, appointment_id: UUID
) -> tuple[list[tuple[str, list[str]]], dict[str, Any]]:
    """What ``GET /api/miniapp/v1/appointments/{id}`` asks the database, with its arguments by name; and its answer."""
    reading = _Recorder(person.phone)
    view = await with_ticket(reading, await appointment(reading, appointment_id))
    names = {appointment_id: "appointment", person.account_id: "account", person.patient_id: "patient"}

    def name(value: Any) -> str:
        return "*" + names[value[0]] if isinstance(value, list) else names[value]

    return [(sql, [name(value) for value in values]) for sql, values in reading.statements], view.model_dump(
        mode="json"
    )


async def _start(ground: Ground, engines: Engines, rate_scale: float) -> None:
    folder = ground.folder
    web, bare = bind_listen_socket("127.0.0.1", 0), bind_listen_socket("127.0.0.1", 0)
    ground.port, ground.bare_port = web.getsockname()[1], bare.getsockname()[1]
    settings, limit = folder / "settings.json", folder / "bare.json"
    nowhere = "http://127.0.0.1:9"  # nothing measured here speaks to WeChat
    told = test_settings(
        engines, folder, workers=WORKERS, pool_max=POOL_MAX, rate_scale=rate_scale,
        trusted_proxies=["127.0.0.1/32"],
        wechat=wechat_settings(make_config(folder / "wechat"), nowhere, notify_origin=nowhere).model_dump(mode="json"),
        public_origin=f"http://127.0.0.1:{ground.port}",
    )  # fmt: skip
    person, held = ground.booked[0]
    statements, answer = await statements_of_read(person, held.id)
    settings.touch(0o600)
    settings.write_text(json.dumps(told))
    limit.touch(0o600)
    limit.write_text(
        json.dumps({"url": engines.app, "pool_max": POOL_MAX, "statements": statements, "answer": answer,
                    "json": '{"appid":"wx","login_url":null,"pay_url":null,"templates":{}}'})
    )  # fmt: skip
    metrics = folder / "metrics"
    metrics.mkdir()
    environment = {**os.environ, "HOSPITAL_SETTINGS": str(settings), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}

    def python(name: str, *arguments: str, sock: socket.socket | None = None, path: str = "") -> ChildSpec:
        fds = (sock.fileno(),) if sock else ()
        ready = _answers(sock.getsockname()[1], path) if sock else None
        return ChildSpec(name, [sys.executable, "-m", *arguments], env=environment, pass_fds=fds, ready=ready)

    for n in range(1, WORKERS + 1):
        ground.supervisor.add(python(f"web{n}", "backend.serving", str(web.fileno()), sock=web, path="/readyz"))
        ground.supervisor.add(
            python(f"bare{n}", "tests.bench.bare", str(bare.fileno()), str(limit), sock=bare, path="/json")
        )
    ground.supervisor.add(python("worker", "backend.worker"))
    await ground.supervisor.start()


def _answers(port: int, path: str) -> Any:
    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{port}{path}")).is_success
        except httpx.HTTPError:
            return False

    return answers


def pgbench() -> Path | None:
    """PostgreSQL's own load program, beside the embedded server or nowhere."""
    path = postgres_programs() / "pgbench"
    return path if path.exists() else None
