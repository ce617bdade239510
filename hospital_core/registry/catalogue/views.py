"""What readers see of the catalogue."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hospital_core.kernel.commands import View
from hospital_core.registry.catalogue.states import FeeCategory


class PriceView(View):
    """What one unit of an item costs at a time (价格). ``amount_fen`` is one unit, rounded to fen."""

    item_id: UUID
    code: str
    name: str
    category: FeeCategory
    unit: str
    unit_price: Decimal
    amount_fen: int


class PriceItemView(View):
    """A price item with its present price and, when one is set, the next (收费项目)."""

    id: UUID
    code: str
    name: str
    category: FeeCategory
    unit: str
    active: bool
    unit_price: Decimal | None
    amount_fen: int | None
    valid_from: datetime | None
    next_unit_price: Decimal | None
    next_valid_from: datetime | None
    version: int


class PricePeriod(View):
    """One dated price of an item (历史价格)."""

    unit_price: Decimal
    valid_from: datetime
    valid_until: datetime | None


class CodeEditionView(View):
    """One imported edition of a code system (编码版本); ``concepts`` counts the codes of its file."""

    edition: str
    concepts: int
    imported_at: datetime


class CodeSystemView(View):
    """A code system (编码体系) with its editions, the one imported last first: searches look there unless told."""

    system: str
    editions: list[CodeEditionView]


class PriceCategoryView(View):
    """A category of the price list (收费类别) and how many items in force it has."""

    category: FeeCategory
    items: int


class ConceptView(View):
    """One coded concept (编码) with its system and edition."""

    system: str
    edition: str
    code: str
    name: str


class ConceptsImported(View):
    """Report of an import (导入结果). ``unchanged`` when the same file is in already."""

    system: str
    edition: str
    rows: int
    added: int
    changed: int
    deactivated: int
    unchanged: bool
