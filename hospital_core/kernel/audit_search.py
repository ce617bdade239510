"""Searching the audit trail (审计检索): ids only, newest first; names are added by those who may know them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from hospital_core.kernel.commands import Page, View
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.reading import Reading

PAGE_MAX = 100


class AuditFilter(View):
    """What to look for. ``action`` is a prefix (``patients.``); times are half open: ``since <= at < until``."""

    patient_id: UUID | None = None
    actor_id: UUID | None = None
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cursor: UUID | None = None


class AuditLine(View):
    """One line of the audit trail (审计记录)."""

    id: UUID
    at: datetime
    actor_kind: ActorKind
    actor_id: UUID | None
    session_id: UUID | None
    device_id: UUID | None
    action: str
    object_kind: str | None
    object_id: UUID | None
    patient_id: UUID | None
    outcome: str
    reason: str | None
    proof: str | None
    detail: dict[str, Any]
    request_id: UUID
    sealed: bool


# The cursor is the last line shown: rows of one moment are told apart by their ids.
_LINES = """
SELECT a.*, EXISTS (SELECT 1 FROM audit_seal s WHERE s.audit_id = a.id) AS sealed
FROM audit_row a
WHERE {where}
ORDER BY a.at DESC, a.id DESC LIMIT {limit}"""

_CONDITIONS = {
    "patient_id": "a.patient_id IN (SELECT person_ids(${n}))",
    "actor_id": "a.actor_id = ${n}",
    "action": "starts_with(a.action, ${n})",
    "since": "a.at >= ${n}",
    "until": "a.at < ${n}",
    "cursor": "(a.at, a.id) < (SELECT c.at, c.id FROM audit_row c WHERE c.id = ${n})",
}


async def audit_lines(reading: Reading, wanted: AuditFilter, limit: int = PAGE_MAX) -> Page[AuditLine]:
    """Lines that match every given filter, newest first; of a merged patient those of all their files."""
    given = {name: value for name, value in wanted if value not in (None, "")}
    where = " AND ".join(_CONDITIONS[name].format(n=n) for n, name in enumerate(given, 1)) or "true"
    limit = max(1, min(limit, PAGE_MAX))
    rows = await reading.fetch(_LINES.format(where=where, limit=limit + 1), *given.values())
    items = [_line(row) for row in rows[:limit]]
    return Page[AuditLine](items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


def _line(row: Any) -> AuditLine:
    values = {name: row[name] for name in AuditLine.model_fields if name != "detail"}
    return AuditLine(**values, detail=orjson.loads(row["detail"]))
