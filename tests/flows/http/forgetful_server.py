"""The server with one permission forgotten; the rights matrix must notice (``test_rights``)."""

import sys
from dataclasses import replace

import backend.app
from backend.http.routing import Route
from backend.serving import serve

FORGOTTEN = "GET /api/staff/v1/devices"
_all_routes = backend.app.all_routes


def _routes() -> list[Route]:
    return [replace(route, permission=None) if route.key == FORGOTTEN else route for route in _all_routes()]


if __name__ == "__main__":
    backend.app.all_routes = _routes
    serve(int(sys.argv[1]))
