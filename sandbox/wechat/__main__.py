"""`python -m sandbox.wechat --config FILE [--state FILE] [--host 127.0.0.1] [--port N | --fd FD]`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import socket
import sys
from pathlib import Path

from sanic import Sanic

from sandbox.wechat.app import create_app
from sandbox.wechat.config import load_config


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # httpx names every callback URL at INFO, sanic every start and stop.
    listener = _listener(arguments)
    app = create_app(load_config(arguments.config), arguments.state)
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"WeChat sandbox on http://{host}:{port}\n")
    sys.stdout.flush()
    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.wechat", description="WeChat platform simulator")
    parser.add_argument("--config", type=Path, required=True, help="JSON made by sandbox.wechat.make_config")
    parser.add_argument("--state", type=Path, help="JSON file that keeps users and orders over a restart")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--fd", type=int, help="inherited listening socket instead of host and port")
    return parser.parse_args()


def _listener(arguments: argparse.Namespace) -> socket.socket:
    if arguments.fd is None:
        listener = socket.create_server((arguments.host, arguments.port))
    else:
        listener = socket.socket(fileno=arguments.fd)
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        # Anyone who reaches it can "pay": it must not be reachable.
        sys.exit("the WeChat sandbox listens on loopback only")
    return listener


if __name__ == "__main__":
    main()
