"""RFC 9457 problems: the only place where a kind of error becomes a status."""

from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from backend.http.answers import Answer
from hospital_core.kernel.errors import DomainError, Kind

CONTENT_TYPE = "application/problem+json"

STATUS = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION: 412,
    Kind.INVALID: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}

_RETRY_AFTER_S = {Kind.TOO_MANY: 30, Kind.UNAVAILABLE: 5}

_FRAMEWORK = {
    400: ("http.bad_request", "请求格式不正确"),
    401: ("kernel.unauthenticated", "请先登录"),
    403: ("kernel.forbidden", "您没有进行此操作的权限"),
    404: ("http.not_found", "没有这个地址"),
    405: ("http.method_not_allowed", "不支持这种请求方式"),
    408: ("http.too_slow", "请求超时，请重试"),
    413: ("http.too_large", "提交的内容过大"),
    414: ("http.too_large", "地址过长"),
    416: ("http.range", "请求的范围无效"),
    431: ("http.too_large", "请求头过大"),
    500: ("http.internal", "系统出错了，请稍后再试"),
    503: ("http.unavailable", "服务暂时不可用，请稍后再试"),
}

# Pydantic's error types in the user's language; {…} are its context values.
_FIELD_MESSAGES = {
    "missing": "必填",
    "extra_forbidden": "不认识的字段",
    "string_type": "应为文字",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "格式不正确",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "decimal_parsing": "应为数字",
    "decimal_type": "应为数字",
    "decimal_max_places": "小数位数过多",
    "bool_type": "应为是或否",
    "bool_parsing": "应为是或否",
    "uuid_parsing": "编号格式不正确",
    "uuid_type": "编号格式不正确",
    "date_parsing": "日期格式不正确",
    "date_from_datetime_parsing": "日期格式不正确",
    "date_from_datetime_inexact": "日期格式不正确",
    "date_type": "日期格式不正确",
    "datetime_parsing": "时间格式不正确",
    "datetime_from_date_parsing": "时间格式不正确",
    "datetime_type": "时间格式不正确",
    "timezone_aware": "时间须带时区",
    "enum": "不是可选的值",
    "literal_error": "不是可选的值",
    "greater_than_equal": "不能小于 {ge}",
    "greater_than": "应大于 {gt}",
    "less_than_equal": "不能大于 {le}",
    "less_than": "应小于 {lt}",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
    "value_error": "内容不正确",
    "string_unicode": "包含无效字符",
}


class Malformed(DomainError):
    """The body is not JSON, or not the media type we speak."""

    code = "http.malformed"
    kind = Kind.MALFORMED
    title = "请求内容无法识别"


class FieldsWrong(DomainError):
    """Fields of the body, path or query do not fit; ``errors`` names each by JSON pointer."""

    code = "http.fields_wrong"
    kind = Kind.INVALID
    title = "填写的内容有误"


class KeyMissing(DomainError):
    """A write came without a usable Idempotency-Key."""

    code = "http.idempotency_key_missing"
    kind = Kind.MALFORMED
    title = "缺少防重复提交标识"


class TooManyRequests(DomainError):
    """More requests than a person or device needs."""

    code = "http.too_many_requests"
    kind = Kind.TOO_MANY
    title = "操作过于频繁，请稍后再试"


class CsrfFailed(DomainError):
    """A write from a signed-in browser lacked its CSRF token or came from elsewhere."""

    code = "http.csrf"
    kind = Kind.FORBIDDEN
    title = "页面已过期，请刷新后再试"


def fields_wrong(error: ValidationError) -> DomainError:
    """A pydantic failure as a problem: broken JSON is malformed, everything else names its fields."""
    found = error.errors(include_url=False, include_input=False)
    if any(item["type"] == "json_invalid" for item in found):
        return Malformed()
    return FieldsWrong(errors=[{"pointer": _pointer(item["loc"]), "message": _message(item)} for item in found[:50]])


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location) or "/"


def _message(item: Any) -> str:
    template = _FIELD_MESSAGES.get(item["type"], "内容不正确")
    return template.format_map(item.get("ctx", {}))


def problem_of(error: DomainError, request_id: UUID) -> Answer:
    """Answer for a refusal of the hospital."""
    status = STATUS[error.kind]
    body = {
        "type": f"urn:hospital:problem:{error.code}",
        "title": error.title,
        "status": status,
        "code": error.code,
        "request_id": str(request_id),
        **({"detail": error.detail} if error.detail else {}),
        **error.fields,
    }
    headers = {}
    if error.kind in _RETRY_AFTER_S:
        seconds = error.fields.get("retry_after_s") or error.fields.get("retry_after") or _RETRY_AFTER_S[error.kind]
        headers["Retry-After"] = str(max(1, int(seconds)))
    return Answer(orjson.dumps(body, default=str), status, headers, CONTENT_TYPE)


def problem_of_status(status: int, request_id: UUID) -> Answer:
    """Answer for what the framework itself refused."""
    code, title = _FRAMEWORK.get(status, _FRAMEWORK[500 if status >= 500 else 400])
    body = {
        "type": f"urn:hospital:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "request_id": str(request_id),
    }
    headers = {"Retry-After": "5"} if status == 503 else {}
    return Answer(orjson.dumps(body), status, headers, CONTENT_TYPE)
