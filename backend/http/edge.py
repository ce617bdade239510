"""The edge (接入层): every declared route passes here, in this order.

request id → limit → who → may they → read the body → the route → answer, metrics, one log line.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from sanic import Request, Sanic
from sanic.exceptions import SanicException

from backend.http import metrics
from backend.http.answers import Answer, is_known
from backend.http.authentication import Authentication
from backend.http.limits import ClientAddress, Limiter
from backend.http.logs import write_line
from backend.http.problems import (
    FieldsWrong,
    KeyMissing,
    Malformed,
    fields_wrong,
    problem_of,
    problem_of_status,
)
from backend.http.routing import Audience, Call, Cookie, Limit, Raw, Reply, Route
from hospital_core.kernel.audit import ReadAudit
from hospital_core.kernel.commands import Command, Empty, View
from hospital_core.kernel.constraints import explain
from hospital_core.kernel.context import Actor, Context, IdempotencyKey
from hospital_core.kernel.errors import Busy, DomainError, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import keyring
from hospital_core.kernel.transactions import is_database_away
from hospital_core.kernel.uow import AuditEntry

log = logging.getLogger("hospital.http")

# What a route takes. Sanic itself reads more before it cuts the line: a client that sends all before it reads would
# otherwise see a broken connection instead of the problem.
BODY_MAX = 256 * 1024
BODY_READ_MAX = 12 * 1024 * 1024
_KEY_LENGTH = range(8, 256)
_BY_ADDRESS = Limit(per_minute=6000, burst=2000)
_QUIET = frozenset({"GET /healthz", "GET /readyz", "GET /metrics"})


@dataclass(frozen=True)
class Edge:
    """What every route needs; one per worker."""

    authentication: Authentication
    limiter: Limiter
    address: ClientAddress
    reads: ReadAudit

    def mount(self, app: Sanic[Any, Any], routes: list[Route]) -> None:
        """Add the routes to an application."""
        for route in routes:
            path = route.path
            for name in route.path_names:
                path = path.replace("{" + name + "}", f"<{name}:str>")
            # One address each: what a proxy keeps from outside (``/metrics``) must not answer under a second spelling.
            name = route.name.replace(".", "_")
            app.add_route(self._entrance(route), path, methods=[route.method], name=name, strict_slashes=True)

    def admit(self, request: Request) -> str:
        """The caller's address, one request of it spent; sockets knock here too. Raises TooManyRequests."""
        address = self.address.of(request)
        self.limiter.take(address, _BY_ADDRESS)
        return address

    def _entrance(self, route: Route) -> Callable[..., Coroutine[Any, Any, Answer]]:
        seconds = metrics.SECONDS.labels(route.key)
        counters: dict[int, Any] = {}
        read = _body_reader(route)

        async def enter(request: Request, **path: str) -> Answer:
            started = time.perf_counter()
            actor: Actor | None = None
            try:
                if len(request.body) > BODY_MAX:
                    return problem_of_status(413, request_id(request))
                actor, response = await self._answer(route, request, path, read)
            except DomainError as error:
                response = problem_of(error, request_id(request))
            except SanicException:
                raise
            except Exception as error:
                response = self._unexpected(error, request, route)
            elapsed = time.perf_counter() - started
            seconds.observe(elapsed)
            counter = counters.get(response.status)
            if counter is None:
                counter = counters[response.status] = metrics.REQUESTS.labels(route.key, str(response.status))
            counter.inc()
            if route.key not in _QUIET:
                _log(route, request, response, elapsed, actor)
            return response

        return enter

    async def _answer(
        self, route: Route, request: Request, path: dict[str, str], read: Callable[[Request, dict[str, UUID]], Command]
    ) -> tuple[Actor, Answer]:
        address = self.admit(request)
        actor = await self.authentication.actor(request, route.audience)
        self.limiter.take(f"{address}|{actor.key()}|{route.key}" if actor.id is None else actor.key(), route.limit)
        if route.permission is not None and route.permission not in actor.permissions:
            raise Forbidden()
        ids = _path_ids(path)
        command = read(request, ids)
        proof = getattr(request.ctx, "proof", None)
        key = _idempotency(route, request, actor)
        ctx = Context(actor, request_id=request_id(request), proof=proof, idempotency=key)
        call = Call(request, ctx, command, _query(route, request), ids)
        result = await route.handler(call)
        if route.audit is not None:
            seen = call.seen_patient or ids.get("patient_id")
            self.reads.note(ctx, AuditEntry(route.audit, "patient" if seen else None, seen, patient_id=seen))
        return actor, self._response(route, request, result)

    def _response(self, route: Route, request: Request, result: View | Reply | Raw) -> Answer:
        if isinstance(result, Raw):
            return Answer(result.body, result.status, result.headers, result.content_type)
        reply = result if isinstance(result, Reply) else Reply(result)
        body = reply.view.model_dump_json().encode()
        headers = dict(reply.headers)
        if route.etag:
            tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
            if is_known(request.headers.get("if-none-match"), tag):
                return Answer(b"", 304, headers)
        response = Answer(body, route.status, headers, "application/json")
        for cookie in reply.cookies:
            _set_cookie(response, cookie)
        return response

    @staticmethod
    def _unexpected(error: Exception, request: Request, route: Route) -> Answer:
        """A database refusal has a meaning or the database is away; anything else is our bug and says nothing more."""
        meaning = explain(error)
        if meaning is not None:
            return problem_of(meaning, request_id(request))
        if is_database_away(error):
            log.warning("database away", extra={"request_id": request_id(request), "error": type(error).__name__})
            return problem_of(Busy(), request_id(request))
        log.error("bug", exc_info=error, extra={"request_id": request_id(request), "route": route.key})
        return problem_of_status(500, request_id(request))


