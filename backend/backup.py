"""Backup and restore (备份与恢复): one folder per backup, checked when it is made and again when it comes back.

A backup is `hospital.dump` (pg_dump, custom format) and `manifest.json`: shape of the database, rows per table as the
same snapshot saw them, SHA-256 of the dump, and the head of the audit chain. Keys are never in it: without the field
keys and the index key of the settings, sealed columns stay closed. Keep both, and keep them apart.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from backend.postgres_tools import ToolFailed, run_tool
from hospital_core.kernel import audit
from hospital_core.migrating import APP_ROLE, SEALER_ROLE, applied, grant, newest

DUMP = "hospital.dump"
MANIFEST = "manifest.json"
_FORMAT = 1

# What must hold in the data whatever the tables say; deferred triggers do not look at restored rows.
_INVARIANTS = {
    "every journal balances": "SELECT entry_id FROM journal_line GROUP BY entry_id HAVING sum(amount_fen) <> 0 LIMIT 1",
    "every invoice equals its items": """
        SELECT i.id FROM invoice i LEFT JOIN charge_item c ON c.invoice_id = i.id AND c.status <> 'entered-in-error'
        WHERE i.status <> 'entered-in-error' GROUP BY i.id, i.total_fen
        HAVING i.total_fen <> coalesce(sum(c.amount_fen), 0) LIMIT 1""",
    "every bill equals its tenders": """
        SELECT i.id FROM invoice i LEFT JOIN payment_intent p ON p.invoice_id = i.id AND p.applied
        GROUP BY i.id, i.paid_fen HAVING i.paid_fen <> coalesce(sum(p.amount_fen), 0) LIMIT 1""",
    "every card equals its journal lines": """
        SELECT b.id FROM card_balance b LEFT JOIN journal_line l
        ON l.patient_id = b.patient_id AND l.account = 'patient_card'
        GROUP BY b.id, b.balance_fen HAVING b.balance_fen <> -coalesce(sum(l.amount_fen), 0) LIMIT 1""",
    "every constraint is valid": "SELECT conname FROM pg_constraint WHERE NOT convalidated LIMIT 1",
    "every index is valid": "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid LIMIT 1",
    "every trigger is on": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O' LIMIT 1",
}

Progress = Callable[[str, int, int], object]


class BackupFailed(Exception):
    """A backup or restore did not come about (备份或恢复失败); the message is a sentence for the operator."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself (备份清单)."""

    format: int
    made_at: str
    migration: str
    server: str
    sha256: str
    bytes: int
    rows: dict[str, int]
    constraints: int
    audit_seq: int
    audit_mac: str

    @staticmethod
    def load(folder: Path) -> "Manifest":
        """Read the manifest of a backup. Raises BackupFailed."""
        if not folder.is_dir():
            raise BackupFailed(f"There is no folder {folder}; name the folder that `hospital backup` made.")
        try:
            body: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
            manifest = Manifest(**body)
        except (OSError, ValueError, TypeError) as error:
            raise BackupFailed(f"{folder} is not a backup: its {MANIFEST} cannot be read ({error}).") from error
        if manifest.format != _FORMAT:
            raise BackupFailed(
                f"{folder} was made by another version (format {manifest.format}); restore it with that."
            )
        return manifest

    @property
    def anchor(self) -> audit.Anchor | None:
        """The head of the audit chain at the time of the backup, None when nothing was sealed yet."""
        if not self.audit_seq:
            return None
        return audit.Anchor(self.audit_seq, bytes.fromhex(self.audit_mac), datetime.fromisoformat(self.made_at))


@dataclass(frozen=True)
class Restored:
    """What a restore found (恢复结果)."""

    manifest: Manifest
    audit_sealed: int
    audit_notes: tuple[str, ...]


