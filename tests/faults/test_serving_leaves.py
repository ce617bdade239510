"""A web worker ends with its supervisor even when the kernel's death signal is lost.

Its parent here is a plain shell, which asks the kernel for no death signal: only the worker's own watch can notice.
"""

import asyncio
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fixtures.engines import Engines
from tests.fixtures.program import ROOT, is_alive, left_of
from tests.fixtures.server import test_settings

pytestmark = pytest.mark.fault

_READY_S = 30
_LEAVES_S = 8


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
