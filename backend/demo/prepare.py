"""Getting the demo's database ready (演示准备): migrate, seed, enrol its kiosk and screen. Once per start, as a child.

``python -m backend.demo.prepare FOLDER``: writes ``FOLDER/prepared.json`` (0600) for whoever runs the demo.
"""

import asyncio
import base64
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.demo.accounts import demo_logins
from backend.demo.bills import leave_bills
from backend.demo.hospital import DEFAULT_SEED
from backend.demo.ids import DemoIds
from backend.demo.now import DemoNow, current_session, demo_people, demo_person
from backend.demo.past import DOCUMENT, live_through
from backend.demo.seed import seed_hospital
from backend.demo.target import refuse_unfit_database
from backend.demo.windows import open_windows
from backend.embedded.folder import SecretFile
from backend.processes import StartupRefused
from backend.settings import Settings, SettingsError, load_settings
from hospital_core import db, reactions
from hospital_core.kernel import ports
from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading, pooled_connection
from hospital_core.kernel.run import run
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.migrating import migrate
from hospital_core.registry.devices.commands import ApproveDevice, CreateEnrolment, EnrolDevice
from hospital_core.registry.devices.queries import device
from hospital_core.registry.devices.service import approve_device, create_enrolment, enrol_device
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.devices.views import DeviceView
from hospital_core.registry.staff.permissions import Permission
from sandbox.wechat.keys import write_private

SEED = DEFAULT_SEED


async def prepare(folder: Path, settings: Settings) -> None:
    """Everything between a running database and a running server; safe to repeat."""
    assert settings.database_owner_url is not None
    await _refuse_unfit(settings.database_owner_url, settings.keyring())
    _say("数据库结构")
    await migrate(settings.database_owner_url)
    password = SecretFile(folder).ensure("demo_password")["demo_password"]
    ports.provide(KeyRing, settings.keyring())
    await seed_hospital(settings.database_url, settings.keyring(), password, seed=SEED, progress=_progress())
    reactions.load()
    await db.connect(settings.database_url, application="hospital-prepare")
    try:
        if settings.wechat is not None:
            await live_through(settings.database_owner_url, settings.keyring(), settings.wechat.appid, SEED)
        await open_windows()
        prepared = await _facts(folder, settings, password)
    finally:
        await db.disconnect()
    write_private(folder / "prepared.json", json.dumps(prepared, default=str, ensure_ascii=False).encode())
    _say("就绪")


async def _refuse_unfit(owner_url: str, ring: KeyRing) -> None:
    owner = await asyncpg.connect(owner_url)
    try:
        await refuse_unfit_database(owner, ring, seed=SEED)
    finally:
        await owner.close()


async def _facts(folder: Path, settings: Settings, password: str) -> dict[str, Any]:
    system = Context(Actor(ActorKind.SYSTEM))
    reading = Reading(system)
    at = await reading.fetch_value("SELECT hospital_now()")
    now = await current_session(reading, at)
    if now is None:
        raise RuntimeError("the demo has no session now: the timetable is missing")
    async with pooled_connection() as connection:
        logins = await demo_logins(connection, settings.keyring())
        doctors = await connection.fetch(
            "SELECT a.staff_id, a.login, s.name, d.name AS department FROM staff_account a "
            "JOIN staff_member s ON s.id = a.staff_id JOIN department d ON d.id = s.department_id "
            "WHERE 'doctor' = ANY(a.roles) AND a.active ORDER BY s.staff_no"
        )
    people = await demo_people(reading, settings.keyring(), at=at)
    holder = await demo_person(reading, settings.keyring(), DOCUMENT)
    if holder is not None:
        people.insert(0, holder)
    await leave_bills(people, SEED)
    return {
        "password": password,
        "staff": [asdict(login) for login in logins],
        "doctors": [dict(row) for row in doctors],
        "now": asdict(now),
        "phone_user": holder.name if holder is not None else None,
        "people": [asdict(person) for person in people],
        "display": await _display(folder, now),
        "kiosk_enrolment_code": await _kiosk_code(folder, now),
    }


async def _administrator() -> Context:
    """The demo's system administrator, acting at the console on the hospital's behalf."""
    staff = DemoIds(SEED)
    row = await Reading(Context(Actor(ActorKind.SYSTEM))).fetch_row(
        "SELECT staff_id FROM staff_account WHERE 'system_admin' = ANY(roles) AND active ORDER BY login LIMIT 1"
    )
    staff_id = row["staff_id"] if row else staff("staff", "none")
    return Context(Actor(ActorKind.STAFF, staff_id, permissions=frozenset({Permission.DEVICE_MANAGE})))


async def _known(device_id: str) -> DeviceView | None:
    """The device as this database has it, None when it stands in another: the folder was used with other engines."""
    try:
        return await device(Reading(Context(Actor(ActorKind.SYSTEM))), UUID(device_id))
    except NotFound:
        return None


async def _kiosk_code(folder: Path, now: DemoNow) -> str | None:
    """A one-time code for the demo's kiosk, unless that kiosk introduced itself here before."""
    path = folder / "kiosk" / "identity.json"
    if path.exists() and (device_id := json.loads(path.read_text())["device_id"]) is not None:
        if await _known(device_id) is not None:
            return None
        shutil.rmtree(path.parent)  # an enrolled kiosk takes no code, and its spool is for the other hospital
    command = CreateEnrolment(kind=DeviceKind.KIOSK, name="门诊大厅 1 号自助机", location_id=now.lobby_id)
    return (await run(await _administrator(), create_enrolment, command)).code


async def _display(folder: Path, now: DemoNow) -> dict[str, str]:
    """A screen for programs: enrolled and approved like any other, its private key in the demo's folder."""
    path = folder / "display.json"
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text())
        found = await _known(known["device_id"])
        if found is not None and found.status is DeviceStatus.ACTIVE and found.location_id == now.area_id:
            return known
    key = Ed25519PrivateKey.generate()
    administrator = await _administrator()
    code = await run(
        administrator,
        create_enrolment,
        CreateEnrolment(kind=DeviceKind.DISPLAY, name=f"{now.area_name}候诊屏", location_id=now.area_id),
    )
    enrolled = await run(
        Context(Actor(ActorKind.ANONYMOUS)),
        enrol_device,
        EnrolDevice(code=code.code, public_key=_text(key.public_key().public_bytes_raw()), software="demo"),
    )
    await run(administrator, approve_device, ApproveDevice(device_id=enrolled.id, location_id=now.area_id))
    facts = {"device_id": str(enrolled.id), "private_key": _text(key.private_bytes_raw()), "area_id": str(now.area_id)}
    write_private(path, json.dumps(facts).encode())
    return facts


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _progress() -> Any:
    last = ""

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal last
        line = f"{stage} {done}/{total}"
        if line != last:
            last = line
            _say(line)

    return tell


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        asyncio.run(prepare(Path(sys.argv[1]), load_settings()))
    except (StartupRefused, SettingsError) as error:
        sys.exit(str(error))
