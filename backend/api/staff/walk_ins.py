"""The registration window (挂号窗口)."""

from datetime import date
from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.queueing.commands import WalkIn
from hospital_core.access.queueing.service import register_and_check_in
from hospital_core.access.queueing.views import WalkInTicketView
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    CheckInClosed,
    SessionNotOpen,
    SessionOver,
    SessionStopped,
    SlotFull,
)
from hospital_core.access.scheduling.queries import sessions
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.finance.payments.errors import ShiftNotOpen, TenderTooSmall
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class DayQuery(Query):
    """Which day, and of which department when it is given."""

    day: date
    department_id: UUID | None = None


@routes.get("/schedules", view=Page[ScheduleView], permission=Permission.SCHEDULE_READ, query=DayQuery)
async def schedules(call: Call[Any]) -> Page[ScheduleView]:
    """Sessions of a day (排班) with the places left at the window."""
    return await sessions(Reading(call.ctx), call.query.department_id, call.query.day)


@routes.post(
    "/walk-ins", view=WalkInTicketView, permission=Permission.WALK_IN_REGISTER, owner=Owner.PATIENT, command=WalkIn,
    idempotent=True,
    errors=(Forbidden, NotFound, SlotFull, SessionOver, SessionStopped, SessionNotOpen, AlreadyBooked, CheckInClosed,
            TenderTooSmall, ShiftNotOpen),
)  # fmt: skip
async def register_walk_in(call: Call[WalkIn]) -> WalkInTicketView:
    """Sell a place for cash and check in at once (现场挂号)."""
    return await run(call.ctx, register_and_check_in, call.command)
