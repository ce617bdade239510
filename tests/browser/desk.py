"""A staff workstation for browser tests: the console in Chromium, and what a person at it can do.

Every page is watched: an error in the console that the test did not expect fails it.
"""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page

from tests.fixtures.people import MadeStaff

DIST = Path(__file__).resolve().parents[2] / "backend/web/console/dist"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALL, LARGE = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}


class Desk:
    """A workstation: its page, what its console complained of, and how to sign in at it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin
        self.errors: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def forgive(self, status: int) -> None:
        """The browser reports every refused request; this one was meant."""
        known = [error for error in self.errors if f"status of {status} " in error]
        assert known, f"nothing was refused with {status}: {self.errors}"
        self.errors.remove(known[0])

    async def open(self, path: str) -> None:
        """Go to a room of the console."""
        await self.page.goto(f"{self.origin}/console{path}")

    async def log_in(self, staff: MadeStaff, path: str = "/") -> Page:
        """Fill in the log-in as a person does, with the one-time code when it is asked for."""
        await self.open(path)
        await self.fill_log_in(staff)
        await self.page.get_by_role("button", name="退出登录").wait_for()
        # The shell comes first: only what stands in it hears keys.
        await self.page.locator("main > *").first.wait_for(state="attached")
        return self.page

    async def log_out(self) -> None:
        """Leave, and see that it is done: going on at once would break off the request that ends the session."""
        await self.page.get_by_role("button", name="退出登录").click()
        await self.page.get_by_label("登录名").wait_for()

    async def fill_log_in(self, staff: MadeStaff) -> None:
        """Name, password, Enter; then the code."""
        page = self.page
        await page.get_by_label("登录名").fill(staff.login)
        await page.get_by_label("密码", exact=True).fill(staff.password)
        await page.keyboard.press("Enter")
        code = staff.totp()
        if code is not None:
            await page.get_by_label("动态口令").fill(code)
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="退出登录").wait_for()
            self.forgive(401)

    async def must_be_accessible(self) -> None:
        """No rule of axe is broken by what is on the screen."""
        await self.page.wait_for_timeout(350)  # dialogs and drawers fade in; half a fade has no contrast
        found = await Axe().run(self.page, options={"runOnly": RULES})
        broken = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
        assert broken == [], broken

    async def must_fit(self) -> None:
        """Nothing is cut off or scrolls sideways on either of the hospital's screens."""
        for size in (LARGE, SMALL):
            await self.page.set_viewport_size(size)  # type: ignore[arg-type]
            width = await self.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"]
