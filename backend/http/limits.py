"""Request limits (限流): token buckets in this process, bounded in number.

They keep one caller from crowding out the others; what must hold exactly (log-in attempts, codes) is counted durably in
``kernel.attempts``. Being local they cost a microsecond and work when Redis is gone; each worker grants its share.
"""

import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sanic import Request

from backend.http.problems import TooManyRequests
from backend.http.routing import Limit

_BUCKETS_MAX = 50_000


class Limiter:
    """Buckets by caller and limit."""

    def __init__(self, *, scale: float = 1.0) -> None:
        self._scale = scale
        self._buckets: OrderedDict[tuple[str, Limit], tuple[float, float]] = OrderedDict()

    def take(self, caller: str, limit: Limit) -> None:
        """Spend one request. Raises TooManyRequests with the seconds to wait."""
        now = time.monotonic()
        burst = limit.burst * self._scale
        rate = limit.per_minute * self._scale / 60.0
        key = (caller, limit)
        tokens, at = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - at) * rate)
        if tokens < 1.0:
            raise TooManyRequests(retry_after_s=int((1.0 - tokens) / rate) + 1)
        self._buckets[key] = (tokens - 1.0, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _BUCKETS_MAX:
            self._buckets.popitem(last=False)


class ClientAddress:
    """The caller's address; ``X-Forwarded-For`` counts only as far as trusted proxies wrote it."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted = [ip_network(network, strict=False) for network in trusted]
        self._is_trusted = lru_cache(maxsize=256)(self._look_up)

    def of(self, request: Request) -> str:
        """The nearest address that is not one of our proxies."""
        peer: str = request.ip or "local"
        if not self._trusted or not self._is_trusted(peer):
            return peer
        for part in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            text = part.strip()
            address = _address(text)
            if address is None and text:
                return peer
            if address is not None and not self._is_ours(address):
                return text
        return peer

    def _look_up(self, text: str) -> bool:
        address = _address(text)
        return address is not None and self._is_ours(address)

    def _is_ours(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
