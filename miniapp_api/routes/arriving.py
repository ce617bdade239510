"""Arriving at the hospital (手机签到)."""

from backend.http.routing import Call, Owner
from hospital_core.access.queueing.commands import CheckInByPhone, CheckInOnline
from hospital_core.access.queueing.errors import (
    LocationTooVague,
    LocationUnknown,
    NotAtHospital,
    PresenceCodeExpired,
    PresenceCodeInvalid,
    PresenceCodeUsed,
)
from hospital_core.access.queueing.presence import check_in_by_phone
from hospital_core.access.queueing.service import check_in_online
from hospital_core.access.queueing.views import TicketView
from hospital_core.access.scheduling.errors import (
    CheckInClosed,
    FeeDue,
    NotCheckInAble,
    OnlineVisit,
    SessionStopped,
    VisitInPerson,
)
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes


@routes.post(
    "/appointments/{appointment_id}/check-in", view=TicketView, owner=Owner.PATIENT, command=CheckInByPhone,
    idempotent=True,
    errors=(NotFound, NotCheckInAble, CheckInClosed, SessionStopped, PresenceCodeInvalid, PresenceCodeExpired,
            PresenceCodeUsed, NotAtHospital, LocationTooVague, LocationUnknown, OnlineVisit, FeeDue),
)  # fmt: skip
async def post_check_in(call: Call[CheckInByPhone]) -> TicketView:
    """Join the queue, being there (手机签到): with a code that a screen shows, or the phone's place on the map."""
    return await run(call.ctx, check_in_by_phone, call.command)


@routes.post(
    "/appointments/{appointment_id}/online-check-in", view=TicketView, owner=Owner.PATIENT, command=CheckInOnline,
    idempotent=True, errors=(NotFound, VisitInPerson, NotCheckInAble, CheckInClosed, SessionStopped),
)  # fmt: skip
async def post_online_check_in(call: Call[CheckInOnline]) -> TicketView:
    """Wait at the phone for an online visit (线上签到候诊): no proof of being anywhere is asked."""
    return await run(call.ctx, check_in_online, call.command)
