"""Holidays and worked weekends (节假日与调休): what a day is, and whose weekly templates run on it.

The State Council announces each year's holidays the autumn before; the library ``chinesecalendar`` keeps them. Staff
may say otherwise for any day. A year that the library does not know has plain weekdays, and says so.
"""

import logging
from dataclasses import dataclass
from datetime import date
from functools import cache

from chinese_calendar.constants import Holiday, holidays, workdays

from hospital_core.access.scheduling.states import CalendarDayKind
from hospital_core.kernel.reading import Reading

log = logging.getLogger(__name__)

_SATURDAY, _FRIDAY = 6, 5
_CHINESE = {holiday.value: holiday.chinese for holiday in Holiday}
_KNOWN = frozenset(day.year for day in holidays)

EDITED = "SELECT day, kind, as_weekday, name FROM calendar_day WHERE edited AND day BETWEEN $1 AND $2 ORDER BY day"


@dataclass(frozen=True)
class DayPlan:
    """What a day is (日历): ``weekday`` says whose templates run, 1 = Monday; ``known``: the library has its year."""

    day: date
    kind: CalendarDayKind
    weekday: int
    name: str
    edited: bool
    known: bool

    @property
    def is_holiday(self) -> bool:
        """Only clinics that work on holidays take place."""
        return self.kind is CalendarDayKind.HOLIDAY


def library_day(day: date) -> DayPlan:
    """What the library says of a day; of a year it does not know, that the day is what its weekday says."""
    known = day.year in _KNOWN
    if not known:
        _warn(day.year)
    if day in holidays:
        return _plan(day, CalendarDayKind.HOLIDAY, None, _CHINESE.get(holidays[day], holidays[day]))
    if day in workdays:
        name = f"{_CHINESE.get(workdays[day], workdays[day])}调休"
        return _plan(day, CalendarDayKind.MAKEUP, None, name)
    return _plan(day, CalendarDayKind.WORKDAY, None, "")


def _plan(day: date, kind: CalendarDayKind, as_weekday: int | None, name: str, *, edited: bool = False) -> DayPlan:
    """On a worked weekend nobody can know which weekday it stands for: Friday's clinics, unless staff say another."""
    own = day.isoweekday()
    worked_weekend = kind is CalendarDayKind.MAKEUP and own >= _SATURDAY
    return DayPlan(day, kind, as_weekday or (_FRIDAY if worked_weekend else own), name, edited, day.year in _KNOWN)


@cache
def _warn(year: int) -> None:
    log.warning("no holidays known for the year: Monday to Friday are worked", extra={"year": year})


async def day_plans(reading: Reading, first: date, last: date) -> list[DayPlan]:
    """Each day from the first to the last, staff's word before the library's (日历)."""
    edited = {
        row["day"]: _plan(row["day"], CalendarDayKind(row["kind"]), row["as_weekday"], row["name"], edited=True)
        for row in await reading.fetch(EDITED, first, last)
    }
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    return [edited.get(day) or library_day(day) for day in days]


async def day_plan(reading: Reading, day: date) -> DayPlan:
    """What one day is (日历)."""
    (plan,) = await day_plans(reading, day, day)
    return plan
