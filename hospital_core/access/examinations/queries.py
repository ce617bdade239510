"""Reading examinations: what is paid and waits for a place, what has one, and which places there are."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.examinations.statements import CHARGE, JOINABLE, is_left, is_live, is_to_be_had
from hospital_core.access.examinations.views import (
    ExaminationDay,
    ExaminationItemView,
    ExaminationOfVisit,
    ExaminationPlacesView,
    ExaminationPlaceView,
    ExaminationSession,
    ExaminationSlot,
    ExaminationView,
)
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.access.scheduling.statements import sql_list
from hospital_core.access.scheduling.states import Pool
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

_MOST = 200

# What is paid and not given back: to be booked while something of it is left to do, or booked and not yet seen.
_EXAMINATIONS = f"""
SELECT c.id AS charge_item_id, c.invoice_id, c.patient_id, p.name AS patient_name, c.name,
       c.quantity - c.refunded_quantity AS quantity, c.unit, e.department_id, d.name AS department, k.name AS campus,
       e.preparation, e.lead_minutes, booked.appointment_id, booked.appointment_no, booked.status, booked.starts_at,
       booked.number, booked.room
FROM charge_item c JOIN examination_item e ON e.price_item_id = c.price_item_id
JOIN invoice i ON i.id = c.invoice_id AND i.status = 'balanced'
JOIN patient p ON p.id = c.patient_id JOIN department d ON d.id = e.department_id JOIN campus k ON k.id = d.campus_id
LEFT JOIN LATERAL (
    SELECT a.id AS appointment_id, a.appointment_no, a.status, a.starts_at, slot.number, r.name AS room
    FROM examination_booking b JOIN appointment a ON a.id = b.appointment_id JOIN slot ON slot.id = a.slot_id
    JOIN schedule s ON s.id = a.schedule_id JOIN location r ON r.id = s.room_id
    WHERE b.charge_item_id = c.id AND {is_live("b", "a")}) AS booked ON true
WHERE {{whose}} AND c.status = 'billed' AND c.quantity > c.refunded_quantity
  AND (booked.status IN ({sql_list(JOINABLE)}) OR booked.appointment_id IS NULL AND e.active AND {is_left("c")})
ORDER BY booked.starts_at NULLS FIRST, d.name, c.created_at DESC, c.id LIMIT {_MOST}"""

_GUARDED = PatientRow(CHARGE, "charge_item")

# 1 account
_OF_ACCOUNT = _EXAMINATIONS.format(whose=f"c.patient_id IN ({files_shown('$1', 'c.created_at')})")
# 1 patient, 2 known from
_OF_PATIENT = _EXAMINATIONS.format(
    whose="c.patient_id IN (SELECT person_ids($1)) AND ($2::timestamptz IS NULL OR c.created_at >= $2)"
)

# 1 department, 2 pool, 3 earliest
_DAYS = f"""
SELECT s.day, count(*) AS places FROM schedule s JOIN slot ON slot.schedule_id = s.id
WHERE s.department_id = $1 AND {is_to_be_had("s", "slot", "$2", "$3")}
GROUP BY s.day ORDER BY s.day LIMIT 31"""

# 1 department, 2 pool, 3 earliest, 4 day
_PLACES = f"""
SELECT s.id AS schedule_id, r.name AS room, k.name AS campus, s.period, s.starts_at, s.ends_at, slot.id AS slot_id,
       slot.number, slot.starts_at AS slot_starts_at
FROM schedule s JOIN slot ON slot.schedule_id = s.id JOIN location r ON r.id = s.room_id
JOIN campus k ON k.id = r.campus_id
WHERE s.department_id = $1 AND s.day = $4 AND {is_to_be_had("s", "slot", "$2", "$3")}
ORDER BY s.starts_at, r.code, slot.number"""

_OF_VISIT = """
SELECT c.id AS charge_item_id, c.name, c.quantity - c.refunded_quantity AS quantity, c.unit, e.preparation
FROM examination_booking b JOIN charge_item c ON c.id = b.charge_item_id
JOIN examination_item e ON e.price_item_id = c.price_item_id
WHERE b.appointment_id = $1 AND b.ended_at IS NULL AND c.quantity > c.refunded_quantity ORDER BY c.name, c.id"""

_ITEMS = """
SELECT e.id, e.version, e.price_item_id, p.code, p.name, e.department_id, d.name AS department, k.name AS campus,
       e.preparation, e.lead_minutes, e.active
