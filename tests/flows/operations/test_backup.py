"""A backup comes back as it was, and what is not as it was is refused."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from backend import postgres_tools
from backend.backup import DUMP, MANIFEST, BackupFailed, Manifest, backup, restore, verify
from hospital_core.kernel.audit import verify as verify_audit
from tests.fixtures.engines import Engines, with_database
from tests.flows.operations.conftest import AUDIT_KEY, Bare

_CONTENT = """
SELECT coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '') FROM {} t"""


async def _digest(url: str) -> dict[str, str]:
    """Every table, row by row."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {name: await connection.fetchval(_CONTENT.format(name)) for (name,) in tables}
    finally:
        await connection.close()


async def test_given_a_backup_then_the_restored_database_is_the_same_and_the_app_may_use_it(
    hospital: Engines, bare: Bare, tmp_path: Path
) -> None:
    seen: list[str] = []
    made = await backup(hospital.owner, tmp_path / "nightly", lambda stage, *_: seen.append(stage))
    assert made.rows["patient"] == 20
    assert made.audit_seq > 0
    assert seen[-1] == "digest"
    async with bare() as owner_url:
        restored = await restore(owner_url, tmp_path / "nightly", audit_key=AUDIT_KEY)
        assert restored.manifest == made
        assert restored.audit_sealed == made.audit_seq
        assert await _digest(owner_url) == await _digest(hospital.owner)
        app = await asyncpg.connect(with_database(hospital.app, urlsplit(owner_url).path.lstrip("/")))
        try:
            assert await app.fetchval("SELECT count(*) FROM patient") == 20
            assert await app.fetchval("SELECT nextval('number_patient')") == 100_000_001
            for forbidden in ("DELETE FROM audit_row", "CREATE TABLE mine (id int)", "CREATE TEMP TABLE mine (id int)"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await app.execute(forbidden)
        finally:
            await app.close()


async def test_given_a_backup_then_only_its_owner_can_read_it_and_no_half_made_one_is_left(
    hospital: Engines, tmp_path: Path
) -> None:
    await backup(hospital.owner, tmp_path / "nightly")
    assert stat.S_IMODE((tmp_path / "nightly").stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / "nightly" / name).stat().st_mode) for name in (DUMP, MANIFEST)} == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["nightly"]
    with pytest.raises(BackupFailed, match="exists already"):
        await backup(hospital.owner, tmp_path / "nightly")


async def test_given_a_target_with_tables_then_nothing_is_restored(hospital: Engines, tmp_path: Path) -> None:
    await backup(hospital.owner, tmp_path / "b")
    with pytest.raises(BackupFailed, match="not empty"):
        await restore(hospital.owner, tmp_path / "b")


async def test_given_one_changed_byte_then_the_backup_is_refused(hospital: Engines, bare: Bare, tmp_path: Path) -> None:
    await backup(hospital.owner, tmp_path / "b")
    dump = tmp_path / "b" / DUMP
    body = bytearray(dump.read_bytes())
    body[len(body) // 2] ^= 1
    dump.write_bytes(body)
    with pytest.raises(BackupFailed, match="damaged"):
        verify(tmp_path / "b")
    async with bare() as owner_url:
        with pytest.raises(BackupFailed, match="damaged"):
            await restore(owner_url, tmp_path / "b")
        assert await _digest(owner_url) == {}


async def test_given_a_manifest_that_promises_more_then_the_restore_says_what_is_missing(
    hospital: Engines, bare: Bare, tmp_path: Path
) -> None:
    await backup(hospital.owner, tmp_path / "b")
    manifest = tmp_path / "b" / MANIFEST
    body = orjson.loads(manifest.read_bytes())
    body["rows"]["patient"] += 1
    manifest.write_bytes(orjson.dumps(body))
    async with bare() as owner_url:
        with pytest.raises(BackupFailed, match="patient has 20 rows and the backup says 21"):
            await restore(owner_url, tmp_path / "b")


async def test_given_another_audit_key_then_the_restore_reports_the_trail(
    hospital: Engines, bare: Bare, tmp_path: Path
) -> None:
    await backup(hospital.owner, tmp_path / "b")
    async with bare() as owner_url:
        with pytest.raises(BackupFailed, match="audit trail is not sound"):
            await restore(owner_url, tmp_path / "b", audit_key=b"b" * 32)


async def test_given_a_trail_cut_off_after_the_backup_then_the_manifest_anchor_finds_it(
    hospital: Engines, tmp_path: Path
) -> None:
    """The manifest is an anchor of its own: it stands outside the database."""
    made = await backup(hospital.owner, tmp_path / "b")
    owner = await asyncpg.connect(hospital.owner)
    try:
        await owner.execute("DELETE FROM audit_seal WHERE seq = (SELECT max(seq) FROM audit_seal)")
        verdict = await verify_audit(owner, AUDIT_KEY, made.anchor)
    finally:
        await owner.close()
    assert verdict.problem is not None
    assert "cut off" in verdict.problem


async def test_given_a_wrong_password_then_the_backup_fails_in_words_and_leaves_nothing(
    hospital: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = postgres_tools._connection

    def wrong(url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
        parts = urlsplit(url)
        return connection(url.replace(parts.password or "", "wrong"), folder)

    monkeypatch.setattr(postgres_tools, "_connection", wrong)
    with pytest.raises(BackupFailed, match="password authentication failed"):
        await backup(hospital.owner, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_given_a_folder_that_is_no_backup_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="is not a backup"):
        Manifest.load(tmp_path)


def test_given_a_password_then_it_is_in_a_private_file_and_not_in_the_arguments(tmp_path: Path) -> None:
    url = "postgres://me:a%3Ab%5Cc@db.example:5433/hospital?sslmode=verify-full"
    arguments, env = postgres_tools._connection(url, tmp_path)
    file = Path(env["PGPASSFILE"])
    assert file.read_text() == "db.example:5433:hospital:me:a\\:b\\\\c\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert env["PGSSLMODE"] == "verify-full"
    assert not any("a:b" in argument for argument in arguments)


def test_given_a_server_newer_than_every_program_then_the_client_to_install_is_named() -> None:
    with pytest.raises(postgres_tools.ToolFailed, match="PostgreSQL 99"):
        postgres_tools.find_tool("pg_dump", 99)
