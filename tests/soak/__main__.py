"""``make soak``: state machines, contended attempts and kills until their goals are reached or the time is over.

    make soak SOAK="--minutes 5"                       all three parts, each a share of the time
    make soak SOAK="--only machines --steps 1000000"   one part
    make soak SOAK="--replay booking:123456"           one chunk of a machine again, from its seed

What was done and found right is kept in ``.data/soak``; started again, also after kill -9, it goes on from there.
Exit code 1: something is wrong, and printed with what it takes to see it again.
"""

import asyncio
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from tests.faults.house import VICTIMS
from tests.fixtures.engines import ENVIRONMENT, Engines, running_engines
from tests.properties.booking_machine import without_limits
from tests.soak import machines
from tests.soak.contention import Tally, contend
from tests.soak.kills import Kills
from tests.soak.machines import Hospital, Wrong
from tests.soak.progress import Progress

PARTS = ("machines", "contended", "kills")
_SHARES = {"machines": 0.5, "contended": 0.2, "kills": 0.3}
_ROUND = 10_000
# One hot sequence, then the same number of attempts spread over many.
_SIZES = ((400,), (8,) * 50, (30,) * 10)

out = Console()


class Soak:
    """One run: what is known of earlier ones, the engines, and until when."""

    def __init__(self, folder: Path, goals: dict[str, int], minutes: float, histories: int, bars: Bars) -> None:
        self.folder, self.goals, self.minutes, self.histories, self.bars = folder, goals, minutes, histories, bars
        self.progress = Progress.read(folder / "progress.json")
        self.progress.starts += 1
        self.progress.write()
        self.loop = asyncio.new_event_loop()

    def go(self, parts: list[str]) -> None:
        """The parts one after another, each until its goal or its share of the time. Raises: Wrong."""
        whole = sum(_SHARES[part] for part in parts)
        for part in parts:
            ends = time.monotonic() + self.minutes * 60 * _SHARES[part] / whole
            bar = self.bars.add_task(part, total=self.goals[part], completed=self.done(part))
            work: Callable[[TaskID, float], None] = getattr(self, part)
            work(bar, ends)

    def done(self, part: str) -> int:
        """How much of a part is done, counted as its goal is."""
        known = self.progress
        return {
            "machines": known.steps_done, "contended": known.attempts, "kills": sum(known.kills.values()),
        }[part]  # fmt: skip

    @contextmanager
    def _counted(self, part: str, bar: TaskID) -> Iterator[None]:
        """Keep what a piece of work added, once it was found right."""
        began = time.monotonic()
        yield
        self.progress.spent(part, time.monotonic() - began)
        self.progress.write()
        rate = self.progress.rate(part, self.done(part))
        self.bars.update(bar, completed=self.done(part), description=f"{part} · {rate:,.0f}/s")

    def _to_do(self, part: str, ends: float) -> bool:
        return self.done(part) < self.goals[part] and time.monotonic() < ends

    @contextmanager
    def _hospital(self) -> Iterator[Hospital]:
        stack = AsyncExitStack()
        engines = self.loop.run_until_complete(stack.enter_async_context(_engines(self.folder)))
        hospital = Hospital(engines, self.loop, self.progress.seed)
        try:
            yield hospital
        finally:
            hospital.close()
            self.loop.run_until_complete(stack.aclose())

    def machines(self, bar: TaskID, ends: float) -> None:
        """State machines, chunk by chunk; all rows are looked at after each."""
        if not self._to_do("machines", ends):
            return
        with self._hospital() as hospital:
            while self._to_do("machines", ends):
                with self._counted("machines", bar):
                    self._one_chunk(hospital)

    def _one_chunk(self, hospital: Hospital) -> None:
        known = self.progress
        hospital.be_at(known.chunk)
        name = machines.machine_of(known.chunk)
        steps = machines.run_chunk(name, known.seed + known.chunk, examples=self.histories)
        found = self.loop.run_until_complete(machines.look_at_everything())
        if found:
            raise Wrong(f"after chunk {known.chunk} ({name}, seed {known.seed + known.chunk}): {found[:10]}")
        known.steps[name] = known.steps.get(name, 0) + steps
        known.chunk += 1

    def contended(self, bar: TaskID, ends: float) -> None:
        """Attempts in rounds: together and alone, with and without places coming back, one hot session and many."""
        if not self._to_do("contended", ends):
            return
        ways = itertools.cycle(itertools.product(_SIZES, (True, False), (False, True)))
        with self._hospital() as hospital:
            hospital.be_fresh()
            while self._to_do("contended", ends):
                sizes, together, giving_back = next(ways)
                with self._counted("contended", bar):
                    tally = self.loop.run_until_complete(_round(sizes, together, giving_back))
                    if not tally.is_right:
                        raise Wrong(f"{tally} of sessions {sizes}, together={together}, giving_back={giving_back}")
                    self.progress.attempts += tally.attempts
                    self.progress.sold += tally.sold - tally.given_back

    def kills(self, bar: TaskID, ends: float) -> None:
        """kill -9 at every point of every process, in turn."""
        if not self._to_do("kills", ends):
            return
        shutil.rmtree(self.folder / "houses", ignore_errors=True)
        kills = Kills(self.folder / "houses", self.loop)
        try:
            while self._to_do("kills", ends):
                with self._counted("kills", bar):
                    victim = kills.strike(self.done("kills"))
                    self.progress.kills[victim] = self.progress.kills.get(victim, 0) + 1
        finally:
            kills.close()

    def replay(self, name: str, seed: int) -> None:
        """One chunk again, in an empty database. Raises: Wrong."""
        with self._hospital() as hospital:
            hospital.be_fresh()
            steps = machines.run_chunk(name, seed, examples=self.histories)
            found = self.loop.run_until_complete(machines.look_at_everything())
        if found:
            raise Wrong(f"{name}, seed {seed}: {found[:10]}")
        out.print(f"{name}, seed {seed}: {steps} steps, nothing found")


