"""Whether an appointment can be moved (改约), as the phone is told beforehand and as the move itself decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hospital_core.access.scheduling.errors import (
    NotCancellable,
    PaymentOver,
    ReschedulesUsedUp,
    SessionStopped,
    TooLateToCancel,
)
from hospital_core.access.scheduling.queries import cancel_until, require_hand
from hospital_core.access.scheduling.rules import RuleCode, rule_book
from hospital_core.access.scheduling.states import AppointmentStatus, SlotStatus
from hospital_core.kernel.reading import Reading

_TIMES_MOVED = """
WITH RECURSIVE chain AS (
    SELECT previous_id, 0 AS moved FROM appointment WHERE id = $1
    UNION ALL
    SELECT a.previous_id, chain.moved + 1 FROM chain JOIN appointment a ON a.id = chain.previous_id)
SELECT max(moved) FROM chain"""


async def require_movable(reading: Reading, old: Mapping[str, Any], now: datetime) -> int:
    """How often the appointment may still be moved, this time included.

    Raises: ProofNeeded, NotCancellable, SessionStopped, TooLateToCancel, PaymentOver, ReschedulesUsedUp.
    """
    await require_hand(reading, old["patient_id"], old["account_id"])
    if old["status"] not in (AppointmentStatus.PENDING, AppointmentStatus.BOOKED):
        raise NotCancellable(status=old["status"])
    if await reading.fetch_value("SELECT status FROM slot WHERE id = $1", old["slot_id"]) == SlotStatus.CLOSED:
        raise SessionStopped()
    book = await rule_book(reading)
    until = cancel_until(old, book)
    if now >= until:
        raise TooLateToCancel(cancel_until=until.isoformat())
    if old["status"] == AppointmentStatus.PENDING and now >= old["pay_until"]:
        raise PaymentOver()
    most = book.value(RuleCode.RESCHEDULES_MAX, old["department_id"], old["service_kind"])
    moved: int = await reading.fetch_value(_TIMES_MOVED, old["id"])
    if moved >= most:
        raise ReschedulesUsedUp(most=most)
    return most - moved