async def backup(owner_url: str, out: Path, progress: Progress | None = None) -> Manifest:
    """Back the database up into the new folder `out` (备份); readers and writers are not disturbed.

    Rows are counted in the very snapshot that is dumped. The folder appears under its name only when it is complete.
    Raises: BackupFailed.
    """
    told = progress or (lambda *_: None)
    if out.exists():
        raise BackupFailed(f"{out} exists already; choose another name.")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            size = await connection.fetchval("SELECT pg_database_size(current_database())")
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            options.append(f"--file={(partial / DUMP).absolute()}")
            facts = await _facts(connection)
            major = connection.get_server_version().major
            (partial / DUMP).touch(0o600)
            await run_tool("pg_dump", major, owner_url, options, lambda: told("dump", _size(partial / DUMP), size))
            told("dump", size, size)
        told("digest", 0, 1)
        digest = await asyncio.to_thread(_sha256, partial / DUMP)
        manifest = Manifest(
            format=_FORMAT,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            server=str(major),
            sha256=digest,
            bytes=_size(partial / DUMP),
            **facts,
        )
        _write(partial / MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        _sync(partial / DUMP)
        partial.rename(out)
        _sync(out.parent)
        told("digest", 1, 1)
        return manifest
    except ToolFailed as error:
        raise BackupFailed(str(error)) from error
    finally:
        await connection.close()
        shutil.rmtree(partial, ignore_errors=True)


def verify(folder: Path) -> Manifest:
    """Check a backup without a database (校验备份): manifest and SHA-256. Raises BackupFailed."""
    manifest = Manifest.load(folder)
    dump = folder / DUMP
    if not dump.exists():
        raise BackupFailed(f"{folder} has no {DUMP}.")
    if _size(dump) != manifest.bytes or _sha256(dump) != manifest.sha256:
        raise BackupFailed(f"{dump} is damaged: it differs from the SHA-256 in its manifest.")
    return manifest


async def restore(
    owner_url: str, folder: Path, *, audit_key: bytes | None = None, progress: Progress | None = None
) -> Restored:
    """Restore a backup into an empty database of ours (恢复), in one transaction, and prove that it is the same.

    The roles must exist, and the database must be owned by `hospital_owner` and hold no table.
    With `audit_key` the audit chain is walked up to the head that the manifest names.
    Raises: BackupFailed; nothing is kept then unless the message says so.
    """
    told = progress or (lambda *_: None)
    told("verify", 0, 1)
    manifest = await asyncio.to_thread(verify, folder)
    told("verify", 1, 1)
    if manifest.migration > newest():
        raise BackupFailed(
            f"The backup has migration {manifest.migration}, this program knows {newest()}; install the newer program."
        )
    connection = await asyncpg.connect(owner_url)
    try:
        await _refuse_unless_empty(connection)
        options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
        major = connection.get_server_version().major
        dump = str((folder / DUMP).absolute())
        await run_tool("pg_restore", major, owner_url, [*options, dump], lambda: told("restore", 0, 1))
        told("restore", 1, 1)
        await connection.execute("ANALYZE")
        await _close(connection)
        await grant(connection)
        told("compare", 0, 1)
        verdict = await _prove(connection, manifest, audit_key)
        told("compare", 1, 1)
        return Restored(manifest, verdict.sealed, tuple(verdict.notes))
    except ToolFailed as error:
        raise BackupFailed(f"Nothing was restored. {error}") from error
    finally:
        await connection.close()


async def _prove(connection: asyncpg.Connection, manifest: Manifest, audit_key: bytes | None) -> audit.AuditVerdict:
    facts = await _facts(connection)
    for table, rows in manifest.rows.items():
        found = facts["rows"].get(table)
        if found != rows:
            raise BackupFailed(f"Restored, but {table} has {found} rows and the backup says {rows}; do not use it.")
    if (facts["migration"], facts["constraints"]) != (manifest.migration, manifest.constraints):
        raise BackupFailed("Restored, but the shape of the database is another than the backup's; do not use it.")
    for what, query in _INVARIANTS.items():
        if (wrong := await connection.fetchval(query)) is not None:
            raise BackupFailed(f"Restored, but it does not hold that {what}: see {wrong}; do not use it.")
    if audit_key is None:
        return audit.AuditVerdict(notes=["the audit chain was not walked: no audit key was given"])
    verdict = await audit.verify(connection, audit_key, manifest.anchor)
    if not verdict.sound:
        raise BackupFailed(f"Restored, but the audit trail is not sound: {verdict.problem}.")
    return verdict


async def _close(connection: asyncpg.Connection) -> None:
    """A new database lets everybody in; ours lets in two roles besides its owner (see backend.embedded.roles)."""
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;"
        f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}, {SEALER_ROLE}"
    )


async def _refuse_unless_empty(connection: asyncpg.Connection) -> None:
    table = await connection.fetchval("SELECT tablename FROM pg_tables WHERE schemaname = 'public' LIMIT 1")
    if table is not None:
        name = await connection.fetchval("SELECT current_database()")
        raise BackupFailed(f"The database {name} is not empty (it has the table {table}); restore into a new one.")


async def _facts(connection: asyncpg.Connection) -> dict[str, Any]:
    migration = await applied(connection)
    if migration is None:
        raise BackupFailed("This is not a database of the hospital: no migration was applied to it.")
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    head = await connection.fetchrow("SELECT seq, mac FROM audit_seal ORDER BY seq DESC LIMIT 1")
    return {
        "migration": migration,
        "rows": {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables},
        "constraints": await connection.fetchval(
            "SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
        ),
        "audit_seq": head["seq"] if head else 0,
        "audit_mac": bytes(head["mac"]).hex() if head else "",
    }


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
