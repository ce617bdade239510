"""Constraint → sentence (约束与错误): when the database refuses, say what it means for the hospital."""

import asyncpg

from hospital_core.kernel.errors import Busy, DomainError

_meanings: dict[str, type[DomainError]] = {}


def means(constraint: str, error: type[DomainError]) -> None:
    """Declare which refusal a breach of a named constraint is."""
    if _meanings.setdefault(constraint, error) is not error:
        raise TypeError(f"{constraint} already means {_meanings[constraint].__name__}")


def explain(error: BaseException) -> DomainError | None:
    """The refusal behind a database error (asyncpg's own or wrapped by Tortoise), or None when it is a bug."""
    cause = error if isinstance(error, asyncpg.PostgresError) else (error.args[0] if error.args else None)
    if isinstance(cause, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return Busy()
    if isinstance(cause, asyncpg.QueryCanceledError):
        return Busy()
    if isinstance(cause, asyncpg.IntegrityConstraintViolationError) and cause.constraint_name:
        meaning = _meanings.get(cause.constraint_name)
        return meaning() if meaning else None
    return None
