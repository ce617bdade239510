"""Hospital days (门诊日): where a day begins and ends, for asking the database."""

from datetime import date, datetime, time, timedelta

from hospital_core.registry.patients.ages import SHANGHAI, hospital_day

__all__ = ["bounds_of", "day_of"]

day_of = hospital_day


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """First moment of a day and of the next one."""
    start = datetime.combine(day, time(), SHANGHAI)
    return start, start + timedelta(days=1)
