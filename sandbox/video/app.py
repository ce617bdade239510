"""The service 服务: ``/{room}?jwt=…`` for who holds a key, ``/_live`` for their pages, ``/``, ``/_sim`` for players."""

from __future__ import annotations

import asyncio
import html
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sanic import Request, Sanic, Websocket
from sanic.response import HTTPResponse
from sanic.response import html as html_answer
from sanic.response import json as json_answer

from sandbox.video.rooms import Rooms
from sandbox.video.tokens import Account, Refused, Seat

_STATIC = Path(__file__).parent / "static"
_FIRST_FRAME_S = 3
_FRAME_MAX = 8_192
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(self), microphone=(self)",
    "Cache-Control": "no-store",
}


def create_app(account: Account) -> Sanic[Any, Any]:
    """The service for one account."""
    app: Sanic[Any, Any] = Sanic("video_sandbox", configure_logging=False)
    app.config.WEBSOCKET_MAX_SIZE = _FRAME_MAX
    rooms, refused = Rooms(), list[str]()

    @app.on_response
    async def headers(request: Request, response: HTTPResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)

    app.static("/_static", _STATIC, name="static")

    @app.get("/healthz")
    async def healthy(request: Request) -> HTTPResponse:
        return json_answer({"ok": True})

    @app.get("/")
    async def console(request: Request) -> HTTPResponse:
        return html_answer(_console(rooms))

    @app.get("/_sim/state")
    async def state(request: Request) -> HTTPResponse:
        shown = {name: {"seats": room.seats(), "said": list(room.said)} for name, room in rooms.by_name.items()}
        return json_answer({"rooms": shown, "refused": refused})

    @app.get("/<room:str>")
    async def enter(request: Request, room: str) -> HTTPResponse:
        try:
            account.open(request.args.get("jwt", ""), room)
        except Refused as why:
            refused.append(why.code)
            return html_answer(_refusal(why.words), status=403)
        return html_answer((_STATIC / "room.html").read_text())

    @app.websocket("/_live")
    async def live(request: Request, socket: Websocket) -> None:
        if urlsplit(request.headers.get("origin", "")).netloc != request.host:
            return
        try:
            seat = await _seat(account, socket)
        except Refused as why:
            refused.append(why.code)
            await socket.send(json.dumps({"type": "refused", "words": why.words}, ensure_ascii=False))
            return
        await _sit(rooms, socket, seat)

    return app


async def _seat(account: Account, socket: Websocket) -> Seat:
    """The first frame shows the key. Raises: Refused."""
    try:
        async with asyncio.timeout(_FIRST_FRAME_S):
            frame = json.loads(await socket.recv() or "")
        return account.open(str(frame["token"]), str(frame["room"]))
    except (TimeoutError, ValueError, KeyError, TypeError):
        raise Refused("frame", "没有进入凭证，请从预约页面进入") from None


async def _sit(rooms: Rooms, socket: Websocket, seat: Seat) -> None:
    room = rooms.room(seat.room)
    await room.sit(socket, seat)
    try:
        async for text in socket:
            frame = _frame(text)
            words = str(frame.get("words", "")).strip()
            if frame.get("type") == "say" and words:
                await room.write(seat, words)
            elif frame.get("type") == "end" and seat.moderator:
                await room.end()
    finally:
        await room.leave(socket)


def _frame(text: Any) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except ValueError:
        return {}
    return frame if isinstance(frame, dict) else {}


def _document(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang=zh-CN><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(title)}</title><link rel=icon href=/_static/favicon.svg>"
        f"<link rel=stylesheet href=/_static/room.css></head><body>{body}</body></html>"
    )


def _refusal(words: str) -> str:
    return _document(
        "不能进入视频诊室",
        f"<main class=sheet><h1>不能进入视频诊室</h1><p role=alert>{html.escape(words)}</p>"
        "<p class=soft>请关闭本页，回到预约页面或工作站，再点“进入诊室”。</p></main>",
    )


def _console(rooms: Rooms) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(
            f"<td>{html.escape(seat['name']) or '—'}{' · 在诊室' if seat['present'] else ''}</td>"
            for seat in room.seats()
        )
        + f"<td>{len(room.said)}</td></tr>"
        for name, room in reversed(rooms.by_name.items())
    )
    return _document(
        "视频诊室模拟",
        "<main class=sheet><h1>视频诊室模拟</h1><p class=soft>从手机预约页“进入诊室”或工作站“进入视频诊室”打开。"
        "没有凭证、凭证过期或不属于这间诊室都会被拒绝。</p>"
        "<table><thead><tr><th>诊室<th>医生<th>患者<th>消息</thead>"
        f"<tbody>{rows or '<tr><td colspan=4>还没有人进入过诊室</td></tr>'}</tbody></table></main>",
    )
