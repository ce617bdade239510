"""The demo's engines (演示的引擎): its own below its folder, or those that the environment names; each for itself.

With ``DATABASE_URL`` (and the owner's and the sealer's URL, as in production) no PostgreSQL is started, with
``REDIS_URL`` no Redis. What is not ours is only looked at: it is neither started, watched nor stopped.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.demo.target import refuse_unfit_database
from backend.embedded.postgres import EmbeddedPostgres
from backend.embedded.redis import EmbeddedRedis
from backend.processes import ChildSpec, StartupRefused
from backend.settings import DATABASE_URLS
from hospital_core.kernel.secrecy import KeyRing

_CONNECT_S = 5.0
_WHICH = """
SELECT format('-%s-%s', c.system_identifier, d.oid) FROM pg_control_system() AS c, pg_database AS d
WHERE d.datname = current_database()"""


class DemoEngines:
    """PostgreSQL and Redis of one demo; ``urls`` are those of ``backend.settings.engine_urls``.

    Raises: StartupRefused when only some of the database's URLs are named.
    """

    def __init__(self, folder: Path, urls: Mapping[str, str]) -> None:
        self._urls = urls
        named = [name for name in DATABASE_URLS if name in urls]
        if named and len(named) < len(DATABASE_URLS):
            raise StartupRefused(_half_named(named))
        self._postgres = None if named else EmbeddedPostgres(folder)
        self._redis = None if "redis_url" in urls else EmbeddedRedis(folder)
        self.database_mark = ""
        """Tells other databases than our own apart: what the outside world remembers belongs to one (数据库标识)."""

    async def prepare(self) -> None:
        """Whatever must be before the first start. Raises: StartupRefused."""
        if self._postgres is not None:
            await self._postgres.prepare()
        if self._redis is not None:
            await self._redis.prepare()

    async def refuse_unfit(self, keyring: KeyRing) -> None:
        """Look at engines that are not ours before anything is written. Raises: StartupRefused, in one sentence."""
        if self._redis is None:
            await _refuse_silent_redis(self._urls["redis_url"])
        if self._postgres is None:
            await self._refuse_unfit_postgres(keyring)

    @property
    def children(self) -> list[ChildSpec]:
        """The engines to start, none when both are others'."""
        return [engine.child_spec() for engine in (self._postgres, self._redis) if engine is not None]

    def needed(self, *names: str) -> tuple[str, ...]:
        """What a child depends on, without the engines that are not started here."""
        absent = {"postgres"} if self._postgres is None else set()
        absent |= {"redis"} if self._redis is None else set()
        return tuple(name for name in names if name not in absent)

    @property
    def settings(self) -> dict[str, str]:
        """The engines' part of the settings."""
        found = dict(self._urls)
        if self._postgres is not None:
            urls = self._postgres.urls
            found |= dict(zip(DATABASE_URLS, (urls.app, urls.owner, urls.sealer), strict=True))
        if self._redis is not None:
            found["redis_url"] = self._redis.url
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What the ready file tells of them; the administrator's URL and the socket only of our own server."""
        settings = self.settings
        facts = {
            "postgres": settings["database_url"],
            "postgres_owner": settings["database_owner_url"],
            "redis": settings["redis_url"],
        }
        if self._postgres is not None:
            urls = self._postgres.urls
            facts |= {"postgres_admin": urls.admin, "postgres_socket_dir": str(urls.socket_dir)}
        return facts

    def close(self) -> None:
        """Release the data folder."""
        for engine in (self._redis, self._postgres):
            if engine is not None:
                engine.close()

    async def _refuse_unfit_postgres(self, keyring: KeyRing) -> None:
        found = set()
        for name in DATABASE_URLS:
            connection = await _connected(self._urls[name], name)
            try:
                found.add(await connection.fetchval(_WHICH))
                if name == "database_owner_url":
                    await refuse_unfit_database(connection, keyring)
            finally:
                await connection.close()
        if len(found) > 1:
            raise StartupRefused(f"{_listed(DATABASE_URLS)} must name one and the same database; mend them.")
        self.database_mark = found.pop()


async def _connected(url: str, name: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_S)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        why = str(error) or "no answer"
        raise StartupRefused(
            f"PostgreSQL at {_place(url)}, named by {name.upper()}, does not let the demo in ({why}); "
            f"mend it, or unset {_listed(DATABASE_URLS)} to let the demo start its own."
        ) from error


async def _refuse_silent_redis(url: str) -> None:
    try:
        client = Redis.from_url(url, socket_timeout=_CONNECT_S, socket_connect_timeout=_CONNECT_S)
        try:
            await client.ping()
        finally:
            await client.aclose()
    except (OSError, ValueError, RedisError) as error:
        raise StartupRefused(
            f"Redis at {_place(url)}, named by REDIS_URL, does not let the demo in ({str(error).rstrip('.')}); "
            "mend it, or unset REDIS_URL to let the demo start its own."
        ) from error


def _half_named(named: list[str]) -> str:
    missing = [name for name in DATABASE_URLS if name not in named]
    return (
        f"{_listed(named)} {'is' if len(named) == 1 else 'are'} set, so the demo starts no PostgreSQL of its own; "
        f"set {_listed(missing)} too, or unset {_listed(named)}."
    )


def _listed(names: "tuple[str, ...] | list[str]") -> str:
    upper = [name.upper() for name in names]
    return upper[0] if len(upper) == 1 else f"{', '.join(upper[:-1])} and {upper[-1]}"


def _place(url: str) -> str:
    """Host and port, never the password."""
    with suppress(ValueError):
        parts = urlsplit(url)
        return f"{parts.hostname or 'localhost'}:{parts.port}" if parts.port else parts.hostname or "localhost"
    return "an address that cannot be read"
