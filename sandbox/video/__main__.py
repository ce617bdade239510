"""``python -m sandbox.video --fd FD`` (or ``--port N``); loopback only.

The account is ``VIDEO_APP_ID`` and ``VIDEO_SECRET`` of the environment.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys

from sanic import Sanic

from sandbox.video.app import create_app
from sandbox.video.tokens import Account


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.video", description="video room simulator")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--fd", type=int, help="inherited listening socket instead of host and port")
    arguments = parser.parse_args()
    if arguments.fd is None:
        listener = socket.create_server((arguments.host, arguments.port))
    else:
        listener = socket.socket(fileno=arguments.fd)
    host, port = listener.getsockname()[:2]
    if not ipaddress.ip_address(host).is_loopback:
        sys.exit("the video sandbox listens on loopback only")
    app = create_app(Account(os.environ["VIDEO_APP_ID"], os.environ["VIDEO_SECRET"], host))
    sys.stdout.write(f"video sandbox on http://{host}:{port}\n")
    sys.stdout.flush()
    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


if __name__ == "__main__":
    main()
