"""Playing scenarios and telling what they proved (演示与报告)."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from backend.visit.client import StepFailed
from backend.visit.scenarios import SCENARIOS
from backend.visit.scenarios.scene import Fact, Scene


async def play(ready_file: Path, names: list[str], people: int, patience_s: float, console: Console) -> int:
    """Play scenarios one after another; returns the exit code: 0 when everything was proved."""
    facts: dict[str, Any] = json.loads(ready_file.read_text())
    wrong = 0
    for name in names:
        wrong += not await _one(facts, name, people, patience_s, console)
    if len(names) > 1:
        console.print(f"[{'red' if wrong else 'green'}]{len(names) - wrong} of {len(names)} scenarios proved[/]")
    return 1 if wrong else 0


async def _one(facts: dict[str, Any], name: str, people: int, patience_s: float, console: Console) -> bool:
    scene, began, failure = Scene(facts, patience_s), time.monotonic(), ""
    scenario = SCENARIOS[name]
    try:
        await scene.open()
        await scenario(scene, people)
    except (StepFailed, httpx.HTTPError) as error:
        failure = str(error) or type(error).__name__
    finally:
        await scene.close()
    _tell(console, name, scenario.__doc__ or "", scene.proved)
    if failure:
        console.print(f"[bold red]✗[/] {failure}", soft_wrap=True)
    good = not failure and bool(scene.proved) and all(fact.holds for fact in scene.proved)
    outcome = f"[green]{len(scene.proved)} facts proved[/]" if good else "[bold red]not proved[/]"
    console.print(f"  {outcome} in {time.monotonic() - began:.1f} s\n")
    return good


def _tell(console: Console, name: str, story: str, facts: list[Fact]) -> None:
    console.print(f"[bold]{name}[/] · {story.strip()}", soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 1))
    for fact in facts:
        table.add_row("[green]✓[/]" if fact.holds else "[bold red]✗[/]", fact.what, f"[dim]{fact.seen}[/]")
    console.print(table)
