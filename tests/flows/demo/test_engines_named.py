"""Engines that the environment names: the demo starts none of its own, and never writes into somebody else's data."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from backend.demo.engines import DemoEngines
from backend.demo.seed import Extent, seed_hospital
from backend.processes import StartupRefused
from backend.settings import SettingsError, engine_urls
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.secrecy import KeyRing
from tests.fixtures.engines import Engines
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.program import HOSPITAL, ROOT, STOP_S, DemoProgram, demo_program, left_of

GROUP = "demo"

Another = Callable[[], AbstractAsyncContextManager[Engines]]
_OWN_ENGINES = ("postgres", "redis")
# Visits booked by phone: what lies behind the demo's first user was registered at a window.
_WALKED = "SELECT count(*) FROM appointment WHERE status = 'fulfilled' AND channel = 'miniapp'"


def _urls(engines: Engines) -> dict[str, str]:
    return {
        "database_url": engines.app,
        "database_owner_url": engines.owner,
        "database_sealer_url": engines.sealer,
        "redis_url": engines.redis,
    }


def _environment(engines: Engines) -> dict[str, str]:
    return {name.upper(): url for name, url in _urls(engines).items()}


async def _refusal(folder: Path, urls: Mapping[str, str], keyring: KeyRing = TEST_KEYS) -> str:
    """Why the demo does not start; nothing was written."""
    with pytest.raises(StartupRefused) as refused:
        await DemoEngines(folder, urls).refuse_unfit(keyring)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
async def owner(empty: Engines) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty.owner)
    yield connection
    await connection.close()


@pytest.mark.timeout(400)
async def test_given_urls_of_both_engines_then_demos_start_none_and_stand_beside_each_other(
    another: Another, tmp_path: Path
) -> None:
    async with another() as first, another() as second, another() as third:
        await asyncio.to_thread(_walk, first, second, third, tmp_path)
        async with Redis.from_url(first.redis) as redis:
            assert await redis.ping(), "what is not the demo's goes on when it ends"


def _walk(first: Engines, second: Engines, third: Engines, folder: Path) -> None:
    one, two = folder / "one", folder / "two"
    with demo_program(one, _environment(first)) as demo:
        _assert_visited_without_engines(demo, first)
        assert "holds the demo of another data folder" in _told_when_refused(two, first)
        assert f"is in use by process {demo.process.pid}" in _told_when_refused(one, second)
        with demo_program(two, _environment(second)) as beside:
            _assert_visited_without_engines(beside, second)
            for walked in (demo, beside):
                assert walked.value(_WALKED) == 1
        family = demo.family()
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(STOP_S) == 0
        assert left_of(family, 1) == set()
    # Another database for the same folder: kiosk and screen introduce themselves anew, WeChat keeps another book.
    with demo_program(one, _environment(third)) as moved:
        _assert_visited_without_engines(moved, third)


def _assert_visited_without_engines(demo: DemoProgram, engines: Engines) -> None:
    children = demo.children()
    assert [children.pop(name) for name in _OWN_ENGINES] == [[], []]
    assert all(children.values()), children
    assert not demo.facts["pids"].keys() & set(_OWN_ENGINES)
    assert not any((demo.folder / name).exists() for name in _OWN_ENGINES)
    named = {"postgres": engines.app, "postgres_owner": engines.owner, "redis": engines.redis}
    assert demo.facts["engines"] == named
    walked = demo.run("visit", "--ready-file", str(demo.ready_file))
    assert walked.returncode == 0, walked.stdout


def _told_when_refused(folder: Path, engines: Engines) -> str:
    done = subprocess.run(
        [HOSPITAL, "demo", "--port", "0", "--data", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **_environment(engines)}, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, "one sentence"
    return done.stderr


@pytest.mark.parametrize(
    ("named", "started"),
    [
        ((), ["postgres", "redis"]),
        (("redis_url",), ["postgres"]),
        (("database_url", "database_owner_url", "database_sealer_url"), ["redis"]),
        (("database_url", "database_owner_url", "database_sealer_url", "redis_url"), []),
    ],
)
def test_given_any_of_the_engines_named_then_only_the_other_is_started(
    named: tuple[str, ...], started: list[str], tmp_path: Path
) -> None:
    engines = DemoEngines(tmp_path, dict.fromkeys(named, "postgres://a:b@127.0.0.1/c"))
    assert [child.name for child in engines.children] == started
    assert list(engines.needed("postgres", "redis")) == started
    assert engines.needed("prepare") == ("prepare",)


def test_given_only_the_apps_url_then_the_missing_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        StartupRefused, match="set DATABASE_OWNER_URL and DATABASE_SEALER_URL too, or unset DATABASE_URL"
    ):
        DemoEngines(tmp_path, {"database_url": "postgres://a:b@127.0.0.1/c"})


def test_given_urls_by_any_of_their_names_then_they_are_found_and_empty_ones_are_not(tmp_path: Path) -> None:
    secret = tmp_path / "owner"
    secret.write_text("postgres://owner\n")
    environment = {
        "DATABASE_URL": "postgres://plain", "HOSPITAL_DATABASE_OWNER_URL_FILE": str(secret), "REDIS_URL": "",
        "HOSPITAL_DATABASE_SEALER_URL": "postgres://ours", "DATABASE_SEALER_URL": "postgres://theirs",
    }  # fmt: skip
    assert engine_urls(environment) == {
        "database_url": "postgres://plain",
        "database_owner_url": "postgres://owner",
        "database_sealer_url": "postgres://ours",
    }
    with pytest.raises(SettingsError, match="named by HOSPITAL_REDIS_URL_FILE, cannot be read: No such file"):
        engine_urls({"HOSPITAL_REDIS_URL_FILE": str(tmp_path / "none")})


async def test_given_an_empty_or_a_merely_migrated_database_then_the_demo_may_begin(
    empty: Engines, tmp_path: Path
) -> None:
    await DemoEngines(tmp_path, _urls(empty)).refuse_unfit(TEST_KEYS)
    bare = await asyncpg.connect(empty.owner)
    await bare.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await bare.close()
    await DemoEngines(tmp_path, _urls(empty)).refuse_unfit(TEST_KEYS)


async def test_given_somebody_elses_table_then_it_is_named_and_nothing_is_written(
    empty: Engines, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE SCHEMA shop")
    await owner.execute("CREATE TABLE shop.orders (id int)")
    assert "is not empty and no hospital's (it has the table shop.orders)" in await _refusal(tmp_path, _urls(empty))


async def test_given_a_hospital_that_is_not_the_demos_then_it_is_left_alone(
    empty: Engines, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute(
        "INSERT INTO campus (id, code, name, address, radius_m) VALUES ($1, 'HQ', '本部', '', 300)", new_id()
    )
    assert "holds a hospital that is not the demo's" in await _refusal(tmp_path, _urls(empty))


async def test_given_the_demo_of_other_keys_or_a_newer_program_then_each_is_said(
    empty: Engines, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await seed_hospital(empty.app, TEST_KEYS, "only-for-this-test", extent=Extent(days=1, patients_max=2))
    await DemoEngines(tmp_path, _urls(empty)).refuse_unfit(TEST_KEYS)
    others = KeyRing(keys=dict.fromkeys(TEST_KEYS.keys, b"x" * 32), current=2, index_key=b"x" * 32)
    assert "holds the demo of another data folder" in await _refusal(tmp_path, _urls(empty), others)
    await owner.execute(
        "UPDATE tortoise_migrations SET name = '9999_later' WHERE name = (SELECT max(name) FROM tortoise_migrations)"
    )
    assert "is at 9999_later, ahead of this program" in await _refusal(tmp_path, _urls(empty))


async def test_given_urls_of_two_databases_then_they_are_refused(
    empty: Engines, another: Another, tmp_path: Path
) -> None:
    async with another() as other:
        urls = _urls(empty) | {"database_url": other.app}
        assert "must name one and the same database" in await _refusal(tmp_path, urls)


async def test_given_an_engine_that_does_not_answer_then_its_place_is_named_and_no_password(
    empty: Engines, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        for name, url in (
            ("database_owner_url", f"postgres://hospital_owner:s3cret@{place}/x"),
            ("redis_url", f"redis://:s3cret@{place}/0"),
        ):
            told = await _refusal(tmp_path, _urls(empty) | {name: url})
            assert place in told
            assert name.upper() in told
            assert "s3cret" not in told
    wrong = _with_password(empty.app, "s3cret")
    told = await _refusal(tmp_path, _urls(empty) | {"database_url": wrong})
    assert "password authentication failed" in told
    assert "s3cret" not in told


def _with_password(url: str, password: str) -> str:
    """The same place and role, another password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))
