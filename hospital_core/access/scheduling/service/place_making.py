"""Writing the places of planned sessions (生成号源)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hospital_core.access.scheduling.pools import QUOTA_POOLS, PoolQuota, kept_until, share_out
from hospital_core.access.scheduling.states import Pool
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork

_INSERT = """
INSERT INTO slot (id, version, schedule_id, number, starts_at, pool, pool_until, status)
SELECT place.id, 0, place.schedule_id, place.number, place.starts_at, place.pool, place.pool_until, 'free'
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::text[], $6::timestamptz[])
  AS place(id, schedule_id, number, starts_at, pool, pool_until)"""


_MINUTE = timedelta(minutes=1)


def _fresh(schedule_id: UUID, number: int) -> UUID:
    return new_id()


@dataclass(frozen=True)
class SessionPlaces:
    """A session that needs its places."""

    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime
    places: int
    pools: Sequence[PoolQuota] = ()
    identify: Callable[[UUID, int], UUID] = _fresh


async def add_places(uow: UnitOfWork, sessions: Sequence[SessionPlaces]) -> int:
    """Write the places of new sessions in one statement: evenly spread over the time, shared between the channels."""
    rows = [place for session in sessions for place in _places_of(session)]
    if rows:
        await uow.execute(_INSERT, *map(list, zip(*rows, strict=True)))
    return len(rows)


def _places_of(session: SessionPlaces) -> list[tuple[object, ...]]:
    step = (session.ends_at - session.starts_at) / session.places
    return [
        (session.identify(session.schedule_id, number + 1), session.schedule_id, number + 1,
         session.starts_at + _whole(step * number, step),
         (quota.pool if quota else Pool.PUBLIC).value, kept_until(quota, session.starts_at))
        for number, quota in enumerate(share_out(session.places, session.pools))
    ]  # fmt: skip


def _whole(offset: timedelta, step: timedelta) -> timedelta:
    """Whole minutes, which people can read, unless places are closer than that."""
    return offset - offset % _MINUTE if step >= _MINUTE else offset


def check_pools(places: int, pools: Sequence[PoolQuota]) -> None:
    """Raises FieldProblem: a channel twice, one that keeps no quota, or more places kept than there are."""
    names = [quota.pool for quota in pools]
    if len(set(names)) != len(names):
        raise FieldProblem("/pools", "同一渠道只能设置一个配额")
    if not set(names) <= set(QUOTA_POOLS):
        raise FieldProblem("/pools", "该渠道不能设置配额")
    if sum(quota.places for quota in pools) > places:
        raise FieldProblem("/pools", "各渠道配额之和超过总号数")
