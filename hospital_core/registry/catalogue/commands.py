"""Commands of the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from pydantic import AwareDatetime, Field
from typing_extensions import Annotated

from hospital_core.kernel.commands import Command
from hospital_core.registry.catalogue.states import FeeCategory

UnitPrice = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=4, description="yuan per unit")]
Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z][0-9A-Za-z._\-]*$")]


class SavePriceItem(Command):
    """Create or change the price item of a code (收费项目); ``unit_price`` only opens the first price."""

    code: Code
    name: Annotated[str, Field(min_length=1, max_length=120)]
    category: FeeCategory
    unit: Annotated[str, Field(min_length=1, max_length=20)]
    active: bool = True
    unit_price: UnitPrice | None = None
    valid_from: AwareDatetime | None = None
    version: int | None = None


class ChangePrice(Command):
    """Set a new price from a time on (调价); now when no time is given."""

    price_item_id: UUID
    unit_price: UnitPrice
    valid_from: AwareDatetime | None = None


@dataclass(frozen=True)
class ConceptRow:
    """One line of a code table."""

    code: str
    name: str
    initials: str


@dataclass(frozen=True)
class ImportConcepts:
    """A checked code table on its way in (编码导入). ``progress(done, total)`` is called as rows are written."""

    system: str
    edition: str
    digest: str
    rows: list[ConceptRow]
    progress: Callable[[int, int], None] | None = None
