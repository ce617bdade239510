"""Live screens over real sockets: signing in, snapshot and numbered changes, gaps, hints, losing one's credentials."""

import asyncio
import contextlib
import json
import time
from datetime import timedelta
from uuid import UUID

import pytest
import websockets

from hospital_core.access.queueing.queries import topic_of
from hospital_core.access.queueing.views import BoardTicket, replay
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.service import sign_out
from hospital_core.registry.devices.commands import RevokeDevice
from hospital_core.registry.devices.service import revoke_device
from hospital_core.registry.devices.states import DeviceKind, DeviceOrder
from hospital_core.registry.staff.commands import DisableAccount
from hospital_core.registry.staff.service import disable_account
from hospital_core.registry.staff.states import StaffRole
from kiosk_agent.protocol import DeviceCommand, device_topic
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.people import MadeDevice, account_ctx, make_account, make_device, make_staff, register, somebody
from tests.fixtures.server import Party, Server, Socket, give_account

GROUP = "server"

STAFF = "/api/staff/v1"


async def _clinic(server: Server, patients: int = 0) -> tuple[access.Clinic, Party]:
    """A clinic at work with its doctor signed in and some patients waiting."""
    clinic = await access.make_clinic()
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=-5), places=20)
    doctor = await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    for _ in range(patients):
        await access.make_ticket(session=session)
    return clinic, await server.sign_in(doctor)


async def _walk_in(server: Server, clinic: access.Clinic, *, patients: int) -> None:
    """Patients register at the window and wait."""
    window = await server.role(StaffRole.REGISTRAR)
    schedule_id = await value("SELECT id FROM schedule WHERE room_id = $1", clinic.room_id)
    for _ in range(patients):
        patient_id = await register(person=somebody(name="王小明"))
        body = {"patient_id": str(patient_id), "schedule_id": str(schedule_id), "tendered_fen": 5000}
        assert (await window.did(f"{STAFF}/walk-ins", body))["change_fen"] == 2500


async def _screen(server: Server, area_id: UUID) -> tuple[MadeDevice, Party]:
    device = await make_device(kind=DeviceKind.DISPLAY, location_id=area_id)
    return device, await server.device(device, "display")


# -- signing in


@pytest.mark.parametrize("audience", ["phone", "staff", "kiosk", "display"])
async def test_given_no_first_frame_then_closed_after_three_seconds(server: Server, audience: str) -> None:
    started = time.monotonic()
    async with server.socket(audience, auth=False) as live:
        assert await live.close_code() == 4408
    assert 2.5 < time.monotonic() - started < 6


@pytest.mark.parametrize("audience", ["phone", "staff", "kiosk", "display"])
@pytest.mark.parametrize("frame", ['{"type":"auth","token":"a.b.c"}', '{"type":"auth"}', '{"type":"ping"}', "x", "[]"])
async def test_given_a_wrong_first_frame_then_unauthenticated(server: Server, audience: str, frame: str) -> None:
    async with server.socket(audience, auth=False) as live:
        await live.connection.send(frame)
        assert await live.close_code() == 4401


async def test_given_a_token_of_another_audience_then_unauthenticated(server: Server) -> None:
    token = await server.device_token(await make_device())
    async with server.socket("display", auth=False) as live:
        await live.send(type="auth", token=token)
        assert await live.close_code() == 4401


async def test_given_a_foreign_origin_then_the_cookie_opens_nothing(server: Server) -> None:
    doctor = await server.role(StaffRole.DOCTOR)
    headers = {"Cookie": f"hospital={doctor.http.cookies['hospital']}", "Origin": "https://evil.example"}
    url = server.origin.replace("http", "ws", 1) + "/ws/staff"
    async with websockets.connect(url, additional_headers=headers, proxy=None) as connection:
        live = Socket(connection)
        with contextlib.suppress(websockets.ConnectionClosed):
            await live.send(type="auth", token=None)
        assert await live.close_code() == 4401


async def test_given_a_cookie_then_staff_are_signed_in_without_a_token(server: Server) -> None:
    async with server.socket("staff", await server.role(StaffRole.NURSE)) as live:
        await live.send(type="subscribe", topic="nothing:at-all")
        assert (await live.receive())["code"] == "kernel.not_found"


async def test_given_a_frame_nobody_knows_then_an_error_and_the_socket_lives(server: Server) -> None:
    async with server.socket("staff", await server.role(StaffRole.NURSE)) as live:
        await live.connection.send('{"type":"shutdown"}')
        assert (await live.receive())["code"] == "http.malformed"
        assert (await live.heartbeat())["live"] is True


# -- who may listen


async def test_a_screen_hears_its_own_area_and_no_other(server: Server) -> None:
    clinic, _ = await _clinic(server)
    elsewhere, _ = await _clinic(server)
    _, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        assert (await live.subscribe(topic_of(clinic.area_id)))["type"] == "snapshot"
        assert (await live.subscribe(topic_of(elsewhere.area_id)))["type"] == "error"


