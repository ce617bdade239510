"""Revocation (吊销): credentials that stopped being valid, known to every worker within a second.

The truth is the ``revocation`` table. Each worker polls it twice a second (one indexed query) and at once when hinted;
a worker that has not managed to poll for a second asks the table for each request, and refuses when it cannot.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from hospital_core.kernel.errors import Busy
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.transactions import is_database_trouble

log = logging.getLogger(__name__)

POLL_S = 0.4
STALE_S = 1.0
# Revocations older than the longest-lived bearer token matter no more: its session is looked up by then.
REMEMBERED = timedelta(hours=1)
_OVERLAP = timedelta(seconds=35)  # a transaction may commit this long after its clock was read

Listener = Callable[[str, UUID], None]


class Revocations:
    """The set of revoked subjects as this worker knows it."""

    def __init__(self) -> None:
        self._revoked: dict[tuple[str, UUID], datetime] = {}
        self._known: set[UUID] = set()
        self._polled_at = 0.0
        self._since: datetime | None = None
        self._listeners: list[Listener] = []
        self._woken = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        """Be told of each new revocation (open sockets close by it)."""
        self._listeners.append(listener)

    def hint(self) -> None:
        """Poll now."""
        self._woken.set()

    async def refuse_revoked(self, *subjects: tuple[str, UUID]) -> bool:
        """Whether any of the subjects is revoked; asks the database when this worker's knowledge is old."""
        if time.monotonic() - self._polled_at > STALE_S:
            try:
                async with asyncio.timeout(STALE_S):
                    await self.poll()
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                raise Busy() from error
        return any(subject in self._revoked for subject in subjects)

    async def poll(self) -> None:
        """Learn what was revoked since the last time."""
        started = time.monotonic()
        async with pooled_connection() as connection:
            now = await connection.fetchval("SELECT hospital_now()")
            since = self._since or now - REMEMBERED
            rows = await connection.fetch(
                "SELECT id, subject_kind, subject_id, at FROM revocation WHERE at >= $1", since - _OVERLAP
            )
        self._since, self._polled_at = now, started
        for row in rows:
            if row["id"] not in self._known:
                self._known.add(row["id"])
                self._revoked[row["subject_kind"], row["subject_id"]] = row["at"]
                for listener in self._listeners:
                    listener(row["subject_kind"], row["subject_id"])
        self._forget(now)

    def _forget(self, now: datetime) -> None:
        if len(self._known) > 10_000:
            kept = {subject: at for subject, at in self._revoked.items() if at > now - REMEMBERED}
            self._revoked, self._known = kept, set()

    async def keep_polling(self) -> None:
        """The worker's loop."""
        while True:
            try:
                await self.poll()
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                log.warning("revocations not read", extra={"error": type(error).__name__})
            # Not wait_for: it forgets that it was cancelled when a hint comes in the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._woken.wait()
            self._woken.clear()
