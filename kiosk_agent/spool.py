"""The print spool (打印队列): what was promised on paper survives a crash, and is never printed twice by itself.

``queued → leased → printing → printed | failed | unknown``. What stood at ``printing`` when the agent died is
``unknown``: nobody can tell whether paper came out, so a person decides.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id          TEXT PRIMARY KEY,
    slip        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'leased', 'printing', 'printed', 'failed', 'unknown')),
    detail      TEXT NOT NULL DEFAULT '',
    queued_at   REAL NOT NULL,
    expires_at  REAL NOT NULL,
    changed_at  REAL NOT NULL
) STRICT;
"""


class JobStatus(StrEnum):
    """Where a print job stands (打印任务状态)."""

    QUEUED = "queued"
    LEASED = "leased"
    PRINTING = "printing"
    PRINTED = "printed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """One slip to print; ``slip`` is the ticket as JSON."""

    id: str
    slip: str
    status: JobStatus
    detail: str


class Spool:
    """One SQLite file. Used from one thread: its statements take well under a millisecond."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._db = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    def recover(self) -> list[str]:
        """After a start: leased goes back into the queue, printing becomes unknown. Returns the unknown ids."""
        now = self._clock()
        self._db.execute("UPDATE job SET status = 'queued', changed_at = ? WHERE status = 'leased'", (now,))
        return self._ids(
            "UPDATE job SET status = 'unknown', detail = 'the agent stopped while printing', changed_at = ?"
            " WHERE status = 'printing' RETURNING id",
            (now,),
        )

    def add(self, job_id: str, slip: str, *, lasts_s: float) -> Job:
        """Queues a slip; a known id changes nothing and answers how that job stands."""
        now = self._clock()
        self._db.execute(
            "INSERT INTO job (id, slip, status, queued_at, expires_at, changed_at) VALUES (?, ?, 'queued', ?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (job_id, slip, now, now + lasts_s, now),
        )
        found = self.job(job_id)
        assert found is not None
        return found

    def job(self, job_id: str) -> Job | None:
        """One job as it stands."""
        row = self._db.execute("SELECT id, slip, status, detail FROM job WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else Job(row[0], row[1], JobStatus(row[2]), row[3])

    def lease_next(self) -> Job | None:
        """Takes the oldest queued job, so that nobody else does."""
        row = self._db.execute(
            "UPDATE job SET status = 'leased', changed_at = ? WHERE id ="
            " (SELECT id FROM job WHERE status = 'queued' ORDER BY queued_at LIMIT 1) RETURNING id, slip, detail",
            (self._clock(),),
        ).fetchone()
        return None if row is None else Job(row[0], row[1], JobStatus.LEASED, row[2])

    def start(self, job_id: str) -> bool:
        """leased → printing, on disk before the first byte goes out."""
        return self._move(job_id, JobStatus.LEASED, JobStatus.PRINTING, "")

    def put_back(self, job_id: str, detail: str) -> bool:
        """Nothing was sent: the job waits for the printer."""
        return self._move(job_id, JobStatus.PRINTING, JobStatus.QUEUED, detail)

    def finish(self, job_id: str, status: JobStatus, detail: str = "") -> bool:
        """printing → printed | failed | unknown. A printed slip's words are erased."""
        moved = self._move(job_id, JobStatus.PRINTING, status, detail)
        if moved and status is JobStatus.PRINTED:
            self._db.execute("UPDATE job SET slip = '' WHERE id = ?", (job_id,))
        return moved

    def expire(self) -> list[str]:
        """Fails what waited too long (its patient has gone) and erases the words of every finished old job."""
        now = self._clock()
        expired = self._ids(
            "UPDATE job SET status = 'failed', detail = 'the printer was not ready in time', changed_at = ?"
            " WHERE status = 'queued' AND expires_at < ? RETURNING id",
            (now, now),
        )
        self._db.execute(
            "UPDATE job SET slip = '' WHERE slip <> '' AND status IN ('failed', 'unknown') AND expires_at + 600 < ?",
            (now,),
        )
        self._db.execute("DELETE FROM job WHERE changed_at < ? AND status IN ('printed', 'failed')", (now - 7 * 86400,))
        return expired

    def counts(self) -> dict[str, int]:
        """How many jobs stand where."""
        return dict(self._db.execute("SELECT status, count(*) FROM job GROUP BY status").fetchall())

    def _move(self, job_id: str, before: JobStatus, after: JobStatus, detail: str) -> bool:
        cursor = self._db.execute(
            "UPDATE job SET status = ?, detail = ?, changed_at = ? WHERE id = ? AND status = ?",
            (after.value, detail, self._clock(), job_id, before.value),
        )
        return cursor.rowcount == 1

    def _ids(self, statement: str, values: tuple[float, ...]) -> list[str]:
        return [row[0] for row in self._db.execute(statement, values).fetchall()]
