"""Reading the queues."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hospital_core.access.queueing.statements import (
    AHEAD,
    BEHIND,
    BOARD,
    CALLS_AFTER,
    CALLS_BEFORE,
    DOCTOR_QUEUE,
    ROOMS,
    TICKET,
    TICKET_LIVES,
)
from hospital_core.access.queueing.states import QueueTicketStatus
from hospital_core.access.queueing.views import (
    AreaView,
    BoardTicket,
    BoardView,
    CalledTicket,
    DoctorQueueView,
    QueuePlaceView,
    QueueRow,
    RoomView,
    TicketToRemind,
    TicketView,
)
from hospital_core.access.scheduling.days import bounds_of, day_of
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.access.scheduling.views import AppointmentView, TicketBrief
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.numbers import BarcodeKind, barcode_text
from hospital_core.kernel.reading import Reading
from hospital_core.registry.patients.ages import age_text

_AREA = "SELECT l.id, l.name, c.name AS campus FROM location l JOIN campus c ON c.id = l.campus_id WHERE l.id = $1"
_OF_APPOINTMENT = TICKET + " WHERE t.appointment_id = $1 AND t.status <> 'cancelled'"
_BRIEF = """
SELECT appointment_id, display_no, status FROM queue_ticket
WHERE appointment_id = ANY($1::uuid[]) AND status <> 'cancelled'"""
_SHARED_NOW = f"""
SELECT s.department_id, coalesce(r.parent_id, r.id) AS area_id FROM schedule s JOIN location r ON r.id = s.room_id
WHERE s.staff_id = $1 AND s.service_kind = '{ServiceKind.EMERGENCY.value}'
  AND s.starts_at - $2::interval <= hospital_now() AND hospital_now() < s.ends_at + $3::interval
ORDER BY s.starts_at DESC LIMIT 1"""


def topic_of(area_id: UUID) -> str:
    """The live topic of a waiting area's board."""
    return f"queue-area:{area_id}"


async def area_board(reading: Reading, area_id: UUID) -> BoardView:
    """The board of a waiting area (候诊屏), masked. Raises NotFound."""
    area = await reading.fetch_row(_AREA, area_id)
    if area is None:
        raise NotFound()
    rows = await reading.fetch(BOARD, area_id, TICKET_LIVES)
    return BoardView(
        area=AreaView(**dict(area)),
        tickets=[board_ticket(row) for row in rows],
        server_time=await reading.fetch_value("SELECT hospital_now()"),
        topic=topic_of(area_id),
    )


async def doctor_queue(reading: Reading, staff_id: UUID) -> DoctorQueueView:
    """A doctor's patients of today (今日接诊): their own, and while on emergency duty the shared ones."""
    now = await reading.fetch_value("SELECT hospital_now()")
    shared = await reading.fetch_row(_SHARED_NOW, staff_id, CALLS_BEFORE, CALLS_AFTER)
    department, area = (shared["department_id"], shared["area_id"]) if shared else (None, None)
    rows = await reading.fetch(DOCTOR_QUEUE, staff_id, TICKET_LIVES, bounds_of(day_of(now))[0], department, area)
    today = day_of(now)
    groups: dict[str, list[QueueRow]] = {status.value: [] for status in QueueTicketStatus}
    for row in rows:
        groups[row["status"]].append(_queue_row(row, age_text(row["birth_date"], today)))
    return DoctorQueueView(
        waiting=groups["waiting"], called=groups["called"], serving=groups["serving"], passed=groups["passed"],
        finished_today=groups["finished"],
    )  # fmt: skip


async def rooms_of_doctor(reading: Reading, staff_id: UUID) -> Page[RoomView]:
    """Rooms where a doctor has a session now (我的诊室), the running one first."""
    rows = await reading.fetch(ROOMS, staff_id, None, CALLS_BEFORE, CALLS_AFTER)
    return Page(items=[RoomView(**dict(row)) for row in rows])


