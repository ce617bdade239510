"""`hospital check`: what is well is called well, and each thing planted wrong is named with its mend."""

import socket
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend import checks
from backend.checks import CheckTargets, Finding, Level, run_checks
from hospital_core.kernel.audit import seal
from hospital_core.kernel.secrecy import KeyRing
from tests.fixtures.engines import Engines
from tests.fixtures.keys import TEST_KEYS
from tests.flows.operations.conftest import AUDIT_KEY, Bare


def _targets(hospital: Engines, folder: Path) -> CheckTargets:
    return CheckTargets(
        data_dir=folder,
        demo=True,
        database_url=hospital.app,
        redis_url=hospital.redis,
        keyring=TEST_KEYS,
        audit_key=AUDIT_KEY,
        anchor_path=folder / "audit.anchor",
    )


async def _named(targets: CheckTargets, name: str) -> list[Finding]:
    return [finding for finding in await run_checks(targets) if finding.name == name]


async def test_given_a_sound_hospital_then_only_what_tests_switch_off_is_found(
    hospital: Engines, tmp_path: Path
) -> None:
    findings = await run_checks(_targets(hospital, tmp_path))
    failed = {finding.what for finding in findings if finding.level is Level.FAIL}
    # The engines of a test run keep nothing through a power cut, and the check must say so.
    assert failed == {"fsync is off", "full_page_writes is off", "synchronous_commit is off"}
    assert all(finding.mend for finding in findings if finding.level is not Level.OK)
    seen = {finding.name for finding in findings}
    assert seen >= {
        "disk",
        "chromium",
        "fonts",
        "redis",
        "backup",
        "database",
        "durability",
        "migration",
        "clock",
        "keys",
    }


