"""A load generator in a process of its own (压力发生器): raw HTTP/1.1 over asyncio streams.

``python -m tests.bench.load SPEC RESULT``. Reads are measured with wrk when it is on PATH; what must be sent exactly
once (bookings) always goes through here.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

CONNECTIONS = 32
WRK = shutil.which("wrk")

_LUA = """
local requests = {{}}
for line in io.lines({path!r}) do
  local path, token = line:match("^(%S+) ?(.*)$")
  local headers = {{}}
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  requests[#requests + 1] = wrk.format("GET", path, headers)
end
local n = 0
request = function() n = n % #requests + 1 return requests[n] end
done = function(summary, latency)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.stderr:write(string.format("%d %d %d %d %d\\n", summary.requests, summary.duration,
                                latency:percentile(50), latency:percentile(99), bad))
end
"""


@dataclass(frozen=True)
class Load:
    """What a generator saw. ``cpu_share`` is its own use of one core while it ran."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bad: int
    cpu_share: float
    statuses: dict[str, int]

    @property
    def per_s(self) -> float:
        """Good answers a second."""
        return (self.answers - self.bad) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Get:
    """A read, with the bearer token it needs."""

    path: str
    token: str = ""


async def reads(port: int, gets: list[Get], seconds: float) -> Load:
    """Repeat the reads in turn for a while, from another process."""
    if WRK is not None:
        return await _wrk(port, gets, seconds)
    requests = [_request("GET", get.path, port, get.token) for get in gets]
    return await _generate(port, requests, seconds)


def _request(method: str, path: str, port: int, token: str, key: str = "", body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body])


async def _wrk(port: int, gets: list[Get], seconds: float) -> Load:
    with tempfile.TemporaryDirectory(prefix="hospital-wrk-") as folder:
        paths, script = Path(folder, "paths"), Path(folder, "wrk.lua")
        paths.write_text("".join(f"{get.path} {get.token}\n" for get in gets))
        script.write_text(_LUA.format(path=str(paths)))
        arguments = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
        before = os.times()
        process = await asyncio.create_subprocess_exec(
            str(WRK), *arguments, f"http://127.0.0.1:{port}", stdout=-3, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
        after = os.times()
    answers, duration_us, p50_us, p99_us, bad = (int(part) for part in told.split()[-5:])
    used = after.children_user + after.children_system - before.children_user - before.children_system
    elapsed = duration_us / 1e6
    return Load(answers, elapsed, p50_us / 1000, p99_us / 1000, bad, used / elapsed, {})


async def _generate(port: int, requests: list[str], seconds: float | None, connections: int = CONNECTIONS) -> Load:
    with tempfile.TemporaryDirectory(prefix="hospital-load-") as folder:
        spec, result = Path(folder, "spec"), Path(folder, "result")
        spec.write_text(
            json.dumps({"port": port, "requests": requests, "seconds": seconds, "connections": connections})
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.load", str(spec), str(result))
        if await process.wait() != 0:
            raise RuntimeError("the load generator failed")
        return Load(**json.loads(result.read_text()))


# -- inside the generator's process


class _Run:
    """All connections take the next request from one place."""

    def __init__(self, port: int, requests: list[str], seconds: float | None) -> None:
        self.port = port
        self.requests = [request.encode() for request in requests]
        self.seconds = seconds
        self.sent = 0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.ends = 0.0

    def next(self) -> bytes | None:
        """The next request, None when it is enough."""
        if self.seconds is None:
            if self.sent >= len(self.requests):
                return None
        elif time.perf_counter() >= self.ends:
            return None
        self.sent += 1
        return self.requests[(self.sent - 1) % len(self.requests)]

    async def connection(self) -> None:
        """One connection, one request at a time."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while (request := self.next()) is not None:
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            self.latencies.append(time.perf_counter() - started)
            self.statuses[int(head[9:12])] += 1
        writer.close()

    async def all(self, connections: int) -> Load:
        """Run every connection to its end."""
        started, before = time.perf_counter(), time.process_time()
        self.ends = started + (self.seconds or 0)
        await asyncio.gather(*(self.connection() for _ in range(connections)))
        elapsed = time.perf_counter() - started
        cuts = quantiles(self.latencies, n=100, method="inclusive")
        bad = sum(count for status, count in self.statuses.items() if status >= 300)
        return Load(
            len(self.latencies), elapsed, cuts[49] * 1000, cuts[98] * 1000, bad,
            (time.process_time() - before) / elapsed, {str(status): n for status, n in self.statuses.items()},
        )  # fmt: skip


async def _main(spec: Path, result: Path) -> None:
    asked = json.loads(spec.read_text())
    load = await _Run(asked["port"], asked["requests"], asked["seconds"]).all(asked["connections"])
    result.write_text(json.dumps(asdict(load)))


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(Path(sys.argv[1]), Path(sys.argv[2])))
