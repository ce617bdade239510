"""Housekeeping (清理): bookkeeping rows that may go. Correctness never depends on it having run."""

from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.uow import UnitOfWork

_SWEEPS = (
    "DELETE FROM idempotency_record WHERE created_at < hospital_now() - interval '7 days'",
    "DELETE FROM live_change WHERE at < hospital_now() - interval '1 hour'",
    "DELETE FROM outbox_delivery WHERE state = 'done' AND finished_at < hospital_now() - interval '30 days'",
    "DELETE FROM attempt_limit WHERE greatest(window_ends_at, locked_until) < hospital_now() - interval '1 day'",
)


async def sweep_kernel(uow: UnitOfWork, _: Empty) -> Done:
    """Remove answered keys after seven days, live changes after an hour, finished deliveries after a month,
    counted failures a day after they stopped mattering.
    """
    for statement in _SWEEPS:
        await uow.execute(statement)
    return Done()
