"""The simulator as a Sanic application."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import orjson
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import raw

from sandbox.wechat import control, miniprogram, pages, payapi
from sandbox.wechat.callbacks import Dispatcher
from sandbox.wechat.codepay import revoke_due
from sandbox.wechat.config import Config
from sandbox.wechat.errors import SheetError
from sandbox.wechat.refunds import settle_due_refunds
from sandbox.wechat.world import World

logger = logging.getLogger("sandbox.wechat")


def create_app(config: Config, state_path: Path | None = None, name: str = "wechat_sandbox") -> Sanic[Any, Any]:
    """One platform in one process; its state lives in this process, so never run it with two workers."""
    app = Sanic(name, configure_logging=False)
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.REQUEST_MAX_SIZE = 1_000_000
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 1.0  # a line that a fault holds is not waited for
    app.config.RESPONSE_TIMEOUT = 120  # longer than any api_timeout fault should hold the line
    for part in (payapi, miniprogram, control, pages):
        app.blueprint(part.blueprint)
    app.ctx.world = World(config, state_path)
    app.after_server_start(_start)
    app.before_server_stop(_stop)
    app.add_route(_healthz, "/healthz")
    app.error_handler.add(SheetError, _sheet_error)
    app.error_handler.add(SanicException, _http_error)
    app.error_handler.add(Exception, _crash)
    return app


def _settle_due(world: World) -> None:
    settle_due_refunds(world)
    revoke_due(world)


async def _start(app: Sanic[Any, Any]) -> None:
    world: World = app.ctx.world
    world.dispatcher = Dispatcher(world, _settle_due)
    app.ctx.dispatching = asyncio.create_task(world.dispatcher.run())

    def ended(task: asyncio.Task[None]) -> None:
        # A platform that silently stopped calling back would be worse than none: end, and be started again.
        if not task.cancelled() and task.exception() is not None:
            logger.critical("the dispatcher crashed", exc_info=task.exception())
            app.stop()

    app.ctx.dispatching.add_done_callback(ended)


async def _stop(app: Sanic[Any, Any]) -> None:
    app.ctx.dispatching.cancel()
    await asyncio.wait([app.ctx.dispatching])
    await app.ctx.world.dispatcher.stop()
    app.ctx.world.store.touch()
    await app.ctx.world.store.saved()


async def _healthz(_request: Request) -> HTTPResponse:
    return _problem(200, "ok", "微信平台模拟器运行中")


def _problem(status: int, code: str, message: str) -> HTTPResponse:
    return raw(orjson.dumps({"code": code, "message": message}), status=status, content_type="application/json")


async def _sheet_error(_request: Request, error: SheetError) -> HTTPResponse:
    return _problem(error.status, error.code, error.message)


async def _http_error(_request: Request, error: SanicException) -> HTTPResponse:
    return _problem(error.status_code, "http_error", str(error))


async def _crash(request: Request, error: Exception) -> HTTPResponse:
    logger.error("%s %s crashed", request.method, request.path, exc_info=error)
    return _problem(500, "internal", "模拟器内部错误")
