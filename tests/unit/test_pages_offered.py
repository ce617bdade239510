"""Which pages the server offers, and who gets the bare address."""

from pathlib import Path

import pytest

from backend import app
from backend.http.pages import Page


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for page in ("backend/web/console", "backend/web/demo", "queue_display/web"):
        (tmp_path / page / "dist").mkdir(parents=True)
    monkeypatch.setattr(app, "ROOT", tmp_path)
    return tmp_path


def test_demo_page_is_the_entrance_of_the_demo_only(built: Path) -> None:
    entrance = Page("/", built / "backend/web/demo/dist")
    assert entrance in app.pages(is_demo=True)
    assert entrance not in app.pages(is_demo=False)


def test_pages_that_were_not_built_are_not_offered(built: Path) -> None:
    assert [page.base for page in app.pages(is_demo=False)] == ["/console/", "/display/"]
