"""Hospital days (门诊日): where a day begins and ends, and which part of it a moment belongs to."""

from datetime import date, datetime, time, timedelta

from hospital_core.access.scheduling.states import DayPeriod
from hospital_core.registry.patients.ages import SHANGHAI, hospital_day

__all__ = ["SHANGHAI", "bounds_of", "day_of", "minute_of", "period_of"]

_AFTERNOON = time(12)
_NIGHT = time(17)
_MORNING = time(6)

day_of = hospital_day


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """First moment of a day and of the next one."""
    start = datetime.combine(day, time(), SHANGHAI)
    return start, start + timedelta(days=1)


def minute_of(day: date, minute: int) -> datetime:
    """The moment so many minutes after midnight; 1440 is the next midnight."""
    return bounds_of(day)[0] + timedelta(minutes=minute)


def period_of(starts_at: datetime) -> DayPeriod:
    """The part of the day (午别) of a session that begins then, when nobody says otherwise."""
    clock = starts_at.astimezone(SHANGHAI).time()
    if _MORNING <= clock < _AFTERNOON:
        return DayPeriod.MORNING
    return DayPeriod.AFTERNOON if _AFTERNOON <= clock < _NIGHT else DayPeriod.NIGHT
