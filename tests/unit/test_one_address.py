"""A route answers under one address: what a proxy keeps from outside must not be had by another spelling."""

from typing import Any

import pytest
from sanic import Sanic
from sanic.exceptions import NotFound

from backend.app import all_routes
from backend.http.edge import Edge


@pytest.mark.parametrize("path", ["/metrics", "/api/staff/v1/departments"])
def test_given_a_second_spelling_of_an_address_then_nobody_answers(path: str) -> None:
    app: Sanic[Any, Any] = Sanic(f"one_address_{path.count('/')}", configure_logging=False)
    Edge(*[None] * 4).mount(app, all_routes())  # type: ignore[arg-type]
    app.router.finalize()
    assert app.router.get(path, "GET", None)[0].path == path[1:]
    for spelling in (f"{path}/", f"{path}//", f"/{path}", path.upper()):
        with pytest.raises(NotFound):
            app.router.get(spelling, "GET", None)
