"""What can be asked about being kept from booking online (限约与申诉)."""

from uuid import UUID

from pydantic import Field

from hospital_core.access.scheduling.states import BanKind
from hospital_core.kernel.commands import Command


class MarkMissed(Command):
    """A session is over: who did not come missed it (爽约登记)."""

    schedule_id: UUID


class SetBan(Command):
    """Keep a patient from booking online for some days (设置限约)."""

    patient_id: UUID
    kind: BanKind
    days: int = Field(ge=1, le=730)
    reason: str = Field(min_length=1, max_length=200)


class LiftBan(Command):
    """End a ban before its time (解除限约)."""

    ban_id: UUID
    reason: str = Field(min_length=1, max_length=200)


class AppealBan(Command):
    """Object to a ban, once (申诉)."""

    ban_id: UUID
    text: str = Field(min_length=1, max_length=500)


class AnswerAppeal(Command):
    """Answer a patient's objection (处理申诉): accepted, the ban ends."""

    ban_id: UUID
    accept: bool
    answer: str = Field(min_length=1, max_length=200)
