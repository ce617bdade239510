"""Unit of work (工作单元): one transaction, its clock, and what will be told to the world once it commits."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg import Record

from hospital_core.kernel.context import Context
from hospital_core.kernel.events import Event, handlers_of
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading


@dataclass(frozen=True)
class Recorded:
    """An event waiting to be written with the transaction."""

    event_id: UUID
    event: Event
    not_before: datetime


@dataclass
class AuditEntry:
    """One line of the audit trail (审计记录), ids only."""

    action: str
    object_kind: str | None = None
    object_id: UUID | None = None
    patient_id: UUID | None = None
    outcome: str = "success"
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class UnitOfWork(Reading):
    """Handed to services; never opened by them (see ``kernel.run``).

    ``now`` is ``hospital_now()`` at the start. Children share one connection: never ``gather`` inside.
    """

    def __init__(self, ctx: Context, connection: asyncpg.Connection, now: datetime) -> None:
        super().__init__(ctx)
        self._connection = connection
        self.now = now
        self._patience_s: float | None = None
        self.recorded: list[Recorded] = []
        self.action = "system"  # the relay puts its handler's name here
        self.audits: list[AuditEntry] = []
        self.live: list[tuple[str, dict[str, Any]]] = []
        self.hints: set[str] = set()
        self.refusals: list[Callable[[], Awaitable[object]]] = []

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Record]:
        rows: Sequence[Record] = await self._connection.fetch(sql, *arguments, timeout=self._patience_s)
        return rows

    async def fetch_row(self, sql: str, *arguments: Any) -> Record | None:
        return await self._connection.fetchrow(sql, *arguments, timeout=self._patience_s)

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        return await self._connection.fetchval(sql, *arguments, timeout=self._patience_s)

    async def execute(self, sql: str, *arguments: Any) -> int:
        """Run a statement; returns how many rows it touched."""
        status: str = await self._connection.execute(sql, *arguments, timeout=self._patience_s)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def be_patient(self, seconds: float) -> None:
        """Let each statement from here on take so long: set-based work of a worker, never while a person waits."""
        await self._connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        self._patience_s = seconds

    def record(self, event: Event, *, not_before: datetime | None = None) -> None:
        """Tell the world after commit. A timer is an event with ``not_before``; nobody listening, nothing stored."""
        if handlers_of(type(event)):
            self.recorded.append(Recorded(new_id(), event, not_before or self.now))

    def audit(self, entry: AuditEntry) -> None:
        """Add a line to the audit trail beside the one that every command writes."""
        self.audits.append(entry)

    def audited(
        self, object_kind: str, object_id: UUID, *, patient_id: UUID | None = None, reason: str | None = None
    ) -> None:
        """Name what this command was about; the command's own audit line carries it.

        A reaction of the relay has no line of its own until it names something.
        """
        if not self.audits:
            self.audit(AuditEntry(self.action))
        line = self.audits[0]
        line.object_kind, line.object_id = object_kind, object_id
        line.patient_id, line.reason = patient_id or line.patient_id, reason or line.reason

    def tell_live(self, topic: str, data: dict[str, Any]) -> None:
        """Publish a change of a live topic (实时主题): numbered in this transaction, pushed after commit.

        Only human-paced topics: the topic's row is a lock. ``data`` must be fit for every subscriber's eyes.
        """
        self.live.append((topic, data))

    def hint(self, channel: str) -> None:
        """Wake listeners of a channel after commit; a lost hint only costs time."""
        self.hints.add(channel)

    def if_refused(self, remember: Callable[[], Awaitable[object]]) -> None:
        """What must outlive a refusal (a counted failure, a stolen session ended).

        ``kernel.run`` calls it after the rollback, with no connection held, when the service ends in a DomainError.
        Handlers of the relay have nobody to refuse: there it is never called.
        """
        self.refusals.append(remember)
