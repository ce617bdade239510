"""Tables of the catalogue."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.catalogue.states import FeeCategory


class CodeEdition(Row):
    """One imported edition of a code system (编码版本), e.g. ICD-10 国家临床版 2.0."""

    system = fields.CharField(max_length=20)
    edition = fields.CharField(max_length=40)
    rows = fields.IntField()
    digest = fields.CharField(max_length=64)
    imported_at = fields.DatetimeField()

    class Meta:
        table = "code_edition"
        unique_together = (("system", "edition"),)


class Concept(Row):
    """One coded concept (编码): diagnosis or operation, always with its system and edition."""

    system = fields.CharField(max_length=20)
    edition = fields.CharField(max_length=40)
    code = fields.CharField(max_length=40)
    name = fields.CharField(max_length=300)
    initials = fields.CharField(max_length=300)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "concept"
        unique_together = (("system", "edition", "code"),)


class PriceItem(VersionedRow):
    """A priced service or material (收费项目)."""

    code = fields.CharField(max_length=40, unique=True)
    name = fields.CharField(max_length=120)
    initials = fields.CharField(max_length=120)
    category = fields.CharField(max_length=40)
    unit = fields.CharField(max_length=20)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "price_item"
        constraints = [one_of("price_item", FeeCategory, "category")]


class Price(Row):
    """What an item costs from a time on (调价): yuan per unit; periods of one item never overlap."""

    item_id: UUID
    item = refers_to("PriceItem")
    unit_price: Decimal = fields.DecimalField(max_digits=14, decimal_places=4)
    valid_from: datetime = fields.DatetimeField()
    valid_until: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "price"
        indexes = [Index(fields=["item_id", "valid_from"])]
        constraints = [CheckConstraint(check="unit_price >= 0", name="price_not_negative")]
