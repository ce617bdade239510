"""``hospital openapi``: the API's description as a file, from the route table alone; the demo's routes with it."""

from pathlib import Path

import orjson
import typer

from backend.cli.console import out

TARGET = Path("build/openapi.json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("openapi")(openapi)


def openapi() -> None:
    """Write build/openapi.json, from which the pages' types are made."""
    from backend.app import all_routes
    from backend.demo.page import demo_routes
    from backend.http.openapi import openapi_of
    from backend.settings import Settings

    # The demo's routes are described, not run: that needs no database and no keys.
    routes = [*all_routes(), *demo_routes(Settings.model_construct(environment="demo"))]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(orjson.dumps(openapi_of(routes), option=orjson.OPT_INDENT_2))
    out.print(f"[green]✓[/] {TARGET}")
