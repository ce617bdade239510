"""What can be asked of encounters."""

from uuid import UUID

from hospital_core.kernel.commands import Command


class StartEncounter(Command):
    """The called patient is in the room (开始接诊)."""

    ticket_id: UUID


class FinishEncounter(Command):
    """The patient was seen (结束就诊)."""

    ticket_id: UUID
