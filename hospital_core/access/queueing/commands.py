"""What can be asked of queueing."""

from uuid import UUID

from pydantic import Field, model_validator
from typing_extensions import Self

from hospital_core.access.queueing.states import TicketPriority
from hospital_core.kernel.commands import Command
from hospital_core.kernel.money import Fen


class CheckIn(Command):
    """Join the queue of an appointment (签到). Only staff may give a priority."""

    appointment_id: UUID
    priority: TicketPriority | None = None


class CheckInByPhone(Command):
    """Join the queue from one's own phone (手机签到), with one proof of being there.

    Either a code that a screen of the campus shows, or the phone's place. Units: degrees (GCJ-02), metres.
    """

    appointment_id: UUID
    presence_code: str | None = Field(default=None, min_length=1, max_length=200)
    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    accuracy_m: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        place = (self.latitude, self.longitude, self.accuracy_m)
        given = sum(part is not None for part in place)
        if (self.presence_code is not None, given) not in ((True, 0), (False, len(place))):
            raise ValueError("a code, or latitude, longitude and accuracy_m")
        return self


class CheckInOnline(Command):
    """Wait at the phone for an online visit (线上候诊); nobody has to be anywhere."""

    appointment_id: UUID


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
