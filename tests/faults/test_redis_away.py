"""Redis stops: screens are told within ten seconds, nothing else breaks, and everything heals by itself."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backend.embedded.redis import EmbeddedRedis
from backend.processes import free_port
from hospital_core.access.queueing.queries import topic_of
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.engines import Engines
from tests.fixtures.people import make_device
from tests.fixtures.server import Server, Socket, give_account, running_server

pytestmark = pytest.mark.fault


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """A Redis that may be stopped; it comes back on the same port."""
    engine = EmbeddedRedis(tmp_path / "redis-folder", port=free_port())
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def shaken(core: Engines, redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Server]:
    """A server on that Redis."""
    folder = tmp_path / "server"
    folder.mkdir()
    async with running_server(replace(core, redis=redis.url), folder) as server:
        yield server


async def _until_live(live: Socket, wanted: bool, within_s: float) -> float:
    started = time.monotonic()
    while (await live.heartbeat(within_s=within_s))["live"] is not wanted:
        assert time.monotonic() - started < within_s
    return time.monotonic() - started


async def test_given_redis_stops_then_screens_know_within_ten_seconds_and_heal(
    shaken: Server, redis: EmbeddedRedis
) -> None:
    clinic = await access.make_clinic()
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=-5))
    doctor = await shaken.sign_in(
        await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    )
    for _ in range(2):
        await access.make_ticket(session=session)
    screen = await shaken.device(await make_device(kind=DeviceKind.DISPLAY, location_id=clinic.area_id), "display")
    async with shaken.socket("display", screen) as live:
        first = await live.subscribe(topic_of(clinic.area_id))
        await _until_live(live, True, 10)
        await redis.stop()
        assert await _until_live(live, False, 10) < 10
        called = await doctor.did("/api/staff/v1/queue/call-next", {"room_id": str(clinic.room_id)})
        board = await screen.got("/api/display/v1/board")
        assert [t["status"] for t in board["tickets"] if t["id"] == called["ticket"]["id"]] == ["called"]
        assert (await shaken.party().get("/readyz")).is_success
        await redis.start()
        frame = await live.receive(within_s=15)
        assert (frame["type"], frame["seq"]) == ("snapshot", first["seq"] + 1)
        await _until_live(live, True, 10)
        await doctor.did(f"/api/staff/v1/tickets/{called['ticket']['id']}/recall")
        change = await live.receive(within_s=2)
        assert (change["type"], change["seq"]) == ("change", first["seq"] + 2)
