"""Prices and code tables (价目与编码)."""

from typing import Any

from pydantic import Field

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.commands import ChangePrice, SavePriceItem
from hospital_core.registry.catalogue.errors import PastPriceFixed, PriceConflict
from hospital_core.registry.catalogue.queries import (
    code_systems,
    price_categories,
    price_history,
    price_item,
    price_items,
    search_concepts,
)
from hospital_core.registry.catalogue.service import change_price, save_price_item
from hospital_core.registry.catalogue.views import (
    CodeSystemView,
    ConceptView,
    PriceCategoryView,
    PriceItemView,
    PricePeriod,
)
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class PriceSearch(Query):
    """Code, name or initials; of a category when it is given."""

    q: str = Field(default="", max_length=60)
    category: str | None = Field(default=None, max_length=40)
    cursor: str | None = Field(default=None, max_length=40)


class ConceptSearch(Query):
    """Code, name or initials within one code system; in the edition imported last unless one is named."""

    system: str = Field(min_length=1, max_length=40)
    edition: str | None = Field(default=None, min_length=1, max_length=40)
    q: str = Field(min_length=1, max_length=60)


@routes.get("/price-items", view=Page[PriceItemView], permission=Permission.CATALOGUE_READ, query=PriceSearch)
async def all_price_items(call: Call[Any]) -> Page[PriceItemView]:
    """The price list (价目表)."""
    return await price_items(Reading(call.ctx), call.query.q, call.query.category, call.query.cursor)


@routes.post(
    "/price-items", view=PriceItemView, permission=Permission.PRICE_MANAGE, command=SavePriceItem, idempotent=True,
    errors=(StateConflict, PriceConflict),
)  # fmt: skip
async def keep_price_item(call: Call[SavePriceItem]) -> PriceItemView:
    """Create or change the price item of a code (维护收费项目)."""
    return await run(call.ctx, save_price_item, call.command)


@routes.post(
    "/price-items/{price_item_id}/prices", view=PriceItemView, permission=Permission.PRICE_MANAGE, command=ChangePrice,
    idempotent=True, errors=(NotFound, PriceConflict, PastPriceFixed),
)  # fmt: skip
async def set_price(call: Call[ChangePrice]) -> PriceItemView:
    """Set a new price from a time on (调价)."""
    return await run(call.ctx, change_price, call.command)


@routes.get(
    "/price-items/{price_item_id}/prices", view=Page[PricePeriod], permission=Permission.CATALOGUE_READ,
    errors=(NotFound,),
)  # fmt: skip
async def prices(call: Call[Any]) -> Page[PricePeriod]:
    """All prices an item had, has and will have (历史价格), oldest first."""
    reading = Reading(call.ctx)
    known = await price_item(reading, call.path["price_item_id"])
    return Page(items=await price_history(reading, known.id))


@routes.get("/price-categories", view=Page[PriceCategoryView], permission=Permission.CATALOGUE_READ)
async def all_price_categories(call: Call[Any]) -> Page[PriceCategoryView]:
    """The categories of the price list (收费类别)."""
    return Page(items=await price_categories(Reading(call.ctx)))


@routes.get("/code-systems", view=Page[CodeSystemView], permission=Permission.CATALOGUE_READ)
async def all_code_systems(call: Call[Any]) -> Page[CodeSystemView]:
    """The code systems and their editions (编码体系)."""
    return Page(items=await code_systems(Reading(call.ctx)))


@routes.get("/concepts", view=Page[ConceptView], permission=Permission.CATALOGUE_READ, query=ConceptSearch)
async def concepts(call: Call[Any]) -> Page[ConceptView]:
    """Coded concepts (编码检索), best first."""
    query = call.query
    return Page(items=await search_concepts(Reading(call.ctx), query.system, query.q, edition=query.edition))