@pytest.mark.parametrize(
    ("role", "answer"),
    [(StaffRole.NURSE, "snapshot"), (StaffRole.AUDIT_ADMIN, "error"), (StaffRole.PHARMACIST, "error")],
)
async def test_staff_hear_queues_only_if_they_work_with_them(server: Server, role: StaffRole, answer: str) -> None:
    clinic, _ = await _clinic(server)
    async with server.socket("staff", await server.role(role)) as live:
        assert (await live.subscribe(topic_of(clinic.area_id)))["type"] == answer


async def test_given_an_area_that_does_not_exist_then_an_error(server: Server) -> None:
    async with server.socket("staff", await server.role(StaffRole.NURSE)) as live:
        assert (await live.subscribe(topic_of(new_id())))["type"] == "error"


async def test_a_phone_only_learns_that_something_changed(server: Server) -> None:
    clinic, doctor = await _clinic(server, patients=1)
    async with server.socket("phone", server.phone(await make_account())) as live:
        assert (await live.subscribe(topic_of(clinic.area_id)))["type"] == "error"
        first = await live.subscribe(topic_of(clinic.area_id), "hint")
        assert first["type"] == "hint"
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        hint = await live.receive()
        assert hint == {
            "type": "hint",
            "topic": topic_of(clinic.area_id),
            "epoch": hint["epoch"],
            "seq": first["seq"] + 1,
        }


async def test_a_kiosk_hears_itself_and_no_other_device(server: Server) -> None:
    mine, other = await make_device(), await make_device()
    async with server.socket("kiosk", await server.device(mine)) as live:
        snapshot = await live.subscribe(f"device:{mine.view.id}")
        assert snapshot["data"]["id"] == str(mine.view.id)
        assert (await live.subscribe(f"device:{other.view.id}"))["type"] == "error"


async def test_given_an_order_of_the_administrator_then_the_kiosk_hears_it(server: Server) -> None:
    kiosk, administrator = await make_device(), await server.role(StaffRole.SYSTEM_ADMIN)
    async with server.socket("kiosk", await server.device(kiosk)) as live:
        await live.subscribe(device_topic(kiosk.view.id))
        await administrator.did(f"{STAFF}/devices/{kiosk.view.id}/tell", {"command": "identify"})
        assert (await live.receive())["data"] == {"command": DeviceCommand.IDENTIFY}
    assert {order.value for order in DeviceOrder} == {command.value for command in DeviceCommand}


# -- snapshot and changes


async def test_given_a_snapshot_then_changes_follow_by_number_and_add_up_to_a_fresh_board(server: Server) -> None:
    clinic, doctor = await _clinic(server)
    await _walk_in(server, clinic, patients=3)
    _, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        snapshot = await live.subscribe(topic_of(clinic.area_id))
        board = [BoardTicket(**ticket) for ticket in snapshot["data"]["tickets"]]
        assert [ticket.status for ticket in board] == ["waiting"] * 3
        changes = []
        called = await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        ticket = f"{STAFF}/tickets/{called['ticket']['id']}"
        for step in ("recall", "pass", "return"):
            await doctor.did(f"{ticket}/{step}")
        called = await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        for step in ("start", "finish"):
            await doctor.did(f"{STAFF}/tickets/{called['ticket']['id']}/{step}")
        for number in range(1, 8):
            change = await live.receive()
            assert (change["type"], change["epoch"], change["seq"]) == (
                "change", change["epoch"], snapshot["seq"] + number
            )  # fmt: skip
            changes.append(BoardTicket(**change["data"]["ticket"]))
        fresh = (await screen.got("/api/display/v1/board"))["tickets"]
        assert [one.model_dump(mode="json") for one in replay(board, changes)] == fresh
        assert all("小明" not in json.dumps(frame.model_dump(mode="json"), ensure_ascii=False) for frame in changes)


async def test_given_a_call_then_the_screen_has_it_within_a_second(server: Server) -> None:
    clinic, doctor = await _clinic(server, patients=1)
    _, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        await live.subscribe(topic_of(clinic.area_id))
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        change = await live.receive(within_s=1.0)
        assert change["data"]["ticket"]["status"] == "called"


async def test_given_a_resync_then_a_fresh_snapshot(server: Server) -> None:
    clinic, doctor = await _clinic(server, patients=1)
    _, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        first = await live.subscribe(topic_of(clinic.area_id))
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        assert (await live.receive())["type"] == "change"
        await live.send(type="resync", topic=topic_of(clinic.area_id))
        again = await live.receive()
        assert (again["type"], again["seq"]) == ("snapshot", first["seq"] + 1)
        assert again["data"]["tickets"][0]["status"] == "called"


