"""Days and ages (年龄) as the hospital counts them: by the calendar day in China."""

from datetime import date, datetime, timedelta, timezone

# One zone and no summer time since 1991; a fixed offset needs no zone database on the machine.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def hospital_day(now: datetime) -> date:
    """The calendar day in Shanghai of an aware time."""
    return now.astimezone(SHANGHAI).date()


def age_years(birth_date: date, today: date) -> int:
    """Full years (周岁); a birthday of 29 February comes on 1 March in ordinary years."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def age_text(birth_date: date | None, today: date) -> str:
    """``34岁``; under six years with months (``2岁3个月``), under one month in days, as paediatricians need it."""
    if birth_date is None:
        return "年龄不详"
    months = (today.year - birth_date.year) * 12 + today.month - birth_date.month - (today.day < birth_date.day)
    if months < 1:
        return f"{(today - birth_date).days}天"
    if months < 12:
        return f"{months}个月"
    years, rest = divmod(months, 12)
    return f"{years}岁{rest}个月" if years < 6 and rest else f"{years}岁"
