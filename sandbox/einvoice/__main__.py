"""``python -m sandbox.einvoice --fd FD`` (or ``--port N``) ``[--state FILE]``; loopback only.

The account is ``EINVOICE_APPID`` and ``EINVOICE_KEY`` of the environment.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from pathlib import Path

from sanic import Sanic

from sandbox.einvoice.app import create_app
from sandbox.einvoice.envelope import Account


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.einvoice", description="e-invoice platform simulator")
    parser.add_argument("--state", type=Path, help="file that keeps documents over a restart")
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
        sys.exit("the e-invoice sandbox listens on loopback only")
    account = Account(os.environ["EINVOICE_APPID"], os.environ["EINVOICE_KEY"])
    app = create_app(account, arguments.state, f"http://{host}:{port}")
    sys.stdout.write(f"e-invoice sandbox on http://{host}:{port}\n")
    sys.stdout.flush()
    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


if __name__ == "__main__":
    main()
