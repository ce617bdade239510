"""Setting what booking and the calendar obey (预约规则与日历维护)."""

from uuid import UUID

from hospital_core.access.scheduling.calendar import day_plan
from hospital_core.access.scheduling.planning_commands import ClearCalendarDay, ClearRule, SaveCalendarDay, SetRule
from hospital_core.access.scheduling.planning_queries import calendar_view, rule
from hospital_core.access.scheduling.planning_views import CalendarDayView, RuleView
from hospital_core.access.scheduling.rules import RULES, RuleCode, forget_rules
from hospital_core.access.scheduling.service.generating import move_releases
from hospital_core.access.scheduling.states import RuleScope, ServiceKind
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

_SET = """
INSERT INTO booking_rule AS kept (id, version, code, scope, scope_key, value, changed_at, changed_by)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7)
ON CONFLICT (code, scope, scope_key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by, version = kept.version + 1
RETURNING id"""
_CLEAR = "DELETE FROM booking_rule WHERE code = $1 AND scope = $2 AND scope_key = $3"

_DAY = """
INSERT INTO calendar_day AS kept (id, version, day, kind, as_weekday, name, edited)
VALUES ($1, 0, $2, $3, $4, $5, true)
ON CONFLICT (day) DO UPDATE SET kind = excluded.kind, as_weekday = excluded.as_weekday, name = excluded.name,
    edited = true, version = kept.version + 1
RETURNING id"""

_RELEASING = (RuleCode.WINDOW_DAYS, RuleCode.RELEASE_MINUTE)


async def set_rule(uow: UnitOfWork, command: SetRule) -> RuleView:
    """Set a booking rule for the hospital, a department or a service kind (设置预约规则).

    Acts on every later booking within two seconds; sessions not yet released follow a changed window.
    Raises: Forbidden, FieldProblem.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    known = RULES[command.code]
    if not known.lowest <= command.value <= known.highest:
        raise FieldProblem("/value", f"取值范围 {known.lowest} 至 {known.highest}{known.unit}")
    if command.scope not in known.scopes:
        raise FieldProblem("/scope", "该规则不能按此范围设置")
    await _check_key(uow, command.scope, command.scope_key)
    row = await uow.fetch_row(
        _SET, new_id(), command.code.value, command.scope.value, command.scope_key, command.value, uow.now,
        uow.ctx.actor.id,
    )  # fmt: skip
    assert row is not None
    return await _changed(uow, command.code, row["id"])


async def clear_rule(uow: UnitOfWork, command: ClearRule) -> RuleView:
    """Take a rule's word back (清除预约规则); clearing what was never set changes nothing. Raises: Forbidden."""
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    await uow.execute(_CLEAR, command.code.value, command.scope.value, command.scope_key)
    return await _changed(uow, command.code, None)


async def _changed(uow: UnitOfWork, code: RuleCode, row_id: UUID | None) -> RuleView:
    forget_rules()
    if code in _RELEASING:
        await move_releases(uow)
    if row_id is not None:
        uow.audited("booking_rule", row_id, reason=code.value)
    return await rule(uow, code)


async def _check_key(uow: UnitOfWork, scope: RuleScope, key: str) -> None:
    if scope is RuleScope.HOSPITAL:
        known = key == ""
    elif scope is RuleScope.SERVICE_KIND:
        known = key in set(ServiceKind)
    else:
        known = bool(await uow.fetch_value("SELECT true FROM department WHERE id::text = $1", key))
    if not known:
        raise FieldProblem("/scope_key", "没有这个科室或门诊类别")


async def save_calendar_day(uow: UnitOfWork, command: SaveCalendarDay) -> CalendarDayView:
    """Say what a day is (维护日历); what was generated for it already stays. Raises: Forbidden, FieldProblem."""
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    row = await uow.fetch_row(_DAY, new_id(), command.day, command.kind.value, command.as_weekday, command.name)
    assert row is not None
    uow.audited("calendar_day", row["id"])
    return calendar_view(await day_plan(uow, command.day))


async def clear_calendar_day(uow: UnitOfWork, command: ClearCalendarDay) -> CalendarDayView:
    """Let the library say again what a day is (恢复日历). Raises: Forbidden."""
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    await uow.execute("DELETE FROM calendar_day WHERE day = $1", command.day)
    return calendar_view(await day_plan(uow, command.day))
