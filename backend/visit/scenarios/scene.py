"""The stage of a scenario (情景舞台): a session of its own, people with phones, the channel, and a list of proofs."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from backend.visit.client import Api, StepFailed
from backend.visit.parties import Staff, Wechat
from backend.visit.story import document_number

POLL_S = 0.2
APPOINTMENTS = "/api/miniapp/v1/appointments"
_FEE_ITEM = "诊查费"
_TRIES = 12
_SHANGHAI = timedelta(hours=8)

# A quarter of an hour passes for one hold: nobody waits for it in front of a screen. 1 appointment
_TIME_PASSES = """
WITH held AS (UPDATE appointment SET pay_until = hospital_now() - interval '3 minutes',
                                     held_until = hospital_now() - interval '1 minute'
              WHERE id = $1 AND status = 'pending' RETURNING id, slot_id),
timer AS (UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e, held
          WHERE e.id = d.event_id AND d.state = 'due' AND $2 AND e.name = 'AppointmentHoldLapses'
            AND e.payload->>'appointment_id' = held.id::text)
UPDATE slot SET held_until = hospital_now() - interval '1 minute' WHERE id IN (SELECT slot_id FROM held)"""


@dataclass(frozen=True)
class Fact:
    """One thing that was to be proved, and what was seen."""

    what: str
    holds: bool
    seen: str


@dataclass
class Person:
    """Somebody with a phone, a file and, soon, an appointment."""

    scene: "Scene"
    phone: Api
    openid: str
    patient_id: str
    appointment: dict[str, Any] = field(default_factory=dict)
    order: str = ""

    @property
    def path(self) -> str:
        """Their appointment's address."""
        return f"{APPOINTMENTS}/{self.appointment['id']}"

    async def book(self, schedule_id: str) -> bool:
        """Hold a place; False when there is none for them."""
        answer = await self.phone.send(
            "POST", APPOINTMENTS, body={"patient_id": self.patient_id, "schedule_id": schedule_id}, fine=(409,)
        )
        self.appointment = answer or {}
        return answer is not None

    async def open_sheet(self) -> dict[str, Any]:
        """Ask for the payment; its order's number is known afterwards."""
        payment: dict[str, Any] = (await self.phone.post(f"{self.path}/pay"))["payment"]
        prepay_id = payment["wechat"]["package"].partition("=")[2]
        self.order = str((await self.scene.wechat.get(f"/_sim/prepay/{prepay_id}"))["out_trade_no"])
        return payment

    async def pay(self) -> None:
        """Pay and see it confirmed."""
        payment = await self.open_sheet()
        await self.scene.wechat.pay(self.openid, payment["wechat"])
        await self.sees("booked", "paid")

    async def look(self) -> tuple[str, str]:
        """How the appointment stands: care and money."""
        self.appointment = await self.phone.get(self.path)
        return self.appointment["status"], self.appointment["payment_status"]

    async def sees(self, status: str, money: str, within_s: float | None = None) -> float:
        """Wait until the phone shows it; the seconds it took. Raises: StepFailed."""

        async def shows() -> bool:
            return await self.look() == (status, money)

        return await self.scene.until(shows, f"the phone shows {status}, {money}", within_s)

    async def messages(self) -> list[str]:
        """Titles of what this person was told about the appointment, newest first."""
        items = (await self.phone.get("/api/miniapp/v1/messages"))["items"]
        return [item["title"] for item in items if item["appointment_id"] == self.appointment["id"]]

    async def given_back(self) -> list[int]:
        """Finished refunds of their order, by the channel's own book, in fen."""
        order = await self.scene.wechat.get(f"/_sim/orders/{self.order}")
        return [refund["refund_fen"] for refund in order["refunds"] if refund["status"] == "SUCCESS"]


