"""Calling patients (叫号): the doctor's room and the desk before it."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Owner
from hospital_core.access.examinations.errors import ExaminationOver
from hospital_core.access.queueing.commands import CallNext, TicketCommand
from hospital_core.access.queueing.desk import my_queue, my_rooms
from hospital_core.access.queueing.errors import (
    NoSessionInRoom,
    NotCalledYet,
    PatientElsewhere,
    RoomAlreadyCalling,
    RoomAlreadyServing,
    VideoVisitOver,
)
from hospital_core.access.queueing.service import call_next, pass_ticket, recall, return_ticket
from hospital_core.access.queueing.video import room_of_doctor
from hospital_core.access.queueing.views import CalledView, DoctorQueueView, RoomView, VideoRoomView
from hospital_core.access.scheduling.errors import VisitInPerson
from hospital_core.chart.encounters.commands import FinishEncounter, StartEncounter
from hospital_core.chart.encounters.service import finish_encounter, start_encounter
from hospital_core.chart.encounters.views import EncounterView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()

_MOVES: dict[str, Any] = {
    "view": CalledView,
    "permission": Permission.QUEUE_CALL,
    "owner": Owner.DEPARTMENT,
    "command": TicketCommand,
    "idempotent": True,
    "errors": (Forbidden, StateConflict),
}


class QueueQuery(Query):
    """Of which room; without one the asker's own patients."""

    room_id: UUID | None = None


@routes.get("/my/rooms", view=Page[RoomView], permission=Permission.QUEUE_CALL, owner=Owner.ACCOUNT)
async def rooms(call: Call[Any]) -> Page[RoomView]:
    """Rooms the asker may call patients to now (可叫号诊室)."""
    return await my_rooms(Reading(call.ctx))


@routes.get(
    "/my/queue", view=DoctorQueueView, permission=Permission.QUEUE_CALL, owner=Owner.ACCOUNT, query=QueueQuery,
    audit="queueing.read_queue", errors=(Forbidden, NotFound),
)  # fmt: skip
async def queue(call: Call[Any]) -> DoctorQueueView:
    """Today's patients (今日候诊): waiting, called, serving, passed, finished."""
    return await my_queue(Reading(call.ctx), call.query.room_id)


@routes.post(
    "/queue/call-next", view=CalledView, permission=Permission.QUEUE_CALL, owner=Owner.DEPARTMENT, command=CallNext,
    idempotent=True, errors=(Forbidden, NoSessionInRoom, RoomAlreadyCalling, RoomAlreadyServing, PatientElsewhere),
)  # fmt: skip
async def call_next_patient(call: Call[CallNext]) -> CalledView:
    """Call the next patient to a room (叫下一位)."""
    return await run(call.ctx, call_next, call.command)


@routes.post("/tickets/{ticket_id}/recall", **_MOVES)
async def recall_ticket(call: Call[TicketCommand]) -> CalledView:
    """Call the same patient again (重呼)."""
    return await run(call.ctx, recall, call.command)


@routes.post("/tickets/{ticket_id}/pass", **_MOVES)
async def pass_by(call: Call[TicketCommand]) -> CalledView:
    """The called patient did not come (过号)."""
    return await run(call.ctx, pass_ticket, call.command)


@routes.post("/tickets/{ticket_id}/return", **_MOVES)
async def return_to_queue(call: Call[TicketCommand]) -> CalledView:
    """A passed patient came after all (过号复位)."""
    return await run(call.ctx, return_ticket, call.command)


@routes.post(
    "/tickets/{ticket_id}/start", view=EncounterView, permission=Permission.ENCOUNTER_CONDUCT, owner=Owner.DEPARTMENT,
    command=StartEncounter, idempotent=True, errors=(Forbidden, StateConflict, RoomAlreadyServing, ExaminationOver),
)  # fmt: skip
async def start_visit(call: Call[StartEncounter]) -> EncounterView:
    """The called patient is in the room (开始接诊)."""
    return await run(call.ctx, start_encounter, call.command)


@routes.post(
    "/tickets/{ticket_id}/finish", view=EncounterView, permission=Permission.ENCOUNTER_CONDUCT, owner=Owner.DEPARTMENT,
    command=FinishEncounter, idempotent=True, errors=(Forbidden, StateConflict),
)  # fmt: skip
async def finish_visit(call: Call[FinishEncounter]) -> EncounterView:
    """The patient was seen (结束就诊)."""
    return await run(call.ctx, finish_encounter, call.command)


@routes.get(
    "/tickets/{ticket_id}/room", view=VideoRoomView, permission=Permission.ENCOUNTER_CONDUCT, owner=Owner.DEPARTMENT,
    audit="queueing.enter_room",
    errors=(Forbidden, NotFound, VisitInPerson, NotCalledYet, VideoVisitOver, OutsideUnavailable),
)  # fmt: skip
async def video_room(call: Call[Any]) -> VideoRoomView:
    """The doctor's way into the video room of a called patient (进入视频诊室); the address is a key."""
    room = await room_of_doctor(Reading(call.ctx), call.path["ticket_id"])
    call.seen_patient = room.patient_id
    return room
