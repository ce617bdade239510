"""Reading changes of clinics and whom they met (停替诊)."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.planning_views import ClinicChangeView, DisruptionView, MoveTarget
from hospital_core.access.scheduling.statements import is_claim, is_free, is_of_a_sort, is_open_to, is_waited_for
from hospital_core.access.scheduling.states import (
    ClinicChangeKind,
    DisruptionChoice,
    DisruptionStatus,
    Pool,
)
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow

_CHANGES = """
SELECT c.id, c.kind, c.schedule_id, dep.name AS department, own.name AS from_doctor, other.name AS to_doctor,
       s.starts_at, s.ends_at, c.slot_from, c.slot_to, c.reason, c.made_at,
       count(d.id) AS told, count(*) FILTER (WHERE d.status = 'open') AS open,
       count(*) FILTER (WHERE d.status = 'moved') AS moved, count(*) FILTER (WHERE d.status = 'kept') AS kept,
       count(*) FILTER (WHERE d.status = 'refunded') AS refunded
FROM clinic_change c JOIN schedule s ON s.id = c.schedule_id JOIN department dep ON dep.id = s.department_id
JOIN staff_member own ON own.id = c.from_staff_id LEFT JOIN staff_member other ON other.id = c.to_staff_id
LEFT JOIN disruption d ON d.change_id = c.id
WHERE {where}
GROUP BY c.id, dep.name, own.name, other.name, s.starts_at, s.ends_at ORDER BY s.starts_at, c.made_at LIMIT 500"""

_DISRUPTIONS = """
SELECT d.id, c.kind, d.status, d.appointment_id, a.patient_id, p.name AS patient_name, a.department_id,
       dep.name AS department, own.name AS from_doctor, other.name AS to_doctor, other.title AS to_doctor_title,
       old.starts_at, old.number, c.reason, d.answer_by, d.refunded_fen, a.payment_status = 'unpaid' AS unpaid
FROM disruption d JOIN clinic_change c ON c.id = d.change_id JOIN appointment a ON a.id = d.appointment_id
JOIN slot old ON old.id = d.from_slot_id JOIN patient p ON p.id = a.patient_id
JOIN department dep ON dep.id = a.department_id JOIN staff_member own ON own.id = c.from_staff_id
LEFT JOIN staff_member other ON other.id = c.to_staff_id
WHERE """

# It is of whom its appointment is.
_GUARDED = PatientRow(
    "SELECT d.*, c.kind FROM {row} d JOIN clinic_change c ON c.id = d.change_id",
    "(SELECT d.*, a.patient_id, a.created_at FROM disruption d JOIN appointment a ON a.id = d.appointment_id)",
)

# Who has given the place back, or came all the same, is asked nothing any more.
_OF_ACCOUNT = f"""
d.status = 'open' AND a.status IN ('pending', 'booked') AND a.patient_id IN ({files_shown("$1", "a.created_at")})
ORDER BY d.answer_by LIMIT 50"""

# Where the patient has another appointment in that half day, no second one can be had.
_TARGETS = f"""
SELECT s.id AS schedule_id, m.name AS doctor, m.title, r.name AS room, s.service_kind, s.starts_at, s.ends_at,
       s.fee_fen, count(slot.id) AS places_left,
       CASE WHEN a.payment_status = 'paid' THEN greatest(a.fee_fen - s.fee_fen, 0) ELSE 0 END AS refund_fen
FROM disruption d JOIN clinic_change c ON c.id = d.change_id JOIN appointment a ON a.id = d.appointment_id
JOIN schedule s ON s.department_id = a.department_id AND s.status = 'active' AND s.released_at <= hospital_now()
 AND {is_of_a_sort("s", "a")} AND s.ends_at > hospital_now()
 AND (c.kind = '{ClinicChangeKind.STOP.value}' OR s.id <> a.schedule_id)
JOIN slot ON slot.schedule_id = s.id AND slot.starts_at > hospital_now() AND {is_free("slot", "hospital_now()")}
 AND {is_open_to("slot", f"'{Pool.MINIAPP.value}'", "hospital_now()")}
