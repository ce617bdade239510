"""Where an appointment could be moved (可改约时段), and what that does to the money: said before anybody agrees."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.moving import require_movable
from hospital_core.access.scheduling.pricing import fee_of, pays_at_hospital
from hospital_core.access.scheduling.queries import cancel_until, permitted_appointment
from hospital_core.access.scheduling.rules import RuleBook, RuleCode, rule_book
from hospital_core.access.scheduling.statements import (
    LAST_SEEN,
    is_claim,
    is_free,
    is_of_a_sort,
    is_open_to,
    is_waited_for,
)
from hospital_core.access.scheduling.states import AppointmentPayment, AppointmentStatus, Pool
from hospital_core.access.scheduling.views import MoveOption, MoveOptionsView
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.reading import Reading

# Where the patient has another appointment in that half day, no second one can be had. 1 appointment
_OPTIONS = f"""
SELECT s.id AS schedule_id, s.department_id, s.day, m.name AS doctor, m.title, s.staff_id = a.staff_id AS same_doctor,
       s.id = a.schedule_id AS same_session,
       r.name AS room, c.name AS campus, s.service_kind, s.starts_at, s.ends_at, s.fee_fen, s.sought_after,
       count(slot.id) AS places_left
FROM appointment a
JOIN schedule s ON s.department_id = a.department_id AND s.status = 'active' AND s.released_at <= hospital_now()
 AND {is_of_a_sort("s", "a")} AND s.ends_at > hospital_now()
JOIN slot ON slot.schedule_id = s.id AND slot.starts_at > hospital_now() AND {is_free("slot", "hospital_now()")}
 AND {is_open_to("slot", f"'{Pool.MINIAPP.value}'", "hospital_now()")}
JOIN staff_member m ON m.id = s.staff_id JOIN location r ON r.id = s.room_id JOIN campus c ON c.id = r.campus_id
WHERE a.id = $1 AND NOT {is_waited_for("s", "hospital_now()")}
  AND NOT EXISTS (SELECT 1 FROM appointment o WHERE o.patient_id = a.patient_id AND o.id <> a.id
                    AND o.department_id = s.department_id AND o.day = s.day AND o.period = s.period
                    AND {is_claim("o", "hospital_now()")})
GROUP BY s.id, a.staff_id, a.schedule_id, m.name, m.title, r.name, c.name
ORDER BY s.staff_id <> a.staff_id, s.starts_at, m.name LIMIT 100"""


async def move_options(reading: Reading, appointment_id: UUID) -> MoveOptionsView:
    """Sessions of the same department with a free place, the same doctor's first (可改约时段). Raises NotFound.

    Where the appointment cannot be moved, ``refusal`` is the sentence that the move would be refused with.
    """
    old = await permitted_appointment(reading, appointment_id)
    book = await rule_book(reading)
    moves_left, refusal = 0, None
    try:
        moves_left = await require_movable(reading, old, old["now"])
    except DomainError as refused:
        refusal = refused.title
    rows = [] if refusal else await reading.fetch(_OPTIONS, appointment_id)
    (seen,) = await reading.fetch(LAST_SEEN, [old["patient_id"]], [old["department_id"]])
    return MoveOptionsView(
        appointment_id=appointment_id, refusal=refusal, moves_left=moves_left, move_until=cancel_until(old, book),
        items=[_option(row, old, book, seen) for row in rows],
    )  # fmt: skip


def _option(row: Mapping[str, Any], old: Mapping[str, Any], book: RuleBook, seen: Mapping[str, Any]) -> MoveOption:
    revisits = book.said_anywhere(RuleCode.REVISIT_DAYS)
    fee_fen = fee_of(row, book, seen["seen_at"] if revisits else None)
    # What is unpaid has nothing to give back, and is paid for at the new price.
    paid_fen = fee_fen if old["payment_status"] == AppointmentPayment.UNPAID else old["fee_fen"]
    at_hospital = (old["status"], old["payment_status"]) == (AppointmentStatus.BOOKED, AppointmentPayment.UNPAID)
    then_at_hospital = pays_at_hospital(row, book)
    computed = {"fee_fen", "refund_fen", "dearer_fen", "pay_first", "pay_at_hospital"}
    return MoveOption(
        **{name: row[name] for name in MoveOption.model_fields.keys() - computed},
        fee_fen=fee_fen,
        refund_fen=max(paid_fen - fee_fen, 0),
        dearer_fen=max(fee_fen - paid_fen, 0),
        pay_first=at_hospital and fee_fen > 0 and not then_at_hospital,
        pay_at_hospital=then_at_hospital,
    )
