"""The built page, held in memory (页面文件)."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

DIST = Path(__file__).parent / "web" / "dist"


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file with its type; names with a hash in them never change."""

    body: bytes
    content_type: str
    is_immutable: bool


def load_page(dist: Path = DIST) -> dict[str, PageFile]:
    """All files by URL path; empty when the page was not built."""
    files = {}
    for path in dist.rglob("*"):
        if path.is_file():
            name = "/" + path.relative_to(dist).as_posix()
            files[name] = PageFile(path.read_bytes(), _type_of(path), name.startswith("/assets/"))
    return files


def _type_of(path: Path) -> str:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") or guessed.endswith("javascript") else guessed


def content_security_policy(frame_ancestors: tuple[str, ...]) -> str:
    """Nothing but ourselves; only the named pages may frame us."""
    ancestors = " ".join(["'self'", *frame_ancestors])
    return (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; "
        f"frame-ancestors {ancestors}"
    )
