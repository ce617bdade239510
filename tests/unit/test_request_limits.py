"""Token buckets and the caller's address, as the edge uses them."""

from types import SimpleNamespace
from typing import Any

import pytest

from backend.http import limits
from backend.http.limits import ClientAddress, Limiter
from backend.http.problems import TooManyRequests, problem_of
from backend.http.routing import SLOW, Limit

FEW = Limit(per_minute=60, burst=3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time stands still until it is moved."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_given_a_spent_burst_then_refused_with_the_time_to_wait(clock: SimpleNamespace) -> None:
    limiter = Limiter()
    for _ in range(3):
        limiter.take("a", FEW)
    with pytest.raises(TooManyRequests) as refused:
        limiter.take("a", FEW)
    answer = problem_of(refused.value, "r")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    limiter.take("b", FEW)
    clock.now += 1.0
    limiter.take("a", FEW)


def test_given_a_share_of_the_workers_then_the_burst_is_shared_too(clock: SimpleNamespace) -> None:
    limiter = Limiter(scale=0.5)
    for _ in range(SLOW.burst // 2):
        limiter.take("a", SLOW)
    with pytest.raises(TooManyRequests):
        limiter.take("a", SLOW)


def test_given_ever_new_callers_then_the_table_stays_bounded(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_BUCKETS_MAX", 10)
    limiter = Limiter()
    for number in range(50):
        limiter.take(str(number), FEW)
    assert len(limiter._buckets) == 10


def _request(peer: str, forwarded: str = "") -> Any:
    return SimpleNamespace(ip=peer, headers={"x-forwarded-for": forwarded} if forwarded else {})


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ((), "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (("10.0.0.0/8",), "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "1.1.1.1, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "<script>", "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.2", "", "10.0.0.2"),
    ],
)
def test_a_forwarded_address_counts_only_as_far_as_trusted_proxies_wrote_it(
    trusted: tuple[str, ...], peer: str, forwarded: str, address: str
) -> None:
    assert ClientAddress(trusted).of(_request(peer, forwarded)) == address
