"""What can be asked of queueing."""

from uuid import UUID

from pydantic import Field

from hospital_core.access.queueing.states import TicketPriority
from hospital_core.kernel.commands import Command
from hospital_core.kernel.money import Fen


class CheckIn(Command):
    """Join the queue of an appointment (签到). Only staff may give a priority."""

    appointment_id: UUID
    priority: TicketPriority | None = None


class CallNext(Command):
    """Call the next patient to a room (叫下一位)."""

    room_id: UUID


class TicketCommand(Command):
    """Do something with one ticket: recall, pass, return (重呼、过号、复位)."""

    ticket_id: UUID


class WalkIn(Command):
    """Register at the window and join the queue at once (现场挂号并签到)."""

    patient_id: UUID
    schedule_id: UUID
    tendered_fen: Fen = Field(default=0)
    priority: TicketPriority | None = None
