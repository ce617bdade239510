"""Places for paid examinations (检查预约); moving, giving back and arriving are as for every appointment."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.access.examinations.commands import BookExamination, JoinExamination
from hospital_core.access.examinations.errors import (
    ExaminationBooked,
    ExaminationElsewhere,
    ExaminationNotPaid,
    ExaminationOver,
    ExaminationTooSoon,
)
from hospital_core.access.examinations.queries import examination_places, examinations_of_visit, my_examinations
from hospital_core.access.examinations.service import book_examination, join_examination
from hospital_core.access.examinations.views import ExaminationOfVisit, ExaminationPlacesView, ExaminationView
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    NotReleased,
    RealNameRequired,
    SessionOver,
    SessionStopped,
    SlotBegun,
    SlotTaken,
)
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes
from miniapp_api.views import DayQuery

_NOT_HAD = (NotFound, ExaminationNotPaid, ExaminationOver, ExaminationBooked, ExaminationElsewhere, ExaminationTooSoon)


@routes.get("/examinations", view=Page[ExaminationView], owner=Owner.ACCOUNT, etag=True)
async def list_examinations(call: Call[Any]) -> Page[ExaminationView]:
    """Paid examinations to be booked or booked, with how one prepares (检查预约)."""
    return await my_examinations(Reading(call.ctx))


@routes.get(
    "/examinations/{charge_item_id}/places", view=ExaminationPlacesView, owner=Owner.PATIENT, query=DayQuery,
    errors=(NotFound,),
)  # fmt: skip
async def get_places(call: Call[Any]) -> ExaminationPlacesView:
    """Days with places for an examination, and the places of one of them (可约检查号)."""
    return await examination_places(Reading(call.ctx), call.path["charge_item_id"], call.query.day)


@routes.post(
    "/examinations/{charge_item_id}/appointments", view=AppointmentView, owner=Owner.PATIENT, command=BookExamination,
    idempotent=True,
    errors=(*_NOT_HAD, AlreadyBooked, SlotTaken, SlotBegun, SessionOver, SessionStopped, NotReleased, RealNameRequired),
)  # fmt: skip
async def post_place(call: Call[BookExamination]) -> AppointmentView:
    """Take a place for a paid examination (预约检查), and for others done along with it."""
    return await run(call.ctx, book_examination, call.command)


@routes.post(
    "/examinations/{charge_item_id}/join", view=AppointmentView, owner=Owner.PATIENT, command=JoinExamination,
    idempotent=True, errors=_NOT_HAD,
)  # fmt: skip
async def post_join(call: Call[JoinExamination]) -> AppointmentView:
    """Have an examination done at an appointment that stands already (并入已有预约)."""
    return await run(call.ctx, join_examination, call.command)


@routes.get(
    "/appointments/{appointment_id}/examinations", view=Page[ExaminationOfVisit], owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def list_examinations_of_visit(call: Call[Any]) -> Page[ExaminationOfVisit]:
    """What is done at an appointment, and how one prepares for it (检查须知)."""
    return await examinations_of_visit(Reading(call.ctx), call.path["appointment_id"])
