"""One web worker process (工作进程): a single-process Sanic on a listening socket made by the supervisor.

``python -m backend.serving FD``. Sanic's own manager does not restart a worker that was killed; our supervisor does.
"""

import os
import socket
import sys

from sanic import Sanic

from backend.http.logs import configure_logs
from backend.settings import load_settings


def serve(fd: int) -> None:
    """Serve on an inherited socket until told to stop."""
    from backend.app import create_app  # after PROMETHEUS_MULTIPROC_DIR is known to be set

    settings = load_settings()
    configure_logs(settings.log_level)
    app = create_app(settings)
    app.prepare(sock=socket.socket(fileno=fd), single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    serve(int(sys.argv[1]))
