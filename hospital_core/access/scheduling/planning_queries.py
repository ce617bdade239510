"""Reading templates, the calendar, rules and what generation could not do. Staff only: the routes ask for the right."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.calendar import DayPlan, day_plans
from hospital_core.access.scheduling.planning_views import (
    CalendarDayView,
    GenerationProblemView,
    PoolView,
    RuleException,
    RuleView,
    TemplateView,
)
from hospital_core.access.scheduling.rules import RULES, RuleCode
from hospital_core.access.scheduling.states import RuleScope, ServiceKind
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading

_CALENDAR_MAX = timedelta(days=400)

SERVICE_KIND_NAMES = {
    ServiceKind.GENERAL: "普通门诊",
    ServiceKind.EXPERT: "专家门诊",
    ServiceKind.SPECIAL: "特需门诊",
    ServiceKind.DISEASE: "专病门诊",
    ServiceKind.NIGHT: "夜间门诊",
    ServiceKind.EMERGENCY: "急诊",
    ServiceKind.EXAMINATION: "检查",
    ServiceKind.ONLINE: "线上复诊",
}

_TEMPLATES = """
SELECT t.*, d.name AS department, m.name AS doctor, m.title, r.name AS room, c.name AS campus, p.name AS price_item,
       round(v.unit_price * 100)::bigint AS fee_fen
FROM schedule_template t JOIN department d ON d.id = t.department_id JOIN staff_member m ON m.id = t.staff_id
JOIN location r ON r.id = t.room_id JOIN campus c ON c.id = r.campus_id JOIN price_item p ON p.id = t.price_item_id
LEFT JOIN price v ON v.item_id = t.price_item_id AND tstzrange(v.valid_from, v.valid_until) @> hospital_now()
WHERE """
_OF = """
t.active AND ($1::uuid IS NULL OR t.department_id = $1) AND ($2::uuid IS NULL OR t.staff_id = $2)
AND ($3::int IS NULL OR t.weekday = $3) AND (t.valid_until IS NULL OR t.valid_until >= $4)
ORDER BY d.code, t.weekday, t.starts_minute, m.staff_no LIMIT 2000"""
_POOLS = """
SELECT template_id, pool, places, returns_minutes_before FROM template_pool WHERE template_id = ANY($1::uuid[])
ORDER BY pool"""

_PROBLEMS = """
SELECT g.template_id, g.day, g.trouble, g.found_at, d.name AS department, m.name AS doctor, r.name AS room, t.period
FROM generation_problem g JOIN schedule_template t ON t.id = g.template_id JOIN department d ON d.id = t.department_id
JOIN staff_member m ON m.id = t.staff_id JOIN location r ON r.id = t.room_id
WHERE g.day >= (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date AND t.active
  AND (t.valid_until IS NULL OR t.valid_until >= g.day)
ORDER BY g.day, d.code, t.starts_minute LIMIT 500"""

_RULES = """
SELECT b.code, b.scope, b.scope_key, b.value, b.changed_at, m.name AS changed_by, d.name AS department
FROM booking_rule b LEFT JOIN staff_member m ON m.id = b.changed_by
LEFT JOIN department d ON b.scope = 'department' AND d.id::text = b.scope_key
ORDER BY b.scope, b.scope_key"""


async def templates(
    reading: Reading, *, department_id: UUID | None = None, staff_id: UUID | None = None, weekday: int | None = None
) -> Page[TemplateView]:
    """Templates that run today or later (排班模板)."""
    today = await reading.fetch_value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date")
    return Page(items=await _templates(reading, _OF, department_id, staff_id, weekday, today))


async def template(reading: Reading, template_id: UUID) -> TemplateView:
    """One template (排班模板). Raises NotFound."""
    found = await _templates(reading, "t.id = $1", template_id)
    if not found:
        raise NotFound()
    return found[0]


async def _templates(reading: Reading, where: str, *values: Any) -> list[TemplateView]:
    rows = await reading.fetch(_TEMPLATES + where, *values)
    pools: dict[UUID, list[PoolView]] = {}
    for row in await reading.fetch(_POOLS, [row["id"] for row in rows]) if rows else ():
        pools.setdefault(row["template_id"], []).append(PoolView(**{name: row[name] for name in PoolView.model_fields}))
    names = TemplateView.model_fields.keys() - {"pools"}
    return [TemplateView(**{name: row[name] for name in names}, pools=pools.get(row["id"], [])) for row in rows]


async def generation_problems(reading: Reading) -> Page[GenerationProblemView]:
    """Templates that made no session on a coming day, and why (放号异常)."""
    return Page(items=[GenerationProblemView(**dict(row)) for row in await reading.fetch(_PROBLEMS)])


def calendar_view(plan: DayPlan) -> CalendarDayView:
    """Shape of a day."""
    return CalendarDayView(**{name: getattr(plan, name) for name in CalendarDayView.model_fields})


async def calendar(reading: Reading, first: date, last: date) -> Page[CalendarDayView]:
    """What the days from the first to the last are (日历). Raises FieldProblem."""
    if not timedelta() <= last - first <= _CALENDAR_MAX:
        raise FieldProblem("/last", "一次最多查看 400 天")
    return Page(items=[calendar_view(plan) for plan in await day_plans(reading, first, last)])


async def rules(reading: Reading) -> Page[RuleView]:
    """Every booking rule with its exceptions (预约规则)."""
    rows = await reading.fetch(_RULES)
    return Page(items=[_rule(code, rows) for code in RuleCode])


async def rule(reading: Reading, code: RuleCode) -> RuleView:
    """One booking rule (预约规则)."""
    return _rule(code, await reading.fetch(_RULES))


def _rule(code: RuleCode, rows: Any) -> RuleView:
    known, own = RULES[code], [row for row in rows if row["code"] == code]
    said = next((row["value"] for row in own if row["scope"] == RuleScope.HOSPITAL), known.default)
    return RuleView(
        code=code, label=known.label, hint=known.hint, unit=known.unit, form=known.form, default=known.default,
        lowest=known.lowest, highest=known.highest, scopes=sorted(known.scopes), value=said,
        exceptions=[_exception(row) for row in own if row["scope"] != RuleScope.HOSPITAL],
    )  # fmt: skip


def _exception(row: Record) -> RuleException:
    key: str = row["scope_key"]
    name = row["department"] if row["scope"] == RuleScope.DEPARTMENT else SERVICE_KIND_NAMES[ServiceKind(key)]
    return RuleException(
        scope=RuleScope(row["scope"]), scope_key=key, name=name or key, value=row["value"],
        changed_at=row["changed_at"], changed_by=row["changed_by"],
    )  # fmt: skip
