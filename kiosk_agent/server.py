"""The page and its socket on loopback (本机页面服务).

Other pages in the same browser, and names that point to 127.0.0.1, must not reach a patient's data: Host and Origin
must be this server's own, and the socket needs a cookie that is new at each start.
"""

import asyncio
import hmac
import logging
import secrets
import socket
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from sanic import HTTPResponse, Request, Sanic, Websocket
from sanic.exceptions import Forbidden, NotFound, SanicException
from sanic.response import BaseHTTPResponse, raw, text
from sanic.response import json as json_response
from websockets.exceptions import ConnectionClosed

from kiosk_agent import simulator
from kiosk_agent.agent import Agent, AgentSettings
from kiosk_agent.page_protocol import FromPage, PageAct, PageMessage, ReloadMessage, StateMessage
from kiosk_agent.pages import content_security_policy, load_page

log = logging.getLogger("kiosk.server")

_MESSAGES: TypeAdapter[FromPage] = TypeAdapter(PageMessage)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NOT_BUILT = "The kiosk's page was not built: run `npm run build` in kiosk_agent/web (or `make pages`)."


def create_app(settings: AgentSettings, listener: socket.socket, name: str = "kiosk_agent") -> Sanic[Any, Any]:
    """One kiosk in one process. The listener is open already, so its port is known."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False)
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.REQUEST_MAX_SIZE = 64_000
    app.config.WEBSOCKET_MAX_SIZE = 16_384
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 2.0  # a page that does not let go is cut off
    port = listener.getsockname()[1]
    # Cookies do not know ports: two kiosks on one machine need two names.
    app.ctx.cookie_name, app.ctx.cookie = f"kiosk_{port}", secrets.token_urlsafe(32)
    app.ctx.hosts = {f"{host}:{port}" for host in _LOOPBACK}
    app.ctx.files = load_page()
    app.ctx.policy = content_security_policy(settings.frame_ancestors)
    app.ctx.settings = settings
    app.middleware("request")(_own_pages_only)
    app.middleware("response")(_harden)
    app.before_server_start(_start)
    app.before_server_stop(_stop)
    app.error_handler.add(Exception, _failed)
    app.add_websocket_route(_agent_socket, "/agent")
    app.add_route(_healthz, "/healthz")
    if settings.is_simulated:
        app.blueprint(simulator.blueprint(f"{name}_sim"))
        app.add_route(_page, "/_sim", name="sim_page")
    app.add_route(_page, "/", name="page")
    app.add_route(_file, "/<path:path>", name="file")
    return app


async def _start(app: Sanic[Any, Any]) -> None:
    app.ctx.agent = Agent(app.ctx.settings)
    app.ctx.agent.start()


async def _stop(app: Sanic[Any, Any]) -> None:
    await app.ctx.agent.stop()


async def _own_pages_only(request: Request) -> None:
    if request.headers.get("host", "") not in request.app.ctx.hosts:
        raise Forbidden("unknown host")
    origin = request.headers.get("origin")
    if origin is not None and origin not in {f"http://{host}" for host in request.app.ctx.hosts}:
        raise Forbidden("unknown origin")
    if request.path == "/agent":
        # A program may leave Origin out; then only the cookie speaks for it.
        sent = request.cookies.get(request.app.ctx.cookie_name) or ""
        if not hmac.compare_digest(sent, request.app.ctx.cookie):
            raise Forbidden("open the page first")


async def _harden(request: Any, response: BaseHTTPResponse) -> HTTPResponse | None:
    response.headers["Content-Security-Policy"] = request.app.ctx.policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    response.headers.setdefault("Cache-Control", "no-store")
    return None


async def _failed(request: Request, error: Exception) -> HTTPResponse:
    if isinstance(error, SanicException):
        return json_response({"title": str(error), "status": error.status_code}, status=error.status_code)
    log.error("request to %s failed", request.path, exc_info=error)
    return json_response({"title": "internal error", "status": 500}, status=500)


async def _page(request: Request) -> HTTPResponse:
    file = request.app.ctx.files.get("/index.html")
    if file is None:
        return text(_NOT_BUILT, status=503)
    response = raw(file.body, content_type=file.content_type)
    response.add_cookie(
        request.app.ctx.cookie_name, request.app.ctx.cookie, httponly=True, samesite="Strict", secure=False, path="/"
    )
    return response


async def _file(request: Request, path: str) -> HTTPResponse:
    file = request.app.ctx.files.get(f"/{path}")
    if file is None or path == "index.html":
        raise NotFound("no such file")
    caching = "public, max-age=31536000, immutable" if file.is_immutable else "no-cache"
    return raw(file.body, content_type=file.content_type, headers={"Cache-Control": caching})


async def _healthz(request: Request) -> HTTPResponse:
    agent: Agent = request.app.ctx.agent
    state = agent.state()
    return json_response(
        {
            "status": "ok",
            "stage": state.stage,
            "standing": agent.link.standing,
            "device_id": agent.link.device_id,
            "is_page_built": "/index.html" in request.app.ctx.files,
            "devices": [device.model_dump() for device in state.devices],
            "print_jobs": agent.spool.counts(),
        }
    )


async def _agent_socket(request: Request, ws: Websocket) -> None:
    agent: Agent = request.app.ctx.agent
    changed = asyncio.Event()
    changed.set()
    must_reload = False

    def on_change(reload: bool) -> None:
        nonlocal must_reload
        must_reload = must_reload or reload
        changed.set()

    async def push() -> None:
        nonlocal must_reload
        seq = 0
        # Conflated: a slow page gets the newest state, never a queue of old ones.
        while True:
            await changed.wait()
            changed.clear()
            seq += 1
            await ws.send(StateMessage(seq=seq, data=agent.state()).model_dump_json())
            if must_reload:
                must_reload = False
                seq += 1
                await ws.send(ReloadMessage(seq=seq).model_dump_json())

    unsubscribe = agent.subscribe(on_change)
    pushing = asyncio.create_task(push())
    # A page that gets no more states must notice: its socket closes with the pushing.
    transport = cast(asyncio.Transport, request.transport)
    pushing.add_done_callback(lambda task: None if task.cancelled() else transport.abort())
    try:
        while (received := await ws.recv()) is not None:
            _take(agent, received)
    except ConnectionClosed:
        log.debug("the page closed its socket")
    finally:
        unsubscribe()
        pushing.cancel()
        ended = (await asyncio.gather(pushing, return_exceptions=True))[0]
        if isinstance(ended, Exception) and not isinstance(ended, ConnectionClosed):
            log.error("the page could not be drawn", exc_info=ended)


def _take(agent: Agent, received: str | bytes) -> None:
    try:
        message = _MESSAGES.validate_json(received)
    except ValidationError as error:
        log.warning("the page sent something unknown: %s", error.errors(include_input=False, include_url=False)[0])
        return
    if not isinstance(message, PageAct) or message.type != "ping":
        agent.flow.on_page(message)
