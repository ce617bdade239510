"""One visit, told in the patient's order (一次就诊): book, pay, check in, be called, be seen, leave, e-invoice."""

import asyncio
import secrets
import time
from datetime import date, timedelta
from typing import Any

from backend.demo.people import national_id
from backend.visit.client import Api, StepFailed
from backend.visit.hospital import Hospital
from backend.visit.parties import Clock

_AREA_NEVER_ISSUED = "990199"
_NAMES = ("沈知秋", "陆予安", "顾明远", "宋清和", "韩若溪", "程子墨", "许念初", "魏长风", "唐一诺", "冯晓岚")
_POLL_S = 0.15
_ANOTHER_CODE_S = 0.5


class Visit:
    """A person who is new to the hospital."""

    def __init__(self, hospital: Hospital, clock: Clock, number: int) -> None:
        self.hospital = hospital
        self.clock = clock
        self.session = hospital.sessions[number]
        self.phone: Api = hospital.new_api()
        self.name = _NAMES[number % len(_NAMES)]
        self.number = "199" + f"{secrets.randbelow(10**8):08d}"
        self.openid = ""
        self.patient_id = ""
        self.appointment: dict[str, Any] = {}

    async def walk(self) -> None:
        """The whole visit. Raises StepFailed with the first thing that is not as it must be."""
        await self._arrive_in_wechat()
        await self._book()
        await self._pay()
        number = await self._check_in()
        await self._be_seen(number)
        await self._leave()
        await self._receive_e_invoice()

    async def _arrive_in_wechat(self) -> None:
        wechat, phone = self.hospital.wechat, self.phone
        self.openid = await wechat.new_person(self.name, self.number)
        self.clock.step("WeChat", "opens the mini program")
        signed_in = await self._with_code("/api/miniapp/v1/sessions", "login-code", spent=401)
        phone.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        self.clock.step("phone", "logs in")
        await self._with_code("/api/miniapp/v1/phone", "phone-code", spent=422)
        self.clock.step("phone", "gives the phone number")
        person = {
            "name": self.name,
            "document_kind": "national_id",
            "document_no": document_number(),
            "relation": "self",
        }
        link = await phone.post("/api/miniapp/v1/patients", {**person, "phone": self.number})
        self.patient_id = link["patient_id"]
        self.clock.step("phone", "adds the patient")

    async def _with_code(self, path: str, kind: str, *, spent: int) -> Any:
        """Hand over a code of WeChat's. It works once: after a lost answer the phone asks for another."""
        ends = time.monotonic() + self.hospital.patience_s
        while True:
            code = await self.hospital.wechat.code(self.openid, kind)
            repeated = self.phone.retries
            answer = await self.phone.send("POST", path, body={"code": code}, fine=(spent,))
            if answer is not None:
                return answer
            if self.phone.retries == repeated or time.monotonic() > ends:
                raise StepFailed(f"POST {path}: {spent} for a fresh code")
            await asyncio.sleep(_ANOTHER_CODE_S)

    async def _book(self) -> None:
        phone, session = self.phone, self.session
        departments = (await phone.get("/api/miniapp/v1/departments"))["items"]
        if session["department_id"] not in {department["id"] for department in departments}:
            raise StepFailed("the department of a running session is not in the list")
        doctors = (await phone.get(f"/api/miniapp/v1/departments/{session['department_id']}/doctors"))["items"]
        if session["schedule_id"] not in {s["schedule_id"] for doctor in doctors for s in doctor["sessions"]}:
            raise StepFailed("a running session is not in its department's list")
        self.clock.step("phone", "finds department and doctor")
        body = {"patient_id": self.patient_id, "schedule_id": session["schedule_id"]}
        self.appointment = await phone.post("/api/miniapp/v1/appointments", body)
        if self.appointment["status"] != "pending":
            raise StepFailed(f"a place was held but its state is {self.appointment['status']}")
        self.clock.step("phone", f"holds a place · no. {self.appointment['number']}")

    async def _pay(self) -> None:
        phone, path = self.phone, f"/api/miniapp/v1/appointments/{self.appointment['id']}"
        payment = (await phone.post(f"{path}/pay"))["payment"]
        self.clock.step("phone", "asks for the payment")
        await self.hospital.wechat.pay(self.openid, payment["wechat"])
        self.clock.step("WeChat", f"pays · ¥{payment['amount_fen'] / 100:.2f}")
        ends = time.monotonic() + self.hospital.patience_s
        while (appointment := await phone.get(path))["status"] != "booked":
            if appointment["status"] != "pending" or time.monotonic() > ends:
                raise StepFailed(f"paid, but the appointment is {appointment['status']}")
            await asyncio.sleep(_POLL_S)
        if appointment["payment_status"] != "paid":
            raise StepFailed(f"booked, but the payment is {appointment['payment_status']}")
        self.clock.step("phone", "sees the booking confirmed")

    async def _check_in(self) -> str:
        found = (await self.hospital.registrar.get("/api/staff/v1/patients", q=self.number))["items"]
        if self.patient_id not in {patient["id"] for patient in found}:
            raise StepFailed("the registrar does not find the new file by its phone")
        self.clock.step("registrar", "finds the file")
        kiosk = await self.hospital.kiosks.get()
        self.clock.restart()
        try:
            qr = await self.phone.get(f"/api/miniapp/v1/appointments/{self.appointment['id']}/qr")
            return await kiosk.check_in(self.clock, qr["text"], self.appointment["id"])
        finally:
            self.hospital.kiosks.put_nowait(kiosk)

    async def _be_seen(self, number: str) -> None:
        doctor = await self.hospital.doctor_of(self.session)
        place = await self.phone.get(f"/api/miniapp/v1/appointments/{self.appointment['id']}/queue-place")
        if place["display_no"] != number:
            raise StepFailed("phone and slip show different numbers")
        ticket_id = place["ticket_id"]
        self.clock.step("phone", f"watches the queue · {place['ahead']} ahead")
        doctor.expect(ticket_id)
        await self._within(doctor.called[ticket_id], "the doctor did not call")
        self.clock.step("screen", "shows the call")
        if ticket_id in doctor.shown_ms:
            self.clock.measures["call answered → on the screen"].append(doctor.shown_ms[ticket_id])
        await self._within(doctor.finished[ticket_id], "the doctor did not finish")
        self.clock.step("doctor", "sees the patient")

    async def _leave(self) -> None:
        path = f"/api/miniapp/v1/appointments/{self.appointment['id']}"
        ends = time.monotonic() + self.hospital.patience_s
        while (appointment := await self.phone.get(path))["status"] != "fulfilled":
            if time.monotonic() > ends:
                raise StepFailed(f"seen, but the appointment is {appointment['status']}")
            await asyncio.sleep(_POLL_S)
        self.clock.step("phone", "sees the visit ended")

    async def _receive_e_invoice(self) -> None:
        """The number of the fee's e-invoice: asked for by the worker since the payment."""
        ends = time.monotonic() + self.hospital.patience_s
        while True:
            found = (await self.phone.get("/api/miniapp/v1/e-invoices"))["items"]
            if found and found[0]["bill_no"]:
                break
            if time.monotonic() > ends:
                raise StepFailed(f"paid, but the e-invoice is {found[0]['status'] if found else 'not there'}")
            await asyncio.sleep(_POLL_S)
        if len(found) != 1 or found[0]["amount_fen"] != self.appointment["fee_fen"]:
            raise StepFailed("the e-invoice is not one over the fee that was paid")
        self.clock.step("phone", f"has the e-invoice · no. {found[0]['bill_no']}")

    async def _within(self, future: "asyncio.Future[Any]", otherwise: str) -> None:
        try:
            async with asyncio.timeout(self.hospital.patience_s * 4):
                await asyncio.shield(future)
        except TimeoutError:
            raise StepFailed(otherwise) from None


def document_number() -> str:
    """A number with a right check digit and an area that is never issued."""
    born = date(1950, 1, 1) + timedelta(days=secrets.randbelow(18_000))
    return national_id(_AREA_NEVER_ISSUED, born, secrets.randbelow(500), secrets.choice(("male", "female")))
