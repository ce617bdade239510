"""``hospital …`` at a shell: whoever runs the house reads one sentence, whole secrets, and where the server listens."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pyotp
import pytest

from tests.fixtures.engines import Engines, with_database
from tests.fixtures.program import HOSPITAL, ROOT
from tests.fixtures.server import test_settings
from tests.flows.operations.conftest import Bare

_WITHIN_S = 60
_READY_S = 40
_UNKNOWN = UUID(int=1)


def _settings(engines: Engines, folder: Path, **changes: Any) -> dict[str, str]:
    path = folder / "settings.json"
    path.touch(0o600)
    path.write_text(json.dumps(test_settings(engines, folder, **changes)))
    return {"HOSPITAL_SETTINGS": str(path)}


async def _hospital(environment: Mapping[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Eighty columns and no terminal: what a log and a narrow window see."""
    clean = {name: value for name, value in os.environ.items() if not re.match("HOSPITAL_|DATABASE|REDIS", name)}
    return await asyncio.to_thread(
        subprocess.run, [HOSPITAL, *command], cwd=ROOT, env={**clean, "COLUMNS": "80", **environment}, text=True,
        capture_output=True, timeout=_WITHIN_S, check=False,
    )  # fmt: skip


def _sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What was said on failing: one line, no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("✗")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "set HOSPITAL_DATABASE_URL, HOSPITAL_REDIS_URL, HOSPITAL_FIELD_KEYS, "),
        ({"HOSPITAL_SETTINGS": "/nowhere"}, "The file /nowhere, named by HOSPITAL_SETTINGS, cannot be read: No such"),
        ({"HOSPITAL_SETTINGS": "README.md"}, "README.md, named by HOSPITAL_SETTINGS, is not JSON"),
        ({"HOSPITAL_FIELD_KEYS": "s3cret"}, "HOSPITAL_FIELD_KEYS is not JSON"),
        ({"HOSPITAL_QR_KEY": "s3cret"}, "HOSPITAL_DATABASE_URL"),
    ],
)
async def test_given_settings_that_cannot_be_used_then_the_variable_is_named_and_no_secret(
    environment: dict[str, str], said: str
) -> None:
    told = _sentence(await _hospital(environment, "check"))
    assert said in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"field_key_current": 9}, "HOSPITAL_FIELD_KEY_CURRENT names a version that HOSPITAL_FIELD_KEYS does not hold"),
        (
            {"field_keys": {"300": "ab" * 32}, "field_key_current": 300},
            "HOSPITAL_FIELD_KEYS are numbered from 1 to 255",
        ),
        ({"token_keys": {}}, "HOSPITAL_TOKEN_KEYS holds no key"),
        ({"trusted_proxies": ["the proxy"]}, "HOSPITAL_TRUSTED_PROXIES holds the proxy, which is no address"),
        ({"workers": 0}, "HOSPITAL_WORKERS Input should be greater than or equal to 1"),
    ],
)
async def test_given_settings_that_do_not_fit_together_then_one_sentence_says_which(
    changes: dict[str, Any], said: str, engines: Engines, tmp_path: Path
) -> None:
    """A step forgotten while rotating keys, before it ends every worker."""
    assert said in _sentence(await _hospital(_settings(engines, tmp_path, **changes), "serve", "--port", "0"))


COMMANDS = (("serve", "--port", "0"), ("bootstrap",), ("devices", "revoke", str(_UNKNOWN)))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_given_a_database_that_was_never_migrated_then_the_command_that_mends_it_is_named(
    command: tuple[str, ...], engines: Engines, bare: Bare, tmp_path: Path
) -> None:
    async with bare() as owner_url:
        told = _sentence(await _hospital(_settings(_at(engines, owner_url), tmp_path), *command))
    assert "run `hospital migrate`" in told


def _at(engines: Engines, owner_url: str) -> Engines:
    name = owner_url.rsplit("/", 1)[1]
    app, sealer = with_database(engines.app, name), with_database(engines.sealer, name)
    return Engines(engines.admin, owner_url, app, sealer, engines.redis)


