"""Answers (应答): responses whose standing headers were encoded once, not for every request."""

from collections.abc import Iterator, Mapping

from sanic.response import HTTPResponse

Encoded = tuple[tuple[bytes, bytes], ...]


def encoded(headers: Mapping[str, str]) -> Encoded:
    """Headers of our own, ready to be written."""
    return tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items())


class Answer(HTTPResponse):
    """What routes and problems answer with. ``standing`` is set by the application for all answers alike."""

    __slots__ = ("standing",)

    standing: Encoded

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """This answer's own headers, then the standing ones."""
        yield from super().processed_headers
        yield from getattr(self, "standing", ())
