"""Why somebody cannot be called, or not by this person."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class NoSessionInRoom(DomainError):
    """Nobody sees patients in this room now, so nobody can be called to it."""

    code = "queueing.no_session_in_room"
    kind = Kind.CONFLICT
    title = "该诊室当前没有出诊安排，不能叫号"


class RoomAlreadyCalling(DomainError):
    """A called patient is awaited in the room: start, or pass, first."""

    code = "queueing.room_already_calling"
    kind = Kind.CONFLICT
    title = "已有被叫号的患者，请先接诊或过号"


class RoomAlreadyServing(DomainError):
    """A patient is being seen in the room."""

    code = "queueing.room_already_serving"
    kind = Kind.CONFLICT
    title = "诊室内有正在就诊的患者，请先结束就诊"


class PatientElsewhere(DomainError):
    """The patient is called to, or being seen in, another room."""

    code = "queueing.patient_elsewhere"
    kind = Kind.CONFLICT
    title = "该患者正在其他诊室"


class AlreadyQueued(DomainError):
    """The appointment already has a ticket."""

    code = "queueing.already_queued"
    kind = Kind.CONFLICT
    title = "该预约已签到"


means("patient_in_one_room", PatientElsewhere)
means("room_calls_one", RoomAlreadyCalling)
means("room_serves_one", RoomAlreadyServing)
means("ticket_once_per_appointment", AlreadyQueued)
