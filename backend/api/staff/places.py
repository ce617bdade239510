"""Campuses, departments and places (院区、科室、地点). Where things are is no secret among staff."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.organization.commands import LocateCampus, SaveDepartment, SaveLocation
from hospital_core.registry.organization.errors import PlaceOutOfOrder, StillInUse
from hospital_core.registry.organization.queries import campuses, departments, locations
from hospital_core.registry.organization.service import locate_campus, save_department, save_location
from hospital_core.registry.organization.states import DepartmentKind, LocationKind
from hospital_core.registry.organization.views import CampusView, DepartmentView, LocationView
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class DepartmentQuery(Query):
    """Departments of one kind; closed ones only when asked for."""

    kind: DepartmentKind | None = None
    with_closed: bool = False


class LocationQuery(Query):
    """Places of a kind, of a department, under a waiting area."""

    kind: LocationKind | None = None
    department_id: UUID | None = None
    parent_id: UUID | None = None
    with_closed: bool = False


@routes.get("/campuses", view=Page[CampusView])
async def all_campuses(call: Call[Any]) -> Page[CampusView]:
    """The hospital's campuses (院区)."""
    return Page(items=await campuses(Reading(call.ctx)))


@routes.post(
    "/campuses/{campus_id}/locate", view=CampusView, permission=Permission.ORGANIZATION_MANAGE, command=LocateCampus,
    idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def place_campus(call: Call[LocateCampus]) -> CampusView:
    """Say where a campus is on the map (院区定位), for checking in by place."""
    return await run(call.ctx, locate_campus, call.command)


@routes.get("/departments", view=Page[DepartmentView], query=DepartmentQuery)
async def all_departments(call: Call[Any]) -> Page[DepartmentView]:
    """Departments by code (科室)."""
    query = call.query
    return Page(items=await departments(Reading(call.ctx), query.kind, with_closed=query.with_closed))


@routes.post(
    "/departments", view=DepartmentView, permission=Permission.ORGANIZATION_MANAGE, command=SaveDepartment,
    idempotent=True, errors=(FieldProblem, PlaceOutOfOrder, StateConflict, StillInUse),
)  # fmt: skip
async def keep_department(call: Call[SaveDepartment]) -> DepartmentView:
    """Create or change the department of a code (维护科室)."""
    return await run(call.ctx, save_department, call.command)


@routes.get("/locations", view=Page[LocationView], query=LocationQuery)
async def all_locations(call: Call[Any]) -> Page[LocationView]:
    """Places by code (地点)."""
    query, reading = call.query, Reading(call.ctx)
    return Page(
        items=await locations(
            reading, query.kind, query.department_id, parent_id=query.parent_id, with_closed=query.with_closed
        )
    )


@routes.post(
    "/locations", view=LocationView, permission=Permission.ORGANIZATION_MANAGE, command=SaveLocation, idempotent=True,
    errors=(FieldProblem, PlaceOutOfOrder, StateConflict, StillInUse),
)  # fmt: skip
async def keep_location(call: Call[SaveLocation]) -> LocationView:
    """Create or change the place of a code (维护地点)."""
    return await run(call.ctx, save_location, call.command)
