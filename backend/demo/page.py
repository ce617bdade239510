"""The demo's own entrance (演示入口): where everything is, whose log-ins work, and an administrator's two clicks.

Mounted outside production only. ``GET /demo.json`` feeds the demo's first page; the commands do what an administrator
would do at the console, so that a visitor sees a kiosk and a screen at work at once.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pyotp
from pydantic import BaseModel, StringConstraints

from backend.http.routing import Audience, Call, Route, Routes
from backend.settings import Settings
from hospital_core.kernel.commands import Command, View
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import NotFound, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import keyring, run
from hospital_core.registry.devices.commands import ApproveDevice, PairDevice
from hospital_core.registry.devices.errors import PairingCodeWrong
from hospital_core.registry.devices.queries import devices
from hospital_core.registry.devices.service import approve_device, pair_device
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.devices.views import DeviceView
from hospital_core.registry.staff.permissions import Permission, StaffRole
from hospital_core.registry.staff.totp import STEP_S

_KIOSK_WAIT_S = 12.0
_PATIENTS_SHOWN = 2

# The common demo password only opens accounts that the demo itself made (UUIDv5 ids).
_TOTP_OF = """
SELECT totp_secret, totp_last_step FROM staff_account
WHERE login = $1 AND active AND totp_secret IS NOT NULL AND substr(id::text, 15, 1) = '5'"""


class DemoLoginView(View):
    """A log-in a visitor may use (演示账号); ``totp``: fetch a code from ``/demo/totp`` first."""

    role: StaffRole
    login: str
    name: str
    password: str
    totp: bool


class DemoPatientView(View):
    """Somebody a visitor may be (演示患者): a made-up person whose card the demo's kiosk can read."""

    name: str
    document_no: str


class DemoSessionView(View):
    """The session a visitor can go to now (当前出诊)."""

    department_name: str
    staff_name: str
    room_name: str
    area_id: UUID
    area_name: str
    campus_name: str


class DemoFacts(View):
    """Where the demo's parties live and what is going on now (演示信息); ``phone_user`` has visits behind them."""

    hospital_name: str
    phone_url: str
    console_url: str
    display_url: str
    kiosk_url: str | None
    wechat_url: str | None
    sms_url: str | None
    einvoice_url: str | None
    video_url: str | None
    docs_url: str
    logins: list[DemoLoginView]
    phone_user: str | None
    patients: list[DemoPatientView]
    now: DemoSessionView


class TotpCode(View):
    """A one-time code that works now (动态口令)."""

    code: str
    expires_in: int


class TotpQuery(BaseModel):
    """Whose."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=80)]


class PairScreen(Command):
    """The code a waiting screen shows."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]


def demo_routes(settings: Settings) -> list[Route]:
    """The demo's routes. Raises RuntimeError in production: there they must not exist."""
    if not settings.is_demo:
        raise RuntimeError("the demo has no routes in production")
    routes = Routes("demo", "", Audience.OPEN)

    @routes.get("/demo.json", view=DemoFacts, errors=(NotFound,))
    async def demo_facts(call: Call[Any]) -> DemoFacts:
        """Where the demo's parties live (演示地址)."""
        return _facts(settings, _prepared(settings))

    @routes.get("/demo/totp", view=TotpCode, query=TotpQuery, errors=(NotFound,))
    async def demo_totp(call: Call[Any]) -> TotpCode:
        """A one-time code for a demo account (演示动态口令)."""
        return await _totp(Reading(system_context()), call.query.login)

    @routes.post("/demo/approve-kiosk", view=DeviceView, errors=(OutsideUnavailable,))
    async def demo_approve_kiosk(call: Call[Any]) -> DeviceView:
        """Let the demo's kiosk in (审核演示自助机); waits until it has introduced itself."""
        return await _until(lambda: _approved_kiosk(UUID(_prepared(settings)["now"]["lobby_id"])))

    @routes.post("/demo/pair-display", view=DeviceView, command=PairScreen, errors=(PairingCodeWrong,))
    async def demo_pair_display(call: Call[PairScreen]) -> DeviceView:
        """Hang a waiting screen in the area that is open now (配对演示候诊屏)."""
        now = _prepared(settings)["now"]
        pairing = PairDevice(code=call.command.code, location_id=now["area_id"], name=f"{now['area_name']}候诊屏")
        return await run(await _administrator(), pair_device, pairing)

    return routes.table


