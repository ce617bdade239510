"""The running server for tests of live screens."""

from tests.fixtures.server import anybody, server

__all__ = ["anybody", "server"]
