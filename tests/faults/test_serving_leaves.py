"""How a web worker leaves: with its supervisor, even when the kernel's death signal is lost, and never on a request.

Where it must notice by itself its parent is a plain shell, which asks the kernel for no death signal.
"""

import asyncio
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from tests.fixtures.engines import Engines
from tests.fixtures.program import ROOT, is_alive, left_of
from tests.fixtures.server import running_server, test_settings

pytestmark = pytest.mark.fault

_READY_S = 30
_LEAVES_S = 8
# Less than Sanic waits for a connection that is not idle.
_LEAVES_DONE_S = 4
_POOL, _AT_ONCE = 2, 6
_READING = "SELECT count(*) FROM pg_locks WHERE relation = 'tortoise_migrations'::regclass AND NOT granted"


@contextmanager
def _worker_of_a_shell(settings: Path, listener: socket.socket) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The shell and the pid of the worker below it."""
    command = shlex.join([sys.executable, "-m", "backend.serving", str(listener.fileno())])
    with settings.with_suffix(".log").open("wb") as log:
        shell = subprocess.Popen(
            ["sh", "-c", f"{command} 1>&2 & echo $!; wait"], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=log,
            env={"HOSPITAL_SETTINGS": str(settings)}, pass_fds=[listener.fileno()],
        )  # fmt: skip
    assert shell.stdout is not None
    pid = int(shell.stdout.readline())
    try:
        yield shell, pid
    finally:
        shell.kill()
        shell.wait(5)
        shell.stdout.close()
        if is_alive(pid):
            psutil.Process(pid).kill()


async def test_given_a_supervisor_killed_without_a_death_signal_then_its_worker_notices_and_leaves(
    database: Engines, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = tmp_path / "settings.json"
        settings.touch(0o600)
        settings.write_text(json.dumps(test_settings(database, tmp_path, public_origin=origin)))
        with _worker_of_a_shell(settings, listener) as (shell, worker):
            await _until_ready(origin)
            await asyncio.sleep(2.5)  # longer than it takes to look twice: it stays as long as its parent does
            assert is_alive(worker)
            shell.kill()
            shell.wait(5)
            assert await asyncio.to_thread(left_of, {worker}, _LEAVES_S) == set()


@asynccontextmanager
async def _reads_blocked(database: Engines) -> AsyncIterator[asyncpg.Connection]:
    """``/readyz`` waits for the database as long as this lasts."""
    owner = await asyncpg.connect(database.owner)
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE tortoise_migrations IN ACCESS EXCLUSIVE MODE")
            yield owner
    finally:
        await owner.close()


async def test_given_requests_in_flight_when_told_to_stop_then_each_is_answered_and_the_worker_leaves(
    database: Engines, tmp_path: Path
) -> None:
    """More of them than the pool has connections: some have yet to ask for one when the signal comes."""
    async with running_server(database, tmp_path, worker=False, pool_max=_POOL) as server:
        web = psutil.Process(server.pids["web"])
        anybody = server.party()
        await anybody.got("/healthz")  # its connection stays open, as a browser's does
        idle = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
        async with server.socket("display", auth=False) as page:
            async with _reads_blocked(database) as owner:
                asked = [asyncio.create_task(anybody.get("/readyz")) for _ in range(_AT_ONCE)]
                async with asyncio.timeout(_READY_S):
                    while await owner.fetchval(_READING) < _POOL:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(0.2)  # the others are at the pool by now
                web.terminate()
                await asyncio.sleep(0.7)
                assert not any(one.done() for one in asked)
            answers = await asyncio.gather(*asked)
            assert [answer.status_code for answer in answers] == [200] * _AT_ONCE
            assert {answer.headers["connection"] for answer in answers} == {"close"}
            assert await asyncio.to_thread(left_of, {web.pid}, _LEAVES_DONE_S) == set()
            assert await page.close_code() in (1000, 1001)
        idle[1].close()


async def _until_ready(origin: str) -> None:
    ends = time.monotonic() + _READY_S
    async with httpx.AsyncClient(base_url=origin, timeout=2, trust_env=False) as client:
        while time.monotonic() < ends:
            try:
                if (await client.get("/readyz")).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the worker did not become ready")
