"""What screens, patients and doctors see of the queues."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pydantic import Field

from hospital_core.access.queueing.states import QUEUE_TICKET, QueueTicketStatus, TicketPriority
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import View
from hospital_core.registry.patients.states import Sex


class BoardTicket(View):
    """One line of a waiting-room screen (叫号屏): fit for every eye; ``name`` is masked, or empty where it must be."""

    id: UUID
    display_no: str
    name: str
    status: QueueTicketStatus
    priority: TicketPriority
    room: str | None
    department: str
    doctor: str | None
    call_count: int
    called_at: datetime | None
    order_at: datetime


class AreaView(View):
    """A waiting area (候诊区)."""

    id: UUID
    name: str
    campus: str


class BoardView(View):
    """Everything a screen of one area shows (候诊屏): tickets in the order they will be called."""

    area: AreaView
    tickets: list[BoardTicket]
    server_time: datetime
    topic: str


class PresenceCodeView(View):
    """A code for a screen to show (院内签到码), and when to ask for the next one."""

    text: str
    expires_at: datetime
    next_at: datetime


class TicketView(View):
    """What a checked-in patient gets on paper (排队凭条)."""

    id: UUID
    appointment_id: UUID
    display_no: str
    status: QueueTicketStatus
    priority: TicketPriority
    department: str
    doctor: str | None
    area: str
    room: str
    ahead: int
    checked_in_at: datetime
    patient_name_masked: str
    barcode: str


class CalledTicket(View):
    """The patient who was called."""

    id: UUID
    display_no: str
    patient_id: UUID
    name: str
    appointment_id: UUID | None
    encounter_id: UUID
    status: QueueTicketStatus
    room: str | None
    call_count: int


class CalledView(View):
    """Who was called (叫号结果); nobody when nobody waits."""

    ticket: CalledTicket | None


class QueuePlaceView(View):
    """Where a patient stands (排队进度); ``topic`` tells of changes."""

    ticket_id: UUID
    status: QueueTicketStatus
    display_no: str
    ahead: int
    room: str | None
    area: str
    topic: str


class QueueRow(View):
    """A patient in a doctor's queue (接诊列表); ``online``: waits at the phone (线上复诊)."""

    ticket_id: UUID
    appointment_id: UUID | None
    encounter_id: UUID
    display_no: str
    patient_id: UUID
    name: str
    sex: Sex
    age: str
    status: QueueTicketStatus
    priority: TicketPriority
    starts_at: datetime | None
    order_at: datetime
    call_count: int
    room: str | None
    online: bool


class DoctorQueueView(View):
    """A doctor's day (今日接诊)."""

    waiting: list[QueueRow]
    called: list[QueueRow]
    serving: list[QueueRow]
    passed: list[QueueRow]
    finished_today: list[QueueRow]


class VideoRoomView(View):
    """The way into the video consulting room (视频诊室): the address is a key, for this person and this visit only."""

    url: str = Field(repr=False)
    expires_at: datetime
    patient_id: UUID


class RoomView(View):
    """A room where the asker may call patients now (可叫号诊室)."""

    room_id: UUID
    room: str
    area_id: UUID
    area: str
    department_id: UUID
    department: str
    staff_id: UUID
    doctor: str
    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime


class WalkInTicketView(View):
    """A place sold at the window, with its ticket (现场挂号结果); for an online visit the phone draws one later."""

    appointment: AppointmentView
    ticket: TicketView | None
    change_fen: int


def call_order(ticket: BoardTicket) -> tuple[bool, datetime, UUID]:
    """The order in which tickets are called: emergencies, then by ``order_at``, then by arrival (id)."""
    return ticket.priority is not TicketPriority.EMERGENCY, ticket.order_at, ticket.id


def replay(board: Iterable[BoardTicket], changes: Iterable[BoardTicket]) -> list[BoardTicket]:
    """An old board with its changes is the fresh board; every screen does this in its own language."""
    tickets = {ticket.id: ticket for ticket in board}
    for ticket in changes:
        tickets.pop(ticket.id, None)
        if ticket.status not in QUEUE_TICKET.finals():
            tickets[ticket.id] = ticket
    return sorted(tickets.values(), key=call_order)


class TicketToRemind(View):
    """A waiting ticket that comes soon (候诊提醒)."""

    ticket_id: UUID
    appointment_id: UUID
