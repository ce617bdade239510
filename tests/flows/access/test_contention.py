"""Ten thousand contended attempts: nothing sold twice, nothing left over. ``make soak`` makes a million of them.

The controls take a guard off, in a database of their own, and see the same count find it.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from hospital_core.access.scheduling import statements
from hospital_core.access.scheduling.errors import SlotFull
from hospital_core.access.scheduling.rules import forget_rules
from hospital_core.access.scheduling.service import taking
from hospital_core.kernel.errors import Busy
from tests.fixtures.engines import Engines, connected_elsewhere
from tests.properties.booking_machine import without_limits
from tests.soak.contention import Tally, contend

HOT_AND_SPREAD = (120, 8, 8, 8, 8)
_PLACE_SOLD_ONCE = """
SELECT indexname FROM pg_indexes WHERE tablename = 'appointment' AND indexdef LIKE '%UNIQUE%(slot_id)%'"""


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("giving_back", [False, True])
async def test_given_thousands_of_attempts_then_every_place_is_sold_once_and_none_is_left(
    core: Engines, together: bool, giving_back: bool
) -> None:
    async with without_limits():
        tally = await contend(2500, together=together, giving_back=giving_back, sizes=HOT_AND_SPREAD)
    assert tally.is_right, tally
    assert tally.attempts >= 2500
    assert tally.sold - tally.given_back == sum(HOT_AND_SPREAD)
    assert (tally.given_back > 0) == giving_back


@pytest.fixture
async def elsewhere(core: Engines, engines: Engines) -> AsyncIterator[asyncpg.Connection]:
    """A database that may be spoilt: the core works in it, this is its owner."""
    async with connected_elsewhere(engines, core) as own:
        owner = await asyncpg.connect(own.owner)
        forget_rules()
        try:
            yield owner
        finally:
            await owner.close()
    forget_rules()


def change(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """Another way to take places, for whoever comes alone."""
    for name, how in (("BOOK", taking.Locking.SKIP), ("BOOK_WAITING", taking.Locking.WAIT)):
        altered = getattr(statements, name).replace(old, new)
        assert how is not taking.Locking.SKIP or altered != getattr(statements, name)
        monkeypatch.setitem(taking._STATEMENTS, how, altered)


async def alone(sizes: tuple[int, ...] = (12, 12, 12)) -> Tally:
    """A small contention of those who come alone; without a guard some meet in a deadlock and are sent away."""
    async with without_limits():
        return await contend(300, together=False, giving_back=False, sizes=sizes, refusals=(SlotFull, Busy))


async def test_given_no_lock_then_the_index_alone_keeps_a_place_from_being_sold_twice(
    elsewhere: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, "FOR UPDATE SKIP LOCKED", "")
    assert (await alone()).oversold == 0


async def test_given_neither_lock_nor_index_then_places_are_sold_twice_and_counted(
    elsewhere: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of 0 oversold."""
    change(monkeypatch, "FOR UPDATE SKIP LOCKED", "")
    (index,) = await elsewhere.fetch(_PLACE_SOLD_ONCE)
    await elsewhere.execute(f'DROP INDEX "{index["indexname"]}"')
    tally = await alone()
    assert tally.oversold > 0
    assert tally.findings > 0


async def test_given_a_statement_that_forgets_a_place_then_what_is_left_is_counted(
    elsewhere: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of 0 undersold."""
    change(monkeypatch, "ORDER BY slot.number LIMIT", "AND slot.number <> 7 ORDER BY slot.number LIMIT")
    tally = await alone()
    assert (tally.undersold, tally.oversold) == (3, 0)
