"""The server's application (服务端应用): one per worker process, from settings alone."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import orjson
from sanic import Request, Sanic
from sanic.exceptions import SanicException, WebsocketClosed
from sanic.response import HTTPResponse, redirect

from backend.api import kiosk, staff, ward
from backend.demo.page import demo_routes
from backend.http import public
from backend.http.answers import Answer, date_now, encoded
from backend.http.authentication import Authentication, session_cookie
from backend.http.edge import BODY_READ_MAX, Edge, request_id
from backend.http.limits import ClientAddress, Limiter
from backend.http.openapi import openapi_of
from backend.http.pages import Page, content_security_policy, mount_pages, security_headers
from backend.http.problems import problem_of, problem_of_status
from backend.http.revocation import Revocations
from backend.http.routing import Route
from backend.realtime.hub import Hub
from backend.realtime.link import RedisLink
from backend.realtime.sockets import Sockets
from backend.realtime.topics import Topics
from backend.settings import Settings
from backend.wiring import tokens_of, wired
from hospital_core.kernel import hints
from hospital_core.kernel.audit import ReadAudit
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.transactions import is_database_away, is_database_trouble
from miniapp_api.routes import ROUTES as MINIAPP_ROUTES
from queue_display.feed import offer_topics as offer_display_topics
from queue_display.routes import ROUTES as DISPLAY_ROUTES

log = logging.getLogger("hospital.app")

ROOT = Path(__file__).resolve().parent.parent
_FLUSH_S = 0.5


def all_routes() -> list[Route]:
    """Every declared route of the house."""
    return [
        *public.routes.table,
        *MINIAPP_ROUTES,
        *staff.ROUTES,
        *ward.ROUTES,
        *kiosk.ROUTES,
        *DISPLAY_ROUTES,
    ]


def pages(is_demo: bool) -> list[Page]:
    """The built pages this server serves (the kiosk's page comes from its agent); the demo's own entrance is ``/``."""
    known = [
        Page("/console/", ROOT / "backend/web/console/dist"),
        Page("/phone/", ROOT / "miniapp_api/web/dist"),
        Page("/display/", ROOT / "queue_display/web/dist"),
        Page("/docs/", ROOT / "backend/web/docs/dist"),
        *([Page("/", ROOT / "backend/web/demo/dist")] if is_demo else []),
    ]
    return [page for page in known if page.folder.is_dir()]


def create_app(settings: Settings, name: str = "hospital") -> Sanic[Any, Any]:
    """Build the application; everything that needs a loop or a connection happens in its listeners."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False, log_config={"version": 1})
    _configure(app)
    secure = settings.public_origin.startswith("https://")
    csp = content_security_policy(frame_origins=settings.frame_origins if settings.is_demo else ())
    headers = security_headers(csp, secure=secure)
    reads, revocations, tokens = ReadAudit(), Revocations(), tokens_of(settings)
    link = RedisLink(settings.redis_url, (_LIVE_PATTERN, hints.REVOCATIONS), settings.redis_scope)
    hub = Hub(link, topics_of(Topics()))
    authentication = Authentication(tokens, revocations, frozenset(settings.allowed_origins), secure=secure)
    limiter = Limiter(scale=settings.rate_scale / settings.workers)
    edge = Edge(authentication, limiter, ClientAddress(settings.trusted_proxies), reads)
    routes = all_routes() + (demo_routes(settings) if settings.is_demo else [])
    revocations.listen(hub.revoked)
    link.on_message(lambda channel, _: revocations.hint() if channel == hints.REVOCATIONS else None)

    @app.before_server_start
    async def open_house(app: Sanic[Any, Any]) -> None:
        app.ctx.wiring = wired(settings, link, application="hospital-web")
        await app.ctx.wiring.__aenter__()
        app.ctx.background = [
            _spawn(revocations.keep_polling()),
            _spawn(hub.keep_beating()),
            _spawn(_keep_flushing(reads)),
        ]

    @app.before_server_stop
    async def close_doors(app: Sanic[Any, Any]) -> None:
        """Nobody is kept; who is being served still needs the house, and then must not hold its connection."""
        hub.close_all()
        app.config.KEEP_ALIVE = False

    @app.after_server_stop
    async def close_house(app: Sanic[Any, Any]) -> None:
        for task in app.ctx.background:
            task.cancel()
        await asyncio.gather(*app.ctx.background, return_exceptions=True)
        await _flush_last(reads)
        await app.ctx.wiring.__aexit__(None, None, None)

    edge.mount(app, routes)
    Sockets(hub, authentication, admit=edge.admit).mount(app)
    _add_documents(app, routes, secure)
    mount_pages(app, pages(settings.is_demo))
    if not settings.is_demo:
        _send_home(app)
    _add_headers(app, headers)
    _add_error_handlers(app)
    return app


_LIVE_PATTERN = hints.live_channel("*")


def topics_of(topics: Topics) -> Topics:
    """Every live topic this server offers."""
    offer_display_topics(topics)
    kiosk.offer_topics(topics)
    return topics


def _configure(app: Sanic[Any, Any]) -> None:
    app.config.update(
        {
            "REQUEST_MAX_SIZE": BODY_READ_MAX,
            "REQUEST_MAX_HEADER_SIZE": 8192,
            "REQUEST_TIMEOUT": 15,
            "RESPONSE_TIMEOUT": 20,
            "KEEP_ALIVE_TIMEOUT": 65,
            "WEBSOCKET_MAX_SIZE": 16 * 1024,
            "WEBSOCKET_PING_INTERVAL": 15,
            "WEBSOCKET_PING_TIMEOUT": 15,
            "GRACEFUL_SHUTDOWN_TIMEOUT": 5.0,
            "FALLBACK_ERROR_FORMAT": "json",
            "ACCESS_LOG": False,
            "MOTD": False,
        }
    )


def _spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)


