"""Building blocks for tables (表结构)."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hospital_core.kernel.ids import new_id


class Row(Model):
    """A row with a UUIDv7 key made in Python."""

    id = fields.UUIDField(primary_key=True, default=new_id)

    class Meta:
        abstract = True


class VersionedRow(Row):
    """A row whose status moves through ``kernel.states.transition``."""

    version = fields.IntField(default=0)

    class Meta:
        abstract = True


def refers_to(model: str, **options: Any) -> Any:
    """A foreign key that never cascades and adds nothing to the other side. Tortoise makes no index for it."""
    return fields.ForeignKeyField(f"hospital.{model}", on_delete=OnDelete.RESTRICT, related_name=False, **options)


def one_of(table: str, states: type[StrEnum], column: str = "status") -> CheckConstraint:
    """CHECK that a column holds a value of its enum."""
    values = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(check=f"{column} IN ({values})", name=f"{table}_{column}_known")
