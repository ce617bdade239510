"""The parties of a visit: WeChat's person, the phone, the kiosk, the screen, the doctor, the offices."""

import asyncio
import base64
import json
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from backend.visit.client import Api, StepFailed

_TOTP_STEP_S = 30


class Wechat(Api):
    """The person inside WeChat: logs in, shows the phone number, pays."""

    async def new_person(self, nickname: str, phone: str) -> str:
        """A new WeChat user; returns the openid."""
        person = await self.post("/_sim/users", {"nickname": nickname, "phone": phone})
        return str(person["openid"])

    async def code(self, openid: str, kind: str) -> str:
        """A login-code or phone-code, as the mini program's own calls would give."""
        return str((await self.post(f"/_sim/users/{openid}/{kind}", {}))["code"])

    async def pay(self, openid: str, parameters: dict[str, str]) -> None:
        """Confirm the payment sheet; paying twice by a repeated request is what a nervous thumb does."""
        prepay_id = parameters["package"].partition("=")[2]
        await self.send("POST", "/_sim/pay", body={"prepay_id": prepay_id, "openid": openid, **parameters}, fine=(409,))


class Staff(Api):
    """Somebody signed in at a workstation."""

    async def sign_in(self, login: str, password: str, totp_secret: str | None = None) -> None:
        """Password and, for privileged roles, a one-time code; each code works once, so a second try waits."""
        for _ in range(3):
            body = {"login": login, "password": password}
            if totp_secret:
                body["totp"] = pyotp.TOTP(totp_secret).now()
            answer = await self.send("POST", "/api/staff/v1/sessions", body=body, fine=(401,) if totp_secret else ())
            if answer is not None:
                self.headers["X-CSRF-Token"] = answer["csrf_token"]
                return
            await asyncio.sleep(_TOTP_STEP_S - time.time() % _TOTP_STEP_S + 0.5)
        raise StepFailed(f"{login} could not sign in")


@dataclass
class DeviceKey:
    """A device's identity: its id and private key."""

    device_id: str
    private_key: Ed25519PrivateKey

    @staticmethod
    def from_text(device_id: str, private_key: str) -> "DeviceKey":
        """From the ready file."""
        raw = base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4))
        return DeviceKey(device_id, Ed25519PrivateKey.from_private_bytes(raw))


def base64url(raw: bytes) -> str:
    """Base64 without padding, URL alphabet."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Device(Api):
    """A kiosk or screen of our own, enrolled and approved like any other."""

    audience: str = "kiosk"
    key: DeviceKey | None = None

    async def token(self) -> str:
        """A fresh access token by signing the server's challenge."""
        assert self.key is not None
        prefix = f"/api/{self.audience}/v1"
        challenge = (await self.post(f"{prefix}/device-challenges", {"device_id": self.key.device_id}))["challenge"]
        signature = base64url(self.key.private_key.sign(challenge.encode()))
        body = {"device_id": self.key.device_id, "challenge": challenge, "signature": signature}
        token = str((await self.post(f"{prefix}/device-tokens", body))["access_token"])
        self.headers["Authorization"] = f"Bearer {token}"
        return token


async def enrol(administrator: Staff, device: Device, kind: str, name: str, location_id: str) -> None:
    """Everything between a new machine and an approved device."""
    private_key = Ed25519PrivateKey.generate()
    code = await administrator.post(
        "/api/staff/v1/devices/enrolments", {"kind": kind, "name": name, "location_id": location_id}
    )
    public_key = base64url(private_key.public_key().public_bytes_raw())
    body = {"code": code["code"], "public_key": public_key, "software": "visit"}
    enrolled = await device.post("/api/kiosk/v1/enrolments", body)
    device.key = DeviceKey(enrolled["device_id"], private_key)
    await administrator.post(f"/api/staff/v1/devices/{enrolled['device_id']}/approve", {"location_id": location_id})


@dataclass
class Screen:
    """A waiting-room screen: listens to one area and remembers when each ticket was first shown as called."""

    device: Device
    area_id: str
    called_at: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and wait for the first snapshot."""
        self._task = asyncio.create_task(self._keep_listening())
        try:
            async with asyncio.timeout(self.device.patience_s):
                await self._ready.wait()
        except TimeoutError:
            raise StepFailed("the screen got no snapshot") from None

    async def close(self) -> None:
        """Switch the screen off."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def shows(self, ticket_id: str, within_s: float) -> float:
        """When the screen showed the call (monotonic). Raises StepFailed."""
        ends = time.monotonic() + within_s
        while ticket_id not in self.called_at:
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.01, ends - time.monotonic())):
                    await self._changed.wait()
            except TimeoutError:
                raise StepFailed(f"the screen did not show the call within {within_s:.0f} s") from None
        return self.called_at[ticket_id]

    async def _keep_listening(self) -> None:
        """Come back after every loss, as a real screen does."""
        while True:
            with suppress(WebSocketException, OSError, StepFailed, TimeoutError):
                await self._listen()
            await asyncio.sleep(0.2)

    async def _listen(self) -> None:
        address = urlsplit(self.device.base_url)
        token = await self.device.token()
        async with connect(f"ws://{address.netloc}/ws/display", proxy=None) as socket:
            await socket.send(json.dumps({"type": "auth", "token": token}))
            topic = f"queue-area:{self.area_id}"
            await socket.send(json.dumps({"type": "subscribe", "topic": topic, "mode": "data"}))
            async for text in socket:
                self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        self.frames += 1
        if frame["type"] == "snapshot":
            self._ready.set()
            tickets = frame["data"].get("tickets", [])
        elif frame["type"] == "change":
            tickets = [frame["data"]["ticket"]] if frame["data"]["ticket"] is not None else []
        else:
            return
        for ticket in tickets:
            if ticket["status"] == "called":
                self.called_at.setdefault(ticket["id"], time.monotonic())
        self._changed.set()


class Clock:
    """The steps of one visit with their times, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, float]] = []
        self.measures: dict[str, list[float]] = defaultdict(list)
        self._at = time.monotonic()

    def step(self, party: str, what: str) -> float:
        """A step ended now; returns its milliseconds."""
        now = time.monotonic()
        milliseconds = (now - self._at) * 1000
        self.steps.append((party, what, milliseconds))
        self._at = now
        return milliseconds

    def restart(self) -> None:
        """Do not count the waiting before now."""
        self._at = time.monotonic()
