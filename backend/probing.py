"""Asking a server of ours over HTTP whether it answers (就绪探测), for whoever starts one."""

import socket
from collections.abc import Awaitable, Callable

import httpx

_ASK_S = 2.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — what somebody else bound; we ask on loopback


def answers(url: str) -> Callable[[], Awaitable[bool]]:
    """Build the ``ready`` of a child: whether a GET is answered well (是否应答)."""

    async def ask() -> bool:
        try:
            async with httpx.AsyncClient(timeout=_ASK_S, trust_env=False) as client:
                return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False

    return ask


def origin_of(listener: socket.socket) -> str:
    """``http://HOST:PORT`` under which this machine reaches a listening socket (本机地址)."""
    host, port = listener.getsockname()[:2]
    host = _ANY.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