@pytest.mark.parametrize("command", [("bootstrap",), ("migrate",), ("backup", "b")], ids=lambda command: command[0])
async def test_given_a_database_that_is_away_then_that_is_said(
    command: tuple[str, ...], engines: Engines, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgres://hospital_owner:s3cret@127.0.0.1:{closed.getsockname()[1]}/x"
        away = Engines(engines.admin, url, url, url, engines.redis)
        arguments = [str(tmp_path / part) if part == "b" else part for part in command]
        told = _sentence(await _hospital(_settings(away, tmp_path), *arguments))
    assert "PostgreSQL does not let us in" in told
    assert "s3cret" not in told


async def test_given_a_house_from_nothing_then_it_opens_serves_and_comes_back_from_its_backup(
    engines: Engines, bare: Bare, tmp_path: Path
) -> None:
    async with bare() as owner_url, bare() as other_url:
        house = _settings(_at(engines, owner_url), tmp_path)
        assert (await _hospital(house, "migrate")).returncode == 0
        opened = await _hospital(house, "bootstrap")
        administrators = re.findall(r"login +(\S+)\n +password +(\S+)\n +TOTP +([A-Z2-7]{32})\n", opened.stdout)
        assert [login for login, _, _ in administrators] == ["sysadmin", "secadmin", "auditor"]
        assert "open already" in _sentence(await _hospital(house, "bootstrap"))
        assert (await _hospital(house, "backup", str(tmp_path / "b"))).returncode == 0
        (tmp_path / "other").mkdir()
        other = _settings(_at(engines, other_url), tmp_path / "other")
        restored = await _hospital(other, "restore", str(tmp_path / "b"))
        assert restored.returncode == 0, restored.stderr
        for environment, (login, password, secret) in zip((house, other), administrators, strict=False):
            with socket.socket() as probe:  # public_origin is that of the settings: the address must be known before
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            await asyncio.to_thread(_sign_in_at, environment, port, login, password, pyotp.TOTP(secret).now())


def _sign_in_at(environment: Mapping[str, str], port: int, login: str, password: str, totp: str) -> None:
    """Serve, read the address from what the command says, sign in as the administrator, stop."""
    log = Path(environment["HOSPITAL_SETTINGS"]).with_suffix(".log")
    with log.open("w") as output:
        serving = subprocess.Popen(
            [HOSPITAL, "serve", "--port", str(port), "--workers", "1"], cwd=ROOT, env={**os.environ, **environment},
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        ends = time.monotonic() + _READY_S
        while not (told := re.search(r"serving on (http://\S+) ", log.read_text())):
            assert serving.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.1)
        assert told[1] == f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=told[1], timeout=10, trust_env=False) as browser:
            assert browser.get("/readyz").is_success
            answer = browser.post("/api/staff/v1/sessions", json={"login": login, "password": password, "totp": totp})
            assert answer.json()["signed_in"] is True, answer.text
    finally:
        serving.send_signal(signal.SIGINT)
        assert serving.wait(30) == 0


async def test_given_devices_then_their_list_fits_eighty_columns_and_an_unknown_one_is_said(
    hospital: Engines, tmp_path: Path
) -> None:
    house = _settings(hospital, tmp_path)
    made = await _hospital(house, "devices", "enrol", "kiosk", "门诊大厅 [/red] 一号自助机")
    assert re.search(r"code [0-9A-Z]{8}, valid until \d\d:\d\d:\d\d \(Asia/Shanghai\)", made.stdout), made.stderr
    owner = await asyncpg.connect(hospital.owner)
    device = await owner.fetchval(
        "INSERT INTO device (id, version, kind, name, public_key, software, status, created_at) "
        "VALUES (gen_random_uuid(), 0, 'kiosk', '门诊大厅 [/red] 一号自助机', 'k', 'test', 'active', hospital_now()) "
        "RETURNING id"
    )
    await owner.close()
    listed = (await _hospital(house, "devices", "list")).stdout
    assert str(device) in listed
    assert "[/red]" in listed
    assert "…" not in listed, "nothing is cut off"
    assert (await _hospital(house, "devices", "revoke", str(device))).returncode == 0
    assert "`hospital devices list` names them" in _sentence(await _hospital(house, "devices", "revoke", str(_UNKNOWN)))
