"""The rush at release (放号高峰): everything on, one request a person, driven by wrk with prepared tokens."""

import asyncio
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from hospital_core.kernel.ids import new_id
from tests.bench.crowd import Caller
from tests.bench.ground import Ground
from tests.bench.load import WRK

PATH = "/api/miniapp/v1/appointments"

# Each request is sent once; a thread that has no more stops.
_LUA = """
local requests, n = {{}}, 0
for line in io.lines({path!r}) do
  local token, address, key, body = line:match("^(%S+) (%S+) (%S+) (.*)$")
  requests[#requests + 1] = wrk.format("POST", "{target}", {{
    ["Authorization"] = "Bearer " .. token, ["X-Forwarded-For"] = address, ["Idempotency-Key"] = key,
    ["Content-Type"] = "application/json"}}, body)
end
request = function()
  n = n + 1
  if n >= #requests then wrk.thread:stop() end
  return requests[n] or requests[#requests]
end
done = function(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format("%d %d %d %d %d %d\\n", summary.requests, latency:percentile(50),
                                latency:percentile(99), latency.max, errors.status,
                                errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Rush:
    """What came of a rush: rates by the database's own clock, latencies by wrk."""

    booked: int
    seconds: float
    answers: int
    refused: int
    broken: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_share: float

    @property
    def per_s(self) -> float:
        """Places sold a second."""
        return self.booked / self.seconds if self.seconds else 0.0


async def rush(
    ground: Ground, wishes: Iterable[tuple[Caller, UUID]], *, connections: int, seconds_max: int, threads: int = 1
) -> Rush:
    """Send every wish once and count in the database what was sold."""
    assert WRK is not None, "the rush is driven by wrk"
    lines = [
        f'{caller.token} {caller.address} {new_id()} {{"patient_id":"{caller.patient_id}","schedule_id":"{session}"}}\n'
        for caller, session in wishes
    ]
    database = await asyncpg.connect(ground.engines.owner)
    try:
        since: datetime = await database.fetchval("SELECT now()")
        told, cpu_s = await _wrk(ground.port, lines, connections, seconds_max, threads)
        row = await database.fetchrow(
            "SELECT count(*) AS booked, extract(epoch FROM max(created_at) - min(created_at))::float AS seconds "
            "FROM appointment WHERE created_at >= $1",
            since,
        )
    finally:
        await database.close()
    answers, p50_us, p99_us, max_us, refused, broken = told
    seconds = row["seconds"] or 0.0
    return Rush(
        row["booked"], seconds, answers, refused, broken, p50_us / 1000, p99_us / 1000, max_us / 1000,
        cpu_s / seconds if seconds else 0.0,
    )  # fmt: skip


async def _wrk(
    port: int, lines: list[str], connections: int, seconds_max: int, threads: int
) -> tuple[list[int], float]:
    with tempfile.TemporaryDirectory(prefix="hospital-wrk-") as folder:
        wishes, script = Path(folder, "wishes"), Path(folder, "wrk.lua")
        wishes.write_text("".join(lines))
        script.write_text(_LUA.format(path=str(wishes), target=PATH))
        arguments = [f"-t{threads}", f"-c{connections}", f"-d{seconds_max}s", "--timeout", "10s", "-s", str(script)]
        before = os.times()
        process = await asyncio.create_subprocess_exec(
            str(WRK), *arguments, f"http://127.0.0.1:{port}", stdout=-3, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
        after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return [int(part) for part in told.split()[-6:]], used
