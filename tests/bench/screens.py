"""Five hundred screens (候诊屏): from the answer to "call next" until the last screen has it.

``python -m tests.bench.screens SPEC``: one process full of screens; prints when each learned of each call. The clock is
CLOCK_MONOTONIC, the same in every process of a machine.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
from websockets.asyncio.client import connect

from hospital_core.kernel.ids import new_id
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.states import StaffRole
from tests.bench.ground import Ground
from tests.fixtures.access import Clinic, make_clinic, make_session, make_ticket
from tests.fixtures.people import make_device
from tests.fixtures.server import give_account, tokens

SCREENS = 500
PROCESSES = 2
DEVICES = 10


@dataclass
class Shown:
    """Milliseconds from the HTTP answer: of every screen, and of the last one of each call."""

    screens: int
    calls: int
    every_ms: list[float] = field(default_factory=list)
    last_ms: list[float] = field(default_factory=list)
    missing: int = 0
    bytes_each: float = 0.0
    rss_before: float = 0.0
    rss_after: float = 0.0


async def measure_screens(ground: Ground, calls: int, screens: int = SCREENS) -> Shown:
    """Open the screens in their own processes, then let a doctor call."""
    clinic = await make_clinic(fee="0.00")  # booked at once, without paying
    session = await make_session(clinic=clinic, places=calls, starts_in=timedelta(minutes=5), hours=1)
    for _ in range(calls):
        await make_ticket(session=session)
    devices = [await make_device(kind=DeviceKind.DISPLAY, location_id=clinic.area_id) for _ in range(DEVICES)]
    known = [
        tokens().issue(sub=device.view.id, sid=new_id(), audience="display", lifetime_s=7200) for device in devices
    ]
    shown = Shown(screens, calls)
    shown.rss_before = _rss(ground)
    with tempfile.TemporaryDirectory(prefix="hospital-screens-") as folder:
        async with AsyncExitStack() as stack:
            crowds = [
                await stack.enter_async_context(
                    _Crowd(Path(folder, f"{n}.json"), ground.port, clinic.area_id, known, screens // PROCESSES)
                )
                for n in range(PROCESSES)
            ]
            shown.rss_after = _rss(ground)
            answered = await _call_all(ground, clinic, calls)
            await asyncio.sleep(1.0)
            arrivals = [arrival for crowd in crowds for arrival in await crowd.arrivals()]
    _judge(shown, answered, arrivals)
    shown.bytes_each = (shown.rss_after - shown.rss_before) / screens
    return shown


def _rss(ground: Ground) -> float:
    return float(sum(psutil.Process(pid).memory_info().rss for pid in ground.web_pids()))


async def _call_all(ground: Ground, clinic: Clinic, calls: int) -> dict[str, float]:
    """Ticket → when the doctor's call was answered."""
    answered: dict[str, float] = {}
    doctor = await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ground.port}", trust_env=False, timeout=20) as http:
        answer = await http.post("/api/staff/v1/sessions", json={"login": doctor.login, "password": doctor.password})
        csrf = answer.raise_for_status().json()["csrf_token"]

        async def post(path: str, **body: Any) -> Any:
            headers = {"X-CSRF-Token": csrf, "Idempotency-Key": str(new_id())}
            return (await http.post(f"/api/staff/v1{path}", json=body, headers=headers)).raise_for_status().json()

        for _ in range(calls):
            ticket = (await post("/queue/call-next", room_id=str(clinic.room_id)))["ticket"]
            answered[ticket["id"]] = time.monotonic()
            await asyncio.sleep(0.3)
            await post(f"/tickets/{ticket['id']}/start")
            await post(f"/tickets/{ticket['id']}/finish")
            await asyncio.sleep(0.2)
    return answered


def _judge(shown: Shown, answered: dict[str, float], arrivals: list[dict[str, float]]) -> None:
    for ticket, at in answered.items():
        late = [max(0.0, (seen[ticket] - at) * 1000) for seen in arrivals if ticket in seen]
        shown.missing += shown.screens - len(late)
        shown.every_ms += late
        shown.last_ms.append(max(late, default=float("inf")))


class _Crowd:
    """A process of screens: ready when all have their snapshot, asked for its arrivals at the end."""

    def __init__(self, spec: Path, port: int, area: UUID, known: list[str], screens: int) -> None:
        spec.touch(0o600)
        spec.write_text(json.dumps({"port": port, "topic": f"queue-area:{area}", "tokens": known, "screens": screens}))
        self._spec = spec

    async def __aenter__(self) -> "_Crowd":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.screens", str(self._spec),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=64 * 1024 * 1024,
        )  # fmt: skip
        assert self._process.stdout is not None
        if (await asyncio.wait_for(self._process.stdout.readline(), 120)).strip() != b"ready":
            raise RuntimeError("the screens did not all connect")
        return self

    async def arrivals(self) -> list[dict[str, float]]:
        """Of each screen: ticket → when it was shown as called."""
        told, _ = await self._process.communicate(b"\n")
        seen: list[dict[str, float]] = json.loads(told)
        return seen

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


# -- inside a process of screens


async def _screen(port: int, topic: str, token: str, ready: asyncio.Semaphore, seen: dict[str, float]) -> None:
    async with connect(f"ws://127.0.0.1:{port}/ws/display", proxy=None, compression=None, open_timeout=60) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await socket.send(json.dumps({"type": "subscribe", "topic": topic, "mode": "data"}))
        async for text in socket:
            at = time.monotonic()
            frame = json.loads(text)
            if frame["type"] == "snapshot":
                ready.release()
            elif frame["type"] == "change" and frame["data"]["ticket"]["status"] == "called":
                seen.setdefault(frame["data"]["ticket"]["id"], at)


async def _main(spec: Path) -> None:
    asked = json.loads(spec.read_text())
    ready = asyncio.Semaphore(0)
    seen: list[dict[str, float]] = [{} for _ in range(asked["screens"])]
    tasks = []
    for number, its in enumerate(seen):
        token = asked["tokens"][number % len(asked["tokens"])]
        tasks.append(asyncio.create_task(_screen(asked["port"], asked["topic"], token, ready, its)))
        await ready.acquire() if number % 10 == 9 else await asyncio.sleep(0)
    for _ in range(asked["screens"] - asked["screens"] // 10):
        await ready.acquire()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    import uvloop

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    uvloop.run(_main(Path(sys.argv[1])))
