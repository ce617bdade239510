"""Errors are sentences about the hospital (业务错误), never about HTTP.

Each has a stable ``code``, a ``kind`` without default, a Chinese ``title`` for the screen and typed fields.
``backend.http.problems`` alone turns a kind into a status.
"""

from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What went wrong, in the caller's terms."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    INVALID = "invalid"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """Base of every refusal. Subclasses set ``code``, ``kind`` and ``title``.

    ``detail`` is an optional second Chinese sentence for the person; ``fields`` are facts for the program
    (ids, times, limits), never personal data.
    """

    code: ClassVar[str]
    kind: ClassVar[Kind]
    title: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        missing = [name for name in ("code", "kind", "title") if not hasattr(cls, name)]
        if missing:
            raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}")

    def __init__(self, detail: str | None = None, **fields: Any) -> None:
        super().__init__(self.code)
        self.detail = detail
        self.fields = fields


class NotFound(DomainError):
    """The thing does not exist, or the actor may not know that it does: the two look the same."""

    code = "kernel.not_found"
    kind = Kind.NOT_FOUND
    title = "没有找到您要的内容"


class Forbidden(DomainError):
    """The actor's role does not hold this command."""

    code = "kernel.forbidden"
    kind = Kind.FORBIDDEN
    title = "您没有进行此操作的权限"


class Unauthenticated(DomainError):
    """No valid credentials were shown."""

    code = "kernel.unauthenticated"
    kind = Kind.UNAUTHENTICATED
    title = "请先登录"


class StateConflict(DomainError):
    """The row is no longer in a state from which this command may start."""

    code = "kernel.state_conflict"
    kind = Kind.CONFLICT
    title = "状态已变化，请刷新后再试"


class FieldProblem(DomainError):
    """One field of the input is wrong. ``pointer`` is its JSON pointer."""

    code = "kernel.field_wrong"
    kind = Kind.INVALID
    title = "填写的内容有误"

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message, errors=[{"pointer": pointer, "message": message}])


class IdempotencyMismatch(DomainError):
    """The same Idempotency-Key came with another body."""

    code = "kernel.idempotency_mismatch"
    kind = Kind.INVALID
    title = "重复提交的内容与首次不一致"


class OutsideUnavailable(DomainError):
    """An outside system did not answer in time; nothing was decided."""

    code = "kernel.outside_unavailable"
    kind = Kind.UNAVAILABLE
    title = "外部服务暂时无法连接，请稍后再试"


class Busy(DomainError):
    """A lock or the database could not be had in time."""

    code = "kernel.busy"
    kind = Kind.UNAVAILABLE
    title = "系统繁忙，请稍后再试"