class Scene:
    """What one scenario needs of the demo."""

    def __init__(self, facts: dict[str, Any], patience_s: float) -> None:
        self.demo = facts
        self.patience_s = patience_s
        self.base = facts["urls"]["api"]
        self.wechat = Wechat(facts["urls"]["wechat"], patience_s)
        self.manager = Staff(self.base, patience_s)
        self.proved: list[Fact] = []
        self._apis: list[Api] = [self.wechat, self.manager]

    async def open(self) -> None:
        """Sign the office in that plans sessions."""
        login = next(login for login in self.demo["staff"] if login["role"] == "manager")
        await self.manager.sign_in(login["login"], self.demo["password"], login["totp_secret"])

    async def close(self) -> None:
        """Everybody goes home; the channel is as honest as before."""
        for api in self._apis:
            await api.close()

    def prove(self, what: str, holds: bool, seen: object = "") -> None:
        """Write a fact down."""
        self.proved.append(Fact(what, bool(holds), str(seen)))

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, within_s: float | None = None) -> float:
        """Wait for something; the seconds it took. Raises: StepFailed."""
        began = time.monotonic()
        while not await holds():
            if time.monotonic() - began > (within_s or self.patience_s):
                raise StepFailed(f"not within {within_s or self.patience_s:.0f} s: {what}")
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    async def person(self, name: str = "沈知秋") -> Person:
        """Somebody new to the hospital, signed in and with a file."""
        number = f"199{secrets.randbelow(10**8):08d}"
        openid = await self.wechat.new_person(name, number)
        phone = Api(self.base, self.patience_s)
        self._apis.append(phone)
        signed_in = await phone.post(
            "/api/miniapp/v1/sessions", {"code": await self.wechat.code(openid, "login-code")}
        )  # fmt: skip
        phone.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        await phone.post("/api/miniapp/v1/phone", {"code": await self.wechat.code(openid, "phone-code")})
        body = {
            "name": name, "document_kind": "national_id", "document_no": document_number(), "relation": "self",
            "phone": number,
        }  # fmt: skip
        link = await phone.post("/api/miniapp/v1/patients", body)
        return Person(self, phone, openid, link["patient_id"])

    async def people(self, count: int) -> list[Person]:
        """Several of them, a few at a time."""
        gate = asyncio.Semaphore(8)

        async def one() -> Person:
            async with gate:
                return await self.person()

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def session(self, places: int, *, beside: dict[str, Any] | None = None) -> dict[str, Any]:
        """A session of this scenario alone, some evening of this week; ``beside``: another doctor's, the same evening.

        It is one of the demo's doctors in the room they always have, at a time nobody works.
        """
        known = await self._doctors(beside)
        price = await self.manager.get("/api/staff/v1/price-items", q=_FEE_ITEM)
        for _ in range(_TRIES):
            doctor = secrets.choice(known)
            starts_at = _time(beside["starts_at"]) if beside else _some_evening()
            wanted = {
                "department_id": doctor["department_id"], "staff_id": doctor["staff_id"], "room_id": doctor["room_id"],
                "service_kind": "general", "starts_at": starts_at.isoformat(),
                "ends_at": (starts_at + timedelta(hours=1)).isoformat(), "places": places, "period": "night",
                "price_item_id": next(item["id"] for item in price["items"] if item["amount_fen"]),
            }  # fmt: skip
            made = await self.manager.send("POST", "/api/staff/v1/schedules", body=wanted, fine=(409, 422))
            if made is not None:
                return dict(made)
        raise StepFailed("no doctor is free any evening of this week")

    async def _doctors(self, beside: dict[str, Any] | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for days in range(1, 4):
            day = (datetime.now(UTC) + _SHANGHAI).date() + timedelta(days=days)
            found += (await self.manager.get("/api/staff/v1/schedules", day=day.isoformat()))["items"]
        if beside is not None:
            found = [
                one for one in found
                if one["department_id"] == beside["department_id"] and one["staff_id"] != beside["staff_id"]
                and one["room_id"] != beside["room_id"]
            ]  # fmt: skip
        usual = [one for one in found if one["service_kind"] != "emergency"]
        departments = [one["department_id"] for one in usual]
        return [one for one in usual if beside or departments.count(one["department_id"]) > 2]

    async def stop(self, session: dict[str, Any]) -> None:
        """End a session of ours: the demo's lists are as they were."""
        body = {"schedule_ids": [session["schedule_id"]], "reason": "演示结束"}
        await self.manager.send("POST", "/api/staff/v1/schedules/stop", body=body, fine=(409,))

    async def fault(self, kind: str, target: str, out_trade_no: str, times: int = -1) -> None:
        """Let the channel misbehave for one order."""
        body = {"kind": kind, "target": target, "times": times, "out_trade_no": out_trade_no}
        await self.wechat.post("/_sim/faults", body)

    async def time_passes(self, person: Person, *, tidied: bool) -> None:
        """The time to pay of a hold is over, as if a quarter of an hour had gone by; ``tidied``: its timer fires."""
        database = await asyncpg.connect(self.demo["engines"]["postgres_owner"], timeout=self.patience_s)
        try:
            await database.execute(_TIME_PASSES, person.appointment["id"], tidied)
        finally:
            await database.close()


Scenario = Callable[[Scene, int], Awaitable[None]]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _some_evening() -> datetime:
    """Between 19:00 and 21:59 in Shanghai, two to six days ahead: lines are open until the evening before."""
    today = (datetime.now(UTC) + _SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    days, minutes = 2 + secrets.randbelow(5), 19 * 60 + secrets.randbelow(180)
    return today + timedelta(days=days, minutes=minutes) - _SHANGHAI
