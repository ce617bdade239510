"""What happened in the queues (排队事件)."""

from uuid import UUID

from hospital_core.kernel.events import Event


class TicketEvent(Event):
    """Base: names a ticket and the visit it belongs to."""

    ticket_id: UUID
    encounter_id: UUID
    appointment_id: UUID | None


class PatientCheckedIn(TicketEvent):
    """A patient arrived and stands in a queue (签到)."""


class TicketCalled(TicketEvent):
    """A patient was called to a room (叫号), again or for the first time."""

    room_id: UUID


class TicketFinished(TicketEvent):
    """A patient was seen (就诊结束)."""
