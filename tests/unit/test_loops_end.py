"""What runs for ever ends when it is cancelled, even in the moment in which what it waits for comes.

Python 3.11's ``asyncio.wait_for`` forgets a cancellation that arrives together with its result. A loop around it then
goes on, and whoever stops it waits for it: a demo took 13 s to stop for that, and a PostgreSQL that had died while it
was asked whether it is ready was never started again. What waits here uses ``asyncio.timeout``.
"""

import ast
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from backend.http.revocation import Revocations
from kiosk_agent.devices.base import DeviceState, DeviceStatus
from kiosk_agent.link import HospitalLink
from kiosk_agent.supervisor import DeviceSupervisor

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("backend", "hospital_core", "kiosk_agent", "miniapp_api", "queue_display", "sandbox")
# How many rounds of the event loop lie between what a loop waits for and the cancellation.
_ROUNDS = range(8)
_ENDS_S = 2.0


async def _ends(loop: Callable[[], Awaitable[None]], comes: Callable[[], None], rounds: int) -> bool:
    """Whether a loop ends that is cancelled so many rounds after what it waits for has come."""
    task = asyncio.ensure_future(loop())
    await asyncio.sleep(0.02)
    comes()
    for _ in range(rounds):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=_ENDS_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return bool(done)


@pytest.mark.parametrize("rounds", _ROUNDS)
async def test_given_a_hint_in_the_moment_of_the_stop_then_the_revocations_end(rounds: int) -> None:
    revocations = Revocations()

    async def nothing_new() -> None:
        """No database here."""

    revocations.poll = nothing_new  # type: ignore[method-assign]
    assert await _ends(revocations.keep_polling, revocations.hint, rounds)


class _Device:
    """Always well."""

    kind = "test"
    card_present = False

    async def open(self) -> None:
        """Is open."""

    async def probe(self) -> DeviceStatus:
        return DeviceStatus(DeviceState.READY)

    async def close(self) -> None:
        """Was never open."""


@pytest.mark.parametrize("rounds", _ROUNDS)
async def test_given_a_look_in_the_moment_of_the_stop_then_a_kiosks_device_ends(rounds: int) -> None:
    async def hear(event: object) -> None:
        """No events."""

    supervisor = DeviceSupervisor(hear, lambda: None)
    supervisor.add("device", _Device())  # type: ignore[arg-type]
    (device,) = supervisor.devices
    assert await _ends(lambda: supervisor._keep(device), device.look_now, rounds)


class _Line:
    """A line to the hospital that is closed when told."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def recv(self) -> str:
        await self.closed.wait()
        raise ConnectionClosedOK(None, None)


@pytest.mark.parametrize("rounds", _ROUNDS)
async def test_given_a_hospital_that_goes_in_the_moment_of_the_stop_then_its_kiosk_goes_too(rounds: int) -> None:
    nobody: Any = None
    link = HospitalLink(
        "http://hospital", nobody, nobody, enrolment_code=None, ca=None, on_change=nobody, on_command=nobody
    )
    line: Any = _Line()

    async def come_back() -> None:
        """As the link does: a lost line is looked for again, for ever."""
        with suppress(ConnectionClosed):
            await link._take(line)
        await asyncio.sleep(60)

    assert await _ends(come_back, line.closed.set, rounds)


async def test_given_wait_for_in_an_endless_loop_then_it_is_seen_to_stay() -> None:
    """The control: with the guard off some moment is the wrong one. Python 3.12 mended it, and needs no guard."""
    woken = asyncio.Event()

    async def stays() -> None:
        while True:
            try:
                await asyncio.wait_for(woken.wait(), 10)
            except TimeoutError:
                continue
            woken.clear()

    ended = [await _ends(stays, woken.set, rounds) for rounds in _ROUNDS]
    swallows = "_cancel_and_wait" in asyncio.tasks.wait_for.__code__.co_names
    assert (False in ended) == swallows


def test_given_our_sources_then_nothing_waits_with_what_forgets() -> None:
    assert [place for folder in _OURS for place in _forgetful(ROOT / folder)] == []


def test_given_a_source_with_wait_for_then_it_is_found(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("async def f():\n    if x:\n        await asyncio.wait_for(y, 1)\n")
    assert list(_forgetful(tmp_path)) == ["wrong.py:3"]


def _forgetful(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        if "node_modules" in path.parts:
            continue
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.Attribute) and part.attr == "wait_for" and ast.unparse(part.value) == "asyncio":
                yield f"{path.name}:{part.lineno}"
