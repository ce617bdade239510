"""Checking in at a kiosk: the demo's own, through its page's socket and simulated scanner; or one of the visit's."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from backend.visit.client import Api, StepFailed
from backend.visit.parties import Clock, Device


class Kiosk(Protocol):
    """Somewhere to check in."""

    async def check_in(self, clock: Clock, qr: str, appointment_id: str) -> str:
        """Show a code and join the queue; returns the number on the slip. Raises StepFailed."""
        ...


@dataclass
class BareKiosk:
    """A kiosk without page or printer, speaking the kiosk's API: for crowds."""

    device: Device

    async def check_in(self, clock: Clock, qr: str, appointment_id: str) -> str:
        """By HTTP alone."""
        device = self.device
        opened = await device.post("/api/kiosk/v1/sessions", {"proof": "appointment_qr", "qr": qr})
        device.headers["X-Kiosk-Session"] = opened["session_token"]
        try:
            clock.step("kiosk", "reads the code")
            shown = (await device.get("/api/kiosk/v1/appointments"))["items"]
            if appointment_id not in {appointment["id"] for appointment in shown}:
                raise StepFailed("the kiosk does not show today's appointment")
            ticket = await device.post("/api/kiosk/v1/check-ins", {"appointment_id": appointment_id})
            clock.step("kiosk", f"checks in · {ticket['display_no']}")
            await device.post("/api/kiosk/v1/sessions/end")
        finally:
            device.headers.pop("X-Kiosk-Session", None)
        return str(ticket["display_no"])


class LobbyKiosk(Api):
    """The demo's kiosk with everything it has: we are its page, its scanner reads the phone, its printer prints."""

    async def check_in(self, clock: Clock, qr: str, appointment_id: str) -> str:
        """Scan, tap the appointment, wait for the printed slip."""
        before = {item["id"] for item in (await self.get("/_sim/prints"))["items"]}
        await self.http.get("/")  # the page's cookie opens its socket
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        address = f"ws://{urlsplit(self.base_url).netloc}/agent"
        try:
            async with connect(address, additional_headers={"Cookie": cookies}, proxy=None) as page:
                await self._until(page, "the kiosk is not ready", lambda s: s["stage"] == "home")
                await self.post("/_sim/scan", {"text": qr})
                await self._until(
                    page,
                    "the kiosk does not show today's appointment",
                    lambda s: appointment_id in {a["id"] for a in s["appointments"]},
                )
                clock.step("kiosk", "reads the code")
                await page.send(json.dumps({"v": 1, "type": "check_in", "appointment_id": appointment_id}))
                state = await self._until(page, "the kiosk did not check in", lambda s: s["ticket"] is not None)
                clock.step("kiosk", f"checks in · {state['ticket']['display_no']}")
                state = await self._until(page, "no slip was printed", lambda s: s["print_state"] == "printed")
                await page.send(json.dumps({"v": 1, "type": "leave"}))
        except (WebSocketException, OSError) as error:
            raise StepFailed(f"the kiosk's page lost its socket: {type(error).__name__}") from error
        printed = [item for item in (await self.get("/_sim/prints"))["items"] if item["id"] not in before]
        if not printed or not (await self.http.get(printed[0]["url"])).content.startswith(b"\x89PNG"):
            raise StepFailed("the slip cannot be seen")
        clock.step("kiosk", "prints the slip")
        return str(state["ticket"]["display_no"])

    async def _until(self, page: ClientConnection, otherwise: str, wanted: Any) -> dict[str, Any]:
        """Follow the page's state until it is as wanted; a refusal is told in the kiosk's own words."""
        try:
            async with asyncio.timeout(self.patience_s):
                async for text in page:
                    message = json.loads(text)
                    state: dict[str, Any] = message.get("data") or {}
                    if message["type"] == "state" and wanted(state):
                        return state
                    if state.get("refusal"):
                        raise StepFailed(f"{otherwise}: {state['refusal']['code']} {state['refusal']['title']}")
        except TimeoutError:
            pass
        raise StepFailed(otherwise)
