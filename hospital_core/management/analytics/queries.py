"""The board of the day (今日看板). Its figures name nobody."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import bounds_of, day_of
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.management.analytics.statements import (
    DEPARTMENTS,
    MISSED,
    OPEN,
    PLACES,
    QUARTERS,
    RECEIVED,
    REFUNDED,
    STOPPED,
    TICKETS,
)
from hospital_core.management.analytics.views import (
    BoardCampus,
    BoardDepartment,
    BoardHour,
    BoardMoney,
    BoardQuarter,
    BoardStopped,
    BoardTakings,
    DayBoardView,
)
from hospital_core.registry.organization.queries import campuses

_QUARTER = timedelta(minutes=15)
_MONEY = ("received_fen", "refunded_fen")
_OPEN_MONEY = ("payments_open", "payments_open_fen", "refunds_pending", "refunds_pending_fen", "refunds_abnormal")
_OPEN_CARE = ("waitlist_waiting", "waitlist_offered", "disruptions_open")
_SUMS = ("sessions", "places", "places_free", "held", "booked", "no_show", "arrived", "waiting", "called", "serving",
         "passed", "finished")  # fmt: skip


async def day_board(reading: Reading, campus_id: UUID | None = None) -> DayBoardView:
    """The day at a glance (今日看板), by the hospital's clock, of one campus or all. The route holds the permission.

    Several statements, each of its own moment: figures may differ by what happened within some milliseconds.
    Raises: NotFound (no such campus).
    """
    sites = await campuses(reading)
    if campus_id is not None and campus_id not in {site.id for site in sites}:
        raise NotFound()
    now: datetime = await reading.fetch_value("SELECT hospital_now()")
    day = day_of(now)
    first, end = bounds_of(day)
    tables = [
        await reading.fetch(PLACES, first, end, now, campus_id),
        await reading.fetch(MISSED, day, campus_id),
        await reading.fetch(TICKETS, day, campus_id),
    ]
    figures = _by_department(tables)
    still = await reading.fetch_row(OPEN, campus_id)
    assert still is not None
    return DayBoardView(
        day=day,
        campus_id=campus_id,
        campuses=[BoardCampus(id=site.id, name=site.name) for site in sites],
        **{name: sum(own[name] for own in figures.values()) for name in _SUMS},
        **{name: still[name] for name in _OPEN_CARE},
        stopped=[BoardStopped(**dict(row)) for row in await reading.fetch(STOPPED, first, end, campus_id)],
        departments=await _departments(reading, figures),
        quarters=_quarters(await reading.fetch(QUARTERS, day, first, campus_id), now),
        money=await _money(reading, first, end, campus_id, still),
    )


def _by_department(tables: Iterable[Sequence[Record]]) -> dict[UUID, dict[str, int]]:
    """Every count of a department."""
    figures: dict[UUID, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_SUMS, 0))
    for rows in tables:
        for row in rows:
            figures[row["department_id"]] |= {name: row[name] for name in row.keys() if name in _SUMS}  # noqa: SIM118
    return figures


async def _departments(reading: Reading, figures: dict[UUID, dict[str, int]]) -> list[BoardDepartment]:
    rows = await reading.fetch(DEPARTMENTS, list(figures))
    names = BoardDepartment.model_fields.keys() - {"department_id", "department"}
    return [
        BoardDepartment(
            department_id=row["id"], department=row["name"], **{name: figures[row["id"]][name] for name in names}
        )
        for row in rows
    ]


def _quarters(rows: Sequence[Record], now: datetime) -> list[BoardQuarter]:
    """Without gaps, from the first arrival to the present quarter."""
    if not rows:
        return []
    known = {row["starts_at"]: row for row in rows}
    quarters: list[BoardQuarter] = []
    at, waiting = rows[0]["starts_at"], 0
    while at <= now:
        row = known.get(at)
        arrived, gone, finished = (row["arrived"], row["gone"], row["finished"]) if row else (0, 0, 0)
        waiting += arrived - gone
        quarters.append(BoardQuarter(starts_at=at, arrived=arrived, finished=finished, waiting=waiting))
        at += _QUARTER
    return quarters


async def _money(reading: Reading, first: datetime, end: datetime, campus_id: UUID | None, still: Record) -> BoardMoney:
    channels: dict[str, dict[str, Any]] = defaultdict(
        lambda: dict.fromkeys((*_MONEY, "received_count", "refunded_count"), 0)
    )
    hours: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_MONEY, 0))
    for statement, sides in ((RECEIVED, "received"), (REFUNDED, "refunded")):
        for row in await reading.fetch(statement, first, end, campus_id):
            channels[row["channel"]][f"{sides}_fen"] += row[f"{sides}_fen"]
            channels[row["channel"]][f"{sides}_count"] += row[f"{sides}_count"]
            hours[row["hour"]][f"{sides}_fen"] += row[f"{sides}_fen"]
    return BoardMoney(
        takings=[BoardTakings(channel=one, **channels[one]) for one in PaymentChannel if one in channels],
        hours=[BoardHour(hour=hour, **hours[hour]) for hour in _span(hours)],
        **{name: still[name] for name in _OPEN_MONEY},
    )


def _span(hours: Iterable[int]) -> range:
    """From the first hour that has anything to the last."""
    known = sorted(hours)
    return range(known[0], known[-1] + 1) if known else range(0)
