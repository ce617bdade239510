"""A whole hospital that may be killed (可杀的医院): engines, simulator, server and worker under supervisors of its own.

Server and worker are those of ``tests.faults.killing``. ``House.strike`` lets one patient come to one of the twelve
points, kills a process there with -9, lets everything settle, and judges: nothing lost, nothing doubled.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import hospital_core.reactions
from backend import supervisor as supervising
from backend.embedded.postgres import EmbeddedPostgres
from backend.embedded.redis import EmbeddedRedis
from backend.probing import answers
from backend.supervisor import ChildSpec, Supervisor, bind_listen_socket
from backend.visit.client import Api
from backend.visit.parties import Wechat
from hospital_core.db import connect, disconnect
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.kernel.transactions import is_database_away
from hospital_core.migrating import migrate
from sandbox.wechat import make_config
from tests.faults.checker import INTENTS, PLACES, channel_findings
from tests.faults.killing import ENVIRONMENT, Crossing, Killer
from tests.fixtures.access import Person
from tests.fixtures.engines import Engines
from tests.fixtures.findings import FINDINGS
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.server import test_settings, tokens
from tests.fixtures.wechat import start_simulator, stop_simulator
from tests.soak.contention import make_crowd, make_sessions

VICTIMS = ("web", "worker", "postgres")
PATIENCE_S = 40.0
_POLL_S = 0.05
_HURRY_S = 1.0
_PLACES = 40
_PATH = "/api/miniapp/v1/appointments"
_WAITED_FOR = ["PaymentCheckDue", "RefundRequested", "RefundCheckDue"]

# As if the lease of a dead process, or the next rung of the ladder, had come. 1 appointment, 2 events
_DUE_NOW = """
UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e
WHERE e.id = d.event_id AND d.state = 'due' AND d.not_before > hospital_now() AND e.name = ANY($2)
  AND (e.payload->>'appointment_id' = ($1::uuid)::text
       OR e.payload->>'intent_id' IN (SELECT p.id::text FROM payment_intent p JOIN charge_item c USING (invoice_id)
                                      WHERE c.source_id = $1::uuid)
       OR e.payload->>'refund_id' IN (SELECT r.id::text FROM refund r WHERE r.source_id = $1::uuid))"""
_LAPSED = """
WITH held AS (UPDATE appointment SET pay_until = hospital_now() - interval '3 minutes',
                                     held_until = hospital_now() - interval '1 minute' WHERE id = $1 RETURNING slot_id),
paid_late AS (UPDATE payment_intent SET pay_until = hospital_now() - interval '1 minute'
              WHERE invoice_id IN (SELECT invoice_id FROM charge_item WHERE source_id = $1))
UPDATE slot SET held_until = hospital_now() - interval '1 minute' WHERE id IN (SELECT slot_id FROM held)"""
_PARKED = "SELECT 'parked delivery' AS finding, id FROM outbox_delivery WHERE state = 'parked'"
_ONCE = """
SELECT (SELECT count(*) FROM appointment WHERE patient_id = $1) AS bookings,
       (SELECT count(*) FROM audit_row WHERE patient_id = $1 AND action = 'scheduling.book_appointment') AS audited,
       (SELECT count(*) FROM payment_intent WHERE patient_id = $1 AND status = 'open') AS open_payments"""


@dataclass
class Patient:
    """One person with a phone, who books one place."""

    person: Person
    schedule_id: UUID
    phone: Api
    appointment_id: str = ""

    @property
    def path(self) -> str:
        """Their appointment's address."""
        return f"{_PATH}/{self.appointment_id}"