async def _keep_flushing(reads: ReadAudit) -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        await _flush_last(reads)


async def _flush_last(reads: ReadAudit) -> None:
    try:
        await reads.flush()
    except Exception as error:
        if not is_database_trouble(error):
            raise
        log.warning("read audit waits for the database", extra={"error": type(error).__name__})


def _add_documents(app: Sanic[Any, Any], routes: list[Route], secure: bool) -> None:
    document = orjson.dumps(openapi_of(routes, cookie=session_cookie(secure)))

    @app.get("/openapi.json", name="openapi")
    async def openapi(request: Request) -> HTTPResponse:
        return HTTPResponse(document, 200, {"Cache-Control": "no-cache"}, "application/json")


def _send_home(app: Sanic[Any, Any]) -> None:
    """Who types only the hospital's address is somebody who works there."""

    @app.get("/", name="home", strict_slashes=True)
    async def home(request: Request) -> HTTPResponse:
        return redirect("/console/", status=307)


def _add_headers(app: Sanic[Any, Any], headers: dict[str, str]) -> None:
    standing = encoded(headers)

    @app.on_response
    async def add_headers(request: Request, response: HTTPResponse) -> None:
        if isinstance(response, Answer):
            response.standing = standing
        else:
            response.headers.extend(headers)
        response.headers["X-Request-ID"] = str(request_id(request))
        response.headers["Date"] = date_now()
        if not request.app.config.KEEP_ALIVE and request.stream is not None:
            request.stream.keep_alive = False
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")


def _add_error_handlers(app: Sanic[Any, Any]) -> None:
    @app.exception(DomainError)
    async def refused(request: Request, error: DomainError) -> HTTPResponse:
        return problem_of(error, request_id(request))

    @app.exception(SanicException)
    async def framework(request: Request, error: SanicException) -> HTTPResponse:
        return problem_of_status(error.status_code or 500, request_id(request))

    @app.exception(Exception)
    async def bug(request: Request, error: Exception) -> HTTPResponse | None:
        if isinstance(error, WebsocketClosed):
            return None
        if is_database_away(error):
            return problem_of_status(503, request_id(request))
        log.error("bug", exc_info=error, extra={"request_id": request_id(request)})
        return problem_of_status(500, request_id(request))
