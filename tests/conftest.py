"""Shared by all tests: the engines, one database per worker, the kernel's ports."""

import asyncio
import json
import os
import secrets
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hospital_core.db import connect, disconnect
from hospital_core.kernel import ports
from hospital_core.kernel.secrecy import KeyRing
from tests.fixtures.engines import ENVIRONMENT, Engines, drop_database, make_database, running_engines, with_database
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.server import anybody, server
from tests.scheduling import ORDER, SERVED, Grouped, group_of

# Fixtures of every test: imported in two conftests they would be two servers on one database.
__all__ = ["anybody", "server"]


class _EngineThread(threading.Thread):
    """Runs the engines in the controlling process for the whole run, beside pytest's own loops."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="engines")
        self.started = threading.Event()
        self.stopping: asyncio.Event | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.engines: Engines | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.error = error
        finally:
            self.started.set()

    async def _serve(self) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryDirectory(prefix="hospital-test-") as folder:
            async with running_engines(Path(folder)) as self.engines:
                self.started.set()
                await self.stopping.wait()

    def stop(self) -> None:
        if self.loop is not None and self.stopping is not None:
            self.loop.call_soon_threadsafe(self.stopping.set)
        self.join(30)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--reversed``: whatever leans on an earlier file's rows, or trips over them, fails in one of two orders."""
    parser.addoption("--reversed", action="store_true", help="files in the other order, within their groups")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long groups first, so that another worker takes the rest meanwhile; tests of the running server last.

    A browser test that fails is run once more and shown as RERUN: browser and servers press the same two cores.
    """
    if config.getoption("--reversed"):
        place = {_file(item): -number for number, item in enumerate(items)}
        items.sort(key=lambda item: place[_file(item)])
    for item in items:
        if "server" in getattr(item, "fixturenames", ()) and group_of(_file(item)) not in SERVED:
            raise pytest.UsageError(f'{item.nodeid} uses the server: its file must say GROUP = "server" or "desk"')
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: ORDER[group_of(_file(item))])


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    """Every run with several workers is grouped by ``tests.scheduling``."""
    return Grouped(config, log)


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Engines:
    """The engines of this run: started by the controller on first use, or those of ``HOSPITAL_TEST_ENGINES``."""
    worker = getattr(request.config, "workerinput", None)
    if worker is not None:
        return Engines(**json.loads(worker["engines"]))
    return _engines_of(request.config)


def _engines_of(config: pytest.Config) -> Engines:
    if os.environ.get(ENVIRONMENT):
        return Engines(**json.loads(Path(os.environ[ENVIRONMENT]).read_text()))
    thread: _EngineThread | None = getattr(config, "_hospital_engines", None)
    if thread is None:
        thread = _EngineThread()
        config._hospital_engines = thread  # type: ignore[attr-defined]
        thread.start()
        thread.started.wait(120)
    if thread.engines is None:
        raise RuntimeError("the engines did not start") from thread.error
    return thread.engines


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: every worker gets the controller's engines."""
    node.workerinput["engines"] = json.dumps(asdict(_engines_of(node.config)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    thread: _EngineThread | None = getattr(config, "_hospital_engines", None)
    if thread is not None:
        thread.stop()


@pytest.fixture(scope="session")
async def database(engines: Engines) -> AsyncIterator[Engines]:
    """This worker's own migrated database; the URLs name it. Tests share it and make their own rows."""
    name = f"t_{secrets.token_hex(6)}"
    await make_database(engines, name)
    yield Engines(
        engines.admin,
        with_database(engines.owner, name),
        with_database(engines.app, name),
        with_database(engines.sealer, name),
        engines.redis,
    )
    await drop_database(engines, name)


@pytest.fixture(scope="session")
async def core(database: Engines) -> AsyncIterator[Engines]:
    """The core, connected with the app's role in this process: ``kernel.run`` works."""
    import hospital_core.reactions

    hospital_core.reactions.load()
    ports.provide(KeyRing, TEST_KEYS)
    await connect(database.app, pool_max=12, application="hospital-test")
    yield database
    await disconnect()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parent.parent
