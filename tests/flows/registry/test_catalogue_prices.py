"""Prices: one at a time, the past never changed."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from pydantic import ValidationError

from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.commands import ChangePrice, SavePriceItem
from hospital_core.registry.catalogue.errors import NoPrice, PastPriceFixed, PriceConflict
from hospital_core.registry.catalogue.queries import (
    price_categories,
    price_history,
    price_item_by_code,
    price_items,
    price_of,
)
from hospital_core.registry.catalogue.service import change_price, save_price_item
from tests.fixtures.engines import Engines
from tests.fixtures.registry import make_price_item, reading

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()


async def _now() -> datetime:
    now: datetime = await reading().fetch_value("SELECT hospital_now()")
    return now


async def test_given_a_new_item_then_it_costs_its_first_price() -> None:
    item = await make_price_item(unit_price=Decimal("12.345"))
    price = await price_of(reading(), item.id)
    assert (price.unit_price, price.amount_fen, price.code) == (Decimal("12.3450"), 1235, item.code)
    assert (item.amount_fen, item.version, item.next_unit_price) == (1235, 0, None)


async def test_given_a_price_from_tomorrow_then_today_stays_and_tomorrow_changes() -> None:
    item = await make_price_item(unit_price=Decimal(15))
    tomorrow = await _now() + timedelta(days=1)
    changed = await run(
        SYSTEM, change_price, ChangePrice(price_item_id=item.id, unit_price=Decimal(25), valid_from=tomorrow)
    )
    assert (changed.unit_price, changed.next_unit_price, changed.next_valid_from) == (15, 25, tomorrow)
    assert (await price_of(reading(), item.id)).amount_fen == 1500
    assert (await price_of(reading(), item.id, tomorrow - timedelta(microseconds=1))).amount_fen == 1500
    assert (await price_of(reading(), item.id, tomorrow)).amount_fen == 2500
    periods = await price_history(reading(), item.id)
    assert [(p.unit_price, p.valid_until) for p in periods] == [(15, tomorrow), (25, None)]


async def test_given_a_price_from_the_past_or_before_a_planned_one_then_it_is_refused() -> None:
    item = await make_price_item()
    now = await _now()
    with pytest.raises(PastPriceFixed):
        await run(
            SYSTEM, change_price,
            ChangePrice(price_item_id=item.id, unit_price=Decimal(1), valid_from=now - timedelta(hours=1)),
        )  # fmt: skip
    later = ChangePrice(price_item_id=item.id, unit_price=Decimal(2), valid_from=now + timedelta(days=2))
    await run(SYSTEM, change_price, later)
    with pytest.raises(PriceConflict):
        await run(
            SYSTEM, change_price,
            ChangePrice(price_item_id=item.id, unit_price=Decimal(3), valid_from=now + timedelta(days=1)),
        )  # fmt: skip
    assert len(await price_history(reading(), item.id)) == 2


async def test_given_ten_price_changes_at_once_then_prices_never_overlap() -> None:
    item = await make_price_item()
    start = await _now() + timedelta(days=1)
    commands = [
        ChangePrice(price_item_id=item.id, unit_price=Decimal(n), valid_from=start + timedelta(seconds=n))
        for n in range(1, 11)
    ]
    answers = await asyncio.gather(*(run(SYSTEM, change_price, c) for c in commands), return_exceptions=True)
    assert {type(a) for a in answers if isinstance(a, BaseException)} <= {PriceConflict}
    periods = await price_history(reading(), item.id)
    assert len(periods) == 1 + sum(not isinstance(a, BaseException) for a in answers) >= 2
    assert [p.valid_until for p in periods[:-1]] == [p.valid_from for p in periods[1:]]
    assert periods[-1].valid_until is None


async def test_given_two_first_prices_at_once_then_one_stands() -> None:
    item = await make_price_item(unit_price=None)
    with pytest.raises(NoPrice):
        await price_of(reading(), item.id)
    now = await _now() + timedelta(hours=1)
    commands = [ChangePrice(price_item_id=item.id, unit_price=Decimal(n), valid_from=now) for n in (1, 2)]
    answers = await asyncio.gather(*(run(SYSTEM, change_price, c) for c in commands), return_exceptions=True)
    assert [type(a) for a in answers if isinstance(a, BaseException)] == [PriceConflict]
    assert len(await price_history(reading(), item.id)) == 1


async def test_given_even_the_owner_then_a_past_price_cannot_be_changed(core: Engines) -> None:
    item = await make_price_item()
    await run(SYSTEM, change_price, ChangePrice(price_item_id=item.id, unit_price=Decimal(99)))
    owner = await asyncpg.connect(core.owner)
    try:
        for statement in ("UPDATE price SET unit_price = 1 WHERE item_id = $1", "DELETE FROM price WHERE item_id = $1"):
            with pytest.raises(asyncpg.CheckViolationError, match="closed, never changed"):
                await owner.execute(statement, item.id)
    finally:
        await owner.close()


async def test_given_a_code_twice_then_its_item_is_changed_and_an_old_version_is_refused() -> None:
    item = await make_price_item(name="血常规")
    save = SavePriceItem(code=item.code, name="血常规五分类", category="laboratory", unit="项", version=item.version)
    changed = await run(SYSTEM, save_price_item, save)
    assert (changed.id, changed.name, changed.version, changed.amount_fen) == (item.id, "血常规五分类", 1, 1500)
    with pytest.raises(StateConflict):
        await run(SYSTEM, save_price_item, save)
    with pytest.raises(PriceConflict):
        await run(SYSTEM, save_price_item, save.model_copy(update={"version": None, "unit_price": Decimal(1)}))


async def test_given_wrong_input_then_it_is_refused() -> None:
    for fields in (
        {"code": "a b", "name": "x", "category": "other", "unit": "次"},
        {"code": "A1", "name": "x", "category": "other", "unit": "次", "unit_price": "-1"},
        {"code": "A1", "name": "x", "category": "other", "unit": "次", "unit_price": "1.00001"},
        {"code": "A1", "name": "x\x00", "category": "other", "unit": "次"},
    ):
        with pytest.raises(ValidationError):
            SavePriceItem.model_validate(fields)
    with pytest.raises(ValidationError):
        SavePriceItem.model_validate({"code": "A1", "name": "x", "category": "挂号", "unit": "次"})
    with pytest.raises(FieldProblem):
        await run(SYSTEM, save_price_item, SavePriceItem(code="A1", name="x\x07y", category="other", unit="次"))
    for action in (price_of(reading(), new_id()), price_item_by_code(reading(), "nothing")):
        with pytest.raises(NotFound):
            await action
    with pytest.raises(NotFound):
        await run(SYSTEM, change_price, ChangePrice(price_item_id=new_id(), unit_price=Decimal(1)))


async def test_given_items_of_a_category_then_it_is_listed_with_those_in_force() -> None:
    category, before = "nursing", {one.category: one.items for one in await price_categories(reading())}
    for active in (True, True, False):
        made = await make_price_item(unit_price=Decimal(1))
        await reading().fetch(
            "UPDATE price_item SET category = $2, active = $3 WHERE id = $1 RETURNING id", made.id, category, active
        )
    listed = await price_categories(reading())
    assert [one.items for one in listed if one.category == category] == [before.get(category, 0) + 2]
    assert [one.category for one in listed] == sorted(one.category for one in listed)


async def test_given_the_list_then_it_is_searched_and_paged() -> None:
    category = "bed"  # nobody else's here
    items = [await make_price_item(name=f"核磁共振{n}", category=category) for n in range(53)]
    first = await price_items(reading(), "", category)
    rest = await price_items(reading(), "", category, first.next_cursor)
    assert [i.id for i in first.items + rest.items] == [i.id for i in sorted(items, key=lambda i: i.code)]
    assert (len(first.items), rest.next_cursor) == (50, None)
    assert len((await price_items(reading(), "磁共振5", category)).items) == 4
    assert len((await price_items(reading(), "HCGZ52", category)).items) == 1
    assert [i.id for i in (await price_items(reading(), items[7].code, category)).items] == [items[7].id]
    assert (await price_items(reading(), "%", category)).items == []