def request_id(request: Request) -> UUID:
    """This request's id: the caller's when it is a UUID, else our own. Never echoed unchecked."""
    known: UUID | None = getattr(request.ctx, "request_id", None)
    if known is None:
        known = request.ctx.request_id = _told_id(request.headers.get("x-request-id")) or new_id()
    return known


def _told_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _path_ids(path: dict[str, str]) -> dict[str, UUID]:
    try:
        return {name: UUID(value) for name, value in path.items()}
    except ValueError:
        raise NotFound() from None


def _body_reader(route: Route) -> Callable[[Request, dict[str, UUID]], Command]:
    command, names = route.command, route.path_names
    if route.raw_body:
        return lambda request, ids: _EMPTY
    if route.method == "GET" or command is Empty:
        return lambda request, ids: _empty(request)
    in_path = [name for name in names if name in command.model_fields]

    def read(request: Request, ids: dict[str, UUID]) -> Command:
        _check_media(request)
        try:
            if not in_path:
                return command.model_validate_json(request.body or b"{}")
            body = _object(request.body)
            for name in in_path:
                if name in body:
                    raise FieldsWrong(errors=[{"pointer": f"/{name}", "message": "不认识的字段"}])
                body[name] = ids[name]
            return command.model_validate(body)
        except ValidationError as error:
            raise fields_wrong(error) from None

    return read


_EMPTY = Empty()


def _empty(request: Request) -> Command:
    if request.method == "GET" or request.body in (b"", b"{}"):
        return _EMPTY
    _check_media(request)
    if _object(request.body):
        raise FieldsWrong(errors=[{"pointer": "/", "message": "不认识的字段"}])
    return _EMPTY


def _check_media(request: Request) -> None:
    if request.body and not (request.content_type or "").startswith("application/json"):
        raise Malformed("请使用 JSON 格式提交")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Malformed() from None
    if not isinstance(value, dict):
        raise FieldsWrong(errors=[{"pointer": "/", "message": "应为对象"}])
    return value


def _query(route: Route, request: Request) -> Any:
    if route.query is None:
        return None
    values = {name: found[0] for name, found in request.args.items() if found}
    try:
        return route.query.model_validate(values)
    except ValidationError as error:
        raise fields_wrong(error) from None


def _idempotency(route: Route, request: Request, actor: Actor) -> IdempotencyKey | None:
    if not route.idempotent:
        return None
    key = request.headers.get("idempotency-key", "")
    if len(key) not in _KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise KeyMissing("请在 Idempotency-Key 请求头中提供 8 到 255 个字符的唯一标识")
    # Keyed: a plain hash of a body that holds an identity number is quickly guessed.
    asked = keyring().fingerprint(request.path.encode() + b"\x00" + request.body, "idempotency_record.body_hash")
    return IdempotencyKey(key, route.key[:160], asked)


def _set_cookie(response: Answer, cookie: Cookie) -> None:
    response.add_cookie(
        cookie.name,
        cookie.value or "",
        path="/",
        secure=cookie.name.startswith("__Host-"),
        httponly=True,
        samesite="Strict",
        max_age=cookie.max_age_s if cookie.value else 0,
    )


def _log(route: Route, request: Request, response: Answer, elapsed: float, actor: Actor | None) -> None:
    level = logging.WARNING if response.status >= 500 else logging.INFO
    write_line(
        log, level, "request", route=route.key, status=response.status, ms=round(elapsed * 1000, 2),
        request_id=request_id(request), actor=actor.key() if actor else None,
    )  # fmt: skip


def with_cause(ctx: Context, cause: UUID) -> Context:
    """The same caller, caused by an event or channel message."""
    return replace(ctx, cause=cause, idempotency=None)


__all__ = ["Audience", "Edge", "is_database_away", "request_id", "with_cause"]
