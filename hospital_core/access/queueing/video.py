"""The way into the video consulting room (视频诊室): for the patient once called, and for the doctor who called."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.queueing.errors import NotCalledYet, VideoVisitOver
from hospital_core.access.queueing.ports import VideoRooms, VideoSeat
from hospital_core.access.queueing.statements import TICKET
from hospital_core.access.queueing.states import QUEUE_TICKET, QueueTicketStatus
from hospital_core.access.queueing.views import VideoRoomView
from hospital_core.access.scheduling.errors import VisitInPerson
from hospital_core.access.scheduling.online import is_online
from hospital_core.access.scheduling.queries import NOW, permitted_appointment
from hospital_core.kernel import ports
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading

# A visit may outlast its session, and a page may be loaded again in it.
MARGIN = timedelta(minutes=30)

_OPEN = (QueueTicketStatus.CALLED, QueueTicketStatus.SERVING)
_OF_APPOINTMENT = TICKET + " WHERE t.appointment_id = $1 AND t.status <> 'cancelled'"
_OF_TICKET = TICKET + " WHERE t.id = $1"


async def room_of_patient(reading: Reading, appointment_id: UUID) -> VideoRoomView:
    """The patient's way in (进入诊室), from the call until the visit has ended; the doctor sees a masked name.

    Raises: NotFound, VisitInPerson, NotCalledYet, VideoVisitOver, OutsideUnavailable.
    """
    appointment = await permitted_appointment(reading, appointment_id)
    if not is_online(appointment):
        raise VisitInPerson()
    ticket = await reading.fetch_row(_OF_APPOINTMENT, appointment_id)
    if ticket is None:
        raise NotCalledYet(status=None)
    holder_id, name = ticket["patient_id"], mask_name(ticket["patient_name"])
    return await _way_in(reading, ticket, {"holder_id": holder_id, "name": name, "moderator": False})


async def room_of_doctor(reading: Reading, ticket_id: UUID) -> VideoRoomView:
    """The doctor's way in (进入视频诊室), who moderates the room. Raises: as ``room_of_patient``, and Forbidden."""
    ticket = await reading.fetch_row(_OF_TICKET, ticket_id)
    if ticket is None:
        raise NotFound()
    actor = reading.ctx.actor
    if actor.kind is not ActorKind.STAFF or actor.id != ticket["staff_id"]:
        raise Forbidden()
    if not ticket["online"]:
        raise VisitInPerson()
    return await _way_in(reading, ticket, {"holder_id": actor.id, "name": f"{ticket['doctor']}医生", "moderator": True})


async def _way_in(reading: Reading, ticket: Record, holder: dict[str, Any]) -> VideoRoomView:
    if ticket["status"] in QUEUE_TICKET.finals():
        raise VideoVisitOver()
    if ticket["status"] not in _OPEN:
        raise NotCalledYet(status=ticket["status"])
    rooms = ports.optional(VideoRooms)
    if rooms is None:
        raise OutsideUnavailable("本院尚未开通视频诊室")
    now: datetime = await reading.fetch_value(NOW)
    expires_at = max(ticket["session_ends_at"], now) + MARGIN
    seat = VideoSeat(visit_id=ticket["encounter_id"], valid_for=expires_at - now, **holder)
    return VideoRoomView(url=rooms.address_of(seat), expires_at=expires_at, patient_id=ticket["patient_id"])
