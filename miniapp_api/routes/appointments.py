"""Seeing one's appointments, showing them at the kiosk, following the queue (我的预约)."""

from backend.http.codes import svg_of
from backend.http.routing import Call, Owner, Raw
from hospital_core.access.queueing.errors import NotCalledYet, VideoVisitOver
from hospital_core.access.queueing.queries import place_in_queue, with_tickets
from hospital_core.access.queueing.video import room_of_patient
from hospital_core.access.queueing.views import QueuePlaceView, VideoRoomView
from hospital_core.access.scheduling.errors import NotCheckInAble, OnlineVisit, VisitInPerson
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.queries import appointment_qr_of, my_appointments
from hospital_core.access.scheduling.views import AppointmentQrView, AppointmentView, MoveOptionsView
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.errors import NotFound, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from miniapp_api.routes.base import routes
from miniapp_api.views import CursorQuery


@routes.get("/appointments", view=Page[AppointmentView], query=CursorQuery, owner=Owner.ACCOUNT)
async def list_appointments(call: Call[Empty]) -> Page[AppointmentView]:
    """Appointments of everybody the account may act for, newest first (我的预约)."""
    reading = Reading(call.ctx)
    found = await my_appointments(reading, cursor=call.query.cursor)
    return Page[AppointmentView](items=await with_tickets(reading, found.items), next_cursor=found.next_cursor)


@routes.get(
    "/appointments/{appointment_id}/qr", view=AppointmentQrView, owner=Owner.PATIENT,
    errors=(NotCheckInAble, OnlineVisit),
)  # fmt: skip
async def get_qr(call: Call[Empty]) -> AppointmentQrView:
    """A fresh code for checking in at a kiosk (预约二维码), as text."""
    return await appointment_qr_of(Reading(call.ctx), call.path["appointment_id"])


@routes.get(
    "/appointments/{appointment_id}/qr.svg",
    view=None,
    media="image/svg+xml",
    owner=Owner.PATIENT,
    errors=(NotCheckInAble, OnlineVisit),
)
async def get_qr_picture(call: Call[Empty]) -> Raw:
    """A fresh code for checking in at a kiosk (预约二维码), as a picture."""
    code = await appointment_qr_of(Reading(call.ctx), call.path["appointment_id"])
    headers = {"Cache-Control": "no-store", "X-Expires-At": code.expires_at.isoformat()}
    return Raw(svg_of(code.text), "image/svg+xml", headers=headers)


@routes.get("/appointments/{appointment_id}/queue-place", view=QueuePlaceView, owner=Owner.PATIENT)
async def get_queue_place(call: Call[Empty]) -> QueuePlaceView:
    """Where the patient stands in the queue (排队进度); ``topic`` tells of changes."""
    return await place_in_queue(Reading(call.ctx), call.path["appointment_id"])


@routes.get(
    "/appointments/{appointment_id}/room", view=VideoRoomView, owner=Owner.PATIENT, audit="queueing.enter_room",
    errors=(NotFound, VisitInPerson, NotCalledYet, VideoVisitOver, OutsideUnavailable),
)  # fmt: skip
async def get_room(call: Call[Empty]) -> VideoRoomView:
    """The way into the video room of an online visit (进入诊室), once called; the address is a key."""
    room = await room_of_patient(Reading(call.ctx), call.path["appointment_id"])
    call.seen_patient = room.patient_id
    return room


@routes.get(
    "/appointments/{appointment_id}/move-options", view=MoveOptionsView, owner=Owner.PATIENT, errors=(NotFound,)
)  # fmt: skip
async def get_move_options(call: Call[Empty]) -> MoveOptionsView:
    """Where this appointment can be moved, and what that does to the money (可改约时段)."""
    return await move_options(Reading(call.ctx), call.path["appointment_id"])
