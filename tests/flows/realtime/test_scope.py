"""Two hospitals on one Redis: neither hears the other, whatever their places are called."""

import asyncio
import time

from backend.realtime.link import RedisLink
from tests.fixtures.engines import Engines


async def test_given_two_hospitals_on_one_redis_then_each_hears_only_its_own(engines: Engines) -> None:
    heard: dict[str, list[tuple[str, str]]] = {"one": [], "two": []}
    links = {scope: RedisLink(engines.redis, ("live:*",), scope) for scope in heard}
    for scope, link in links.items():
        link.on_message(lambda channel, text, scope=scope: heard[scope].append((channel, text)))
        link.start()
    try:
        await _until(lambda: all(link.up for link in links.values()))
        for scope, link in links.items():
            link.send("live:queue-area:same", f"from {scope}")
        await _until(lambda: all(heard.values()))
        await asyncio.sleep(0.2)  # what should not come has time to
        assert heard == {scope: [("live:queue-area:same", f"from {scope}")] for scope in links}
    finally:
        for link in links.values():
            await link.stop()


async def _until(holds: object) -> None:
    ends = time.monotonic() + 10
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)
