"""The demo's entrance: only outside production, and only for what the demo made."""

import json
from pathlib import Path

import pyotp
import pytest

from backend.app import all_routes, create_app
from backend.demo.page import demo_routes
from backend.settings import Settings
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.engines import Engines
from tests.fixtures.finance import rows
from tests.fixtures.people import make_device, make_place, make_staff, new_key
from tests.fixtures.server import Server, test_settings

GROUP = "server"


def _settings(database: Engines, folder: Path, environment: str) -> Settings:
    values = test_settings(database, folder, environment=environment, public_origin="https://hospital.example")
    return Settings.model_validate(values)


def test_given_production_then_no_demo_route_exists(core: Engines, tmp_path: Path) -> None:
    production = _settings(core, tmp_path, "production")
    with pytest.raises(RuntimeError):
        demo_routes(production)
    app = create_app(production, "hospital_in_production")
    assert [route.path for route in app.router.routes if "demo" in route.path] == []
    assert [route.path for route in all_routes() if "demo" in route.path] == []
    demo = create_app(_settings(core, tmp_path, "demo"), "hospital_in_demo")
    assert len([route.path for route in demo.router.routes if "demo" in route.path]) == 4


@pytest.fixture
async def prepared(server: Server) -> access.Clinic:
    """What ``backend.demo.prepare`` would have left, for a clinic of ours."""
    clinic = await access.make_clinic()
    _, lobby = await make_place()
    now = {
        "staff_login": "doctor1", "staff_name": "王建国", "department_name": "内科", "room_name": "一诊室",
        "area_id": str(clinic.area_id), "area_name": "候诊一区", "lobby_id": str(lobby), "campus_name": "滨江",
    }  # fmt: skip
    staff = [
        {"login": "sysadmin", "role": "system_admin", "name": "甲", "totp_secret": "x"},
        {"login": "doctor", "role": "doctor", "name": "乙", "totp_secret": None},
        {"login": "registrar", "role": "registrar", "name": "丙", "totp_secret": None},
    ]
    await make_staff(roles=[StaffRole.SYSTEM_ADMIN])
    path = server.folder / "prepared.json"
    people = [{"name": "丁", "document_no": "990102198204080975", "patient_no": "0200000016"}]
    facts = {"password": "demo words", "staff": staff, "phone_user": "丁", "people": people, "now": now}
    path.write_text(json.dumps(facts))
    return clinic


async def test_the_first_page_learns_where_everything_is(server: Server, prepared: access.Clinic) -> None:
    facts = await server.party().got("/demo.json")
    assert facts["hospital_name"] == "测试医院"
    assert (facts["phone_url"], facts["console_url"], facts["wechat_url"]) == (
        "/phone/",
        "/console/",
        server.wechat_url,
    )
    assert facts["sms_url"] == server.sms_url
    assert [(one["login"], one["totp"]) for one in facts["logins"]] == [
        ("doctor1", False), ("sysadmin", True), ("registrar", False)
    ]  # fmt: skip
    assert facts["phone_user"] == "丁"
    assert facts["patients"] == [{"name": "丁", "document_no": "990102198204080975"}]
    assert "totp_secret" not in json.dumps(facts)
    assert facts["now"]["area_id"] == str(prepared.area_id)


async def test_the_demo_lets_its_kiosk_in_and_says_so_again(server: Server, prepared: access.Clinic) -> None:
    lobby = json.loads((server.folder / "prepared.json").read_text())["now"]["lobby_id"]
    elsewhere = await make_device(approved=False)
    kiosk = await make_device(approved=False, location_id=lobby)
    anybody = server.party()
    for _ in range(2):
        approved = await anybody.did("/demo/approve-kiosk")
        assert (approved["id"], approved["status"]) == (str(kiosk.view.id), "active")
    (row,) = await rows("SELECT status FROM device WHERE id = $1", elsewhere.view.id)
    assert row["status"] == "pending"


async def test_the_demo_hangs_a_waiting_screen(server: Server, prepared: access.Clinic) -> None:
    anybody = server.party()
    shown = await anybody.did("/api/display/v1/pairings", {"public_key": new_key()[1], "software": "x"})
    paired = await anybody.did("/demo/pair-display", {"code": shown["code"]})
    assert (paired["kind"], paired["location_id"]) == (DeviceKind.DISPLAY, str(prepared.area_id))
    assert (await anybody.post("/demo/pair-display", {"code": "12345"})).status_code == 422


async def test_a_one_time_code_is_told_for_demo_accounts_only(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.AUDIT_ADMIN])
    anybody = server.party()
    assert (await anybody.get("/demo/totp", login=staff.login)).status_code == 404
    # As the demo's seed makes them: accounts with UUIDv5 ids.
    await rows("UPDATE staff_account SET id = overlay(id::text placing '5' from 15 for 1)::uuid WHERE id = $1 "
               "RETURNING id", staff.account_id)  # fmt: skip
    body = {"login": staff.login, "password": staff.password}
    for _ in range(2):
        code = await anybody.got("/demo/totp", login=staff.login)
        assert code["expires_in"] > 0
        assert (await server.party().post("/api/staff/v1/sessions", body | {"totp": code["code"]})).is_success
    assert staff.totp_secret is not None
    assert len(pyotp.TOTP(staff.totp_secret).now()) == len(code["code"])
