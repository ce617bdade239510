"""``python -m sandbox.sms --fd FD`` (or ``--port N``): POST /messages, GET /messages?phone=…; loopback only."""

import argparse
import html
import ipaddress
import socket
import sys
from collections import deque
from datetime import UTC, datetime
from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse
from sanic.response import html as html_answer
from sanic.response import json as json_answer

_KEPT = 500
_TITLE = "短信模拟"


def create_app() -> Sanic[Any, Any]:
    """The service; messages live in memory only."""
    app: Sanic[Any, Any] = Sanic("sms_sandbox", configure_logging=False)
    messages: deque[dict[str, str]] = deque(maxlen=_KEPT)

    @app.post("/messages")
    async def take(request: Request) -> HTTPResponse:
        body = request.json
        if not isinstance(body, dict) or not all(isinstance(body.get(key), str) for key in ("phone", "text")):
            return json_answer({"error": "phone and text are needed"}, status=400)
        messages.appendleft({"phone": body["phone"], "text": body["text"], "at": datetime.now(UTC).isoformat()})
        return json_answer({"taken": True}, status=202)

    @app.get("/messages")
    async def read(request: Request) -> HTTPResponse:
        phone = request.args.get("phone")
        return json_answer({"items": [m for m in messages if phone in (None, m["phone"])]})

    @app.get("/")
    async def page(request: Request) -> HTTPResponse:
        rows = "".join(
            f"<tr><td>{html.escape(m['at'][11:19])}</td><td>{html.escape(m['phone'])}</td>"
            f"<td>{html.escape(m['text'])}</td></tr>"
            for m in messages
        )
        return html_answer(
            f"<!doctype html><html lang=zh-CN><meta charset=utf-8><meta http-equiv=refresh content=3><title>{_TITLE}"
            f"</title><h1>{_TITLE}</h1><table><tr><th>时间<th>手机号<th>内容</tr>{rows}</table></html>",
            headers={"Content-Security-Policy": "default-src 'none'"},
        )

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.sms", description="text message simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fd", type=int)
    arguments = parser.parse_args()
    if arguments.fd is None:
        listener = socket.create_server((arguments.host, arguments.port))
    else:
        listener = socket.socket(fileno=arguments.fd)
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        sys.exit("the text message sandbox listens on loopback only")
    app = create_app()
    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


if __name__ == "__main__":
    main()