class House:
    """Everything running, and what happens in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.killer = Killer(folder / "killing.json")
        self.engines_watch = Supervisor(folder / "logs")
        self.watch = Supervisor(folder / "logs")
        self.origin = self.owner_url = self.app_url = ""
        self.wechat: Wechat
        self.waiting: list[tuple[Person, UUID]] = []
        self.back_s: dict[str, list[float]] = {victim: [] for victim in VICTIMS}
        self._simulator: subprocess.Popen[bytes]
        self._socket: socket.socket
        self._patch = pytest.MonkeyPatch()

    # -- opening

    async def open(self) -> None:
        """Start everything; the data folder may hold an earlier run's."""
        self._patch.setattr(supervising, "_PAUSE_MAX_S", 0.2)  # who dies each second must not wait ever longer
        postgres, redis = EmbeddedPostgres(self.folder), EmbeddedRedis(self.folder)
        await postgres.prepare()
        await redis.prepare()
        self.engines_watch.add(postgres.child_spec())
        self.engines_watch.add(redis.child_spec())
        await self.engines_watch.start()
        urls = postgres.urls
        self.owner_url, self.app_url = urls.owner, urls.app
        await migrate(urls.owner)
        self._socket = web = bind_listen_socket("127.0.0.1", 0)  # ours as long as the house stands
        self.origin = f"http://127.0.0.1:{web.getsockname()[1]}"
        wechat = make_config(self.folder / "wechat", return_origins=[self.origin])
        self._simulator, wechat_url = await asyncio.to_thread(start_simulator, wechat.simulator_config_path)
        engines = Engines(urls.admin, urls.owner, urls.app, urls.sealer, redis.url)
        platform = wechat_settings(wechat, wechat_url, notify_origin=self.origin).model_dump(mode="json")
        settings = self.folder / "settings.json"
        settings.touch(0o600)
        settings.write_text(
            json.dumps(test_settings(engines, self.folder, public_origin=self.origin, wechat=platform))
        )  # fmt: skip
        known = {**os.environ, "HOSPITAL_SETTINGS": str(settings), ENVIRONMENT: str(self.killer.path)}

        def child(name: str, *arguments: str, **options: Any) -> ChildSpec:
            return ChildSpec(name, [sys.executable, "-m", "tests.faults.killing", name, *arguments], known, **options)

        self.watch.add(
            child("web", str(web.fileno()), pass_fds=(web.fileno(),), ready=answers(self.origin + "/readyz"))
        )  # fmt: skip
        self.watch.add(child("worker"))
        await self.watch.start()
        self.wechat = Wechat(wechat_url, PATIENCE_S)
        await self.wechat.post("/_sim/settings", {"time_scale": 20})

    async def furnish(self, patients: int, *, back_to: str | None = None) -> None:
        """Put people and places there, through the core in this process; ``back_to``: where that belongs."""
        if back_to is not None:
            await disconnect()
        hospital_core.reactions.load()
        ports.provide(KeyRing, TEST_KEYS)
        await connect(self.app_url, pool_max=4, application="hospital-house")
        try:
            people = await make_crowd(patients)
            sessions = await make_sessions([_PLACES] * -(-patients // _PLACES))
            self.waiting += [(one, sessions[n // _PLACES].schedule_id) for n, one in enumerate(people)]
        finally:
            await disconnect()
            if back_to is not None:
                await connect(back_to, pool_max=12, application="hospital-test")

    async def close(self) -> None:
        """Stop everything."""
        self._patch.undo()
        if hasattr(self, "wechat"):
            await self.wechat.close()
        await self.watch.stop()
        if hasattr(self, "_simulator"):
            await asyncio.to_thread(stop_simulator, self._simulator)
        await self.engines_watch.stop()
        if hasattr(self, "_socket"):
            self._socket.close()

    # -- the database, past everything

    async def ask(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows as they are committed, as soon as PostgreSQL is there."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                connection = await asyncpg.connect(self.owner_url, timeout=5)
                try:
                    return list(await connection.fetch(sql, *arguments))
                finally:
                    await connection.close(timeout=2)
            except Exception as error:
                if not is_database_away(error) or time.monotonic() > ends:
                    raise
                await asyncio.sleep(_POLL_S)

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, *, hurry: UUID | None = None) -> None:
        """Wait for something; meanwhile let what waits for an appointment come due. Raises: AssertionError."""
        began = hurried = time.monotonic()
        while not await holds():
            now = time.monotonic()
            assert now - began < PATIENCE_S, f"not within {PATIENCE_S:.0f} s: {what}"
            if hurry is not None and now - hurried > _HURRY_S:
                hurried = now
                await self.ask(_DUE_NOW, hurry, _WAITED_FOR)
            await asyncio.sleep(_POLL_S)

    # -- one strike

    async def strike(self, point: str, victim: str) -> list[tuple[str, Any]]:
        """One patient comes to the point, a process dies there; what is wrong when all has settled."""
        patient = await self._next()
        crossing = Crossing(point.partition(".")[0])
        await self._come_near(patient, crossing)
        watch = self.engines_watch if victim == "postgres" else self.watch
        pid = watch.pids()[victim]
        self.killer.arm(point, pid)
        await self._go_on(patient, crossing)
        began = await self._struck(point, UUID(patient.appointment_id))

        async def is_back() -> bool:
            return watch.pids().get(victim, pid) != pid and await answers(self.origin + "/readyz")()

        await self.until(is_back, f"{victim} is back")
        self.back_s[victim].append(time.monotonic() - began)
        await self._settle(patient, crossing)
        found = await self._findings(patient)
        await patient.phone.close()
        return found

    async def _next(self) -> Patient:
        person, schedule_id = self.waiting.pop()
        await self.wechat.post(
            "/_sim/users", {"nickname": "王小明", "phone": "13900000000", "openid": person.openid}
        )  # fmt: skip
        phone = Api(self.origin, PATIENCE_S)
        token = tokens().issue(sub=person.account_id, sid=new_id(), audience="miniapp", lifetime_s=7200)
        phone.headers["Authorization"] = f"Bearer {token}"
        return Patient(person, schedule_id, phone)

    async def _come_near(self, patient: Patient, crossing: Crossing) -> None:
        if crossing is Crossing.BOOK:
            return
        await self._book(patient)
        if crossing in (Crossing.CLOSE, Crossing.SUCCESS):
            await patient.phone.post(f"{patient.path}/pay")
        elif crossing is Crossing.REFUND:
            await self._pay(patient)
            await self._until_phone_sees(patient, "booked", "paid")

    async def _go_on(self, patient: Patient, crossing: Crossing) -> None:
        if crossing is Crossing.BOOK:
            await self._book(patient)
        elif crossing in (Crossing.PREPAY, Crossing.SUCCESS):
            await self._pay(patient)
        elif crossing is Crossing.REFUND:
            await patient.phone.post(f"{patient.path}/cancel")
        else:
            held = UUID(patient.appointment_id)
            await self.ask(_LAPSED, held)
            await self.ask(_DUE_NOW, held, [*_WAITED_FOR, "AppointmentHoldLapses"])

    async def _struck(self, point: str, hurry: UUID) -> float:
        async def has_struck() -> bool:
            return not self.killer.is_armed

        await self.until(has_struck, f"{point} is reached", hurry=hurry)
        return time.monotonic()

    async def _settle(self, patient: Patient, crossing: Crossing) -> None:
        appointment_id = UUID(patient.appointment_id)
        if crossing in (Crossing.PREPAY, Crossing.SUCCESS):
            await self._until_phone_sees(patient, "booked", "paid")
        elif crossing is Crossing.BOOK:
            await self._until_phone_sees(patient, "pending", "unpaid")
        else:
            await self._until_phone_sees(patient, "cancelled", "refunded" if crossing is Crossing.REFUND else "unpaid")
            await self.until(lambda: self._nothing_open(patient), "no payment is open", hurry=appointment_id)

    async def _nothing_open(self, patient: Patient) -> bool:
        (once,) = await self.ask(_ONCE, patient.person.patient_id)
        return bool(once["open_payments"] == 0)

    async def _until_phone_sees(self, patient: Patient, status: str, money: str) -> None:
        seen: list[tuple[str, str]] = []

        async def sees() -> bool:
            now = await patient.phone.get(patient.path)
            seen[:] = [(now["status"], now["payment_status"])]
            return seen == [(status, money)]

        try:
            await self.until(sees, f"{status}, {money}", hurry=UUID(patient.appointment_id))
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from None

    async def _book(self, patient: Patient) -> None:
        wish = {"patient_id": str(patient.person.patient_id), "schedule_id": str(patient.schedule_id)}
        patient.appointment_id = (await patient.phone.post(_PATH, wish))["id"]

    async def _pay(self, patient: Patient) -> None:
        payment = (await patient.phone.post(f"{patient.path}/pay"))["payment"]
        await self.wechat.pay(patient.person.openid, payment["wechat"])

    # -- judging

    async def _findings(self, patient: Patient) -> list[tuple[str, Any]]:
        """Everything that is wrong in the house, and what this patient has not exactly once."""
        found = [
            (row["finding"], row["id"])
            for sql in (PLACES, f"SELECT finding, id FROM ({FINDINGS}) AS f", _PARKED)
            for row in await self.ask(sql)
        ]
        state = await self.wechat.get("/_sim/state")
        found += channel_findings(state, await self.ask(INTENTS))
        (once,) = await self.ask(_ONCE, patient.person.patient_id)
        if (once["bookings"], once["audited"], once["open_payments"]) != (1, 1, 0):
            found.append(("not exactly once", dict(once)))
        return found


@asynccontextmanager
async def running_house(folder: Path) -> AsyncIterator[House]:
    """A house, opened and closed."""
    house = House(folder)
    try:
        await house.open()
        yield house
    finally:
        await house.close()
