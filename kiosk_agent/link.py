"""The line to the hospital (医院连线): enrol, prove the key, keep the socket open, come back by itself."""

import asyncio
import contextlib
import json
import logging
import random
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from kiosk_agent import protocol
from kiosk_agent.hospital import Hospital, HospitalRefused, HospitalUnreachable
from kiosk_agent.identity import Identity
from kiosk_agent.protocol import CloseCode, DeviceCommand, DeviceRefusal, EnrolmentStatus

log = logging.getLogger("kiosk.link")

_SILENCE_S = 8.0  # the hospital's heartbeat comes every 3 s
_PING_S = 10.0
_APPROVAL_POLL_S = 2.0
_REVOKED_POLL_S = 15.0
_BACKOFF_MAX_S = 4.0
_TOKEN_RENEW_SHARE = 0.8


class Standing(StrEnum):
    """How the kiosk stands with the hospital (连线状态)."""

    STARTING = "starting"
    UNREGISTERED = "unregistered"
    PENDING = "pending"
    REVOKED = "revoked"
    OFFLINE = "offline"
    ONLINE = "online"


class _NotAllowed(Exception):
    def __init__(self, standing: Standing, pause_s: float) -> None:
        super().__init__(standing)
        self.standing, self.pause_s = standing, pause_s


class HospitalLink:
    """Runs for ever; ``on_change()`` whenever `standing` or `device` changed, ``on_command(command)`` on orders."""

    def __init__(
        self,
        server: str,
        hospital: Hospital,
        identity: Identity,
        *,
        enrolment_code: str | None,
        ca: Path | None,
        on_change: Callable[[], None],
        on_command: Callable[[DeviceCommand], None],
    ) -> None:
        self._socket_url = server.rstrip("/").replace("http", "ws", 1) + protocol.SOCKET_PATH
        self._ca, self._hospital, self._identity = ca, hospital, identity
        self._code = enrolment_code
        self._on_change, self._on_command = on_change, on_command
        self._token: protocol.DeviceToken | None = None
        self._token_renew_at = 0.0
        self._token_lock = asyncio.Lock()
        self.standing = Standing.STARTING
        self.offline_since = float("-inf")  # no grace for a line that never was
        self.device: protocol.KioskDevice | None = None
        self._server_ahead = timedelta()

    def is_usable(self, grace_s: float) -> bool:
        """Online, or gone for so short a time that nobody need notice."""
        return self.standing is Standing.ONLINE or (
            self.standing is Standing.OFFLINE
            and self.device is not None
            and time.monotonic() - self.offline_since < grace_s
        )

    @property
    def device_id(self) -> str | None:
        """Who the hospital says we are, once enrolled; an administrator approves it by this id."""
        return str(self._identity.device_id) if self._identity.device_id is not None else None

    def now(self) -> datetime:
        """The hospital's time, as its heartbeats tell it."""
        return datetime.now(UTC) + self._server_ahead

    async def token(self, *, fresh: bool = False) -> str:
        """A valid device token. Raises: HospitalRefused, HospitalUnreachable."""
        async with self._token_lock:
            if fresh or self._token is None or time.monotonic() > self._token_renew_at:
                self._token = await self._fetch_token()
                self._token_renew_at = time.monotonic() + self._token.expires_in * _TOKEN_RENEW_SHARE
            return self._token.access_token

    async def _fetch_token(self) -> protocol.DeviceToken:
        assert self._identity.device_id is not None
        challenge = await self._hospital.challenge(self._identity.device_id)
        return await self._hospital.device_token(
            protocol.TokenRequest(
                device_id=self._identity.device_id, challenge=challenge, signature=self._identity.sign(challenge)
            )
        )

    async def run(self) -> None:
        """Connects again and again with full jitter, so that a hundred kiosks do not come back as one."""
        failures = 0
        while True:
            pause_s = random.uniform(0, min(_BACKOFF_MAX_S, 0.5 * 2.0**failures))
            try:
                await self._enrol_if_needed()
                token = await self._proved_token()
                await self._hold_socket(token)
                failures = 0
            except _NotAllowed as error:
                self._stand(error.standing)
                pause_s = error.pause_s
            except (
                HospitalUnreachable,
                HospitalRefused,
                OSError,
                TimeoutError,
                websockets.WebSocketException,
            ) as error:
                failures = 0 if self.standing is Standing.ONLINE else min(failures + 1, 6)
                log.info("no line to the hospital: %s", _reason(error))
                self._lose_line(error)
            await asyncio.sleep(pause_s)

    def _stand(self, standing: Standing) -> None:
        if standing is not self.standing:
            log.info("standing: %s", standing)
            if self.standing is Standing.ONLINE:
                self.offline_since = time.monotonic()
            self.standing = standing
            self._on_change()

    def _lose_line(self, error: Exception) -> None:
        if _close_code(error) == CloseCode.UNAUTHENTICATED:
            self._token = None
        self._stand(Standing.OFFLINE)

    async def _enrol_if_needed(self) -> None:
        if self._identity.device_id is None:
            self._identity.reread()
        if self._identity.device_id is not None:
            return
        if self._code is None:
            raise _NotAllowed(Standing.UNREGISTERED, _APPROVAL_POLL_S)
        try:
            enrolled = await enrol(self._hospital, self._identity, self._code)
        except HospitalRefused as error:
            log.error("the hospital refused the enrolment code: %s", error)
            self._code = None
            raise _NotAllowed(Standing.UNREGISTERED, _APPROVAL_POLL_S) from error
        log.info("enrolled as %s, %s", enrolled.device_id, enrolled.status)
        self._code = None

    async def _proved_token(self) -> str:
        try:
            token = await self.token()
            self.device = await self._hospital.device(token)
        except HospitalRefused as error:
            self._token = None
            not_allowed = _not_allowed(error)
            if not_allowed is None:
                raise
            raise not_allowed from error
        if self.device.status is EnrolmentStatus.PENDING:
            self._token = None
            raise _NotAllowed(Standing.PENDING, _APPROVAL_POLL_S)
        if self.device.status is EnrolmentStatus.REVOKED:
            self._token = None
            raise _NotAllowed(Standing.REVOKED, _REVOKED_POLL_S)
        return token

    async def _hold_socket(self, token: str) -> None:
        context = ssl.create_default_context(cafile=self._ca) if self._socket_url.startswith("wss") else None
        # The protocol has its own heartbeat; a second one would only add ways to fail.
        async with connect(
            self._socket_url, proxy=None, ssl=context, open_timeout=5, close_timeout=1, ping_interval=None
        ) as socket:
            await socket.send(json.dumps({"type": "auth", "token": token}))
            await self._take(socket)
            topic = protocol.device_topic(self.device.id) if self.device is not None else ""
            await socket.send(json.dumps({"type": "subscribe", "topic": topic, "mode": "data"}))
            self._stand(Standing.ONLINE)
            pinging = asyncio.create_task(self._ping(socket))
            try:
                while True:
                    await self._take(socket)
            finally:
                pinging.cancel()
                await asyncio.gather(pinging, return_exceptions=True)

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.sleep(_PING_S)
                await socket.send('{"type":"ping"}')

    async def _take(self, socket: ClientConnection) -> None:
        # Not wait_for: it forgets that it was cancelled when the line closes in the same moment, as it does when
        # hospital and kiosk are stopped together, and this task would go on for ever.
        async with asyncio.timeout(_SILENCE_S):
            received = await socket.recv()
        try:
            frame: dict[str, Any] = json.loads(received)
        except ValueError:
            raise HospitalUnreachable("a frame that is no JSON") from None
        if isinstance(frame.get("server_time"), str):
            with contextlib.suppress(ValueError, TypeError):
                self._server_ahead = datetime.fromisoformat(frame["server_time"]) - datetime.now(UTC)
        if frame.get("type") == "change" and "command" in (frame.get("data") or {}):
            self._command(frame["data"].get("command"))

    def _command(self, command: Any) -> None:
        try:
            self._on_command(DeviceCommand(command))
        except ValueError:
            log.info("a command of a newer server was passed over")


