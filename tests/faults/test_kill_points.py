"""kill -9 of server, worker and PostgreSQL at each of the twelve points: nothing lost, nothing doubled.

Once per point and process here; ``make soak`` does a thousand of each process.
"""

from collections.abc import AsyncIterator

import pytest

from tests.faults.house import VICTIMS, House, running_house
from tests.faults.killing import POINTS
from tests.fixtures.engines import Engines

GROUP = "kills"

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
async def house(core: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("house")) as house:
        await house.furnish(len(POINTS) * len(VICTIMS), back_to=core.app)
        yield house


def test_given_the_closed_list_then_there_are_twelve_points() -> None:
    assert len(POINTS) == len(set(POINTS)) == 12


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("point", POINTS)
async def test_given_a_process_killed_at_a_point_then_nothing_is_lost_and_nothing_doubled(
    house: House, point: str, victim: str
) -> None:
    assert await house.strike(point, victim) == []
