"""``hospital openapi``: the API's description as a file, from the route table alone; the demo's routes with it."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from backend.cli.console import fail, out

TARGET = Path("build/openapi.json")
TYPES = Path("backend/web/kit/src/api/schema.d.ts")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("openapi")(openapi)


def openapi(
    check: Annotated[
        bool, typer.Option("--check", help="Fail when the pages' types are older than the routes.")
    ] = False,
) -> None:
    """Write build/openapi.json; with --check compare the pages' generated types with it."""
    from backend.app import all_routes
    from backend.demo.page import demo_routes
    from backend.http.openapi import openapi_of
    from backend.settings import Settings

    # The demo's routes are described, not run: that needs no database and no keys.
    routes = [*all_routes(), *demo_routes(Settings.model_construct(environment="demo"))]
    document = orjson.dumps(openapi_of(routes), option=orjson.OPT_INDENT_2)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(document)
    if check and not _types_fit():
        fail("The pages' types are older than the routes: run make types.")
    out.print(f"[green]✓[/] {TARGET}")


def _types_fit() -> bool:
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "schema.d.ts"
        command = ["npx", "--no-install", "openapi-typescript", str(TARGET), "-o", str(fresh)]
        npm = ["node", "node_modules/openapi-typescript/bin/cli.js", *command[3:], "--default-non-nullable=false"]
        done = subprocess.run(npm, capture_output=True, check=False)
        return done.returncode == 0 and TYPES.exists() and fresh.read_text() == TYPES.read_text()
