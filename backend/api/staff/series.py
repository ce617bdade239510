"""Courses of visits at the desk (疗程预约): for who stands at the window, or sits before the doctor."""

from typing import Any

from backend.api.staff.base import staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.errors import SeriesDayRefused, SeriesNotOffered, SeriesTooLong
from hospital_core.access.scheduling.series_commands import BookSeries, CancelSeries, PlanSeries
from hospital_core.access.scheduling.series_queries import plan_series, series_of_patient
from hospital_core.access.scheduling.series_views import SeriesPlan, SeriesView
from hospital_core.access.scheduling.service.series import book_series, cancel_series
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


@routes.get(
    "/patients/{patient_id}/series", view=Page[SeriesView], permission=Permission.SERIES_BOOK, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def courses_of_patient(call: Call[Any]) -> Page[SeriesView]:
    """A person's courses (疗程预约), the newest first."""
    return await series_of_patient(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/series/plan", view=SeriesPlan, permission=Permission.SERIES_BOOK, owner=Owner.PATIENT, command=PlanSeries,
    errors=(NotFound, SeriesNotOffered, SeriesTooLong),
)  # fmt: skip
async def preview_course(call: Call[PlanSeries]) -> SeriesPlan:
    """See which days can be had (疗程预览); a read, with its question in the body."""
    return await plan_series(Reading(call.ctx), call.command)


@routes.post(
    "/series", view=SeriesView, permission=Permission.SERIES_BOOK, owner=Owner.PATIENT, command=BookSeries,
    idempotent=True, errors=(NotFound, Forbidden, FieldProblem, SeriesNotOffered, SeriesTooLong, SeriesDayRefused),
)  # fmt: skip
async def book_course(call: Call[BookSeries]) -> SeriesView:
    """Book a course, all or none (疗程预约); paid at each visit."""
    return await run(call.ctx, book_series, call.command)


@routes.post(
    "/series/{series_id}/cancel", view=SeriesView, permission=Permission.SERIES_BOOK, owner=Owner.PATIENT,
    command=CancelSeries, idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def give_back_course(call: Call[CancelSeries]) -> SeriesView:
    """Give back what is left of a course (取消剩余疗程)."""
    return await run(call.ctx, cancel_series, call.command)
