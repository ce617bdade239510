"""The hospital's side of the visits: offices, kiosks, screens and doctors that many patients share."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.visit.client import Api, StepFailed
from backend.visit.kiosks import BareKiosk, Kiosk, LobbyKiosk
from backend.visit.parties import Device, DeviceKey, Screen, Staff, Wechat, enrol

_KIOSKS_MAX = 6
_DOCTORS_MAX = 12
_SPARE = timedelta(minutes=1)  # a place that begins while we are on our way there is no place
_IDLE_S = 0.25
_CALLS_BEFORE = timedelta(minutes=25)


class Doctor:
    """A doctor in a room: calls whoever is next until the visits are over."""

    def __init__(self, api: Staff, room_id: str, screen: Screen) -> None:
        self.api = api
        self.room_id = room_id
        self.screen = screen
        self.called: dict[str, asyncio.Future[float]] = {}
        self.finished: dict[str, asyncio.Future[None]] = {}
        self.shown_ms: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def expect(self, ticket_id: str) -> None:
        """A ticket of ours will come to this doctor's queue."""
        loop = asyncio.get_running_loop()
        self.called.setdefault(ticket_id, loop.create_future())
        self.finished.setdefault(ticket_id, loop.create_future())

    def begin(self) -> None:
        """Start working through the queue."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Go home."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.api.close()

    async def _work(self) -> None:
        while True:
            try:
                await self._next()
            except StepFailed as error:
                futures: list[asyncio.Future[Any]] = [*self.called.values(), *self.finished.values()]
                for waiting in futures:
                    if not waiting.done():
                        waiting.set_exception(StepFailed(f"doctor: {error}"))
                return

    async def _next(self) -> None:
        queue = await self.api.get("/api/staff/v1/my/queue", room_id=self.room_id)
        in_room = queue["serving"] or queue["called"]
        if in_room:
            await self._see(in_room[0]["ticket_id"], in_room[0]["status"])
            return
        called = None
        if queue["waiting"]:
            called = (await self.api.post("/api/staff/v1/queue/call-next", {"room_id": self.room_id}))["ticket"]
        if called is None:
            await asyncio.sleep(_IDLE_S)
            return
        await self._see(called["id"], called["status"])

    async def _see(self, ticket_id: str, status: str) -> None:
        self.expect(ticket_id)
        if status == "called":
            answered_at = time.monotonic()
            shown_at = await self.screen.shows(ticket_id, within_s=self.api.patience_s)
            self.shown_ms[ticket_id] = max(0.0, (shown_at - answered_at) * 1000)
            _set(self.called[ticket_id], shown_at)
            await self.api.post(f"/api/staff/v1/tickets/{ticket_id}/start")
        await self.api.post(f"/api/staff/v1/tickets/{ticket_id}/finish")
        _set(self.called[ticket_id], time.monotonic())
        _set(self.finished[ticket_id], None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _set(future: "asyncio.Future[Any]", value: Any) -> None:
    if not future.done():
        future.set_result(value)


class Hospital:
    """What the ready file names, opened for a number of patients."""

    def __init__(self, facts: dict[str, Any], patience_s: float) -> None:
        self.facts = facts
        self.patience_s = patience_s
        self.base = facts["urls"]["api"]
        self.wechat = Wechat(facts["urls"]["wechat"], patience_s)
        self.registrar = Staff(self.base, patience_s)
        self.kiosks: asyncio.Queue[Kiosk] = asyncio.Queue()
        self.sessions: list[dict[str, Any]] = []
        self.doctors: dict[str, Doctor] = {}
        self._screens: dict[str, Screen] = {}
        self._apis: list[Api] = [self.wechat, self.registrar]
        self._administrator: Staff | None = None
        self._own_devices: list[str] = []

    async def open(self, patients: int) -> None:
        """Sign the offices in, let kiosks in, find running sessions with enough places."""
        registrar = self._login("registrar")
        await self.registrar.sign_in(registrar["login"], self.facts["password"])
        await self._find_sessions(patients)
        if patients == 1:
            lobby = LobbyKiosk(self.facts["kiosk"]["url"], self.patience_s)
            self._apis.append(lobby)
            self.kiosks.put_nowait(lobby)
            return
        for number in range(min(_KIOSKS_MAX, math.ceil(patients / 8))):
            kiosk = Device(self.base, self.patience_s, audience="kiosk")
            self._apis.append(kiosk)
            await self._let_in(kiosk, "kiosk", f"visit kiosk {number + 1}", self.facts["now"]["lobby_id"])
            await kiosk.token()
            self.kiosks.put_nowait(BareKiosk(kiosk))

    async def doctor_of(self, session: dict[str, Any]) -> Doctor:
        """The doctor of a session, signed in and at work, with the screen of the waiting area on."""
        return self.doctors[session["schedule_id"]]

    def new_api(self) -> Api:
        """A phone of its own for a patient."""
        api = Api(self.base, self.patience_s)
        self._apis.append(api)
        return api

    def retries(self) -> int:
        """How often any party had to repeat itself."""
        return sum(api.retries for api in [*self._apis, *(doctor.api for doctor in self.doctors.values())])

    async def close(self) -> None:
        """Everybody goes home; devices that came for the visits are turned out again."""
        with suppress(StepFailed):
            for device_id in self._own_devices:
                await (await self._office()).post(f"/api/staff/v1/devices/{device_id}/revoke")
        for doctor in self.doctors.values():
            await doctor.stop()
        for screen in self._screens.values():
            await screen.close()
            await screen.device.close()
        for api in self._apis:
            await api.close()

    def _login(self, role: str) -> dict[str, Any]:
        found = [login for login in self.facts["staff"] if login["role"] == role]
        if not found:
            raise StepFailed(f"the ready file names no {role}")
        return dict(found[0])

    async def _office(self) -> Staff:
        """The system administrator, who lets devices in."""
        if self._administrator is None:
            login = self._login("system_admin")
            self._administrator = Staff(self.base, self.patience_s)
            self._apis.append(self._administrator)
            await self._administrator.sign_in(login["login"], self.facts["password"], login["totp_secret"])
        return self._administrator

    async def _find_sessions(self, patients: int) -> None:
        """Sessions a patient could be seen in now, the ready file's department first, until all find a place."""
        login_of = {str(doctor["staff_id"]): doctor["login"] for doctor in self.facts["doctors"]}
        now = datetime.now(UTC)
        free: list[tuple[dict[str, Any], int]] = []
        async with self._scout() as scout:
            for session in await self._open_sessions(now):
                if sum(places for _, places in free) >= patients and len(free) >= min(_DOCTORS_MAX, patients // 6):
                    break
                slots = (await scout.get(f"/api/miniapp/v1/schedules/{session['schedule_id']}/slots"))["items"]
                places = sum(slot["free"] and _time(slot["starts_at"]) > now + _SPARE for slot in slots)
                if places and session["staff_id"] in login_of:
                    free.append((session, places))
        self._share_out(free, patients)
        for session in {s["schedule_id"]: s for s in self.sessions}.values():
            await self._staff_room(session, login_of[session["staff_id"]])

    def _share_out(self, free: list[tuple[dict[str, Any], int]], patients: int) -> None:
        """Patients go round the sessions, so that every doctor has about the same."""
        left = {session["schedule_id"]: places for session, places in free}
        while len(self.sessions) < patients:
            before = len(self.sessions)
            for session, _ in free:
                if left[session["schedule_id"]] > 0 and len(self.sessions) < patients:
                    left[session["schedule_id"]] -= 1
                    self.sessions.append(session)
            if len(self.sessions) == before:
                missing = patients - before
                raise StepFailed(f"{missing} of {patients} patients find no place in a session that is open now")

    async def _open_sessions(self, now: datetime) -> list[dict[str, Any]]:
        """Today's and, near midnight, tomorrow's sessions whose doctor may call already and still."""
        shanghai_day = (now + timedelta(hours=8)).date()
        found: list[dict[str, Any]] = []
        for day in (shanghai_day - timedelta(days=1), shanghai_day, shanghai_day + timedelta(days=1)):
            found += (await self.registrar.get("/api/staff/v1/schedules", day=day.isoformat()))["items"]
        running = {
            session["schedule_id"]: session
            for session in found
            if session["status"] == "active"
            and session["service_kind"] != "emergency"
            and _time(session["starts_at"]) - _CALLS_BEFORE <= now < _time(session["ends_at"])
        }
        department = self.facts["now"]["department_id"]
        return sorted(running.values(), key=lambda s: (s["department_id"] != department, s["starts_at"], s["room"]))

    @asynccontextmanager
    async def _scout(self) -> AsyncIterator[Api]:
        """A phone that only looks at what is free."""
        api = Api(self.base, self.patience_s)
        openid = await self.wechat.new_person("探路", "19900000000")
        code = await self.wechat.code(openid, "login-code")
        signed_in = await api.post("/api/miniapp/v1/sessions", {"code": code})
        api.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        try:
            yield api
        finally:
            await api.close()

    async def _staff_room(self, session: dict[str, Any], login: str) -> None:
        api = Staff(self.base, self.patience_s)
        await api.sign_in(login, self.facts["password"])
        rooms = (await api.get("/api/staff/v1/my/rooms"))["items"]
        areas = [room["area_id"] for room in rooms if room["room_id"] == session["room_id"]]
        if not areas:
            raise StepFailed(f"{login} may not call patients to {session['room']}")
        doctor = Doctor(api, session["room_id"], await self._screen(areas[0]))
        self.doctors[session["schedule_id"]] = doctor
        doctor.begin()

    async def _let_in(self, device: Device, kind: str, name: str, location_id: str) -> None:
        await enrol(await self._office(), device, kind, name, location_id)
        assert device.key is not None
        self._own_devices.append(device.key.device_id)

    async def _screen(self, area_id: str) -> Screen:
        if area_id in self._screens:
            return self._screens[area_id]
        device = Device(self.base, self.patience_s, audience="display")
        display = self.facts["display"]
        if display["area_id"] == area_id:
            device.key = DeviceKey.from_text(display["device_id"], display["private_key"])
        else:
            await self._let_in(device, "display", "visit screen", area_id)
        screen = self._screens[area_id] = Screen(device, area_id)
        await screen.open()
        return screen
