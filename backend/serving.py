"""One web worker process (工作进程): a single-process Sanic on a listening socket made by the supervisor.

``python -m backend.serving FD``. Sanic's own manager does not restart a worker that was killed; our supervisor does.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from typing import Any

from sanic import Sanic

from backend.http.logs import configure_logs
from backend.settings import load_settings

_LOOK_S = 1.0


def serve(fd: int) -> None:
    """Serve on an inherited socket until told to stop."""
    from backend.app import create_app  # after PROMETHEUS_MULTIPROC_DIR is known to be set

    settings = load_settings()
    configure_logs(settings.log_level)
    app = create_app(settings)
    supervisor = os.getppid()

    @app.after_server_start
    async def follow_supervisor(app: Sanic[Any, Any]) -> None:
        app.ctx.following = asyncio.create_task(_leave_with(supervisor))
        _settle()

    @app.before_server_stop
    async def stop_following(app: Sanic[Any, Any]) -> None:
        app.ctx.following.cancel()

    app.prepare(sock=socket.socket(fileno=fd), single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


def _settle() -> None:
    """What was loaded by now stays for good: the collector need not walk through it, and may look less often.

    A request leaves little behind that counting references does not free.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _leave_with(supervisor: int) -> None:
    """End when the supervisor is gone: its death signal is lost when it comes while Sanic sets up its handlers."""
    while os.getppid() == supervisor:  # noqa: ASYNC110 — nothing here could set an event
        await asyncio.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    serve(int(sys.argv[1]))
