"""Changes of clinics (停诊、替诊、加号)."""

from typing import Any

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.disruption_queries import clinic_changes, disruptions_of, move_targets
from hospital_core.access.scheduling.errors import (
    AddOnsUsedUp,
    AlreadyBooked,
    DisruptionSettled,
    DoctorElsewhere,
    NothingToStop,
    NotReleased,
    OnlineAccountNeeded,
    OnlineFirstVisit,
    PaidExaminationOnly,
    RealNameRequired,
    SessionOver,
    SessionStopped,
    SlotFull,
    TooManyBookings,
    WindowOnly,
)
from hospital_core.access.scheduling.planning_commands import AddOn, AnswerDisruption, StopClinic, SubstituteDoctor
from hospital_core.access.scheduling.planning_views import (
    ClinicChangeView,
    ClinicsChangedView,
    DisruptionView,
    MoveTarget,
)
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.changing import stop_clinic, substitute_doctor
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.patients.errors import PatientMerged
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class ChangesQuery(Query):
    """Changes of the sessions of a day."""

    day: Day


@routes.get(
    "/clinic-changes", view=Page[ClinicChangeView], permission=Permission.SCHEDULE_READ, query=ChangesQuery
)  # fmt: skip
async def changes(call: Call[Any]) -> Page[ClinicChangeView]:
    """What was stopped or handed over on a day, and how its patients stand (停替诊一览)."""
    return await clinic_changes(Reading(call.ctx), call.query.day)


@routes.get(
    "/clinic-changes/{change_id}/disruptions", view=Page[DisruptionView], permission=Permission.DISRUPTION_SETTLE,
    errors=(NotFound,),
)  # fmt: skip
async def met(call: Call[Any]) -> Page[DisruptionView]:
    """Whom a change met and what became of them (停替诊患者)."""
    return await disruptions_of(Reading(call.ctx), call.path["change_id"])


@routes.post(
    "/schedules/stop", view=ClinicsChangedView, permission=Permission.SCHEDULE_MANAGE, command=StopClinic,
    idempotent=True, errors=(FieldProblem, NotFound, NothingToStop),
)  # fmt: skip
async def stop(call: Call[StopClinic]) -> ClinicsChangedView:
    """Stop sessions, a doctor's day or half day, or some numbers of a session (停诊)."""
    return await run(call.ctx, stop_clinic, call.command)


@routes.post(
    "/schedules/{schedule_id}/substitute", view=ClinicChangeView, permission=Permission.SCHEDULE_MANAGE,
    command=SubstituteDoctor, idempotent=True, errors=(FieldProblem, NothingToStop, DoctorElsewhere),
)  # fmt: skip
async def substitute(call: Call[SubstituteDoctor]) -> ClinicChangeView:
    """Give a session to another doctor (替诊)."""
    return await run(call.ctx, substitute_doctor, call.command)


@routes.post(
    "/schedules/{schedule_id}/add-ons", view=AppointmentView, permission=Permission.APPOINTMENT_ADD_ON,
    owner=Owner.PATIENT, command=AddOn, idempotent=True,
    errors=(Forbidden, NotFound, AddOnsUsedUp, SessionStopped, SessionOver, AlreadyBooked, RealNameRequired,
            TooManyBookings, NotReleased, WindowOnly, PaidExaminationOnly, OnlineFirstVisit, OnlineAccountNeeded,
            PatientMerged),
)  # fmt: skip
async def give_add_on(call: Call[AddOn]) -> AppointmentView:
    """Give a named patient a place beyond one's own session's (加号)."""
    return await run(call.ctx, add_on, call.command)


@routes.get(
    "/disruptions/{disruption_id}/move-targets", view=Page[MoveTarget], permission=Permission.DISRUPTION_SETTLE,
    owner=Owner.PATIENT, errors=(NotFound,),
)  # fmt: skip
async def targets(call: Call[Any]) -> Page[MoveTarget]:
    """Sessions to which a patient can be moved (可改约时段)."""
    return await move_targets(Reading(call.ctx), call.path["disruption_id"])


@routes.post(
    "/disruptions/{disruption_id}/answer", view=DisruptionView, permission=Permission.DISRUPTION_SETTLE,
    owner=Owner.PATIENT, command=AnswerDisruption, idempotent=True,
    errors=(FieldProblem, NotFound, DisruptionSettled, SlotFull, AlreadyBooked),
)  # fmt: skip
async def answer(call: Call[AnswerDisruption]) -> DisruptionView:
    """Answer for a patient who called or came to the window (代答停替诊)."""
    return await run(call.ctx, answer_disruption, call.command)
