"""OpenAPI 3.1 from the route table (接口文档): bodies, answers, every declared error, security."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from backend.http.problems import STATUS, CsrfFailed, FieldsWrong, KeyMissing, Malformed, TooManyRequests
from backend.http.routing import Audience, Route
from backend.http.tokens import TokenInvalid
from hospital_core.kernel.commands import Command, Empty
from hospital_core.kernel.errors import Busy, DomainError, Forbidden, IdempotencyMismatch, NotFound, Unauthenticated

_REF = "#/components/schemas/{model}"

_SECURITY: dict[Audience, list[dict[str, list[str]]]] = {
    Audience.OPEN: [],
    Audience.PATIENT: [{"patientToken": []}],
    Audience.STAFF: [{"staffSession": [], "csrf": []}],
    Audience.KIOSK: [{"deviceToken": []}],
    Audience.KIOSK_SESSION: [{"deviceToken": [], "kioskSession": []}],
    Audience.DISPLAY: [{"deviceToken": []}],
}

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "one sentence for the person, Simplified Chinese"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "additionalProperties": True,
}


def openapi_of(routes: list[Route], *, cookie: str = "__Host-hospital") -> dict[str, Any]:
    """The whole document."""
    references, schemas = models_json_schema(_models(routes), ref_template=_REF, schema_generator=_Schemas)
    components = schemas.get("$defs", {})
    bodies = _bodies(routes, references, components)
    components["Problem"] = _PROBLEM
    for route in routes:  # closed lists that only a parameter names
        if route.query is not None:
            named = route.query.model_json_schema(ref_template=_REF).get("$defs", {})
            components.update({name: schema for name, schema in named.items() if name not in components})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references, bodies)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Smart hospital 智慧医院",
            "version": "1",
            "description": "Errors are RFC 9457 problems. Writes marked with Idempotency-Key may be repeated safely.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _schemes(cookie)},
    }


def _schemes(cookie: str) -> dict[str, Any]:
    return {
        "patientToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "deviceToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "staffSession": {"type": "apiKey", "in": "cookie", "name": cookie},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "writes only"},
        "kioskSession": {"type": "apiKey", "in": "header", "name": "X-Kiosk-Session"},
    }


class _Schemas(GenerateJsonSchema):
    """Answers carry every field: a default on the server is no gap for the reader."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def _models(routes: list[Route]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    found: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for route in routes:
        if route.command is not Empty:
            found[route.command, "validation"] = None
        if _is_model(route.view):
            found[route.view, "serialization"] = None
    return list(found)


def _bodies(routes: list[Route], references: Any, components: dict[str, Any]) -> dict[type[Command], Any]:
    """What stands in the path is no part of the body: taken out of the components; a body of nothing is none."""
    in_path: dict[type[Command], frozenset[str]] = {}
    for route in routes:
        names = frozenset(route.path_names) & route.command.model_fields.keys()
        if in_path.setdefault(route.command, names) != names:
            raise TypeError(f"{route.command.__name__} has different bodies on different paths: {route.key}")
    bodies: dict[type[Command], Any] = {}
    for command, names in in_path.items():
        if command is Empty:
            continue
        reference = references[command, "validation"]
        name = reference["$ref"].rsplit("/", 1)[1]
        schema = components[name]
        schema["properties"] = {key: part for key, part in schema["properties"].items() if key not in names}
        if names:
            schema["required"] = [key for key in schema.get("required", []) if key not in names]
        if schema["properties"]:
            media = {"application/json": {"schema": reference}}
            bodies[command] = {"required": bool(schema.get("required")), "content": media}
        else:
            del components[name]
    return bodies


def _is_model(view: Any) -> bool:
    return isinstance(view, type) and issubclass(view, BaseModel)


def errors_of(route: Route) -> Iterable[type[DomainError]]:
    """Everything a route may refuse with: its own errors and those of the edge."""
    yield from route.errors
    yield from (TooManyRequests, Busy)
    if route.audience is not Audience.OPEN:
        yield from (Unauthenticated, TokenInvalid)
    if route.permission is not None:
        yield Forbidden
    if route.audience is Audience.STAFF and route.method != "GET":
        yield CsrfFailed
    if route.path_names:
        yield NotFound
    if route.method != "GET":
        yield Malformed
    if route.method != "GET" or route.query is not None:
        yield FieldsWrong
    if route.idempotent:
        yield from (KeyMissing, IdempotencyMismatch)


def _operation(route: Route, references: Any, bodies: dict[type[Command], Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "security": _SECURITY[route.audience],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, references),
    }
    if route.permission is not None:
        operation["x-permission"] = route.permission
    if (body := bodies.get(route.command)) is not None:
        operation["requestBody"] = body
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in route.path_names
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema.get("properties", {}).items()
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if not route.idempotent:
        return []
    schema = {"type": "string", "minLength": 8, "maxLength": 255}
    return [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema}]


def _responses(route: Route, references: Any) -> dict[str, Any]:
    schema = references[route.view, "serialization"] if _is_model(route.view) else {"type": "string"}
    done: dict[str, Any] = {"description": "done"}
    if route.status != HTTPStatus.NO_CONTENT:
        done["content"] = {route.media: {"schema": schema}}
    answers: dict[str, Any] = {str(route.status): done}
    if route.etag:
        answers["304"] = {"description": "unchanged since the given ETag"}
    by_status: dict[int, list[type[DomainError]]] = {}
    for error in errors_of(route):
        by_status.setdefault(STATUS[error.kind], []).append(error)
    for status, errors in sorted(by_status.items()):
        codes = sorted({f"`{error.code}` {error.title}" for error in errors})
        answers[str(status)] = {
            "description": "; ".join(codes),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return answers
