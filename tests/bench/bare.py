"""The limit for reads (极限参照): the same statements and the same JSON on bare Sanic and asyncpg, and nothing else.

``python -m tests.bench.bare FD FILE``: no authentication, no validation, no rights, no limits, no metrics, no security
headers. FILE names the database, the pool's size, the statements of the real read and one of its answers.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse


def create(told: dict[str, Any]) -> Sanic[Any, Any]:
    """Two handlers: ``/json`` answers fixed bytes, ``/row/…`` runs the statements and answers the first one's row."""
    app: Sanic[Any, Any] = Sanic("bare", configure_logging=False)
    statements, fixed = told["statements"], told["json"].encode()
    columns = list(told["answer"])

    @app.before_server_start
    async def connect(app: Sanic[Any, Any]) -> None:
        app.ctx.pool = await asyncpg.create_pool(told["url"], min_size=2, max_size=told["pool_max"])

    @app.get("/json")
    async def answer(request: Request) -> HTTPResponse:
        return HTTPResponse(fixed, content_type="application/json")

    @app.get("/row/<appointment:uuid>/<account:uuid>/<patient:uuid>")
    async def row(request: Request, **ids: Any) -> HTTPResponse:
        found: list[Any] = []
        async with app.ctx.pool.acquire() as connection:
            for sql, names in statements:
                values = [[ids[name[1:]]] if name.startswith("*") else ids[name] for name in names]
                found.append(await connection.fetch(sql, *values))
        first = found[0][0]
        body = {name: first.get(name) for name in columns}
        return HTTPResponse(orjson.dumps(body, default=str), content_type="application/json")

    return app


if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[1]))
    bare = create(json.loads(Path(sys.argv[2]).read_text()))
    bare.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(bare)
