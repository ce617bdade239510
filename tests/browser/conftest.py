"""What browser tests share: one demo per worker, one Chromium, the rules of accessibility."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import async_playwright
from playwright.async_api import expect as async_expect
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from backend.chromium import FLAGS, chromium_path
from tests.browser.desk import SMALL, Desk
from tests.fixtures.handset import Handset
from tests.fixtures.lobby import Lobby
from tests.fixtures.server import Server

# Five seconds are short for a whole hospital and a browser on two cores.
expect.set_options(timeout=20_000)
async_expect.set_options(timeout=20_000)

ROOT = Path(__file__).parents[2]
RUNNING = "HOSPITAL_TEST_DEMO"
READY_S = 240
STOP_S = 40


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A whole demo in a folder and on ports of its own; yields its ready file.

    Files that use it say ``GROUP = "demo"``: one worker, one demo. While pages are being written,
    ``HOSPITAL_TEST_DEMO`` may name the ready file of a demo that runs already.
    """
    if os.environ.get(RUNNING):
        yield json.loads(Path(os.environ[RUNNING]).read_text())
        return
    folder = tmp_path_factory.mktemp("demo")
    ready, log = folder / "ready.json", folder / "demo.log"
    command = ["demo", "--port", "0", "--data", str(folder / "data"), "--ready-file", str(ready)]
    with log.open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, "-c", "from backend.cli import app; app()", *command], cwd=ROOT, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            yield _facts(program, ready, log)
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(STOP_S)


def _facts(program: "subprocess.Popen[bytes]", ready: Path, log: Path) -> dict[str, Any]:
    ends = time.monotonic() + READY_S
    while not ready.exists():
        if program.poll() is not None or time.monotonic() > ends:
            pytest.fail(f"the demo did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)
    facts: dict[str, Any] = json.loads(ready.read_text())
    return facts


@pytest.fixture
def lobby(demo: dict[str, Any]) -> Iterator[Lobby]:
    opened = Lobby(demo)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per file: its processes end before the next file's begin."""
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[AsyncBrowser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield opened
        await opened.close()


@pytest.fixture
async def desk(browser: AsyncBrowser, server: Server) -> AsyncIterator[Desk]:
    """A staff workstation; what its console complains of and the test did not forgive fails the test."""
    # The CSP stays in force: axe is put in through the debugger, not through the page.
    context = await browser.new_context(
        viewport=SMALL, locale="zh-CN", timezone_id="America/New_York", reduced_motion="reduce"
    )  # type: ignore[arg-type]
    opened = Desk(await context.new_page(), server.origin)
    opened.page.set_default_timeout(30_000)
    yield opened
    await context.close()
    assert opened.errors == []


class Complaints(list[str]):
    """Errors of watched pages: the console's and those nobody caught."""

    def watch(self, page: Page) -> Page:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(str(error)))
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.append(message.text)


@pytest.fixture
def phone(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[Handset]:
    """A phone of the common size in the demo's lobby; nobody is signed in."""
    context = chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield Handset(complaints.watch(context.new_page()), lobby)
    context.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG A and AA."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]
