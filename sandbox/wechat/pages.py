"""Pages for people 页面: pay sheet, log-in and consent sheets, and the console. Strict CSP, own files only."""

from __future__ import annotations

from pathlib import Path

from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import NotFound
from sanic.response import raw

blueprint = Blueprint("pages")
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}
# The demo's phone page shows the sheets in a frame; only pages of this machine may.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def _file(name: str) -> HTTPResponse:
    content = _FILES.get(name)
    if content is None:
        raise NotFound("没有这个文件")
    return raw(content, headers=_HEADERS, content_type=_TYPES[Path(name).suffix])


@blueprint.get("/")
async def console(_request: Request) -> HTTPResponse:
    return _file("console.html")


@blueprint.get("/pay")
async def pay_sheet(_request: Request) -> HTTPResponse:
    return _file("pay.html")


@blueprint.get("/login")
async def login_sheet(_request: Request) -> HTTPResponse:
    return _file("login.html")


@blueprint.get("/authorize")
async def consent_sheet(_request: Request) -> HTTPResponse:
    return _file("authorize.html")


@blueprint.get("/static/<name:str>")
async def static_file(_request: Request, name: str) -> HTTPResponse:
    return _file(name)


@blueprint.get("/favicon.ico")
async def favicon(_request: Request) -> HTTPResponse:
    return _file("favicon.svg")
