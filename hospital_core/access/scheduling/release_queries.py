"""Reading how the release of coming days stands (放号计划). Staff only: the route asks for the right."""

from datetime import timedelta

from hospital_core.access.scheduling.calendar import DayPlan, day_plans
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.planning_views import ReleaseDayView
from hospital_core.access.scheduling.rules import RULES, RuleCode, read_rules
from hospital_core.access.scheduling.statements import is_free
from hospital_core.kernel.commands import Page
from hospital_core.kernel.reading import Reading

# 1 days, 2 the weekday each runs, 3 whether it is a holiday. What runs on a day is what generation would make of it.
_DAYS = f"""
WITH w AS (SELECT * FROM unnest($1::date[], $2::int[], $3::boolean[]) AS w(day, weekday, holiday))
SELECT w.day, coalesce(run.planned, 0) AS planned, coalesce(run.missing, 0) AS missing,
       coalesce(s.sessions, 0) AS sessions, coalesce(s.stopped, 0) AS stopped, s.released_from,
       s.released_until, coalesce(p.places, 0) AS places, coalesce(p.places_left, 0) AS places_left,
       (SELECT count(*) FROM generation_problem g WHERE g.day = w.day) AS problems
FROM w
LEFT JOIN LATERAL (
    SELECT count(*) AS planned,
           count(*) FILTER (
               WHERE (w.day + make_interval(mins => t.ends_minute)) AT TIME ZONE 'Asia/Shanghai' > hospital_now()
                 AND NOT EXISTS (SELECT 1 FROM schedule m WHERE m.template_id = t.id AND m.day = w.day)) AS missing
    FROM schedule_template t
    WHERE t.active AND t.weekday = w.weekday AND (t.works_on_holidays OR NOT w.holiday) AND t.valid_from <= w.day
      AND (t.valid_until IS NULL OR t.valid_until >= w.day)) AS run ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'active') AS sessions, count(*) FILTER (WHERE status = 'stopped') AS stopped,
           min(released_at) FILTER (WHERE status = 'active') AS released_from,
           max(released_at) FILTER (WHERE status = 'active') AS released_until
    FROM schedule d
    WHERE d.starts_at >= w.day::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND d.starts_at < (w.day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai') AS s ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE slot.status <> 'closed') AS places,
           count(*) FILTER (WHERE slot.starts_at > hospital_now()
                                  AND {is_free("slot", "hospital_now()")}) AS places_left
    FROM schedule d JOIN slot ON slot.schedule_id = d.id
    WHERE d.starts_at >= w.day::timestamp AT TIME ZONE 'Asia/Shanghai' AND d.status = 'active'
      AND d.starts_at < (w.day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai') AS p ON true
ORDER BY w.day"""

# So that nobody who books at the moment of release waits for the generation.
AHEAD_DAYS = 2


async def generated_days(reading: Reading) -> list[DayPlan]:
    """The days that generation keeps made (待生成日期): from today to two days beyond the widest booking window."""
    book = await read_rules(reading)
    windows = [value for (code, _, _), value in book.changed.items() if code == RuleCode.WINDOW_DAYS]
    today = day_of(await reading.fetch_value("SELECT hospital_now()"))
    last = max([*windows, RULES[RuleCode.WINDOW_DAYS].default]) + AHEAD_DAYS
    return await day_plans(reading, today, today + timedelta(days=last))


async def release_days(reading: Reading) -> Page[ReleaseDayView]:
    """Coming days with what their templates plan and what was made of it (放号计划)."""
    plans = await generated_days(reading)
    rows = await reading.fetch(
        _DAYS, [plan.day for plan in plans], [plan.weekday for plan in plans], [plan.is_holiday for plan in plans]
    )
    return Page(items=[_view(plan, dict(row)) for plan, row in zip(plans, rows, strict=True)])


def _view(plan: DayPlan, figures: dict[str, object]) -> ReleaseDayView:
    told = {name: getattr(plan, name) for name in ("kind", "weekday", "name", "known")}
    return ReleaseDayView.model_validate({**figures, **told})
