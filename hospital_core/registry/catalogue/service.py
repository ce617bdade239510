"""Services of the catalogue: price items and their dated prices."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.catalogue.commands import ChangePrice, SavePriceItem
from hospital_core.registry.catalogue.errors import PastPriceFixed, PriceConflict
from hospital_core.registry.catalogue.events import PriceChanged
from hospital_core.registry.catalogue.queries import price_item
from hospital_core.registry.catalogue.views import PriceItemView

_SAVE = """
INSERT INTO price_item AS kept (id, version, code, name, initials, category, unit, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, initials = excluded.initials, category = excluded.category,
    unit = excluded.unit, active = excluded.active, version = kept.version + 1
WHERE $8::int IS NULL OR kept.version = $8 RETURNING id"""

# The open price ends where the new one begins; a second change in the same moment finds no open price and is refused.
_CLOSE = """
UPDATE price SET valid_until = $2 WHERE item_id = $1 AND valid_until IS NULL AND valid_from < $2 RETURNING id"""
_OPEN = "INSERT INTO price (id, item_id, unit_price, valid_from, valid_until) VALUES ($1, $2, $3, $4, NULL)"


async def save_price_item(uow: UnitOfWork, command: SavePriceItem) -> PriceItemView:
    """Create or change the price item of a code (收费项目), with its first price when it has none yet.

    Raises: StateConflict (another ``version``), PriceConflict, FieldProblem. Emits: PriceChanged with a first price.
    """
    for pointer, text in (("/name", command.name), ("/unit", command.unit)):
        if not text.isprintable():
            raise FieldProblem(pointer, "不能包含控制字符")
    item_id: UUID | None = await uow.fetch_value(
        _SAVE, new_id(), command.code, command.name, initials_of(command.name)[:120], command.category, command.unit,
        command.active, command.version,
    )  # fmt: skip
    if item_id is None:
        raise StateConflict()
    uow.audited("price_item", item_id)
    if command.unit_price is not None:
        await _first_price(uow, item_id, command.unit_price, command.valid_from or uow.now)
    return await price_item(uow, item_id)


async def change_price(uow: UnitOfWork, command: ChangePrice) -> PriceItemView:
    """Set a new price from a time on (调价); the former ends at that time, the past stays as it was.

    Raises: NotFound, PastPriceFixed, PriceConflict. Emits: PriceChanged. Locks: the item's open price.
    """
    valid_from = command.valid_from or uow.now
    uow.audited("price_item", command.price_item_id)
    if await uow.fetch_value("SELECT 1 FROM price_item WHERE id = $1", command.price_item_id) is None:
        raise NotFound()
    if await _has_price(uow, command.price_item_id):
        if valid_from < uow.now:
            raise PastPriceFixed("新价格的生效时间不能早于现在")
        if await uow.fetch_value(_CLOSE, command.price_item_id, valid_from) is None:
            raise PriceConflict()
    await _open_price(uow, command.price_item_id, command.unit_price, valid_from)
    return await price_item(uow, command.price_item_id)


async def _first_price(uow: UnitOfWork, item_id: UUID, unit_price: Decimal, valid_from: datetime) -> None:
    """A first price may begin in the past: there was none to be changed. A second is a price change."""
    if not await _has_price(uow, item_id):
        await _open_price(uow, item_id, unit_price, valid_from)
        return
    present = await uow.fetch_value("SELECT unit_price FROM price WHERE item_id = $1 AND valid_until IS NULL", item_id)
    if present != unit_price:
        raise PriceConflict("该项目已有价格，请使用调价")


async def _open_price(uow: UnitOfWork, item_id: UUID, unit_price: Decimal, valid_from: datetime) -> None:
    await uow.execute(_OPEN, new_id(), item_id, unit_price, valid_from)
    uow.record(PriceChanged(price_item_id=item_id, valid_from=valid_from))


async def _has_price(uow: UnitOfWork, item_id: UUID) -> bool:
    return await uow.fetch_value("SELECT 1 FROM price WHERE item_id = $1 LIMIT 1", item_id) is not None
