"""``hospital``: the command line (命令行) for whoever runs the house."""

import typer

from backend.cli import data, demo, devices, documents, operate

app = typer.Typer(
    name="hospital",
    help="智慧医院: run it, look after it, try it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (demo, operate, data, documents):
    module.register(app)
app.add_typer(devices.app, name="devices")

__all__ = ["app"]
