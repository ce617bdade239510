"""Revocations (吊销): whose credentials stopped being valid. Workers learn it by hint, and by polling always."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from hospital_core.kernel import hints
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork

# A row carries its transaction's start but is seen only after its commit; nothing stays open longer (db.py timeouts).
LATE_COMMIT_MAX = timedelta(seconds=60)


class SubjectKind(StrEnum):
    """What can lose its credentials."""

    STAFF_SESSION = "staff_session"
    ACCOUNT_SESSION = "account_session"  # refresh_session.id, the ``sid`` of a phone's access tokens
    DEVICE = "device"
    KIOSK_SESSION = "kiosk_session"


@dataclass(frozen=True)
class RevokedSubject:
    """One subject whose credentials are void since ``at``."""

    subject_kind: SubjectKind
    subject_id: UUID
    at: datetime


_INSERT = """
INSERT INTO revocation (id, subject_kind, subject_id, at)
SELECT unnest($1::uuid[]), $2, unnest($3::uuid[]), $4"""


async def revoke(uow: UnitOfWork, subject_kind: SubjectKind, subject_id: UUID) -> None:
    """Void the credentials of one subject as soon as this transaction commits."""
    await revoke_all(uow, subject_kind, [subject_id])


async def revoke_all(uow: UnitOfWork, subject_kind: SubjectKind, subject_ids: Sequence[UUID]) -> None:
    """Void the credentials of several subjects."""
    if not subject_ids:
        return
    await uow.execute(_INSERT, [new_id() for _ in subject_ids], subject_kind.value, list(subject_ids), uow.now)
    uow.hint(hints.REVOCATIONS)


async def revoked_since(reading: Reading, at: datetime) -> list[RevokedSubject]:
    """Everything revoked since ``at``, oldest first, and a minute more: a late commit is never missed.

    Meant for a set; rows come again and again. ``at`` is a ``hospital_now()`` of an earlier poll.
    """
    rows = await reading.fetch(
        "SELECT subject_kind, subject_id, at FROM revocation WHERE at > $1 ORDER BY at", at - LATE_COMMIT_MAX
    )
    return [RevokedSubject(SubjectKind(row["subject_kind"]), row["subject_id"], row["at"]) for row in rows]
