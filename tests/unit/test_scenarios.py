"""What a scenario says and answers when something is not proved."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from backend.visit import scenarios
from backend.visit.client import StepFailed
from backend.visit.scenarios import telling
from backend.visit.scenarios.scene import Scene


class _Stage(Scene):
    async def open(self) -> None:
        """Nobody signs in here."""


async def _proves(scene: Scene, people: int) -> None:
    """All is well."""
    scene.prove("two and two", 2 + 2 == 4, 4)


async def _does_not(scene: Scene, people: int) -> None:
    """One is not."""
    scene.prove("two and two", True)
    scene.prove("two and three", False, 6)


async def _breaks(scene: Scene, people: int) -> None:
    """A step fails."""
    scene.prove("before", True)
    raise StepFailed("the phone shows nothing")


async def _says_nothing(scene: Scene, people: int) -> None:
    """Proves nothing."""


@pytest.mark.parametrize(
    ("scenario", "code", "said"),
    [
        (_proves, 0, "1 facts proved"),
        (_does_not, 1, "two and three"),
        (_breaks, 1, "the phone shows nothing"),
        (_says_nothing, 1, "not proved"),
    ],
)
async def test_given_a_scenario_then_the_exit_code_says_whether_all_was_proved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenario: scenarios.Scenario, code: int, said: str
) -> None:
    monkeypatch.setattr(telling, "Scene", _Stage)
    monkeypatch.setitem(scenarios.SCENARIOS, "ours", scenario)
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"urls": {"api": "http://127.0.0.1:9", "wechat": "http://127.0.0.1:9"}}))
    console = Console(file=io.StringIO(), width=100)
    assert await telling.play(ready, ["ours"], 1, 1.0, console) == code
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert said in text
    assert ("✗" in text or "not proved" in text) == bool(code)
