"""Planning of clinics (排班管理): weekly templates, single sessions, release, the calendar, booking rules."""

from typing import Any
from uuid import UUID

from pydantic import Field

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.access.scheduling.commands import MakeSchedule
from hospital_core.access.scheduling.errors import DoctorElsewhere, RoomTaken, TemplateOverlaps
from hospital_core.access.scheduling.planning_commands import (
    ClearCalendarDay,
    ClearRule,
    EndTemplate,
    GenerateDay,
    SaveCalendarDay,
    SaveTemplate,
    SetRule,
)
from hospital_core.access.scheduling.planning_queries import calendar, generation_problems, rules, templates
from hospital_core.access.scheduling.planning_views import (
    CalendarDayView,
    GeneratedView,
    GenerationProblemView,
    ReleaseDayView,
    RuleView,
    TemplateView,
)
from hospital_core.access.scheduling.release_queries import release_days
from hospital_core.access.scheduling.service import make_schedule
from hospital_core.access.scheduling.service.generating import generate_day
from hospital_core.access.scheduling.service.ruling import (
    clear_calendar_day,
    clear_rule,
    save_calendar_day,
    set_rule,
)
from hospital_core.access.scheduling.service.templates import end_template, save_template
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.errors import NoPrice
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class TemplateQuery(Query):
    """Templates of a department, a doctor, a weekday."""

    department_id: UUID | None = None
    staff_id: UUID | None = None
    weekday: int | None = Field(default=None, ge=1, le=7)


class DaysQuery(Query):
    """From which day to which."""

    first: Day
    last: Day


@routes.get(
    "/schedule-templates", view=Page[TemplateView], permission=Permission.SCHEDULE_READ, query=TemplateQuery
)  # fmt: skip
async def all_templates(call: Call[Any]) -> Page[TemplateView]:
    """Sessions that repeat every week (排班模板)."""
    query = call.query
    return await templates(
        Reading(call.ctx), department_id=query.department_id, staff_id=query.staff_id, weekday=query.weekday
    )


@routes.post(
    "/schedule-templates", view=TemplateView, permission=Permission.SCHEDULE_MANAGE, command=SaveTemplate,
    idempotent=True, errors=(FieldProblem, NotFound, NoPrice, StateConflict, TemplateOverlaps),
)  # fmt: skip
async def keep_template(call: Call[SaveTemplate]) -> TemplateView:
    """Create or change a session that repeats every week (维护排班模板)."""
    return await run(call.ctx, save_template, call.command)


@routes.post(
    "/schedule-templates/{template_id}/end", view=TemplateView, permission=Permission.SCHEDULE_MANAGE,
    command=EndTemplate, idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def stop_template(call: Call[EndTemplate]) -> TemplateView:
    """Say on which day a template runs for the last time (停用排班模板)."""
    return await run(call.ctx, end_template, call.command)


@routes.post(
    "/schedules", view=ScheduleView, permission=Permission.SCHEDULE_MANAGE, command=MakeSchedule, idempotent=True,
    errors=(FieldProblem, NotFound, NoPrice, DoctorElsewhere, RoomTaken),
)  # fmt: skip
async def plan_session(call: Call[MakeSchedule]) -> ScheduleView:
    """Plan a single session (临时排班)."""
    return await run(call.ctx, make_schedule, call.command)


@routes.post(
    "/schedules/generate", view=GeneratedView, permission=Permission.SCHEDULE_MANAGE, command=GenerateDay,
    idempotent=True,
)  # fmt: skip
async def generate(call: Call[GenerateDay]) -> GeneratedView:
    """Make a day's missing sessions now (手工放号); the worker does so by itself every hour."""
    return await run(call.ctx, generate_day, call.command)


@routes.get("/release-days", view=Page[ReleaseDayView], permission=Permission.SCHEDULE_READ)
async def coming_days(call: Call[Any]) -> Page[ReleaseDayView]:
    """Coming days with what their templates plan, what was made of it, and from when on it can be booked (放号计划)."""
    return await release_days(Reading(call.ctx))


@routes.get("/generation-problems", view=Page[GenerationProblemView], permission=Permission.SCHEDULE_READ)
async def problems(call: Call[Any]) -> Page[GenerationProblemView]:
    """Templates that made no session on a coming day, and why (放号异常)."""
    return await generation_problems(Reading(call.ctx))


@routes.get(
    "/calendar", view=Page[CalendarDayView], permission=Permission.SCHEDULE_READ, query=DaysQuery,
    errors=(FieldProblem,),
)  # fmt: skip
async def days(call: Call[Any]) -> Page[CalendarDayView]:
    """What days are (日历): holidays, worked weekends, and whose templates run."""
    return await calendar(Reading(call.ctx), call.query.first, call.query.last)


@routes.post(
    "/calendar-days", view=CalendarDayView, permission=Permission.SCHEDULE_MANAGE, command=SaveCalendarDay,
    idempotent=True,
)  # fmt: skip
async def keep_day(call: Call[SaveCalendarDay]) -> CalendarDayView:
    """Say what a day is (维护日历)."""
    return await run(call.ctx, save_calendar_day, call.command)


@routes.post(
    "/calendar-days/clear", view=CalendarDayView, permission=Permission.SCHEDULE_MANAGE, command=ClearCalendarDay,
    idempotent=True,
)  # fmt: skip
async def forget_day(call: Call[ClearCalendarDay]) -> CalendarDayView:
    """Let the library say again what a day is (恢复日历)."""
    return await run(call.ctx, clear_calendar_day, call.command)


@routes.get("/booking-rules", view=Page[RuleView], permission=Permission.SCHEDULE_READ)
async def all_rules(call: Call[Any]) -> Page[RuleView]:
    """Every booking rule with its exceptions (预约规则)."""
    return await rules(Reading(call.ctx))


@routes.post(
    "/booking-rules", view=RuleView, permission=Permission.SCHEDULE_MANAGE, command=SetRule, idempotent=True,
    errors=(FieldProblem,),
)  # fmt: skip
async def change_rule(call: Call[SetRule]) -> RuleView:
    """Set a booking rule for the hospital, a department or a service kind (设置预约规则)."""
    return await run(call.ctx, set_rule, call.command)


@routes.post(
    "/booking-rules/clear", view=RuleView, permission=Permission.SCHEDULE_MANAGE, command=ClearRule, idempotent=True
)  # fmt: skip
async def forget_rule(call: Call[ClearRule]) -> RuleView:
    """Take a rule's word back (清除预约规则)."""
    return await run(call.ctx, clear_rule, call.command)
