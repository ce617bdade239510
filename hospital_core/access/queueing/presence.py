"""Showing that one is in the hospital (到院证明): a code that its screens show, or the phone's place on the map.

A code works for a minute and once per account. Forwarded at once it still works: it keeps people from checking in from
home by habit, not a determined accomplice; the doctor sees who comes.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.queueing.commands import CheckIn, CheckInByPhone
from hospital_core.access.queueing.errors import (
    LocationTooVague,
    LocationUnknown,
    NotAtHospital,
    PresenceCodeExpired,
    PresenceCodeInvalid,
    PresenceCodeUsed,
)
from hospital_core.access.queueing.service import check_in
from hospital_core.access.queueing.views import PresenceCodeView, TicketView
from hospital_core.access.scheduling.errors import QrExpired, QrInvalid
from hospital_core.access.scheduling.qr import LIFETIME, presence_code, read_presence
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.single_use import spend_with
from hospital_core.kernel.uow import UnitOfWork

# A screen shows each code for a third of its life, so that whoever begins to scan has time to finish.
SHOWN_FOR = timedelta(seconds=20)
ACCURACY_M_MAX = 200
_EARTH_M = 6_371_000.0
_PURPOSE = "presence"

_CAMPUS = """
SELECT c.id, c.latitude, c.longitude, c.radius_m FROM schedule s JOIN location r ON r.id = s.room_id
JOIN campus c ON c.id = r.campus_id WHERE s.id = $1"""


async def code_of_screen(reading: Reading, location_id: UUID) -> PresenceCodeView:
    """A fresh code for the screen of a place to show (院内签到码). Raises NotFound."""
    now: datetime | None = await reading.fetch_value(
        "SELECT hospital_now() FROM location WHERE id = $1 AND active", location_id
    )
    if now is None:
        raise NotFound()
    return PresenceCodeView(text=presence_code(location_id, now), expires_at=now + LIFETIME, next_at=now + SHOWN_FOR)


async def check_in_by_phone(uow: UnitOfWork, command: CheckInByPhone) -> TicketView:
    """Join the queue from one's own phone (手机签到), being at the campus of the appointment.

    Raises: NotFound, PresenceCodeInvalid, PresenceCodeExpired, PresenceCodeUsed, NotAtHospital, LocationTooVague,
    LocationUnknown, and what ``check_in`` raises; a code is used up only by a check-in that took place.
    """
    if uow.ctx.actor.kind is not ActorKind.ACCOUNT:
        raise Forbidden()
    appointment = await permitted_appointment(uow, command.appointment_id)
    campus = await uow.fetch_row(_CAMPUS, appointment["schedule_id"])
    assert campus is not None
    if command.presence_code is not None:
        await _read_code(uow, command.presence_code, campus)
    else:
        _measure(command, campus)
    return await check_in(uow, CheckIn(appointment_id=command.appointment_id))


async def _read_code(uow: UnitOfWork, text: str, campus: Record) -> None:
    try:
        location_id = read_presence(text, uow.now)
    except QrExpired as expired:
        raise PresenceCodeExpired() from expired
    except QrInvalid as invalid:
        raise PresenceCodeInvalid() from invalid
    if await uow.fetch_value("SELECT campus_id FROM location WHERE id = $1", location_id) != campus["id"]:
        raise PresenceCodeInvalid()
    if not await spend_with(uow, _PURPOSE, f"{uow.ctx.actor.id}:{text.strip()}", 2 * LIFETIME):
        raise PresenceCodeUsed()


def _measure(command: CheckInByPhone, campus: Record) -> None:
    assert command.latitude is not None
    assert command.longitude is not None
    assert command.accuracy_m is not None
    if campus["latitude"] is None:
        raise LocationUnknown()
    if command.accuracy_m > ACCURACY_M_MAX:
        raise LocationTooVague(accuracy_m_max=ACCURACY_M_MAX)
    away = distance_m(command.latitude, command.longitude, campus["latitude"], campus["longitude"])
    if away > campus["radius_m"]:
        raise NotAtHospital(distance_m=round(away), radius_m=campus["radius_m"])


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres between two points of the same map along the earth (球面距离, haversine)."""
    one, other = math.radians(latitude), math.radians(other_latitude)
    across = math.radians(other_longitude - longitude)
    half = math.sin((other - one) / 2) ** 2 + math.cos(one) * math.cos(other) * math.sin(across / 2) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))
