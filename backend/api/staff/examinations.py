"""Examinations at the desk (检查预约): the list of what is examined where, and places for patients' paid charges."""

from typing import Any

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.examinations.commands import (
    BookExamination,
    CancelExamination,
    JoinExamination,
    SaveExaminationItem,
)
from hospital_core.access.examinations.errors import (
    ExaminationBooked,
    ExaminationElsewhere,
    ExaminationItemTaken,
    ExaminationNotPaid,
    ExaminationOver,
    ExaminationTooSoon,
)
from hospital_core.access.examinations.queries import (
    examination_items,
    examination_places,
    examinations_of_patient,
    examinations_of_visit,
)
from hospital_core.access.examinations.service import (
    book_examination,
    cancel_examination,
    join_examination,
    save_examination_item,
)
from hospital_core.access.examinations.views import (
    ExaminationItemView,
    ExaminationOfVisit,
    ExaminationPlacesView,
    ExaminationView,
)
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    NotCancellable,
    NotReleased,
    SessionOver,
    SessionStopped,
    SlotBegun,
    SlotTaken,
)
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()
_NOT_HAD = (NotFound, ExaminationNotPaid, ExaminationOver, ExaminationBooked, ExaminationElsewhere, ExaminationTooSoon)


class PlacesQuery(Query):
    """A day; the first one with places when left out."""

    day: Day | None = None


@routes.get("/examination-items", view=Page[ExaminationItemView], permission=Permission.SCHEDULE_READ)
async def all_items(call: Call[Any]) -> Page[ExaminationItemView]:
    """What is examined at an appointed time, where, and how one prepares (检查项目)."""
    return await examination_items(Reading(call.ctx))


@routes.post(
    "/examination-items", view=ExaminationItemView, permission=Permission.SCHEDULE_MANAGE, command=SaveExaminationItem,
    idempotent=True, errors=(FieldProblem, NotFound, StateConflict, ExaminationItemTaken),
)  # fmt: skip
async def keep_item(call: Call[SaveExaminationItem]) -> ExaminationItemView:
    """Say where a price item is examined and how one prepares (维护检查项目)."""
    return await run(call.ctx, save_examination_item, call.command)


@routes.get(
    "/patients/{patient_id}/examinations", view=Page[ExaminationView], permission=Permission.EXAMINATION_BOOK,
    owner=Owner.PATIENT, errors=(NotFound,),
)  # fmt: skip
async def examinations_to_book(call: Call[Any]) -> Page[ExaminationView]:
    """A patient's paid examinations, to be booked or booked (检查预约)."""
    return await examinations_of_patient(Reading(call.ctx), call.path["patient_id"])


@routes.get(
    "/appointments/{appointment_id}/examinations", view=Page[ExaminationOfVisit], permission=Permission.QUEUE_READ,
    owner=Owner.PATIENT, errors=(NotFound,),
)  # fmt: skip
async def examinations_of_appointment(call: Call[Any]) -> Page[ExaminationOfVisit]:
    """What is to be done at an appointment (检查内容), for the room that does it."""
    return await examinations_of_visit(Reading(call.ctx), call.path["appointment_id"])


@routes.get(
    "/examinations/{charge_item_id}/places", view=ExaminationPlacesView, permission=Permission.EXAMINATION_BOOK,
    owner=Owner.PATIENT, query=PlacesQuery, errors=(NotFound,),
)  # fmt: skip
async def places_of_examination(call: Call[Any]) -> ExaminationPlacesView:
    """Days with places for an examination, and the places of one of them (可约检查号)."""
    return await examination_places(Reading(call.ctx), call.path["charge_item_id"], call.query.day)


@routes.post(
    "/examinations/{charge_item_id}/appointments", view=AppointmentView, permission=Permission.EXAMINATION_BOOK,
    owner=Owner.PATIENT, command=BookExamination, idempotent=True,
    errors=(*_NOT_HAD, AlreadyBooked, SlotTaken, SlotBegun, SessionOver, SessionStopped, NotReleased),
)  # fmt: skip
async def book_at_desk(call: Call[BookExamination]) -> AppointmentView:
    """Take a place for a paid examination, and for others done along with it (预约检查)."""
    return await run(call.ctx, book_examination, call.command)


@routes.post(
    "/examinations/{charge_item_id}/join", view=AppointmentView, permission=Permission.EXAMINATION_BOOK,
    owner=Owner.PATIENT, command=JoinExamination, idempotent=True, errors=_NOT_HAD,
)  # fmt: skip
async def join_at_desk(call: Call[JoinExamination]) -> AppointmentView:
    """Have an examination done at an appointment that stands already (并入已有预约)."""
    return await run(call.ctx, join_examination, call.command)


@routes.post(
    "/examinations/{charge_item_id}/cancel", view=AppointmentView, permission=Permission.EXAMINATION_BOOK,
    owner=Owner.PATIENT, command=CancelExamination, idempotent=True, errors=(NotFound, NotCancellable),
)  # fmt: skip
async def cancel_at_desk(call: Call[CancelExamination]) -> AppointmentView:
    """Give an examination's place back (取消检查预约)."""
    return await run(call.ctx, cancel_examination, call.command)
