"""From arriving to being seen (就诊中的预约)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.errors import (
    CheckInClosed,
    NotCheckInAble,
    OnlineVisit,
    SessionStopped,
    VisitInPerson,
)
from hospital_core.access.scheduling.online import is_online
from hospital_core.access.scheduling.queries import check_in_bounds, permitted_appointment
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.hold import hold_place
from hospital_core.access.scheduling.service.pay import require_fee_paid
from hospital_core.access.scheduling.states import APPOINTMENT, AppointmentStatus, SlotStatus
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork


async def arrive(uow: UnitOfWork, appointment_id: UUID, *, online: bool = False) -> tuple[Record, bool]:
    """Mark an appointment as checked in (签到); returns it and whether this call did it.

    ``online``: the patient is at the phone, which is where an online visit begins (线上复诊), and no other.
    Raises: NotFound, OnlineVisit or VisitInPerson (begins elsewhere), NotCheckInAble (held, cancelled, over),
    SessionStopped (the patient is asked what they want instead), CheckInClosed (too early or too late), FeeDue.
    Locks: the place, the appointment: a clinic that is just being stopped, or a move, is over before this looks.
    """
    await permitted_appointment(uow, appointment_id)
    await hold_place(uow, appointment_id)
    row = await permitted_appointment(uow, appointment_id)
    if is_online(row) is not online:
        raise VisitInPerson() if online else OnlineVisit()
    if row["status"] == AppointmentStatus.CHECKED_IN:
        return row, False
    if row["status"] != AppointmentStatus.BOOKED:
        raise NotCheckInAble(status=row["status"])
    if row["slot_status"] == SlotStatus.CLOSED:
        raise SessionStopped()
    opens, closes = check_in_bounds(row, await rule_book(uow))
    if not opens <= uow.now < closes:
        raise CheckInClosed(early=uow.now < opens, opens_at=opens.isoformat(), closes_at=closes.isoformat())
    await require_fee_paid(uow, row)
    await transition(uow, APPOINTMENT, "check_in", appointment_id)
    return row, True


async def fulfil(uow: UnitOfWork, appointment_id: UUID) -> None:
    """The patient was seen (已就诊). Raises StateConflict."""
    await transition(uow, APPOINTMENT, "fulfil", appointment_id)
