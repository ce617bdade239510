"""The house keeps its floors, names are unique, and every status column has its table."""

import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hospital_core.db import CONTEXTS, model_modules
from hospital_core.kernel.states import Machine

PACKAGES = ("hospital_core", "backend", "miniapp_api", "queue_display", "kiosk_agent", "sandbox", "tests")


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=root, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(root), "PATH": ""},
    )  # fmt: skip


def test_given_the_house_then_every_import_goes_down(repository: Path) -> None:
    done = _lint(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_given_planted_violations_then_the_contracts_turn_red(repository: Path, tmp_path: Path) -> None:
    """The control: each of these lines alone breaks the house."""
    import shutil

    for package in PACKAGES:
        shutil.copytree(
            repository / package, tmp_path / package,
            ignore=shutil.ignore_patterns("node_modules", "dist", "web", "__pycache__"),
        )  # fmt: skip
    shutil.copy(repository / "pyproject.toml", tmp_path)
    planted = {
        "hospital_core/kernel/errors.py": "import hospital_core.registry.patients.states",
        "hospital_core/finance/billing/queries.py": "import hospital_core.registry.patients.models",
        "hospital_core/access/scheduling/queries.py": "import sanic",
        "kiosk_agent/protocol.py": "import hospital_core.kernel.ids",
        "backend/http/limits.py": "import jose",
    }
    for name, line in planted.items():
        path = tmp_path / name
        path.write_text(path.read_text() + f"\n{line}\n")
    output = _lint(tmp_path).stdout
    for contract in (
        "floors of the core", "models are private", "the core knows no web framework", "the kiosk ships alone",
        "one module knows python-jose",
    ):  # fmt: skip
        assert f"{contract} BROKEN" in " ".join(output.split()), output


def test_given_a_folder_with_code_then_it_is_a_package(repository: Path) -> None:
    """import-linter does not see into folders without ``__init__``."""
    bare = [
        folder
        for package in PACKAGES
        for folder in {path.parent for path in (repository / package).rglob("*.py") if "node_modules" not in path.parts}
        if not (folder / "__init__.py").exists()
    ]
    assert bare == []


def test_given_all_contexts_then_class_and_table_names_are_unique() -> None:
    from tortoise.models import Model

    models = [
        value
        for module in map(importlib.import_module, model_modules())
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value.__module__ == module.__name__
    ]
    assert [n for n, c in Counter(m.__name__ for m in models).items() if c > 1] == []
    assert [n for n, c in Counter(m._meta.db_table for m in models).items() if c > 1] == []


def _machines() -> list[Machine]:
    found: dict[int, Machine] = {}
    for context in CONTEXTS:
        try:
            module = importlib.import_module(f"hospital_core.{context}.states")
        except ModuleNotFoundError:
            continue
        found.update({id(value): value for value in vars(module).values() if isinstance(value, Machine)})
    return list(found.values())


@pytest.mark.parametrize("machine", _machines(), ids=lambda m: f"{m.table}.{m.column}")
def test_given_a_status_column_then_each_state_can_be_reached(machine: Machine) -> None:
    """From some first state every other state is reached by the table's rows."""
    targets = {move.target for move in machine.moves}
    first = set(machine.states) - targets
    assert len(first) <= 1, f"{first} are never reached"


def test_given_the_sources_then_a_status_is_written_only_by_transition_or_its_table(repository: Path) -> None:
    """``SET status = 'word'`` by hand would escape the guard; generated SQL carries no literal in the source."""
    import re

    by_hand = re.compile(r"SET (?:(?!WHERE)[^\n])*\b(?:payment_)?status = '")
    found = [
        f"{path.relative_to(repository)}:{number}"
        for path in (repository / "hospital_core").rglob("*.py")
        if "migrations" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if by_hand.search(line)
    ]
    assert found == []
