"""What the documents name exists: links, files, commands with their options, settings, routes, make's targets."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main

from backend.app import all_routes
from backend.cli import app
from backend.demo.page import demo_routes
from backend.settings import _PARTS, Settings
from kiosk_agent.cli import app as kiosk_agent

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
# What was true on its day is not rewritten.
_TODAY = [name for name in _NAMES if name != "CHANGELOG.md" and "/adr/" not in name]
_BUILT = {"node_modules", ".venv", ".git", "dist", "build", ".data"}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"[\w.@*{},-]*[\w*}](?:/[\w.@*{},-]+)*\.(?:py|md|ya?ml|toml|conf|sh|ts|vue|json|lock)")
_SETTING = re.compile(r"\bHOSPITAL_[A-Z][A-Z_]*[A-Z]\b")
_ROUTE = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE) (/\S*)$")
_ANY_ROUTE = "/things/{id}/verb"  # says how routes are called
# Written by programs of ours, or by whoever runs them.
_OF_NOBODY = {"devices.toml", "settings.json", "manifest.json", "progress.json", "schema.d.ts", "engines.json"}


def _text(name: str) -> str:
    return (ROOT / name).read_text()


def _inline(text: str) -> Iterator[str]:
    """Pieces of code within the sentences."""
    yield from _CODE.findall(_FENCE.sub("", text))


def _lines(text: str) -> Iterator[str]:
    """Everything that can be typed: lines of code blocks without their comments, and pieces within sentences."""
    for block in _FENCE.findall(text):
        yield from (line.split("  #")[0].split(" # ")[0].strip() for line in block.replace("\\\n", " ").splitlines())
    yield from _inline(text)


@cache
def _files() -> frozenset[str]:
    """Every path of ours, and every folder."""
    found: set[str] = set()
    for path in ROOT.iterdir():
        if path.name not in _BUILT:
            found |= {str(path.relative_to(ROOT))}
            found |= {str(p.relative_to(ROOT)) for p in path.rglob("*") if not _BUILT & set(p.parts)}
    return frozenset(found)


# -- links


def _headings(document: Path) -> set[str]:
    """What a link may name after ``#``, as the repository's page makes it of each heading."""
    lines = (line.lstrip("#").strip().lower() for line in document.read_text().splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


def _dead_links(document: Path) -> list[str]:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", document.read_text())):
        if "://" in link or link.startswith("mailto:"):
            continue
        place, _, heading = unquote(link).partition("#")
        target = (document.parent / place) if place else document
        if not target.exists() or (heading and heading not in _headings(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("name", _NAMES)
def test_given_a_document_then_its_links_lead_somewhere(name: str) -> None:
    assert _dead_links(ROOT / name) == []


# -- files


def _spelled(name: str) -> Iterator[str]:
    """``a/{b,c}.py`` is two names."""
    braces = re.search(r"\{([^{}]*)\}", name)
    if braces is None:
        yield name
        return
    for one in braces[1].split(","):
        yield from _spelled(name[: braces.start()] + one + name[braces.end() :])


def _missing_files(text: str) -> list[str]:
    missing = []
    for piece in _inline(text):
        if not _FILE.fullmatch(piece) or Path(piece).name in _OF_NOBODY:
            continue
        for name in _spelled(piece):
            like = re.compile("(?:.*/)?" + re.escape(name).replace(r"\*", "[^/]*"))
            if not any(like.fullmatch(path) for path in _files()):
                missing.append(name)
    return missing


@pytest.mark.parametrize("name", _TODAY)
def test_given_a_document_then_the_files_it_names_exist(name: str) -> None:
    assert _missing_files(_text(name)) == []


# -- commands


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _wrong_command(words: list[str], top: typer.Typer) -> str | None:
    """What is wrong with a command line after the program's name."""
    known: Any = typer.main.get_command(top)
    for word in words:
        if word.startswith("--"):
            options = {name for option in known.params for name in (*option.opts, *option.secondary_opts)}
            if word.partition("=")[0] not in {*options, "--help"}:
                return f"{word} of {' '.join(words)}"
        elif hasattr(known, "commands"):
            if word not in known.commands:
                return f"{word} of {' '.join(words)}"
            known = known.commands[word]
    return None


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))


_PROGRAMS = {"hospital": app, "kiosk-agent": kiosk_agent}
# In Compose the tool's entry point is `hospital` itself.
_COMPOSE = re.compile(r"^docker compose run --rm (?:--no-deps )?tools (.+)$")


def _wrong_commands(text: str) -> list[str]:
    wrong = []
    for line in _lines(text):
        compose = _COMPOSE.match(line)
        words = _words(f"hospital {compose[1]}" if compose else line.removeprefix("$ "))
        if len(words) < 2:
            continue
        program, rest = words[0].removeprefix(".venv/bin/"), [word for word in words[1:] if word not in ("…", "...")]
        if program in _PROGRAMS and (fault := _wrong_command(rest, _PROGRAMS[program])):
            wrong.append(fault)
        elif program == "make" and re.fullmatch("[a-z]+", rest[0]) and rest[0] not in _targets():
            wrong.append(f"make {rest[0]}")
        elif program in ("python", "python3") and rest[0] == "-m" and rest[1].split(".")[0] in _ours():
            module = rest[1].replace(".", "/")
            if not {f"{module}.py", f"{module}/__main__.py"} & _files():
                wrong.append(f"python -m {rest[1]}")
    return wrong


def _ours() -> set[str]:
    return {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}


@pytest.mark.parametrize("name", _TODAY)
def test_given_a_document_then_its_commands_can_be_typed(name: str) -> None:
    assert _wrong_commands(_text(name)) == []


# -- settings


def _unknown_settings(text: str) -> list[str]:
    known = {f"HOSPITAL_{name.upper()}" for name in Settings.model_fields} | {"HOSPITAL_SETTINGS"}
    known |= {f"HOSPITAL_{part}_{name}".upper() for part, model in _PARTS.items() for name in model.model_fields}
    known |= {f"{name}_FILE" for name in known}
    known |= set(_SETTING.findall(_sources("tests/**/*.py") + _sources("docker-compose.yml")))
    return sorted(set(_SETTING.findall(text)) - known - {"HOSPITAL_X", "HOSPITAL_X_FILE"})


@cache
def _sources(pattern: str) -> str:
    return "\n".join(path.read_text() for path in ROOT.glob(pattern) if path.name != Path(__file__).name)


@pytest.mark.parametrize("name", _TODAY)
def test_given_a_document_then_the_settings_it_names_are_known(name: str) -> None:
    assert _unknown_settings(_text(name)) == []


# -- routes


def _unknown_routes(text: str) -> list[str]:
    """Routes that no audience has; a page of one audience leaves its prefix out."""
    demo: Any = SimpleNamespace(is_demo=True)
    paths = {re.sub(r"\{\w+\}", "{}", route.path) for route in [*all_routes(), *demo_routes(demo)]}
    named = [found[1] for piece in _inline(text) if (found := _ROUTE.match(piece))]
    wrong = []
    for route in named:
        path = re.sub(r"\{\w+\}|…", "{}", route.partition("?")[0])
        if route != _ANY_ROUTE and not any(known.endswith(path) for known in paths):
            wrong.append(route)
    return wrong


@pytest.mark.parametrize("name", _TODAY)
def test_given_a_document_then_the_routes_it_names_exist(name: str) -> None:
    assert _unknown_routes(_text(name)) == []


# -- the controls


def test_given_a_document_that_lies_then_each_lie_is_found(tmp_path: Path) -> None:
    lying = tmp_path / "lying.md"
    lying.write_text(
        "# One\n[a](none.md) [b](#two) [c](#one)\n`backend/none.py` `backend/{app,none}.py` `hospital nothing` "
        "`hospital demo --fast` `make nothing` `HOSPITAL_NOTHING` `GET /api/none` `GET /healthz`\n"
        "```sh\nhospital visit --nothing  # a comment\ndocker compose run --rm tools nothing\npython -m backend.none\n"
        "make demo\nhospital visit --patients 50\n```\n"
    )
    text = lying.read_text()
    assert _dead_links(lying) == ["none.md", "#two"]
    assert _missing_files(text) == ["backend/none.py", "backend/none.py"]
    assert sorted(_wrong_commands(text)) == [
        "--fast of demo --fast", "--nothing of visit --nothing", "make nothing", "nothing of nothing",
        "nothing of nothing", "python -m backend.none",
    ]  # fmt: skip
    assert _unknown_settings(text) == ["HOSPITAL_NOTHING"]
    assert _unknown_routes(text) == ["/api/none"]
