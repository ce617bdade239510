"""From arriving to being seen (就诊中的预约)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.errors import CheckInClosed, NotCheckInAble, SessionStopped
from hospital_core.access.scheduling.queries import check_in_bounds, permitted_appointment
from hospital_core.access.scheduling.states import APPOINTMENT, AppointmentStatus, SlotStatus
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork


async def arrive(uow: UnitOfWork, appointment_id: UUID) -> tuple[Record, bool]:
    """Mark an appointment as checked in (签到); returns it and whether this call did it.

    Raises: NotFound, NotCheckInAble (unpaid, cancelled, over), SessionStopped (the patient is asked what they want
    instead), CheckInClosed (too early or too late).
    """
    row = await permitted_appointment(uow, appointment_id)
    if row["status"] == AppointmentStatus.CHECKED_IN:
        return row, False
    if row["status"] != AppointmentStatus.BOOKED:
        raise NotCheckInAble(status=row["status"])
    if await uow.fetch_value("SELECT status FROM slot WHERE id = $1", row["slot_id"]) == SlotStatus.CLOSED:
        raise SessionStopped()
    opens, closes = check_in_bounds(row)
    if not opens <= uow.now < closes:
        raise CheckInClosed(early=uow.now < opens, opens_at=opens.isoformat(), closes_at=closes.isoformat())
    try:
        await transition(uow, APPOINTMENT, "check_in", appointment_id)
    except StateConflict as conflict:
        if conflict.fields["state"] == AppointmentStatus.CHECKED_IN:
            return row, False
        raise
    return row, True


async def fulfil(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The patient was seen (已就诊). Raises StateConflict."""
    await transition(uow, APPOINTMENT, "fulfil", appointment_id)
