"""The day in figures (今日看板), for those who run the house."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.management.analytics.queries import day_board
from hospital_core.management.analytics.views import DayBoardView
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class BoardQuery(Query):
    """Of which campus; without: of all."""

    campus_id: UUID | None = None


@routes.get(
    "/board", view=DayBoardView, permission=Permission.BOARD_READ, query=BoardQuery, etag=True, errors=(NotFound,)
)  # fmt: skip
async def board(call: Call[Any]) -> DayBoardView:
    """Today's visits, places and money in figures, of one campus or all (今日看板)."""
    return await day_board(Reading(call.ctx), call.query.campus_id)
