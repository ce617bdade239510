"""Writing a migration (developers only): ``python -m hospital_core.authoring NAME``.

Runs Tortoise's autodetector and mends what version 1.1.9 leaves out: constraints named in ``Meta`` are written into the
model's options but never created, and abstract bases would have to stay importable for ever.
"""

import asyncio
import re
import sys
from pathlib import Path

from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.writer import format_migration_name

from hospital_core.db import tortoise_config

_MODEL = re.compile(
    r"^        ops\.CreateModel\(\n            name='(?P<name>\w+)',\n(?P<body>.*?)^        \),\n", re.M | re.S
)
_CONSTRAINTS = re.compile(r"'constraints': \[(?P<list>.*?)\], '(?:indexes|pk_attr)'")
_EACH = re.compile(r"(?:Check|Unique)Constraint\(.*?\)(?=, (?:Check|Unique)Constraint|$)")
_BASES = re.compile(r"bases=\['\w+'\]")


def mend(source: str) -> str:
    """Add an ``AddConstraint`` for each constraint of a created model, and let every model stand on Tortoise's own."""
    added = []
    for model in _MODEL.finditer(source):
        found = _CONSTRAINTS.search(model["body"])
        if found is None:
            continue
        for constraint in re.findall(
            r"(?:Check|Unique)Constraint\(.*?\)(?=, (?:Check|Unique)Constraint|$)", found["list"]
        ):
            added.append(
                f"        ops.AddConstraint(\n            model_name='{model['name']}',\n"
                f"            constraint={constraint},\n        ),\n"
            )
    source = _BASES.sub("bases=['Model']", source)
    head, bracket, tail = source.rpartition("    ]")
    return head + "".join(added) + bracket + tail


async def author(name: str) -> Path | None:
    """Write the next migration, or return None when the models and the migrations agree."""
    config = tortoise_config("postgres://author:none@127.0.0.1:1/none")
    await Tortoise.init(config=config, init_connections=False)
    writers = await MigrationAutodetector(Tortoise.apps, config["apps"]).changes()
    if not writers:
        return None
    (writer,) = writers
    writer.name = format_migration_name(int(writer.name.split("_", 1)[0]), name)
    path = Path(writer.write())
    path.write_text(mend(path.read_text()))
    return path


if __name__ == "__main__":
    written = asyncio.run(author(sys.argv[1]))
    print(written.name if written else "models and migrations agree")  # noqa: T201
