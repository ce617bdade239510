"""The engines and their supervisor, ended in every unfriendly way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from backend.embedded.postgres import EmbeddedPostgres
from backend.embedded.redis import EmbeddedRedis
from backend.supervisor import StartupRefused, Supervisor
from hospital_core.kernel.transactions import is_database_away

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="function")]

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(pids: set[int], within_s: float) -> set[int]:
    """The processes that are still there after the time."""
    deadline = time.monotonic() + within_s
    while (left := {pid for pid in pids if is_alive(pid)}) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return left


def family(pid: int) -> set[int]:
    return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}


@contextmanager
def engines_program(data_dir: Path) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, object]]]:
    ready_file = data_dir.parent / "ready.json"
    ready_file.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "tests.faults.supervised_engines", str(data_dir), str(ready_file)]
    with subprocess.Popen(argv, cwd=ROOT, start_new_session=True) as program:
        try:
            deadline = time.monotonic() + 20
            while not ready_file.exists() and program.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert ready_file.exists(), f"the program did not become ready, exit code {program.returncode}"
            yield program, json.loads(ready_file.read_text())
        finally:
            program.kill()


async def test_postgres_killed_under_supervisor_comes_back_with_its_data(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "data")
    await postgres.prepare()
    exits: list[tuple[str, int]] = []
    supervisor = Supervisor(tmp_path / "data" / "logs", on_exit=lambda name, pid: exits.append((name, pid)))
    supervisor.add(postgres.child_spec())
    await supervisor.start()
    try:
        before = postgres.urls
        assert before.pid == supervisor.pids()["postgres"]
        connection = await asyncpg.connect(before.owner)
        await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        os.kill(before.pid, signal.SIGKILL)
        await connection.close(timeout=1)

        assert await _first_answer(before.owner, "SELECT n FROM kept") == 42
        after = postgres.urls
        assert (after.owner, after.port) == (before.owner, before.port)
        assert after.pid != before.pid
        assert exits == [("postgres", before.pid)]
        assert supervisor.restarts() == {"postgres": 1}
    finally:
        await supervisor.stop()
    assert await gone({postgres.urls.pid} - {0}, 1) == set()


async def _first_answer(url: str, statement: str) -> object:
    for _ in range(200):
        try:
            connection = await asyncpg.connect(url, timeout=2)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close(timeout=1)
        except Exception as error:
            if not is_database_away(error):
                raise
            await asyncio.sleep(0.05)
    raise AssertionError("PostgreSQL did not come back within 10 s")


async def test_redis_killed_under_supervisor_comes_back_at_the_same_url(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path)
    await redis.prepare()
    supervisor = Supervisor(tmp_path / "logs")
    supervisor.add(redis.child_spec())
    await supervisor.start()
    try:
        url, pid = redis.url, supervisor.pids()["redis"]
        os.kill(pid, signal.SIGKILL)
        assert await gone({pid}, 2) == set()
        for _ in range(100):
            if await redis.is_ready():
                break
            await asyncio.sleep(0.05)
        assert redis.url == url
        async with Redis.from_url(url) as client:
            assert await client.ping()
    finally:
        await supervisor.stop()


async def test_supervisor_killed_ends_its_children_and_the_data_starts_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with engines_program(data_dir) as (program, ready):
        processes = family(program.pid)
        assert len(processes) > 3
        with pytest.raises(StartupRefused, match=rf"is in use by process {program.pid};"):
            await EmbeddedPostgres(data_dir).start()
        program.kill()
        program.wait()
        # No pause here: the next launcher must itself wait for the server that is still stopping.
        async with EmbeddedPostgres(data_dir) as urls:
            assert urls.app.split("@")[0] == str(ready["app"]).split("@")[0]
        assert await gone(processes, 5) == set()


async def test_supervisor_interrupted_leaves_no_process(tmp_path: Path) -> None:
    with engines_program(tmp_path / "data") as (program, _):
        processes = family(program.pid)
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
        assert await gone(processes, 0.5) == set()
    assert not Path((tmp_path / "data" / "postgres.socket").read_text()).exists()
