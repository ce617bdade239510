"""Whose queue somebody at a desk works with (诊台): the doctor's own, or that of a room of the nurse's department."""

from uuid import UUID

from hospital_core.access.queueing.queries import doctor_queue, rooms_of_department, rooms_of_doctor
from hospital_core.access.queueing.views import DoctorQueueView, RoomView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.permissions import Permission


async def my_rooms(reading: Reading) -> Page[RoomView]:
    """Rooms the asker may call patients to now (可叫号诊室). Raises Forbidden for who is not staff."""
    staff_id = _staff(reading)
    if Permission.ENCOUNTER_CONDUCT in reading.ctx.actor.permissions:
        return await rooms_of_doctor(reading, staff_id)
    department_id: UUID | None = await reading.fetch_value(
        "SELECT department_id FROM staff_member WHERE id = $1", staff_id
    )
    if department_id is None:
        raise Forbidden()
    return await rooms_of_department(reading, department_id)


async def my_queue(reading: Reading, room_id: UUID | None = None) -> DoctorQueueView:
    """The asker's patients of today, or those of the doctor in one of the asker's rooms (候诊列表).

    Raises: Forbidden, NotFound (not a room of the asker now).
    """
    staff_id = _staff(reading)
    if room_id is None:
        return await doctor_queue(reading, staff_id)
    for room in (await my_rooms(reading)).items:
        if room.room_id == room_id:
            return await doctor_queue(reading, room.staff_id)
    raise NotFound()


def _staff(reading: Reading) -> UUID:
    actor = reading.ctx.actor
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise Forbidden()
    return actor.id