FROM examination_item e JOIN price_item p ON p.id = e.price_item_id JOIN department d ON d.id = e.department_id
JOIN campus k ON k.id = d.campus_id"""


async def my_examinations(reading: Reading) -> Page[ExaminationView]:
    """Paid examinations of everybody the account may act for (检查预约), those without a place first."""
    actor = reading.ctx.actor
    rows = await reading.fetch(_OF_ACCOUNT, actor.id) if actor.kind is ActorKind.ACCOUNT else []
    return Page(items=[_examination(row) for row in rows])


async def examinations_of_patient(reading: Reading, patient_id: UUID) -> Page[ExaminationView]:
    """A person's paid examinations, if the actor may know them (检查预约). Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    rows = await reading.fetch(_OF_PATIENT, patient_id, permitted.since)
    return Page(items=[_examination(row) for row in rows])


async def permitted_charge(reading: Reading, charge_item_id: UUID) -> Record:
    """An examination's charge, if the actor may know its patient. Raises: NotFound."""
    return await _GUARDED.of(reading, charge_item_id)


async def examination_places(reading: Reading, charge_item_id: UUID, day: date | None) -> ExaminationPlacesView:
    """The places that a paid examination can have (可约检查号), of a day or of the first one with places.

    Raises: NotFound. Nothing can be had for what is not paid, or has nothing left to do.
    """
    charge = await permitted_charge(reading, charge_item_id)
    now: datetime = await reading.fetch_value("SELECT hospital_now()")
    earliest_at = now + timedelta(minutes=charge["lead_minutes"])
    bookable = charge["active"] and charge["invoice_status"] == InvoiceStatus.BALANCED and charge["rest"] > 0
    asked = (charge["department_id"], pool_of(reading).value, earliest_at)
    days = [ExaminationDay(**dict(row)) for row in await reading.fetch(_DAYS, *asked)] if bookable else []
    chosen = day or (days[0].day if days else None)
    rows = await reading.fetch(_PLACES, *asked, chosen) if days else []
    return ExaminationPlacesView(
        charge_item_id=charge_item_id, earliest_at=earliest_at, days=days, day=chosen, sessions=_sessions(rows)
    )


async def examinations_of_visit(reading: Reading, appointment_id: UUID) -> Page[ExaminationOfVisit]:
    """What is done at an appointment and how one prepares for it (检查须知). Raises: NotFound."""
    await permitted_appointment(reading, appointment_id)
    rows = await reading.fetch(_OF_VISIT, appointment_id)
    return Page(items=[ExaminationOfVisit(**dict(row)) for row in rows])


async def examination_items(reading: Reading) -> Page[ExaminationItemView]:
    """Every price item that is examined at an appointed time (检查项目), by department."""
    rows = await reading.fetch(_ITEMS + " ORDER BY k.code, d.code, p.code")
    return Page(items=[ExaminationItemView(**dict(row)) for row in rows])


async def examination_item(reading: Reading, item_id: UUID) -> ExaminationItemView:
    """One examination item (检查项目). Raises: NotFound."""
    row = await reading.fetch_row(_ITEMS + " WHERE e.id = $1", item_id)
    if row is None:
        raise NotFound()
    return ExaminationItemView(**dict(row))


def pool_of(reading: Reading) -> Pool:
    """Which kept places the asker may have besides everybody's: the phone's, or the window's."""
    return Pool.WINDOW if reading.ctx.actor.kind is ActorKind.STAFF else Pool.MINIAPP


def _examination(row: Mapping[str, Any]) -> ExaminationView:
    place = None
    if row["appointment_id"] is not None:
        place = ExaminationPlaceView(**{name: row[name] for name in ExaminationPlaceView.model_fields})
    copied = ExaminationView.model_fields.keys() - {"patient_name_masked", "place"}
    return ExaminationView(
        **{name: row[name] for name in copied}, patient_name_masked=mask_name(row["patient_name"]), place=place
    )


def _sessions(rows: Any) -> list[ExaminationSession]:
    sessions: dict[UUID, ExaminationSession] = {}
    for row in rows:
        session = sessions.setdefault(
            row["schedule_id"],
            ExaminationSession(
                schedule_id=row["schedule_id"], room=row["room"], campus=row["campus"], period=row["period"],
                starts_at=row["starts_at"], ends_at=row["ends_at"], places=[],
            ),
        )  # fmt: skip
        session.places.append(
            ExaminationSlot(slot_id=row["slot_id"], number=row["number"], starts_at=row["slot_starts_at"])
        )
    return list(sessions.values())