async def enrol(hospital: Hospital, identity: Identity, code: str) -> protocol.Enrolled:
    """Introduces this kiosk with a one-time code and remembers its id. Raises: HospitalRefused, HospitalUnreachable."""
    enrolled = await hospital.enrol(
        protocol.Enrolment(code=code, public_key=identity.public_key, software=software_name())
    )
    identity.keep_device(enrolled.device_id)
    return enrolled


def software_name() -> str:
    """What the hospital notes as this kiosk's software."""
    try:
        return f"kiosk-agent {version('smart-hospital')}"
    except PackageNotFoundError:
        return "kiosk-agent (source)"


def _not_allowed(error: HospitalRefused) -> _NotAllowed | None:
    code = error.problem.code
    if code == DeviceRefusal.PENDING:
        return _NotAllowed(Standing.PENDING, _APPROVAL_POLL_S)
    if code == DeviceRefusal.REVOKED:
        return _NotAllowed(Standing.REVOKED, _REVOKED_POLL_S)
    if code == DeviceRefusal.UNKNOWN:
        return _NotAllowed(Standing.UNREGISTERED, _REVOKED_POLL_S)
    return None


def _close_code(error: Exception) -> int | None:
    if isinstance(error, websockets.ConnectionClosed) and error.rcvd is not None:
        return error.rcvd.code
    return None


def _reason(error: Exception) -> str:
    code = _close_code(error)
    return f"closed with {code}" if code is not None else f"{type(error).__name__} {error}"