JOIN staff_member m ON m.id = s.staff_id JOIN location r ON r.id = s.room_id
WHERE d.id = $1 AND d.status = 'open' AND NOT {is_waited_for("s", "hospital_now()")}
  AND NOT EXISTS (SELECT 1 FROM appointment o WHERE o.patient_id = a.patient_id AND o.id <> a.id
                    AND o.department_id = s.department_id AND o.day = s.day AND o.period = s.period
                    AND {is_claim("o", "hospital_now()")})
GROUP BY s.id, m.name, m.title, r.name, a.payment_status, a.fee_fen ORDER BY s.starts_at, m.name LIMIT 100"""


async def clinic_changes_of(reading: Reading, ids: Sequence[UUID]) -> list[ClinicChangeView]:
    """Changes by id, with how many patients were told and what they chose (停替诊)."""
    rows = await reading.fetch(_CHANGES.format(where="c.id = ANY($1::uuid[])"), list(ids))
    return [ClinicChangeView(**dict(row)) for row in rows]


async def clinic_changes(reading: Reading, day: date) -> Page[ClinicChangeView]:
    """Changes of the sessions of a day (停替诊一览)."""
    rows = await reading.fetch(_CHANGES.format(where="s.day = $1"), day)
    return Page(items=[ClinicChangeView(**dict(row)) for row in rows])


async def disruptions_of(reading: Reading, change_id: UUID) -> Page[DisruptionView]:
    """Whom a change met and what became of them (停替诊患者). Raises NotFound."""
    if not await reading.fetch_value("SELECT true FROM clinic_change WHERE id = $1", change_id):
        raise NotFound()
    rows = await reading.fetch(_DISRUPTIONS + "d.change_id = $1 ORDER BY old.number", change_id)
    return Page(items=[_view(row) for row in rows])


async def my_disruptions(reading: Reading) -> Page[DisruptionView]:
    """What the account's patients are asked and have not answered (待处理停替诊)."""
    actor = reading.ctx.actor
    rows = await reading.fetch(_DISRUPTIONS + _OF_ACCOUNT, actor.id) if actor.kind is ActorKind.ACCOUNT else ()
    return Page(items=[_view(row) for row in rows])


async def disruption(reading: Reading, disruption_id: UUID) -> DisruptionView:
    """One question to a patient (停替诊通知), if the actor may know the patient. Raises NotFound."""
    await permitted_disruption(reading, disruption_id)
    return await disruption_view(reading, disruption_id)


async def move_targets(reading: Reading, disruption_id: UUID) -> Page[MoveTarget]:
    """Sessions of the same department with a free place (可改约时段). Raises NotFound."""
    await permitted_disruption(reading, disruption_id)
    return Page(items=[MoveTarget(**dict(row)) for row in await reading.fetch(_TARGETS, disruption_id)])


async def permitted_disruption(reading: Reading, disruption_id: UUID) -> Record:
    """A disruption's row with the kind of its change, only if the actor may know its appointment; else NotFound."""
    return await _GUARDED.of(reading, disruption_id)


async def disruption_view(reading: Reading, disruption_id: UUID) -> DisruptionView:
    """Shape of one disruption whose visibility was decided already."""
    row = await reading.fetch_row(_DISRUPTIONS + "d.id = $1", disruption_id)
    assert row is not None
    return _view(row)


def _view(row: Record) -> DisruptionView:
    names = DisruptionView.model_fields.keys() - {"patient_name_masked", "choices"}
    values: dict[str, Any] = {name: row[name] for name in names}
    return DisruptionView(**values, patient_name_masked=mask_name(row["patient_name"]), choices=_choices(row))


def _choices(row: Record) -> list[DisruptionChoice]:
    if row["status"] != DisruptionStatus.OPEN:
        return []
    if row["kind"] == ClinicChangeKind.SUBSTITUTE:
        return [DisruptionChoice.KEEP, DisruptionChoice.MOVE, DisruptionChoice.REFUND]
    return [DisruptionChoice.MOVE, DisruptionChoice.REFUND]
