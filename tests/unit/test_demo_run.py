"""The demo that runs for days: what goes wrong in one round does not end the rounds."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.demo import run as running
from backend.demo.run import Demo


async def test_given_a_server_that_is_being_started_again_then_the_next_round_writes_the_ready_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = Demo(tmp_path / "demo", 0, None, lambda *_: None, {})
    rounds: list[int] = []
    written = asyncio.Event()

    class Prepared:
        async def wait(self) -> int:
            return 0

    async def prepare(*_: Any, **__: Any) -> Prepared:
        return Prepared()

    async def write() -> dict[str, Any]:
        rounds.append(1)
        if len(rounds) == 1:
            raise httpx.ConnectError("nobody listens for a moment")
        written.set()
        return {}

    monkeypatch.setattr(running, "_REFRESH_S", 0.0)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", prepare)
    monkeypatch.setattr(demo, "_write_ready_file", write)
    refreshing = asyncio.create_task(demo._keep_refreshing(tmp_path / "settings.json"))
    try:
        async with asyncio.timeout(5):
            await asyncio.wait({refreshing, waiting := asyncio.create_task(written.wait())},
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        waiting.cancel()
        assert len(rounds) >= 2
        assert not refreshing.done()
    finally:
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)
        for one in vars(demo.sockets).values():
            one.close()
