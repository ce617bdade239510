"""``make soak`` in small: it finds what is wrong, and goes on after kill -9."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hospital_core.access.scheduling import statements
from hospital_core.access.scheduling.service import taking
from hospital_core.exchange.notifications.ports import Messenger
from hospital_core.finance.payments.service import success
from hospital_core.kernel import ports
from tests.fixtures.access import FakeMessenger, TestQrKey
from tests.fixtures.engines import ENVIRONMENT, Engines, connected_elsewhere, drop_database
from tests.properties.driver import LOOP
from tests.soak.machines import STEPS, Wrong, look_at_everything, run_chunk

_STEPS_MAX = 2000
_START_S = 80


@pytest.fixture
async def _loop(core: Engines, engines: Engines) -> AsyncIterator[None]:
    """The machines in a database of their own: they judge all rows, and what a control breaks stays broken."""
    LOOP[:] = [asyncio.get_running_loop()]
    ports.provide(TestQrKey, TestQrKey())
    ports.provide(Messenger, FakeMessenger())
    async with connected_elsewhere(engines, core):
        yield


def wrong_within(name: str, steps: int) -> Wrong | None:
    """What chunk after chunk of a machine finds."""
    for seed in range(steps // (4 * STEPS)):
        try:
            run_chunk(name, seed, examples=4, shrinking=False)
        except Wrong as wrong:
            return wrong
    return None


@pytest.mark.usefixtures("_loop")
def test_given_sound_code_when_a_chunk_of_each_machine_has_run_then_nothing_is_found() -> None:
    for name in ("booking", "money"):
        assert run_chunk(name, 1, examples=2) > STEPS
    assert LOOP[0].run_until_complete(look_at_everything()) == []


@pytest.mark.usefixtures("_loop")
def test_given_places_that_come_back_at_once_then_the_soak_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of booking: statements that forget the secret moment."""
    hidden = re.compile(r"\(?slot\.free_from IS NULL OR slot\.free_from <= \$\d\)?")
    for name in ("FACTS", "BOOK"):
        monkeypatch.setattr(taking, name, hidden.sub("(true)", getattr(statements, name)))
    monkeypatch.setitem(taking._STATEMENTS, taking.Locking.SKIP, taking.BOOK)
    wrong = wrong_within("booking", _STEPS_MAX)
    assert wrong is not None
    assert re.search(r"booking, seed \d+, after \d+ steps", str(wrong))
    assert "--replay booking:" in str(wrong)


@pytest.mark.usefixtures("_loop")
def test_given_surplus_that_is_not_sent_back_then_the_soak_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of money: two phones pay one bill, and the second payment is kept."""

    async def keep(uow: Any, command: Any) -> None:
        """No refund."""

    monkeypatch.setattr(success, "request_refund", keep)
    wrong = wrong_within("money", _STEPS_MAX)
    assert wrong is not None
    assert "surplus kept" in str(wrong)


def started(folder: Path, engines: Path, steps: int) -> "subprocess.Popen[str]":
    """The soak as ``make`` starts it, for its machines alone."""
    options = ["--only", "machines", "--folder", str(folder), "--steps", str(steps), "--histories", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.soak", *options], env={**os.environ, ENVIRONMENT: str(engines)},
        cwd=Path(__file__).resolve().parents[2], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def told(folder: Path) -> dict[str, Any]:
    """Its progress file."""
    path = folder / "progress.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"chunk": 0}


async def test_given_a_soak_killed_with_9_when_started_again_then_it_goes_on(engines: Engines, tmp_path: Path) -> None:
    named, folder = tmp_path / "engines.json", tmp_path / "soak"
    named.write_text(json.dumps(asdict(engines)))
    first = started(folder, named, 1_000_000)
    ends = time.monotonic() + _START_S
    while told(folder)["chunk"] < 2:
        assert time.monotonic() < ends, first.poll()
        assert first.poll() is None, first.stdout and first.stdout.read()
        await asyncio.sleep(0.05)
    first.kill()
    await asyncio.to_thread(first.communicate)
    killed_at = told(folder)
    name = f"soak_{killed_at['seed']}_0"
    try:
        kept = await _people_in(engines, name)
        goal = sum(killed_at["steps"].values()) + STEPS
        second = started(folder, named, goal)
        output, _ = await asyncio.to_thread(second.communicate, timeout=_START_S)
        assert second.returncode == 0, output
        now = told(folder)
        assert (now["seed"], now["starts"]) == (killed_at["seed"], 2)
        assert now["chunk"] > killed_at["chunk"]
        assert sum(now["steps"].values()) >= goal
        assert await _people_in(engines, name) > kept > 0, "the same database"
    finally:
        await drop_database(engines, name)


async def _people_in(engines: Engines, name: str) -> int:
    connection = await asyncpg.connect(engines.owner.rpartition("/")[0] + f"/{name}")
    try:
        return int(await connection.fetchval("SELECT count(*) FROM patient"))
    finally:
        await connection.close()
