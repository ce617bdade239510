"""Answers (应答): responses whose standing headers were encoded once, not for every request."""

import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from functools import lru_cache

from sanic.helpers import has_message_body
from sanic.response import HTTPResponse

Encoded = tuple[bytes, bytes]


def encoded(headers: Mapping[str, str]) -> Encoded:
    """Headers of our own, ready to be written: the first one's value carries all the others on lines of their own."""
    lines = [f"{name.lower()}: {value}" for name, value in headers.items()]
    name, _, value = "\r\n".join(lines).encode("ascii").partition(b": ")
    return name, value


class Answer(HTTPResponse):
    """What routes and problems answer with. ``standing`` is set by the application for all answers alike."""

    __slots__ = ("standing",)

    standing: Encoded

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """This answer's own headers, then the standing ones."""
        if has_message_body(self.status):  # type: ignore[no-untyped-call]
            self.headers.setdefault("content-type", self.content_type)
        for name, value in self.headers.items():
            # What changes with every answer would only fill the memory.
            line = _line if name.lower() not in _CHANGING else _line.__wrapped__
            yield line(name, f"{value}")
        standing = getattr(self, "standing", None)
        if standing is not None:
            yield standing


def date_now() -> str:
    """The ``Date`` of an answer (RFC 9110 §6.6.1): by it a page knows the time on a device whose clock is wrong."""
    return _date(int(time.time()))


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has this answer already (RFC 9110 §13.1.2); a proxy that compresses makes its tag weak."""
    if if_none_match is None or if_none_match == tag:
        return if_none_match == tag
    return tag in {one.strip().removeprefix("W/") for one in if_none_match.split(",")}


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


_CHANGING = frozenset({"x-request-id", "content-length", "etag", "set-cookie", "x-expires-at", "location", "date"})
_BREAKS = str.maketrans("", "", "\r\n\0")


@lru_cache(maxsize=512)
def _line(name: str, value: str) -> Encoded:
    """One header as bytes; a line break in it cannot begin another."""
    return name.translate(_BREAKS).lower().encode("ascii"), value.translate(_BREAKS).encode(errors="surrogateescape")
