"""The ward at the bedside (病区端接口): ``/api/ward/v1``, opened by the same log-in as the console."""

from typing import Any

from backend.api.staff.sessions import SessionAnswer, answer_of
from backend.http.routing import Audience, Call, Route, Routes
from hospital_core.kernel.commands import Page
from hospital_core.kernel.reading import Reading
from hospital_core.registry.organization.queries import locations
from hospital_core.registry.organization.states import LocationKind
from hospital_core.registry.organization.views import LocationView
from hospital_core.registry.staff.permissions import Permission

routes = Routes("ward", "/api/ward/v1", Audience.STAFF)


@routes.get("/session", view=SessionAnswer, audience=Audience.OPEN)
async def session(call: Call[Any]) -> SessionAnswer:
    """Who is signed in on this device (当前会话); nobody is an answer, not an error."""
    return await answer_of(call)


@routes.get("/wards", view=Page[LocationView], permission=Permission.WARD_READ)
async def wards(call: Call[Any]) -> Page[LocationView]:
    """The hospital's wards (病区)."""
    return Page(items=await locations(Reading(call.ctx), LocationKind.WARD))


ROUTES: list[Route] = routes.table
