"""Websocket routes (实时连接): log in with the first frame, subscribe, listen."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sanic import Request, Sanic, Websocket
from sanic.exceptions import WebsocketClosed
from websockets.exceptions import ConnectionClosed

from backend.http import metrics
from backend.http.authentication import Authentication
from backend.http.problems import TooManyRequests
from backend.realtime.client import Client
from backend.realtime.hub import Hub
from backend.realtime.topics import Mode
from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.errors import DomainError, Unauthenticated
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.transactions import is_database_trouble

log = logging.getLogger(__name__)

AUTH_S = 3.0
UNAUTHENTICATED = 4401
FRAME_MAX = 8 * 1024
SUBSCRIPTIONS_MAX = 16
_FRAMES_PER_MINUTE = 120


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AuthFrame(_Frame):
    """The first frame. Staff browsers send no token: their cookie came with the handshake."""

    type: Literal["auth"]
    token: str | None = Field(default=None, max_length=1024)


class SubscribeFrame(_Frame):
    """Listen to a topic."""

    type: Literal["subscribe"]
    topic: str = Field(max_length=80)
    mode: Mode = Mode.DATA


class TopicFrame(_Frame):
    """Stop listening, or start over after a gap."""

    type: Literal["unsubscribe", "resync"]
    topic: str = Field(max_length=80)


class PingFrame(_Frame):
    """The client's heartbeat."""

    type: Literal["ping"]


_FRAMES: TypeAdapter[SubscribeFrame | TopicFrame | PingFrame] = TypeAdapter(SubscribeFrame | TopicFrame | PingFrame)

Authenticate = Callable[[Request, str | None], Awaitable[Actor]]


class Sockets:
    """The four websocket entrances; ``admit`` counts who knocks, as the edge counts requests."""

    def __init__(
        self,
        hub: Hub,
        authentication: Authentication,
        *,
        admit: Callable[[Request], object],
        session_check_s: float = 60.0,
    ) -> None:
        self._admit = admit
        self.session_check_s = session_check_s
        self._hub = hub
        self._authentication = authentication

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Add the entrances."""
        ways: dict[str, Authenticate] = {
            "phone": self._phone,
            "staff": self._staff,
            "kiosk": self._device("kiosk"),
            "display": self._device("display"),
        }
        for name, way in ways.items():
            app.add_websocket_route(self._entrance(name, way), f"/ws/{name}", name=f"ws_{name}")

    async def _phone(self, request: Request, token: str | None) -> Actor:
        if token is None:
            raise Unauthenticated()
        return await self._authentication.patient_by_token(token)

    async def _staff(self, request: Request, token: str | None) -> Actor:
        return (await self._authentication.staff_session(request)).actor()

    def _device(self, audience: str) -> Authenticate:
        async def way(request: Request, token: str | None) -> Actor:
            if token is None:
                raise Unauthenticated()
            return await self._authentication.device_by_token(token, audience)

        return way

    def _entrance(self, name: str, way: Authenticate) -> Callable[[Request, Websocket], Awaitable[None]]:
        gauge = metrics.SOCKETS.labels(name)

        async def enter(request: Request, socket: Websocket) -> None:
            gauge.inc()
            try:
                await self._serve(request, socket, way)
            except (ConnectionClosed, WebsocketClosed, OSError):
                log.debug("socket gone")
            finally:
                gauge.dec()

        return enter

    async def _serve(self, request: Request, socket: Websocket, way: Authenticate) -> None:
        actor = await self._sign_in(request, socket, way)
        if actor is None:
            return
        client = Client(socket, request.transport, actor)
        self._hub.join(client)
        client.push(orjson.dumps({"type": "ready", "server_time": datetime.now(UTC).isoformat()}).decode())
        works = (client.write(), self._read(client, socket), client.until_closed())
        tasks = [asyncio.create_task(work) for work in works]
        watching = asyncio.create_task(self._watch_session(request, client))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(client)
            tasks.append(watching)
            for task in tasks:
                task.cancel()
            _tell_bugs(await asyncio.gather(*tasks, return_exceptions=True))
            await client.say_goodbye()

    async def _watch_session(self, request: Request, client: Client) -> None:
        """Close a workstation's socket when its session ended by itself; a revoked one the hub closes at once."""
        while client.actor.kind is ActorKind.STAFF:
            await asyncio.sleep(self.session_check_s)
            try:
                await self._authentication.staff_session(request, touch=False)
            except Unauthenticated:
                client.close(UNAUTHENTICATED, "session ended")
                return
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                log.warning("session not looked up", extra={"error": type(error).__name__})

    async def _sign_in(self, request: Request, socket: Websocket, way: Authenticate) -> Actor | None:
        code, reason = UNAUTHENTICATED, "unauthenticated"
        try:
            self._admit(request)
            self._authentication.check_origin(request)
            async with asyncio.timeout(AUTH_S):
                text = await socket.recv()
            frame = AuthFrame.model_validate_json(text or b"")
            return await way(request, frame.token)
        except TimeoutError:
            code, reason = 4408, "no auth in time"
        except TooManyRequests:
            code, reason = 1013, "try again later"
        except (DomainError, ValidationError):
            pass
        with suppress(TimeoutError, ConnectionClosed, WebsocketClosed):
            async with asyncio.timeout(1.0):
                await socket.close(code, reason)
        return None

    async def _read(self, client: Client, socket: Websocket) -> None:
        allowance, refilled = float(_FRAMES_PER_MINUTE), asyncio.get_running_loop().time()
        while True:
            text = await socket.recv()
            if text is None:
                return
            now = asyncio.get_running_loop().time()
            allowance = min(_FRAMES_PER_MINUTE, allowance + (now - refilled) * _FRAMES_PER_MINUTE / 60) - 1
            refilled = now
            if allowance < 0 or len(text) > FRAME_MAX:
                client.close(1008, "too many or too large frames")
                return
            try:
                frame = _FRAMES.validate_json(text)
            except ValidationError:
                client.push(_error("http.malformed", "消息无法识别"))
                continue
            await self._act(client, frame)

    async def _act(self, client: Client, frame: SubscribeFrame | TopicFrame | PingFrame) -> None:
        if isinstance(frame, SubscribeFrame):
            await self._subscribe(client, frame)
        elif isinstance(frame, TopicFrame):
            act = self._hub.resync if frame.type == "resync" else self._hub.unsubscribe
            act(client, frame.topic)

    async def _subscribe(self, client: Client, frame: SubscribeFrame) -> None:
        found = self._hub.topics.find(frame.topic)
        if found is not None and len(client.subscriptions) < SUBSCRIPTIONS_MAX:
            kind, subject = found
            if await kind.may_see(Reading(Context(client.actor)), client.actor, subject, frame.mode):
                self._hub.subscribe(client, frame.topic, frame.mode)
                return
        client.push(_error("kernel.not_found", "没有找到您要的内容", frame.topic))


def _tell_bugs(results: list[Any]) -> None:
    """A connection or a database that went away is no news; anything else must not vanish with its socket."""
    for result in results:
        expected = isinstance(result, ConnectionClosed | WebsocketClosed | DomainError)
        if isinstance(result, Exception) and not expected and not is_database_trouble(result):
            log.error("bug", exc_info=result)


def _error(code: str, title: str, topic: str | None = None) -> str:
    body = {"type": "error", "code": code, "title": title}
    return orjson.dumps(body if topic is None else {**body, "topic": topic}).decode()
