"""docs/miniapp-api.md names every route of the phone, and says of each whether it takes a key or carries an ETag."""

import re
from pathlib import Path

from miniapp_api.routes import ROUTES

_NAMED = re.compile(r"`((?:GET|POST) /[^`\s]*)`((?: [⚡🔑])?)")
_PREFIX = "/api/miniapp/v1"


def test_given_the_phones_routes_then_the_page_names_each_with_its_marks(repository: Path) -> None:
    tables = (repository / "docs/miniapp-api.md").read_text().split("\n## Routes\n")[1]
    written = {name: mark.strip() for name, mark in _NAMED.findall(tables)}
    real = {
        route.key.replace(_PREFIX, ""): "⚡" if route.etag else "🔑" if route.idempotent else "" for route in ROUTES
    }
    assert written == real
