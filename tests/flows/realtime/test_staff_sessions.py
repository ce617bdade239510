"""A workstation's socket lives no longer than its session, whether it is revoked or merely forgotten."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from backend.http.authentication import Authentication
from backend.realtime.client import Client
from backend.realtime.sockets import UNAUTHENTICATED, Sockets
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.ids import new_id


class _Session:
    """Stands for the authentication of one cookie: lives for a number of looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.touched: list[bool] = []

    async def staff_session(self, request: Any, *, touch: bool = True) -> None:
        self.touched.append(touch)
        self.left -= 1
        if self.left < 0:
            raise Unauthenticated()
        if self.left == 1:
            raise OSError("the database is away for a moment")


def _client(kind: ActorKind) -> Client:
    return Client(SimpleNamespace(), SimpleNamespace(), Actor(kind, new_id()))  # type: ignore[arg-type]


async def test_given_a_session_that_idled_out_then_its_socket_closes_and_looking_kept_nothing_awake() -> None:
    session, client = _Session(3), _client(ActorKind.STAFF)
    sockets = Sockets(SimpleNamespace(), session, admit=str, session_check_s=0.01)  # type: ignore[arg-type]
    await asyncio.wait_for(sockets._watch_session(SimpleNamespace(), client), 5)  # type: ignore[arg-type]
    assert client.closing == (UNAUTHENTICATED, "session ended")
    assert session.touched == [False] * 4


@pytest.mark.parametrize("kind", [ActorKind.DEVICE, ActorKind.ACCOUNT])
async def test_given_a_screen_or_phone_then_there_is_no_staff_session_to_watch(kind: ActorKind) -> None:
    client = _client(kind)
    sockets = Sockets(SimpleNamespace(), Authentication, admit=str, session_check_s=0.01)  # type: ignore[arg-type]
    await asyncio.wait_for(sockets._watch_session(SimpleNamespace(), client), 1)  # type: ignore[arg-type]
    assert client.closing is None
