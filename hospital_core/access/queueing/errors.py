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


class NotCalledYet(DomainError):
    """The video room opens when the patient is called; ``status`` is the ticket's."""

    code = "queueing.not_called_yet"
    kind = Kind.CONFLICT
    title = "还没有轮到您，医生叫号后即可进入诊室"


class VideoVisitOver(DomainError):
    """The visit has ended, so its room is closed."""

    code = "queueing.video_visit_over"
    kind = Kind.CONFLICT
    title = "本次就诊已结束，视频诊室已关闭"


class PresenceCodeInvalid(DomainError):
    """The code is not one of the hospital's screens, or of a screen of another campus."""

    code = "queueing.presence_code_invalid"
    kind = Kind.INVALID
    title = "签到码无效，请扫描就诊院区屏幕上的签到码"


class PresenceCodeExpired(DomainError):
    """The code's minute has passed."""

    code = "queueing.presence_code_expired"
    kind = Kind.INVALID
    title = "签到码已过期，请扫描屏幕上的新码"


class PresenceCodeUsed(DomainError):
    """The account has checked in with this code before."""

    code = "queueing.presence_code_used"
    kind = Kind.CONFLICT
    title = "该签到码您已使用过，请等待屏幕换码后再扫"


class NotAtHospital(DomainError):
    """The phone is farther from the campus than it may be; ``distance_m`` says how far."""

    code = "queueing.not_at_hospital"
    kind = Kind.CONFLICT
    title = "您不在医院签到范围内，请到院后签到"


class LocationTooVague(DomainError):
    """The phone does not know well enough where it is."""

    code = "queueing.location_too_vague"
    kind = Kind.CONFLICT
    title = "定位精度不足，请到开阔处重试，或扫描院内签到码"


class LocationUnknown(DomainError):
    """The campus has no point on the map yet: only a code of its screens shows that somebody is there."""

    code = "queueing.location_unknown"
    kind = Kind.CONFLICT
    title = "本院区未开通定位签到，请扫描院内签到码"


means("patient_in_one_room", PatientElsewhere)
means("room_calls_one", RoomAlreadyCalling)
means("room_serves_one", RoomAlreadyServing)
means("ticket_once_per_appointment", AlreadyQueued)
