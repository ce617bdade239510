"""access_token 接口调用凭据: the plain kind, the stable kind, and the check every other call makes. Reference §4.4."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.wechat.errors import MiniError
from sandbox.wechat.state import Token
from sandbox.wechat.world import World

VALID_SECONDS = 7200
OVERLAP_SECONDS = 300
FORCE_REFRESH_PER_DAY = 20
FORCE_REFRESH_GAP_SECONDS = 30


def check_app(world: World, appid: Any, secret: Any) -> None:
    """Raises: MiniError 41002, 41004, 40013, 40125."""
    if not appid:
        raise MiniError(41002, "appid missing")
    if not secret:
        raise MiniError(41004, "appsecret missing")
    if appid != world.config.appid:
        raise MiniError(40013, "invalid appid")
    if secret != world.config.secret:
        raise MiniError(40125, "invalid appsecret")


def plain_token(world: World) -> dict[str, Any]:
    """/cgi-bin/token: every call gives another token and leaves the one before 5 more minutes."""
    now = world.now()
    for token in world.state.tokens.values():
        if token.kind == "plain":
            token.expires_at = min(token.expires_at, now + OVERLAP_SECONDS)
    token = _new(world, "plain")
    return {"access_token": token.value, "expires_in": VALID_SECONDS}


def stable_token(world: World, *, force: bool) -> dict[str, Any]:
    """/cgi-bin/stable_token: the same token until 5 minutes before its end; forcing kills the old one at once.

    Raises: MiniError 45009 past 20 forced refreshes a day, 45011 within 30 s of the last (assumed codes).
    """
    now = world.now()
    stable = [token for token in world.state.tokens.values() if token.kind == "stable" and token.expires_at > now]
    current = max(stable, key=lambda token: token.expires_at, default=None)
    if force and current is not None:
        _count_force(world)
        for token in stable:
            del world.state.tokens[token.value]
        current = None
    if current is None or current.expires_at - now < OVERLAP_SECONDS:
        current = _new(world, "stable")
    return {"access_token": current.value, "expires_in": int(current.expires_at - now)}


def check_token(world: World, value: str | None) -> None:
    """Raises: MiniError 41001, 40001, 42001."""
    if not value:
        raise MiniError(41001, "access_token missing")
    token = world.state.tokens.get(value)
    if token is None:
        raise MiniError(40001, "invalid credential, access_token is invalid or not latest")
    if token.expires_at <= world.now():
        raise MiniError(42001, "access_token expired")


def _new(world: World, kind: str) -> Token:
    now = world.now()
    # Long-dead tokens go; freshly dead ones stay, so that their holder hears "expired" and not "invalid".
    for token in list(world.state.tokens.values()):
        if token.expires_at < now - 86400:
            del world.state.tokens[token.value]
    token = Token(f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(96)}", kind, now, now + VALID_SECONDS)
    world.state.tokens[token.value] = token
    return token


def _count_force(world: World) -> None:
    now = world.now()
    recent = [at for at in world.state.force_refreshes if at > now - 86400]
    if len(recent) >= FORCE_REFRESH_PER_DAY:
        raise MiniError(45009, "reach max api daily quota limit")
    if recent and now - recent[-1] < FORCE_REFRESH_GAP_SECONDS:
        raise MiniError(45011, "api minute-quota reach limit, must slower, retry next minute")
    world.state.force_refreshes = [*recent, now]
