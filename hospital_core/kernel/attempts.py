"""Limits on guessing (尝试次数限制): failures counted per purpose and subject; a restart forgives nobody.

A failure is counted in its own short transaction, because the command that failed rolls back. Inside a unit of work
never call ``failed`` directly (it takes a second connection): say ``uow.if_refused(lambda: attempts.failed(…))``.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import DomainError, Kind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading, pooled_connection
from hospital_core.kernel.run import write_audit
from hospital_core.kernel.uow import AuditEntry, UnitOfWork


@dataclass(frozen=True)
class Purpose:
    """What is being guessed, and how often one subject may be wrong about it.

    ``failures_max`` failures within ``window`` lock the subject for ``lock``.
    """

    name: str
    failures_max: int = 5
    window: timedelta = timedelta(minutes=15)
    lock: timedelta = timedelta(minutes=15)


class TooManyAttempts(DomainError):
    """The subject was wrong too often. Fields: ``retry_after`` in seconds."""

    code = "kernel.too_many_attempts"
    kind = Kind.TOO_MANY
    title = "尝试次数过多，请稍后再试"


_LOCKED = """
SELECT ceil(extract(epoch FROM locked_until - hospital_now()))::int AS seconds FROM attempt_limit
WHERE purpose = $1 AND subject = $2 AND locked_until > hospital_now()"""

# A failure during a lock counts nothing and extends nothing; the first one after a window starts a new window.
_COUNT = """
INSERT INTO attempt_limit AS a (id, purpose, subject, failures, window_ends_at, locked_until)
VALUES ($1, $2, $3, 1, hospital_now() + $5::interval,
        CASE WHEN $4::int <= 1 THEN hospital_now() + $6::interval END)
ON CONFLICT (purpose, subject) DO UPDATE SET
    failures = CASE WHEN a.window_ends_at > hospital_now() THEN a.failures + 1 ELSE 1 END,
    window_ends_at = CASE WHEN a.window_ends_at > hospital_now() THEN a.window_ends_at
                          ELSE hospital_now() + $5::interval END,
    locked_until = CASE WHEN $4::int <= CASE WHEN a.window_ends_at > hospital_now() THEN a.failures + 1 ELSE 1 END
                        THEN hospital_now() + $6::interval END
WHERE a.locked_until IS NULL OR a.locked_until <= hospital_now()
RETURNING failures, locked_until IS NOT NULL AS locked"""

# After a lock the count starts afresh, whatever is left of the window.
_FORGET_LOCK = """
UPDATE attempt_limit SET failures = 0, locked_until = NULL, window_ends_at = hospital_now()
WHERE purpose = $1 AND subject = $2 AND locked_until <= hospital_now()"""

_FORGIVE = "DELETE FROM attempt_limit WHERE purpose = $1 AND subject = $2"


async def guard(purpose: Purpose, subject: object, reading: Reading | None = None) -> None:
    """Refuse a locked subject. Inside a unit of work pass it as ``reading``.

    Where the check is slow (a password), guard again after it: then a right guess that came beside five wrong ones is
    refused like the others, and guessing in parallel gains nothing.

    Raises: TooManyAttempts.
    """
    if reading is not None:
        seconds = await reading.fetch_value(_LOCKED, purpose.name, str(subject))
    else:
        async with pooled_connection() as connection:
            seconds = await connection.fetchval(_LOCKED, purpose.name, str(subject))
    if seconds is not None:
        raise TooManyAttempts(retry_after=max(1, seconds))


async def failed(purpose: Purpose, subject: object, ctx: Context | None = None) -> None:
    """Count one failure and lock the subject when it was the last allowed; ``ctx`` writes it to the audit trail too.

    Raises: TooManyAttempts when the subject was locked already: a parallel guess learns nothing from being wrong.
    """
    async with pooled_connection() as connection, connection.transaction():
        await connection.execute(_FORGET_LOCK, purpose.name, str(subject))
        counted: Record | None = await connection.fetchrow(
            _COUNT, new_id(), purpose.name, str(subject), purpose.failures_max, purpose.window, purpose.lock
        )
        if ctx is not None:
            # A subject that is not an id may be something that was typed: it stays out of the trail.
            detail = {"failures": counted["failures"], "locked": counted["locked"]} if counted else {"locked": True}
            object_id = subject if isinstance(subject, UUID) else None
            entry = AuditEntry(f"attempts.{purpose.name}", "attempt", object_id, outcome="refused", detail=detail)
            await write_audit(connection, ctx, [entry], await connection.fetchval("SELECT hospital_now()"))
    if counted is None:
        await guard(purpose, subject)


async def spend(purpose: Purpose, subject: object, uow: UnitOfWork) -> None:
    """Count one use of what is rationed, right or wrong: it commits with the answer, so none goes out uncounted.

    Locks: the subject's row; of parallel uses only as many as are allowed get through. Raises: TooManyAttempts.
    """
    await uow.execute(_FORGET_LOCK, purpose.name, str(subject))
    counted = await uow.fetch_row(
        _COUNT, new_id(), purpose.name, str(subject), purpose.failures_max, purpose.window, purpose.lock
    )
    if counted is None:
        await guard(purpose, subject, uow)


async def succeeded(purpose: Purpose, subject: object, uow: UnitOfWork | None = None) -> None:
    """Forget the failures of a subject that was right; inside a unit of work pass it as ``uow``."""
    if uow is not None:
        await uow.execute(_FORGIVE, purpose.name, str(subject))
        return
    async with pooled_connection() as connection:
        await connection.execute(_FORGIVE, purpose.name, str(subject))
