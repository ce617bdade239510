"""Built pages (页面): static files with right caching, history fallback and a strict CSP."""

import mimetypes
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanic import Request, Sanic
from sanic.exceptions import NotFound as SanicNotFound
from sanic.response import HTTPResponse, redirect

_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Page:
    """A built page: where it is served and where its files are. A client-side router gets every unknown path."""

    base: str  # "/" or "/console/"
    folder: Path


def content_security_policy(*, frame_origins: tuple[str, ...], connect_origins: tuple[str, ...] = ()) -> str:
    """Nothing from elsewhere, no inline code; frames only for the demo's first page."""
    frames = " ".join(("'self'", *frame_origins))
    connects = " ".join(("'self'", *connect_origins))
    ancestors = "'self'" if frame_origins else "'none'"
    return (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
        f"connect-src {connects}; frame-src {frames}; frame-ancestors {ancestors}; "
        "base-uri 'none'; form-action 'self'; object-src 'none'"
    )


def security_headers(csp: str, *, secure: bool) -> dict[str, str]:
    """Headers of every answer."""
    headers = {
        "Content-Security-Policy": csp,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        # The phone's page asks where it is when somebody arrives (定位签到).
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(self), payment=()",
    }
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def mount_pages(app: Sanic[Any, Any], pages: list[Page]) -> None:
    """Serve the pages. Longer bases first, so that "/" takes only what is left."""
    for page in sorted(pages, key=lambda page: -len(page.base)):
        files = _files(page.folder)
        name = "page_" + (page.base.strip("/") or "root")
        serve = _server(page, files)
        app.add_route(serve, page.base, methods=["GET", "HEAD"], name=f"{name}_index", strict_slashes=True)
        app.add_route(serve, f"{page.base}<path:path>", methods=["GET", "HEAD"], name=name)
        if page.base != "/":
            app.add_route(
                _to(page.base), page.base.rstrip("/"), methods=["GET"], name=f"{name}_slash", strict_slashes=True
            )


def _to(base: str) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
    async def add_slash(request: Request) -> HTTPResponse:
        return redirect(base, status=308)

    return add_slash


def _files(folder: Path) -> dict[str, Path]:
    """Every file of a built page by its path; nothing outside this table can ever be served."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _server(page: Page, files: dict[str, Path]) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
    async def serve(request: Request, path: str = "") -> HTTPResponse:
        found = files.get(path)
        if found is None:
            if "." in path.rpartition("/")[2] or "index.html" not in files or path.startswith(("api/", "ws/")):
                raise SanicNotFound("no such file")
            path, found = "index.html", files["index.html"]
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        cache = _IMMUTABLE if path.startswith("assets/") else "no-cache"
        return HTTPResponse(found.read_bytes(), 200, {"Cache-Control": cache}, _with_charset(kind))

    return serve


def _with_charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith(("javascript", "json")) else kind
