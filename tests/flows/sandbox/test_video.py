"""The video room's simulator over real sockets: it lets in who holds our key, and nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from backend.checks import Level, check_video
from backend.video import JitsiRooms
from hospital_core.access.queueing.ports import VideoSeat
from hospital_core.kernel.ids import new_id
from tests.fixtures.online import key_of, seat_of, start_rooms, stop_rooms, video_settings

VISIT = UUID("0196f000-0000-7000-8000-000000000001")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process, address = start_rooms()
    yield address
    stop_rooms(process)


def seat(**changes: Any) -> VideoSeat:
    usual = {"visit_id": VISIT, "holder_id": new_id(), "name": "张*丰", "moderator": False}
    return VideoSeat(**{**usual, "valid_for": timedelta(minutes=5), **changes})


def way_in(address: str, *, app_id: str = "testhospital", **changes: Any) -> str:
    return JitsiRooms(video_settings(address, app_id=app_id)).address_of(seat(**changes))


async def status_of(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as anybody:
        return (await anybody.get(url)).status_code


async def sit(url: str, *, token: str | None = None) -> ClientConnection:
    parts = urlsplit(url)
    socket = await connect(f"ws://{parts.netloc}/_live", origin=f"http://{parts.netloc}", proxy=None)  # type: ignore[arg-type]
    await socket.send(json.dumps({"room": parts.path[1:], "token": token or key_of(url)}))
    return socket


async def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    for _ in range(10):
        message = json.loads(await socket.recv())
        if message["type"] == kind:
            return dict(message)
    raise AssertionError(f"no {kind}")


async def test_given_our_key_then_the_room_opens_under_a_strict_policy_and_names_nobody(address: str) -> None:
    url = way_in(address)
    async with httpx.AsyncClient(trust_env=False) as anybody:
        page = await anybody.get(url)
    assert (page.status_code, "视频诊室" in page.text, "张" in page.text) == (200, True, False)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")


def test_given_a_visit_then_its_room_is_always_the_same_and_of_no_other_visit_or_hospital() -> None:
    ours = JitsiRooms(video_settings())
    theirs = JitsiRooms(video_settings(secret="f" * 32))
    rooms = {ours.room_of(VISIT), ours.room_of(VISIT), ours.room_of(new_id()), theirs.room_of(VISIT)}
    assert len(rooms) == 3
    assert all(room == room.lower() and len(room) == 32 for room in rooms)
    assert seat_of(ours.address_of(seat())).room == ours.room_of(VISIT)


async def test_given_another_room_time_account_or_secret_then_nobody_comes_in(address: str) -> None:
    url = way_in(address)
    other = JitsiRooms(video_settings(address)).room_of(new_id())
    head, payload, signature = key_of(url).split(".")
    nothing = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    forged = [f"{nothing}.{payload}.", f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}.", "x", ""]
    wrong = [
        url.replace(urlsplit(url).path[1:], other),
        way_in(address, valid_for=timedelta(seconds=-1)),
        way_in(address, app_id="another"),
        JitsiRooms(video_settings(address, secret="f" * 32)).address_of(seat()),
        JitsiRooms(video_settings(address, audience="another")).address_of(seat()),
        *(f"{url.split('?')[0]}?jwt={token}" for token in forged),
        url.split("?")[0],
    ]
    assert [await status_of(one) for one in wrong] == [403] * len(wrong)
    for one in forged[:3]:
        socket = await sit(url, token=one)
        assert "words" in await heard(socket, "refused")
        await socket.close()


async def test_given_both_then_each_sees_the_other_and_what_is_written_and_the_doctor_ends_it(address: str) -> None:
    visit = new_id()
    patient = await sit(way_in(address, visit_id=visit))
    assert (await heard(patient, "welcome"))["side"] == "patient"
    assert [one["present"] for one in (await heard(patient, "seats"))["seats"]] == [False, True]
    await patient.send(json.dumps({"type": "say", "words": "医生您好"}))
    assert (await heard(patient, "said"))["entry"]["words"] == "医生您好"

    doctor = await sit(way_in(address, visit_id=visit, name="王建国医生", moderator=True))
    welcome = await heard(doctor, "welcome")
    assert (welcome["side"], [(one["name"], one["words"]) for one in welcome["said"]]) == (
        "doctor",
        [("张*丰", "医生您好")],
    )
    seats = (await heard(patient, "seats"))["seats"]
    assert [(one["name"], one["present"]) for one in seats] == [("王建国医生", True), ("张*丰", True)]

    await patient.send(json.dumps({"type": "end"}))
    await patient.send("not json")
    await doctor.send(json.dumps({"type": "say", "words": "x" * 600}))
    assert len((await heard(patient, "said"))["entry"]["words"]) == 500, (
        "a patient ends nothing, rubbish is passed over"
    )
    await doctor.send(json.dumps({"type": "end"}))
    await heard(patient, "ended")
    await doctor.wait_closed()


async def test_given_a_page_of_another_origin_then_its_socket_is_closed(address: str) -> None:
    netloc = urlsplit(address).netloc
    async with connect(f"ws://{netloc}/_live", origin="http://elsewhere.example", proxy=None) as socket:  # type: ignore[arg-type]
        await socket.wait_closed()
    assert socket.close_code is not None


async def test_given_the_check_then_it_says_whether_the_rooms_answer(address: str) -> None:
    assert (await check_video(video_settings(address))).level is Level.OK
    nobody = await check_video(video_settings("http://127.0.0.1:9"))
    assert (nobody.level, "HOSPITAL_VIDEO_URL" in nobody.mend) == (Level.FAIL, True)
    nothing = await check_video(None)
    assert (nothing.level, "HOSPITAL_VIDEO_URL" in nothing.mend) == (Level.WARN, True)
