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
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.migrations.writer import format_migration_name

from hospital_core.db import tortoise_config

_MODEL = re.compile(
    r"^        ops\.CreateModel\(\n            name='(?P<name>\w+)',\n(?P<body>.*?)^        \),\n", re.M | re.S
)
_TABLE = re.compile(r"'table': '(?P<table>\w+)'")
_CONSTRAINTS = re.compile(r"'constraints': \[(?P<list>.*?)\], '(?:indexes|pk_attr)'")
_EACH = re.compile(r"(?:Check|Unique)Constraint\(.*?\)(?=, (?:Check|Unique)Constraint|$)")
_BASES = re.compile(r"bases=\['\w+'\]")


def mend(source: str) -> str:
    """Create the constraints of created models in one statement list, and let every model stand on Tortoise's own.

    One ``RunSQL`` instead of an ``AddConstraint`` each: Tortoise rebuilds its whole state for every operation.
    """
    statements = []
    for model in _MODEL.finditer(source):
        table, found = _TABLE.search(model["body"]), _CONSTRAINTS.search(model["body"])
        if table is None or found is None:
            continue
        for text in _EACH.findall(found["list"]):
            constraint = eval(text, {"CheckConstraint": CheckConstraint, "UniqueConstraint": UniqueConstraint})  # noqa: S307
            statements.append(f"            {create_sql(table['table'], constraint)!r},\n")
    source = _together(_BASES.sub("bases=['Model']", source))
    if not statements:
        return source
    head, bracket, tail = source.rpartition("    ]")
    return head + "        ops.RunSQL([\n" + "".join(statements) + "        ]),\n" + bracket + tail


def _together(source: str) -> str:
    head, opening, body = source.partition("    operations = [\n")
    body, closing, tail = body.rpartition("    ]")
    imported = head.replace("\nclass ", "\nfrom hospital_core.migrations import Together\n\nclass ", 1)
    return f"{imported}{opening}        Together([\n{body}        ]),\n{closing}{tail}"


def create_sql(table: str, constraint: CheckConstraint | UniqueConstraint) -> str:
    """The statement that Tortoise's ``AddConstraint`` would run."""
    if isinstance(constraint, CheckConstraint):
        return f'ALTER TABLE "{table}" ADD CONSTRAINT "{constraint.name}" CHECK ({constraint.check})'
    columns = ", ".join(f'"{name}"' for name in constraint.fields)
    if constraint.condition:
        return f'CREATE UNIQUE INDEX "{constraint.name}" ON "{table}" ({columns}) WHERE {constraint.condition}'
    return f'ALTER TABLE "{table}" ADD CONSTRAINT "{constraint.name}" UNIQUE ({columns})'


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
