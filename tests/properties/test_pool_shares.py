"""Sharing places between channels: whatever the quotas, everybody gets theirs, and early and late numbers alike."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hospital_core.access.scheduling.pools import QUOTA_POOLS, PoolQuota, share_out
from hospital_core.access.scheduling.states import Pool


@st.composite
def _sessions(draw: st.DrawFn) -> tuple[int, list[PoolQuota]]:
    places = draw(st.integers(1, 120))
    quotas, left = [], places
    for pool in draw(st.lists(st.sampled_from(QUOTA_POOLS), unique=True)):
        if left:
            count = draw(st.integers(1, left))
            quotas.append(PoolQuota(pool=pool, places=count))
            left -= count
    return places, quotas


@given(_sessions())
def test_given_any_quotas_then_each_channel_has_exactly_its_places(session: tuple[int, list[PoolQuota]]) -> None:
    places, quotas = session
    shares = Counter(quota.pool if quota else Pool.PUBLIC for quota in share_out(places, quotas))
    assert {pool: shares[pool] for pool in (quota.pool for quota in quotas)} == {q.pool: q.places for q in quotas}
    assert shares.total() == places


@given(_sessions())
def test_given_any_quotas_then_no_channel_waits_long_for_its_next_number(
    session: tuple[int, list[PoolQuota]],
) -> None:
    """In every first part of the numbers a channel has its share of them, give or take one for each channel."""
    places, quotas = session
    owners = [quota.pool if quota else Pool.PUBLIC for quota in share_out(places, quotas)]
    for quota in quotas:
        had = 0
        for position, owner in enumerate(owners, 1):
            had += owner is quota.pool
            assert abs(had - quota.places * position / places) <= len(quotas) + 1


@given(_sessions())
def test_given_the_same_quotas_in_another_order_then_the_numbers_are_the_same(
    session: tuple[int, list[PoolQuota]],
) -> None:
    places, quotas = session
    assert share_out(places, quotas) == share_out(places, quotas[::-1])
