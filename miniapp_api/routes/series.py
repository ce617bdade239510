"""Courses of visits (疗程预约): looked at, booked together, given back together."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.errors import ProofNeeded, SeriesDayRefused, SeriesNotOffered, SeriesTooLong
from hospital_core.access.scheduling.series_commands import BookSeries, CancelSeries, PlanSeries
from hospital_core.access.scheduling.series_queries import my_series, plan_series, series
from hospital_core.access.scheduling.series_views import SeriesPlan, SeriesView
from hospital_core.access.scheduling.service.series import book_series, cancel_series
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes


@routes.get("/series", view=Page[SeriesView], owner=Owner.ACCOUNT)
async def list_series(call: Call[Any]) -> Page[SeriesView]:
    """Courses of the account's patients (我的疗程), the newest first."""
    return await my_series(Reading(call.ctx))


@routes.post(
    "/series/plan", view=SeriesPlan, owner=Owner.PATIENT, command=PlanSeries,
    errors=(NotFound, SeriesNotOffered, SeriesTooLong),
)  # fmt: skip
async def preview_series(call: Call[PlanSeries]) -> SeriesPlan:
    """See which days can be had (疗程预览); a read, whose question says who is ill with what."""
    return await plan_series(Reading(call.ctx), call.command)


@routes.post(
    "/series", view=SeriesView, owner=Owner.PATIENT, command=BookSeries, idempotent=True,
    errors=(NotFound, FieldProblem, SeriesNotOffered, SeriesTooLong, SeriesDayRefused),
)  # fmt: skip
async def post_series(call: Call[BookSeries]) -> SeriesView:
    """Book a course, all or none (疗程预约); paid at each visit."""
    return await run(call.ctx, book_series, call.command)


@routes.get("/series/{series_id}", view=SeriesView, owner=Owner.PATIENT, errors=(NotFound,))
async def get_series(call: Call[Any]) -> SeriesView:
    """One course with its visits (疗程)."""
    return await series(Reading(call.ctx), call.path["series_id"])


@routes.post(
    "/series/{series_id}/cancel", view=SeriesView, owner=Owner.PATIENT, command=CancelSeries, idempotent=True,
    errors=(NotFound, ProofNeeded),
)  # fmt: skip
async def give_back_series(call: Call[CancelSeries]) -> SeriesView:
    """Give back what is left of a course (取消剩余疗程)."""
    return await run(call.ctx, cancel_series, call.command)
