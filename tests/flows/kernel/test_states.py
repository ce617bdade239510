"""One table, one writer: of twenty who move the same row, one wins."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from uuid import UUID

import pytest

from hospital_core.kernel.commands import Command, Done
from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.states import Machine, Move, transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.devices.states import DEVICE

pytestmark = pytest.mark.usefixtures("core")

CTX = Context(Actor(ActorKind.SYSTEM))


class OnDevice(Command):
    device_id: UUID


async def _insert(uow: UnitOfWork, command: OnDevice) -> Done:
    await uow.execute(
        "INSERT INTO device (id, version, kind, name, public_key, status, created_at, software) "
        "VALUES ($1, 0, 'kiosk', 't', $2, 'pending', $3, '')",
        command.device_id, secrets.token_hex(16), uow.now,
    )  # fmt: skip
    return Done()


async def _approve(uow: UnitOfWork, command: OnDevice) -> Done:
    await transition(uow, DEVICE, "approve", command.device_id, approved_at=uow.now)
    return Done()


async def _approve_without_guard(uow: UnitOfWork, command: OnDevice) -> Done:
    status = await uow.fetch_value("SELECT status FROM device WHERE id = $1", command.device_id)
    await asyncio.sleep(0.05)
    if status != "pending":
        raise StateConflict()
    await uow.execute("UPDATE device SET status = 'active' WHERE id = $1", command.device_id)
    return Done()


async def _winners(service: Callable[[UnitOfWork, OnDevice], Awaitable[Done]], tasks: int) -> int:
    command = OnDevice(device_id=new_id())
    await run(CTX, _insert, command)
    results = await asyncio.gather(*(run(CTX, service, command) for _ in range(tasks)), return_exceptions=True)
    assert all(isinstance(r, Done | StateConflict) for r in results), results
    return sum(isinstance(result, Done) for result in results)


async def test_given_twenty_movers_then_one_wins() -> None:
    assert await _winners(_approve, 20) == 1


async def test_given_read_then_write_then_several_win() -> None:
    """The control: without the conditional update the same race lets more than one in."""
    assert await _winners(_approve_without_guard, 5) > 1


async def test_given_no_such_row_then_it_is_not_found() -> None:
    with pytest.raises(NotFound):
        await run(CTX, _approve, OnDevice(device_id=new_id()))


async def test_given_an_old_version_then_the_move_is_refused() -> None:
    command = OnDevice(device_id=new_id())
    await run(CTX, _insert, command)

    async def approve_version_seven(uow: UnitOfWork, command: OnDevice) -> Done:
        await transition(uow, DEVICE, "approve", command.device_id, version=7)
        return Done()

    with pytest.raises(StateConflict):
        await run(CTX, approve_version_seven, command)


class Lamp(StrEnum):
    OFF = "off"
    ON = "on"
    BROKEN = "broken"


def test_given_a_table_then_guard_target_finals_and_diagram_come_from_it() -> None:
    moves = [Move("switch", (Lamp.OFF,), Lamp.ON), Move("break", (Lamp.OFF, Lamp.ON), Lamp.BROKEN)]
    machine = Machine("lamp", Lamp, moves)
    assert machine.sources_sql("break", "l") == "l.status IN ('off','on')"
    assert machine.target_sql("break") == "'broken'"
    assert machine.finals() == {Lamp.BROKEN}
    assert "off --> on: switch" in machine.mermaid()
    with pytest.raises(LookupError):
        machine.move("mend")


def test_given_two_rows_for_one_command_and_state_then_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Machine("lamp", Lamp, [Move("switch", (Lamp.OFF,), Lamp.ON), Move("switch", (Lamp.OFF,), Lamp.BROKEN)])