async def rooms_of_department(reading: Reading, department_id: UUID) -> Page[RoomView]:
    """Rooms of a department with a session now (科室诊室), for the desk nurse."""
    rows = await reading.fetch(ROOMS, None, department_id, CALLS_BEFORE, CALLS_AFTER)
    return Page(items=[RoomView(**dict(row)) for row in rows])


async def place_in_queue(reading: Reading, appointment_id: UUID) -> QueuePlaceView:
    """Where the patient of an appointment stands (排队进度). Raises NotFound: not theirs, or not checked in."""
    await permitted_appointment(reading, appointment_id)
    row = await reading.fetch_row(_OF_APPOINTMENT, appointment_id)
    if row is None:
        raise NotFound()
    return QueuePlaceView(
        ticket_id=row["id"],
        status=row["status"],
        display_no=row["display_no"],
        ahead=await ahead_of(reading, row["id"]),
        room=row["room"],
        area=row["area"],
        topic=topic_of(row["area_id"]),
    )


async def ticket_of(reading: Reading, appointment_id: UUID) -> TicketView | None:
    """The slip of an appointment (排队凭条); for callers that already decided who may see it."""
    row = await reading.fetch_row(_OF_APPOINTMENT, appointment_id)
    if row is None:
        return None
    return TicketView(
        id=row["id"],
        appointment_id=appointment_id,
        display_no=row["display_no"],
        status=row["status"],
        priority=row["priority"],
        department=row["department"],
        doctor=row["doctor"],
        area=row["area"],
        room=row["room"] or row["session_room"],
        ahead=await ahead_of(reading, row["id"]),
        checked_in_at=row["created_at"],
        patient_name_masked=mask_name(row["patient_name"]),
        barcode=barcode_text(BarcodeKind.TICKET, row["appointment_no"]),
    )


async def with_tickets(reading: Reading, appointments: Sequence[AppointmentView]) -> list[AppointmentView]:
    """Appointments with the number and state of their tickets."""
    rows = await reading.fetch(_BRIEF, [appointment.id for appointment in appointments])
    tickets = {r["appointment_id"]: TicketBrief(display_no=r["display_no"], status=r["status"]) for r in rows}
    return [a.model_copy(update={"ticket": tickets.get(a.id)}) for a in appointments]


async def with_ticket(reading: Reading, appointment: AppointmentView) -> AppointmentView:
    """An appointment with its ticket's number and state."""
    return (await with_tickets(reading, [appointment]))[0]


async def ahead_of(reading: Reading, ticket_id: UUID) -> int:
    """How many will be called before a waiting ticket (前方人数); zero once it was called."""
    return int(await reading.fetch_value(AHEAD, ticket_id, TICKET_LIVES))


async def ticket_to_remind(reading: Reading, called_id: UUID, ahead: int) -> TicketToRemind | None:
    """Who has ``ahead`` others before them in the line of a ticket that was just called (候诊提醒)."""
    row = await reading.fetch_row(BEHIND, called_id, TICKET_LIVES, ahead)
    if row is None or row["appointment_id"] is None:
        return None
    return TicketToRemind(**dict(row))


def board_ticket(row: Mapping[str, Any]) -> BoardTicket:
    """A row as everybody in the waiting room may see it."""
    shown = {name: row[name] for name in BoardTicket.model_fields if name != "name"}
    return BoardTicket(**shown, name="" if row["number_only_on_screen"] else mask_name(row["patient_name"]))


def called_ticket(row: Mapping[str, Any]) -> CalledTicket:
    """A row as the person who called sees it."""
    shown = {name: row[name] for name in CalledTicket.model_fields if name != "name"}
    return CalledTicket(**shown, name=row["patient_name"])


def _queue_row(row: Mapping[str, Any], age: str) -> QueueRow:
    return QueueRow(
        ticket_id=row["id"], appointment_id=row["appointment_id"], encounter_id=row["encounter_id"],
        display_no=row["display_no"], patient_id=row["patient_id"], name=row["patient_name"], sex=row["sex"], age=age,
        status=row["status"], priority=row["priority"], starts_at=row["appointed_at"], order_at=row["order_at"],
        call_count=row["call_count"], room=row["room"], online=row["online"],
    )  # fmt: skip
