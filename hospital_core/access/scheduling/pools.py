"""Sharing a session's places between the channels (号池分配)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import Field

from hospital_core.access.scheduling.states import Pool
from hospital_core.kernel.commands import Command

# Of two channels with the same claim to a number, the one whose patients cannot choose for themselves has it first.
_ORDER = (Pool.WINDOW, Pool.PHONE, Pool.REFERRAL, Pool.KIOSK, Pool.MINIAPP, Pool.PUBLIC)
QUOTA_POOLS = _ORDER[:-1]


class PoolQuota(Command):
    """Places of a session kept for one channel (渠道配额); unsold, they are everybody's so long before the session.

    Units: minutes. Without ``returns_minutes_before`` they are kept to the end.
    """

    pool: Pool
    places: int = Field(ge=1, le=500)
    returns_minutes_before: int | None = Field(default=None, ge=0, le=60 * 24 * 30)


def share_out(places: int, quotas: Sequence[PoolQuota]) -> list[PoolQuota | None]:
    """Whose each number is, the first number first; None is everybody's.

    A channel with q of n places has one in every n / q, so that early and late numbers are shared alike.
    """
    shares: dict[Pool, tuple[int, PoolQuota | None]] = {quota.pool: (quota.places, quota) for quota in quotas}
    shares[Pool.PUBLIC] = (places - sum(quota.places for quota in quotas), None)
    wishes = [
        ((2 * turn + 1) * places / (2 * count), _ORDER.index(pool), quota)
        for pool, (count, quota) in shares.items()
        for turn in range(count)
    ]
    return [quota for _, _, quota in sorted(wishes, key=lambda wish: wish[:2])]


def kept_until(quota: PoolQuota | None, session_starts_at: datetime) -> datetime | None:
    """From when on a kept place is everybody's (归还时间)."""
    if quota is None or quota.returns_minutes_before is None:
        return None
    return session_starts_at - timedelta(minutes=quota.returns_minutes_before)
