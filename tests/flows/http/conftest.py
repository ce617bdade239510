"""The running server for tests of the edge."""

from tests.fixtures.server import anybody, server

__all__ = ["anybody", "server"]
