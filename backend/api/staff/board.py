"""The day in figures (今日看板), for those who run the house."""

from typing import Any

from backend.api.staff.base import staff_routes
from backend.http.routing import Call
from hospital_core.kernel.reading import Reading
from hospital_core.management.analytics.queries import day_board
from hospital_core.management.analytics.views import DayBoardView
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


@routes.get("/board", view=DayBoardView, permission=Permission.BOARD_READ, etag=True)
async def board(call: Call[Any]) -> DayBoardView:
    """Today's visits, places and money in figures (今日看板)."""
    return await day_board(Reading(call.ctx))
