"""Kills by the thousand (断点长跑): at every point, of every process, in turn; each judged before the next."""

import asyncio
from itertools import product
from pathlib import Path

from backend.visit.client import StepFailed
from tests.faults.house import VICTIMS, House
from tests.faults.killing import POINTS
from tests.soak.machines import Wrong

_TURNS = tuple(product(POINTS, VICTIMS))
STRIKES_OF_A_HOUSE = 10 * len(_TURNS)  # then a fresh one: the judgement looks at everything in it


class Kills:
    """A house at a time, opened when the first strike needs it."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.folder, self.loop = folder, loop
        self._house: House | None = None
        self._struck = 0

    def strike(self, number: int) -> str:
        """Strike number so and so; returns which process was killed. Raises: Wrong."""
        point, victim = _TURNS[number % len(_TURNS)]
        if self._house is None or self._struck >= STRIKES_OF_A_HOUSE:
            self.close()
            self._house = self.loop.run_until_complete(self._open())
        self._struck += 1
        try:
            found = self.loop.run_until_complete(self._house.strike(point, victim))
        except (AssertionError, StepFailed) as error:
            raise Wrong(f"kill {number}, {victim} at {point}: {error}") from error
        if found:
            raise Wrong(f"kill {number}, {victim} at {point}: {found}")
        return victim

    def close(self) -> None:
        """Stop what runs."""
        if self._house is not None:
            self.loop.run_until_complete(self._house.close())
            self._house = None
            self._struck = 0

    async def _open(self) -> House:
        house = House(_unused(self.folder))
        try:
            await house.open()
            await house.furnish(STRIKES_OF_A_HOUSE)
        except BaseException:
            await house.close()
            raise
        return house


def _unused(folder: Path) -> Path:
    """A folder of its own for each house: a house that was killed with the soak is left as it was found."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    number = sum(1 for _ in folder.iterdir())
    return folder / f"house{number}"
