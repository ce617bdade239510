"""The audit trail's other half (审计防篡改): buffered reads, the sealer's chain, and its verification.

Audit rows are written in their command's transaction. The sealer, under its own database role, chains them afterwards
by keyed hash in ``audit_seal`` and anchors the head outside the database. A row altered, removed or cut off is then
named. Rows newer than the last anchor can only be reported as such.
"""

import asyncio
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import write_audit
from hospital_core.kernel.uow import AuditEntry

GENESIS = b"\x00" * 32
LATE_COMMIT_MAX = timedelta(minutes=10)  # no transaction lives longer (idle and statement timeouts)

_COLUMNS = (
    "id", "at", "actor_kind", "actor_id", "session_id", "device_id", "on_behalf_of", "action", "object_kind",
    "object_id", "patient_id", "outcome", "reason", "proof", "detail", "request_id",
)  # fmt: skip
_SELECT = ", ".join(f"a.{name}" for name in _COLUMNS)

_UNSEALED = f"""
SELECT {_SELECT} FROM audit_row a LEFT JOIN audit_seal s ON s.audit_id = a.id
WHERE s.audit_id IS NULL AND a.at > $1 ORDER BY a.at, a.id LIMIT 1000"""

_SEALED_FROM = f"""
SELECT s.seq, s.audit_id, s.mac, {_SELECT} FROM audit_seal s LEFT JOIN audit_row a ON a.id = s.audit_id
WHERE s.seq > $1 ORDER BY s.seq LIMIT 5000"""


class ReadAudit:
    """Buffer for reads of patients' files by staff: written within a second, never in the reader's way."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Context, AuditEntry, datetime]] = []

    def note(self, ctx: Context, entry: AuditEntry) -> None:
        """Remember one line; ``flush`` writes it."""
        self._waiting.append((ctx, entry, datetime.now(UTC)))

    async def flush(self) -> int:
        """Write what waits; on failure it stays for the next time."""
        waiting, self._waiting = self._waiting, []
        try:
            async with pooled_connection() as connection:
                shift = await connection.fetchval("SELECT hospital_now() - now()")
                async with connection.transaction():
                    for ctx, entry, at in waiting:
                        await write_audit(connection, ctx, [entry], at + shift)
        except BaseException:
            self._waiting = waiting + self._waiting
            raise
        return len(waiting)


@dataclass(frozen=True)
class Anchor:
    """The head of the chain as kept outside the database."""

    seq: int
    mac: bytes
    at: datetime

    def save(self, path: Path) -> None:
        """Write atomically, mode 0600."""
        body = {"seq": self.seq, "mac": self.mac.hex(), "at": self.at.isoformat()}
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(body))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    @staticmethod
    def load(path: Path) -> "Anchor | None":
        """The saved anchor, or None when there is none yet."""
        if not path.exists():
            return None
        body = orjson.loads(path.read_bytes())
        return Anchor(body["seq"], bytes.fromhex(body["mac"]), datetime.fromisoformat(body["at"]))


def _canonical(row: Any) -> bytes:
    values = {name: row[name] for name in _COLUMNS}
    values["detail"] = orjson.loads(row["detail"])
    values["at"] = row["at"].astimezone(UTC).isoformat()
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS, default=str)


def _mac(key: bytes, previous: bytes, seq: int, row: Any) -> bytes:
    return hmac.digest(key, previous + seq.to_bytes(8, "big") + _canonical(row), hashlib.sha256)


async def seal(connection: asyncpg.Connection, key: bytes, anchor_path: Path | None) -> int:
    """Chain all unsealed rows (one sealer at a time, by advisory lock) and move the anchor; returns how many."""
    sealed = 0
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('audit_sealer'))"):
            return 0
        head = await connection.fetchrow("SELECT seq, mac FROM audit_seal ORDER BY seq DESC LIMIT 1")
        seq, mac = (head["seq"], bytes(head["mac"])) if head else (0, GENESIS)
        last_at = await connection.fetchval(
            "SELECT a.at FROM audit_seal s JOIN audit_row a ON a.id = s.audit_id ORDER BY s.seq DESC LIMIT 1"
        )
        since = last_at - LATE_COMMIT_MAX if last_at else datetime(2000, 1, 1, tzinfo=UTC)
        while rows := await connection.fetch(_UNSEALED, since):
            seals = []
            for row in rows:
                seq, mac = seq + 1, _mac(key, mac, seq + 1, row)
                seals.append((seq, row["id"], mac))
            await connection.executemany("INSERT INTO audit_seal (seq, audit_id, mac) VALUES ($1, $2, $3)", seals)
            sealed += len(seals)
    if sealed and anchor_path is not None:
        Anchor(seq, mac, datetime.now(UTC)).save(anchor_path)
    return sealed


@dataclass
class AuditVerdict:
    """What the verification found; ``problem`` names the first wrong place."""

    sealed: int = 0
    unsealed_recent: int = 0
    problem: str | None = None
    row_id: UUID | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was altered, removed or cut off up to the anchor."""
        return self.problem is None


async def verify(connection: asyncpg.Connection, key: bytes, anchor: Anchor | None) -> AuditVerdict:
    """Walk the chain and name the first altered, missing or cut-off row (``hospital check --audit``)."""
    verdict = AuditVerdict()
    seq, mac = 0, GENESIS
    while rows := await connection.fetch(_SEALED_FROM, seq):
        for row in rows:
            problem = _problem_of(key, mac, seq, row)
            if problem:
                verdict.problem, verdict.row_id = problem, row["audit_id"]
                return verdict
            seq, mac = row["seq"], bytes(row["mac"])
            verdict.sealed += 1
            if anchor is not None and seq == anchor.seq and mac != anchor.mac:
                verdict.problem = f"seal {seq} differs from the anchor: the chain up to it was rewritten"
                verdict.row_id = row["audit_id"]
                return verdict
        await asyncio.sleep(0)
    if anchor is not None and seq < anchor.seq:
        verdict.problem = f"the trail was cut off after seal {seq}: the anchor stands at {anchor.seq}"
        return verdict
    await _check_unsealed(connection, verdict)
    if anchor is None:
        verdict.notes.append("no anchor outside the database: a cut-off tail cannot be found")
    elif seq > anchor.seq:
        verdict.notes.append(f"{seq - anchor.seq} seals are newer than the anchor")
    return verdict


def _problem_of(key: bytes, mac: bytes, seq: int, row: Any) -> str | None:
    if row["seq"] != seq + 1:
        return f"seals {seq + 1} to {row['seq'] - 1} are missing"
    if row["id"] is None:
        return f"the audit row of seal {row['seq']} is missing"
    if not hmac.compare_digest(_mac(key, mac, row["seq"], row), bytes(row["mac"])):
        return f"the audit row of seal {row['seq']} was altered"
    return None


async def _check_unsealed(connection: asyncpg.Connection, verdict: AuditVerdict) -> None:
    row = await connection.fetchrow(
        "SELECT count(*) AS rows, min(a.at) < hospital_now() - $1::interval AS old, min(a.id::text) AS first "
        "FROM audit_row a LEFT JOIN audit_seal s ON s.audit_id = a.id WHERE s.audit_id IS NULL",
        LATE_COMMIT_MAX,
    )
    verdict.unsealed_recent = row["rows"]
    if row["old"]:
        verdict.notes.append("rows older than ten minutes are not sealed: is the worker running?")
    elif row["rows"]:
        verdict.notes.append(f"{row['rows']} newest rows are not sealed yet")
