"""States, once (状态机): one table per status column; guard, SQL, diagram and tests share it.

``transition`` is the only writer of a status: a conditional update whose row count says who won.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Move:
    """One row of a transition table: ``command`` leads from any of ``sources`` to ``target``."""

    command: str
    sources: tuple[StrEnum, ...]
    target: StrEnum


class Machine:
    """The transition table of one status column.

    A command may stand in several rows with disjoint sources; states without any row out of them are final.
    """

    def __init__(self, table: str, states: type[StrEnum], moves: Iterable[Move], column: str = "status") -> None:
        self.table = table
        self.column = column
        self.states = states
        self.moves = tuple(moves)
        seen: set[tuple[str, StrEnum]] = set()
        for move in self.moves:
            for source in move.sources:
                if (move.command, source) in seen:
                    raise ValueError(f"{table}: {move.command} leaves {source} twice")
                seen.add((move.command, source))

    def move(self, command: str) -> Move:
        """The single row of a command. Raises LookupError when there is none, or more than one."""
        rows = [move for move in self.moves if move.command == command]
        if len(rows) != 1:
            raise LookupError(f"{self.table}: {len(rows)} rows for {command}")
        return rows[0]

    def sources_sql(self, command: str, alias: str = "") -> str:
        """``status IN ('held','booked')`` for a statement's WHERE, generated from this table."""
        prefix = f"{alias}." if alias else ""
        names = ",".join(f"'{source.value}'" for source in self.move(command).sources)
        return f"{prefix}{self.column} IN ({names})"

    def target_sql(self, command: str) -> str:
        """``'booked'``: the literal a statement sets."""
        return f"'{self.move(command).target.value}'"

    def finals(self) -> set[StrEnum]:
        """States that nothing leads out of."""
        return set(self.states) - {source for move in self.moves for source in move.sources}

    def mermaid(self) -> str:
        """The state diagram for the documents."""
        lines = ["stateDiagram-v2"]
        lines += [f"    {s.value.replace('-', '_')} --> {m.target.value.replace('-', '_')}: {m.command}"
                  for m in self.moves for s in m.sources]  # fmt: skip
        return "\n".join(lines)


async def transition(
    uow: UnitOfWork, machine: Machine, command: str, row_id: UUID, *, version: int | None = None, **values: Any
) -> Record:
    """Move one row by a command and set further columns with it; returns the row after the update.

    Raises: NotFound when there is no such row, StateConflict when another was faster or the state forbids it.
    """
    arguments: list[Any] = [row_id]
    sets = [f"{machine.column} = {machine.target_sql(command)}", "version = version + 1"]
    for name, value in values.items():
        arguments.append(value)
        sets.append(f"{name} = ${len(arguments)}")
    where = f"id = $1 AND {machine.sources_sql(command)}"
    if version is not None:
        arguments.append(version)
        where += f" AND version = ${len(arguments)}"
    row = await uow.fetch_row(f"UPDATE {machine.table} SET {', '.join(sets)} WHERE {where} RETURNING *", *arguments)
    if row is not None:
        return row
    state = await uow.fetch_value(f"SELECT {machine.column} FROM {machine.table} WHERE id = $1", row_id)
    if state is None:
        raise NotFound()
    raise StateConflict(state=state, command=command)
