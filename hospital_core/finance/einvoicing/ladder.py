"""When to ask the platform again (重试阶梯): soon at first, then thinner; after the last rung a person looks."""

from datetime import datetime, timedelta

STEPS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14400)


def next_try(now: datetime, step: int) -> datetime | None:
    """Time of the try after try number ``step``; None when the ladder is over."""
    return now + timedelta(seconds=STEPS_S[step]) if step < len(STEPS_S) else None