async def test_given_no_engines_then_both_are_findings_and_nothing_is_raised(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        targets = CheckTargets(
            data_dir=tmp_path,
            database_url=f"postgres://a:b@127.0.0.1:{port}/x",
            redis_url=f"redis://127.0.0.1:{port}/0",
        )
        findings = {finding.name: finding.level for finding in await run_checks(targets)}
    assert findings["database"] == findings["redis"] == Level.FAIL


def test_given_a_port_in_use_then_it_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert checks.check_port("127.0.0.1", port).level is Level.FAIL
    assert checks.check_port("127.0.0.1", port).level is Level.OK


def test_given_a_secret_others_can_read_then_the_mend_is_a_command(tmp_path: Path) -> None:
    secret = tmp_path / "secrets.json"
    secret.write_text("{}")
    secret.chmod(0o640)
    (finding,) = checks.check_secret_files([secret])
    assert (finding.level, finding.mend) == (Level.FAIL, f"chmod 600 {secret}")
    secret.chmod(0o600)
    assert checks.check_secret_files([secret])[0].level is Level.OK
    assert checks.check_secret_files([tmp_path / "none"])[0].level is Level.WARN


@pytest.mark.parametrize(("free", "level"), [(10**8, Level.FAIL), (10**9, Level.WARN), (10**11, Level.OK)])
def test_given_little_space_then_the_disk_is_named(
    free: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert checks.check_disk(tmp_path / "not" / "yet").level is level


async def test_given_an_empty_database_then_migrating_is_the_mend(bare: Bare, tmp_path: Path) -> None:
    async with bare() as owner_url:
        findings = await run_checks(CheckTargets(data_dir=tmp_path, database_url=owner_url, browser=False))
        (only,) = await run_checks(CheckTargets(data_dir=tmp_path, database_url=owner_url), audit_only=True)
    assert only.name == "migration"
    assert not any("could not be checked" in finding.what for finding in findings), "one finding says it all"
    (migration,) = [finding for finding in findings if finding.name == "migration"]
    assert migration.level is Level.FAIL
    assert "hospital migrate" in migration.mend


async def test_given_a_shifted_clock_then_it_is_a_warning_in_the_demo_and_a_failure_in_production(
    hospital: Engines, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(hospital.owner)
    await owner.execute("UPDATE clock_offset SET offset_seconds = 3600")
    await owner.close()
    targets = _targets(hospital, tmp_path)
    assert (await _named(targets, "clock"))[-1].level is Level.WARN
    production = replace(targets, demo=False)
    assert (await _named(production, "clock"))[-1].level is Level.FAIL
    assert [finding.level for finding in await _named(production, "demo")] == [Level.FAIL]


async def test_given_clocks_apart_then_the_difference_is_named(
    hospital: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(seconds=30)

    monkeypatch.setattr(checks, "datetime", Late)
    (finding,) = await _named(_targets(hospital, tmp_path), "clock")
    assert finding.level is Level.FAIL
    assert "30." in finding.what or "29." in finding.what


async def test_given_keys_that_do_not_fit_then_the_setting_is_named(hospital: Engines, tmp_path: Path) -> None:
    targets = _targets(hospital, tmp_path)
    exchanged = KeyRing(keys={2: b"x" * 32}, current=2, index_key=TEST_KEYS.index_key)
    dropped = KeyRing(keys={3: b"x" * 32}, current=3, index_key=TEST_KEYS.index_key)
    other_index = KeyRing(keys=dict(TEST_KEYS.keys), current=2, index_key=b"x" * 32)
    for ring, mend in [(exchanged, "FIELD_KEYS"), (dropped, "FIELD_KEYS"), (other_index, "INDEX_KEY")]:
        (finding,) = await _named(replace(targets, keyring=ring), "keys")
        assert finding.level is Level.FAIL
        assert mend in finding.mend


async def test_given_a_house_without_patients_then_a_wrong_key_is_found_by_its_administrators(
    hospital: Engines, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(hospital.owner)
    await owner.execute("DELETE FROM patient_identifier")
    await owner.close()
    targets = _targets(hospital, tmp_path)
    assert [finding.level for finding in await _named(targets, "keys")] == [Level.OK]
    exchanged = KeyRing(keys={2: b"x" * 32}, current=2, index_key=TEST_KEYS.index_key)
    (finding,) = await _named(replace(targets, keyring=exchanged), "keys")
    assert finding.level is Level.FAIL
    assert "nobody can sign in" in finding.what


async def test_given_parked_and_late_deliveries_then_both_are_named(hospital: Engines, tmp_path: Path) -> None:
    owner = await asyncpg.connect(hospital.owner)
    for state in ("parked", "due"):
        await owner.execute(
            "INSERT INTO outbox_delivery (id, event_id, handler, state, not_before, attempts) "
            "VALUES (gen_random_uuid(), gen_random_uuid(), 'tests.none', $1, hospital_now() - interval '1 hour', 0)",
            state,
        )
    await owner.close()
    whats = [finding.what for finding in await _named(_targets(hospital, tmp_path), "outbox")]
    assert whats == ["1 deliveries are over a minute late", "1 deliveries are parked"]


async def test_given_an_altered_audit_row_then_it_is_named(hospital: Engines, tmp_path: Path) -> None:
    targets = _targets(hospital, tmp_path)
    assert [f.level for f in await run_checks(targets, audit_only=True)] == [Level.WARN], "no anchor yet"
    owner = await asyncpg.connect(hospital.owner)
    row = await owner.fetchval("SELECT audit_id FROM audit_seal WHERE seq = 2")
    await owner.execute("ALTER TABLE audit_row DISABLE TRIGGER history_stays")
    await owner.execute("UPDATE audit_row SET action = 'nothing.happened' WHERE id = $1", row)
    await owner.execute("ALTER TABLE audit_row ENABLE TRIGGER history_stays")
    await owner.close()
    (finding,) = await run_checks(targets, audit_only=True)
    assert finding.level is Level.FAIL
    assert str(row) in finding.what


async def test_given_a_sealed_trail_with_its_anchor_then_it_is_well(hospital: Engines, tmp_path: Path) -> None:
    targets = _targets(hospital, tmp_path)
    owner = await asyncpg.connect(hospital.owner)
    await owner.execute("TRUNCATE audit_seal")
    await seal(owner, AUDIT_KEY, targets.anchor_path)
    await owner.close()
    (finding,) = await run_checks(targets, audit_only=True)
    assert finding.level is Level.OK, finding
