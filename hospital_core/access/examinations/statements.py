"""What several modules ask about examinations.

A booking lives while its appointment does, whether or not anything has written down that it ended.
"""

from hospital_core.access.scheduling.statements import is_free, is_open_to, sql_list
from hospital_core.access.scheduling.states import LIVE, AppointmentStatus, ServiceKind


def is_live(booking: str, appointment: str) -> str:
    """SQL: the booking stands, with its appointment."""
    return f"({booking}.ended_at IS NULL AND {appointment}.status IN ({sql_list(LIVE)}))"


def is_left(charge: str) -> str:
    """SQL: something of the charge is neither done nor given back."""
    return f"({charge}.quantity > {charge}.performed_quantity + {charge}.refunded_quantity)"


# Charges that are examinations, with what decides about them.
CHARGE = """
SELECT c.id, c.patient_id, c.created_at, c.status, c.quantity - c.refunded_quantity AS kept,
       c.quantity - c.refunded_quantity - c.performed_quantity AS rest, e.department_id, e.lead_minutes, e.active,
       i.status AS invoice_status
FROM {row} c JOIN examination_item e ON e.price_item_id = c.price_item_id
LEFT JOIN invoice i ON i.id = c.invoice_id"""
# 1 charges
CHARGES = CHARGE.format(row="charge_item") + " WHERE c.id = ANY($1::uuid[]) ORDER BY c.id"

# 1 charges
BOOKED = f"""
SELECT b.charge_item_id, b.appointment_id FROM examination_booking b JOIN appointment a ON a.id = b.appointment_id
WHERE b.charge_item_id = ANY($1::uuid[]) AND {is_live("b", "a")} ORDER BY b.charge_item_id"""

# A place that a paid examination can have. ``now``, ``earliest`` and ``pool`` as SQL.
_KIND = ServiceKind.EXAMINATION.value


def is_to_be_had(session: str, slot: str, pool: str, earliest: str) -> str:
    """SQL: a place for examinations that can be had from ``earliest`` on."""
    return (
        f"{session}.service_kind = '{_KIND}' AND {session}.status = 'active'"
        f" AND {session}.released_at <= hospital_now() AND {slot}.starts_at >= {earliest}"
        f" AND {slot}.starts_at > hospital_now() AND {is_free(slot, 'hospital_now()')}"
        f" AND {is_open_to(slot, pool, 'hospital_now()')}"
    )


JOINABLE = (AppointmentStatus.BOOKED, AppointmentStatus.CHECKED_IN)