@asynccontextmanager
async def _engines(folder: Path) -> AsyncIterator[Engines]:
    """Those that the environment names, as for tests; else our own, whose data stay in the folder."""
    if ENVIRONMENT in os.environ:
        yield Engines(**json.loads(Path(os.environ[ENVIRONMENT]).read_text()))
        return
    async with running_engines(folder / "engines") as engines:
        yield engines


async def _round(sizes: tuple[int, ...], together: bool, giving_back: bool) -> Tally:
    async with without_limits():
        return await contend(_ROUND, together=together, giving_back=giving_back, sizes=sizes)


def _tell(soak: Soak) -> None:
    known = soak.progress
    table = Table(title="长跑 · what was done and found right, all runs together", title_justify="left", box=None)
    for column in ("part", "done", "of", "a second", "minutes", ""):
        table.add_column(column, justify="right" if column not in ("part", "") else "left")
    more = {
        "machines": ", ".join(f"{name} {count:,}" for name, count in known.steps.items()),
        "contended": f"{known.sold:,} sold, 0 oversold, 0 undersold",
        "kills": ", ".join(f"{name} {count}" for name, count in known.kills.items()),
    }
    for part in PARTS:
        done = soak.done(part)
        table.add_row(
            part, f"{done:,}", f"{soak.goals[part]:,}", f"{known.rate(part, done):,.1f}",
            f"{known.seconds.get(part, 0) / 60:.1f}", more[part] if done else "",
        )  # fmt: skip
    out.print(table)
    out.print(f"seed {known.seed}, next chunk {known.chunk}, start number {known.starts}, kept in {soak.folder}")


def main(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long, at most.")] = 60.0,
    steps: Annotated[int, typer.Option(help="Goal of the state machines' steps.")] = 1_000_000,
    contended: Annotated[int, typer.Option(help="Goal of contended attempts.")] = 1_000_000,
    kills: Annotated[int, typer.Option(help="Goal of kills of each process.")] = 1_000,
    only: Annotated[str, typer.Option(help="One part: machines, contended or kills.")] = "",
    replay: Annotated[str, typer.Option(help="MACHINE:SEED, one chunk again.")] = "",
    histories: Annotated[int, typer.Option(min=1, help="Histories of fifty steps in a chunk.")] = machines.HISTORIES,
    fresh: Annotated[bool, typer.Option(help="Forget what earlier runs did.")] = False,
    folder: Annotated[Path, typer.Option(help="Where progress and databases are kept.")] = Path(".data/soak"),
) -> None:
    """Prove booking and money for as long as you like."""
    if only and only not in PARTS:
        raise typer.BadParameter(f"--only takes one of {', '.join(PARTS)}")
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    goals = {"machines": steps, "contended": contended, "kills": kills * len(VICTIMS)}
    columns = TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=out) as bars:
        soak = Soak(folder.absolute(), goals, minutes, histories, bars)
        try:
            if replay:
                name, _, seed = replay.partition(":")
                soak.replay(name, int(seed))
                return
            soak.go([only] if only else list(PARTS))
        except Wrong as wrong:
            out.print(f"[bold red]✗[/] {wrong}", highlight=False, soft_wrap=True)
            sys.exit(1)
        except KeyboardInterrupt:
            out.print("stopped; started again, it goes on")
    _tell(soak)


if __name__ == "__main__":
    typer.run(main)
