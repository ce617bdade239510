"""Routes as declarations (路由声明): one table gives handlers, OpenAPI, the rights matrix and the page types."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sanic import Request

from hospital_core.kernel.commands import Command, Empty, View
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import DomainError


class Audience(StrEnum):
    """Who a route is for; decides how callers prove who they are."""

    OPEN = "open"  # nobody signed in yet, or an outside channel
    PATIENT = "patient"  # bearer access token of a WeChat account
    STAFF = "staff"  # session cookie + CSRF token
    KIOSK = "kiosk"  # device token
    KIOSK_SESSION = "kiosk_session"  # device token + session of a proven patient
    DISPLAY = "display"  # device token


class Owner(StrEnum):
    """Whose thing the route touches; the rights matrix tries each with somebody else's."""

    NONE = "none"
    ACCOUNT = "account"  # the caller's own account
    PATIENT = "patient"  # a patient the caller may act for
    DEVICE = "device"  # the calling device
    DEPARTMENT = "department"  # the caller's place of work


@dataclass(frozen=True)
class Limit:
    """At most ``burst`` at once and ``per_minute`` in the long run, for each caller."""

    per_minute: int
    burst: int


NORMAL = Limit(per_minute=600, burst=120)
SLOW = Limit(per_minute=60, burst=20)
CHANNEL = Limit(per_minute=60_000, burst=5_000)

Body = TypeVar("Body", bound=Command)


@dataclass
class Call(Generic[Body]):
    """One request as a route sees it: validated, authenticated, limited."""

    request: Request
    ctx: Context
    command: Body
    query: Any
    path: dict[str, UUID]
    seen_patient: UUID | None = None


@dataclass(frozen=True)
class Reply:
    """An answer that needs more than a view: cookies, headers, another status."""

    view: View
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple["Cookie", ...] = ()


@dataclass(frozen=True)
class Cookie:
    """A cookie to set; ``value`` None removes it."""

    name: str
    value: str | None
    max_age_s: int


@dataclass(frozen=True)
class Raw:
    """An answer that is not JSON."""

    body: bytes
    content_type: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call[Any]], Awaitable[View | Reply | Raw]]


@dataclass(frozen=True)
class Route:
    """One operation of the API, complete. ``raw_body``: an outside channel's bytes, which its handler reads itself."""

    method: str
    path: str
    audience: Audience
    handler: Handler
    summary: str
    permission: str | None
    owner: Owner
    command: type[Command]
    query: type[BaseModel] | None
    view: Any
    errors: tuple[type[DomainError], ...]
    status: int
    idempotent: bool
    audit: str | None
    limit: Limit
    etag: bool
    media: str
    raw_body: bool
    tag: str

    @property
    def name(self) -> str:
        """Unique name, also the OpenAPI operationId."""
        return f"{self.tag}.{self.handler.__name__}"

    @property
    def key(self) -> str:
        """``POST /api/…``: how idempotency and the rights matrix name it."""
        return f"{self.method} {self.path}"

    @property
    def path_names(self) -> tuple[str, ...]:
        """Names of the ids in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


class Routes:
    """The routes of one API; ``audience`` is the usual one, a route may name another."""

    def __init__(self, tag: str, prefix: str, audience: Audience) -> None:
        self.tag = tag
        self.prefix = prefix
        self.audience = audience
        self.table: list[Route] = []

    def get(self, path: str, *, view: Any, **options: Any) -> Callable[[Handler], Handler]:
        """A read."""
        return self._declare("GET", path, view, options)

    def post(self, path: str, *, view: Any, **options: Any) -> Callable[[Handler], Handler]:
        """A write."""
        return self._declare("POST", path, view, options)

    def _declare(self, method: str, path: str, view: Any, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def decorate(handler: Handler) -> Handler:
            self.table.append(self._route(method, path, view, handler, **options))
            return handler

        return decorate

    def _route(
        self,
        method: str,
        path: str,
        view: Any,
        handler: Handler,
        *,
        audience: Audience | None = None,
        permission: str | None = None,
        owner: Owner = Owner.NONE,
        command: type[Command] = Empty,
        query: type[BaseModel] | None = None,
        errors: tuple[type[DomainError], ...] = (),
        status: int = 200,
        idempotent: bool = False,
        audit: str | None = None,
        limit: Limit = NORMAL,
        etag: bool = False,
        media: str = "application/json",
        raw_body: bool = False,
    ) -> Route:
        summary = (handler.__doc__ or "").strip().splitlines()
        if not summary:
            raise TypeError(f"route {handler.__name__} needs a docstring: it is the summary in OpenAPI")
        return Route(
            method=method,
            path=self.prefix + path,
            audience=audience or self.audience,
            handler=handler,
            summary=summary[0],
            permission=str(permission) if permission else None,
            owner=owner,
            command=command,
            query=query,
            view=view,
            errors=errors,
            status=status,
            idempotent=idempotent,
            audit=audit,
            limit=limit,
            etag=etag,
            media=media,
            raw_body=raw_body,
            tag=self.tag,
        )
