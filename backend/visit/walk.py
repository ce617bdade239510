"""Walking visits and telling how they went (走流程与报告)."""

import asyncio
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from backend.visit.client import StepFailed
from backend.visit.hospital import Hospital
from backend.visit.parties import Clock
from backend.visit.story import Visit


@dataclass
class Outcome:
    """How one visit ended; ``failure`` is the reason when it did not end well."""

    clock: Clock
    failure: str | None = None


async def walk(ready_file: Path, patients: int, patience_s: float, console: Console) -> int:
    """Walk ``patients`` visits at once; returns the exit code."""
    facts: dict[str, Any] = json.loads(ready_file.read_text())
    hospital = Hospital(facts, patience_s)
    started = time.monotonic()
    try:
        await hospital.open(patients)
        outcomes = await asyncio.gather(*(_one(hospital, number) for number in range(patients)))
    except StepFailed as error:
        console.print(f"[bold red]✗[/] before the first patient came: {error}")
        return 1
    finally:
        await hospital.close()
    seconds = time.monotonic() - started
    if patients == 1:
        _tell_story(console, outcomes[0])
    else:
        _tell_crowd(console, outcomes, hospital)
    failed = [outcome.failure for outcome in outcomes if outcome.failure]
    for reason in sorted(set(failed)):
        console.print(f"[bold red]✗[/] {failed.count(reason)} × {reason}")
    good = patients - len(failed)
    colour = "green" if good == patients else "red"
    console.print(f"[{colour}]{good} of {patients} visits ended well[/] in {seconds:.1f} s")
    return 0 if good == patients else 1


async def _one(hospital: Hospital, number: int) -> Outcome:
    clock = Clock()
    try:
        await asyncio.sleep(random.uniform(0, min(3.0, number * 0.1)))
        await Visit(hospital, clock, number).walk()
    except StepFailed as error:
        return Outcome(clock, str(error))
    return Outcome(clock)


def _tell_story(console: Console, outcome: Outcome) -> None:
    table = Table(title="一次门诊就诊", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("party", style="bold")
    table.add_column("step")
    table.add_column("ms", justify="right")
    for party, what, milliseconds in outcome.clock.steps:
        table.add_row(party, what, f"{milliseconds:.0f}")
    console.print(table)
    for name, values in outcome.clock.measures.items():
        console.print(f"  {name}: {values[0]:.0f} ms")


def _tell_crowd(console: Console, outcomes: list[Outcome], hospital: Hospital) -> None:
    by_step: dict[tuple[str, str], list[float]] = {}
    for outcome in outcomes:
        for party, what, milliseconds in outcome.clock.steps:
            by_step.setdefault((party, what.partition(" · ")[0]), []).append(milliseconds)
        for name, values in outcome.clock.measures.items():
            by_step.setdefault(("measure", name), []).extend(values)
    table = Table(title=f"{len(outcomes)} visits at once", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("party", "step", "n", "p50 ms", "p90 ms", "p99 ms", "max ms"):
        table.add_column(column, justify="left" if column in ("party", "step") else "right")
    for (party, what), values in by_step.items():
        p50, p90, p99 = _percentiles(values)
        table.add_row(party, what, str(len(values)), *(f"{v:.0f}" for v in (p50, p90, p99, max(values))))
    console.print(table)
    console.print(f"  requests repeated after a lost or refused answer: {hospital.retries()}")


def _percentiles(values: list[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[89], cuts[98]