def _prepared(settings: Settings) -> dict[str, Any]:
    path: Path = settings.data_dir / "prepared.json"
    if not path.exists():
        raise NotFound()
    prepared: dict[str, Any] = json.loads(path.read_text())
    return prepared


def _facts(settings: Settings, prepared: dict[str, Any]) -> DemoFacts:
    wechat = settings.wechat.api_base_url if settings.wechat else None
    doctor = {"role": "doctor", "login": prepared["now"]["staff_login"], "name": prepared["now"]["staff_name"]}
    others = [known for known in prepared["staff"] if known["role"] != "doctor"]
    return DemoFacts(
        hospital_name=settings.hospital_name,
        phone_url="/phone/",
        console_url="/console/",
        display_url="/display/",
        kiosk_url=next((f"{origin}/" for origin in settings.frame_origins if origin != wechat), None),
        wechat_url=wechat,
        sms_url=settings.sms_url.removesuffix("/messages") if settings.sms_url else None,
        einvoice_url=f"{settings.einvoice.url}/" if settings.einvoice else None,
        video_url=f"{settings.video.url}/" if settings.video else None,
        docs_url="/docs/",
        logins=[_login(known, prepared["password"]) for known in (doctor, *others)],
        phone_user=prepared.get("phone_user"),
        patients=[
            DemoPatientView(name=person["name"], document_no=person["document_no"])
            for person in prepared["people"][:_PATIENTS_SHOWN]
        ],
        now=DemoSessionView.model_validate(prepared["now"]),
    )


def _login(known: dict[str, Any], password: str) -> DemoLoginView:
    return DemoLoginView(
        role=known["role"], login=known["login"], name=known["name"], password=password,
        totp=bool(known.get("totp_secret")),
    )  # fmt: skip


async def _totp(reading: Reading, login: str) -> TotpCode:
    """The code of the first time step that was not used yet: a visitor may sign in, out and in again."""
    row = await reading.fetch_row(_TOTP_OF, login)
    if row is None:
        raise NotFound()
    present = int(time.time()) // STEP_S
    step = min(max(present, row["totp_last_step"] + 1), present + 1)
    secret = keyring().open(bytes(row["totp_secret"]), "staff_account.totp_secret")
    return TotpCode(
        code=pyotp.TOTP(secret).generate_otp(step), expires_in=int((step + 1) * STEP_S - time.time()) + STEP_S
    )


async def _approved_kiosk(lobby_id: UUID) -> DeviceView | None:
    """The kiosk of the lobby, approved when it waits for that; None while none has introduced itself."""
    kiosks = [d for d in await devices(Reading(system_context()), DeviceKind.KIOSK) if d.location_id == lobby_id]
    for kiosk in kiosks:
        if kiosk.status is DeviceStatus.PENDING:
            return await run(await _administrator(), approve_device, ApproveDevice(device_id=kiosk.id))
    return next((kiosk for kiosk in kiosks if kiosk.status is DeviceStatus.ACTIVE), None)


async def _until(look: Callable[[], Awaitable[DeviceView | None]]) -> DeviceView:
    deadline = time.monotonic() + _KIOSK_WAIT_S
    while (found := await look()) is None:
        if time.monotonic() > deadline:
            raise OutsideUnavailable("演示自助机没有启动")
        await asyncio.sleep(0.3)
    return found


async def _administrator() -> Context:
    """The demo's system administrator, acting on the visitor's behalf: the audit trail shows a person."""
    staff_id = await Reading(system_context()).fetch_value(
        "SELECT staff_id FROM staff_account WHERE 'system_admin' = ANY(roles) AND active ORDER BY login LIMIT 1"
    )
    if staff_id is None:
        raise NotFound()
    return Context(Actor(ActorKind.STAFF, staff_id, permissions=frozenset({Permission.DEVICE_MANAGE})))
