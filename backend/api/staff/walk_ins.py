"""The registration window (挂号窗口)."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.queueing.commands import CheckIn, WalkIn
from hospital_core.access.queueing.service import check_in, register_and_check_in
from hospital_core.access.queueing.views import TicketView, WalkInTicketView
from hospital_core.access.scheduling.commands import BillFee
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    CheckInClosed,
    FeeDue,
    NotCheckInAble,
    NotPayable,
    OnlineAccountNeeded,
    OnlineFirstVisit,
    OnlineVisit,
    PaidExaminationOnly,
    PaymentOver,
    SessionNotOpen,
    SessionOver,
    SessionStopped,
    SlotFull,
)
from hospital_core.access.scheduling.queries import fees_due, sessions
from hospital_core.access.scheduling.service import bill_fee
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.payments.errors import ShiftNotOpen, TenderTooSmall
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class DayQuery(Query):
    """Which day, and of which department when it is given."""

    day: Day
    department_id: UUID | None = None


@routes.get("/schedules", view=Page[ScheduleView], permission=Permission.SCHEDULE_READ, query=DayQuery)
async def schedules(call: Call[Any]) -> Page[ScheduleView]:
    """Sessions of a day (排班) with the places left, and those of them that the window may sell."""
    return await sessions(Reading(call.ctx), call.query.department_id, call.query.day)


@routes.post(
    "/walk-ins", view=WalkInTicketView, permission=Permission.WALK_IN_REGISTER, owner=Owner.PATIENT, command=WalkIn,
    idempotent=True,
    errors=(Forbidden, NotFound, SlotFull, SessionOver, SessionStopped, SessionNotOpen, PaidExaminationOnly,
            AlreadyBooked, CheckInClosed, OnlineFirstVisit, OnlineAccountNeeded, TenderTooSmall, ShiftNotOpen),
)  # fmt: skip
async def register_walk_in(call: Call[WalkIn]) -> WalkInTicketView:
    """Sell a place for cash and check in at once (现场挂号)."""
    return await run(call.ctx, register_and_check_in, call.command)


@routes.get(
    "/patients/{patient_id}/fees-due", view=Page[AppointmentView], permission=Permission.CASH_TAKE,
    owner=Owner.PATIENT, errors=(NotFound,),
)  # fmt: skip
async def fees_of_patient(call: Call[Any]) -> Page[AppointmentView]:
    """Booked places of a person whose fee is paid at the hospital (待缴挂号费), the next one first."""
    return await fees_due(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/appointments/{appointment_id}/bill", view=InvoiceView, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    command=BillFee, idempotent=True, errors=(NotFound, NotPayable, SessionStopped, PaymentOver),
)  # fmt: skip
async def bill_of_fee(call: Call[BillFee]) -> InvoiceView:
    """The bill of an appointment's fee (窗口缴挂号费), to take money for like any other."""
    return await run(call.ctx, bill_fee, call.command)


@routes.post(
    "/appointments/{appointment_id}/check-in", view=TicketView, permission=Permission.WALK_IN_REGISTER,
    owner=Owner.PATIENT, command=CheckIn, idempotent=True,
    errors=(NotFound, Forbidden, NotCheckInAble, OnlineVisit, SessionStopped, CheckInClosed, FeeDue),
)  # fmt: skip
async def check_in_at_window(call: Call[CheckIn]) -> TicketView:
    """Give somebody who stands at the window the number of their booking (窗口取号)."""
    return await run(call.ctx, check_in, call.command)