async def test_given_a_lost_change_then_the_next_one_brings_a_snapshot(server: Server) -> None:
    """The change between is committed without its hint, as if Redis had dropped it."""
    clinic, doctor = await _clinic(server, patients=1)
    _, screen = await _screen(server, clinic.area_id)
    topic = topic_of(clinic.area_id)
    async with server.socket("display", screen) as live:
        first = await live.subscribe(topic)
        await rows("UPDATE live_topic SET seq = seq + 1 WHERE topic = $1 RETURNING seq", topic)
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        frame = await live.receive()
        assert (frame["type"], frame["seq"]) == ("snapshot", first["seq"] + 2)


async def test_given_a_new_epoch_then_a_snapshot(server: Server) -> None:
    clinic, doctor = await _clinic(server, patients=1)
    _, screen = await _screen(server, clinic.area_id)
    topic = topic_of(clinic.area_id)
    async with server.socket("display", screen) as live:
        first = await live.subscribe(topic)
        await rows("UPDATE live_topic SET epoch = $2 WHERE topic = $1 RETURNING seq", topic, new_id())
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        frame = await live.receive()
        assert frame["type"] == "snapshot"
        assert frame["epoch"] != first["epoch"]


async def test_given_an_unsubscribe_then_silence(server: Server) -> None:
    clinic, doctor = await _clinic(server, patients=1)
    _, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        await live.subscribe(topic_of(clinic.area_id))
        await live.send(type="unsubscribe", topic=topic_of(clinic.area_id))
        await live.heartbeat()
        await doctor.did(f"{STAFF}/queue/call-next", {"room_id": str(clinic.room_id)})
        with pytest.raises(TimeoutError):
            await live.receive(within_s=1.0)


# -- losing one's credentials


async def test_given_a_revoked_device_then_its_socket_closes_within_two_seconds_and_http_within_one(
    server: Server,
) -> None:
    clinic, _ = await _clinic(server)
    device, screen = await _screen(server, clinic.area_id)
    async with server.socket("display", screen) as live:
        await live.subscribe(topic_of(clinic.area_id))
        await run(system_context(), revoke_device, RevokeDevice(device_id=device.view.id))
        await _refused_within_a_second(screen, "/api/display/v1/device")
        assert await live.close_code(within_s=2.0) == 4401


async def test_given_a_phone_signed_out_then_its_socket_and_token_are_worthless(server: Server) -> None:
    account = await make_account()
    phone = server.phone(account)
    async with server.socket("phone", phone) as live:
        await run(account_ctx(account), sign_out, Empty())
        await _refused_within_a_second(phone, "/api/miniapp/v1/patients")
        assert await live.close_code(within_s=2.0) == 4401


async def test_given_a_disabled_account_then_socket_and_cookie_are_worthless(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.NURSE])
    nurse = await server.sign_in(staff)
    async with server.socket("staff", nurse) as live:
        await run(system_context(), disable_account, DisableAccount(staff_id=staff.staff_id))
        await _refused_within_a_second(nurse, f"{STAFF}/my/rooms")
        assert await live.close_code(within_s=2.0) == 4401


async def _refused_within_a_second(party: Party, path: str) -> None:
    deadline = time.monotonic() + 1.0
    while (await party.get(path)).status_code != 401:
        assert time.monotonic() < deadline, "still let in"
        await asyncio.sleep(0.05)


# -- bad listeners


async def test_given_too_many_frames_then_closed(server: Server) -> None:
    async with server.socket("staff", await server.role(StaffRole.NURSE)) as live:
        for _ in range(150):
            await live.send(type="ping")
        assert await live.close_code() == 1008


async def test_given_a_client_that_does_not_read_then_it_alone_is_dropped(server: Server) -> None:
    clinic, _ = await _clinic(server)
    _, screen = await _screen(server, clinic.area_id)
    topic = topic_of(clinic.area_id)
    dropped = await _metric(server, "hospital_live_slow_clients_total")
    async with server.socket("display", screen) as good, server.socket("display", screen) as deaf:
        await good.subscribe(topic)
        await deaf.subscribe(topic)
        deaf.connection.transport.pause_reading()
        big = {"ticket": {"filler": "x" * 60_000}}

        async def shout(uow: UnitOfWork, _: Empty) -> Done:
            for _ in range(20):
                uow.tell_live(topic, big)
            return Done()

        reading = asyncio.create_task(_count(good, 260))
        for _ in range(13):
            await run(system_context(), shout, Empty())
        assert await asyncio.wait_for(reading, 60) == 260
        deadline = time.monotonic() + 20
        while await _metric(server, "hospital_live_slow_clients_total") == dropped:
            assert time.monotonic() < deadline, "the deaf client was kept"
            await asyncio.sleep(0.2)
        assert (await good.heartbeat())["live"] is True
    assert await value("SELECT seq FROM live_topic WHERE topic = $1", topic) >= 260


async def _count(live: Socket, expected: int) -> int:
    found = 0
    while found < expected:
        await live.receive(within_s=30)
        found += 1
    return found


async def _metric(server: Server, name: str) -> float:
    text = (await server.party().get("/metrics")).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))
