"""Refusals about devices and kiosk sessions."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import Busy, DomainError, Kind, Unauthenticated


class EnrolmentCodeWrong(DomainError):
    """The enrolment code is unknown, used or older than ten minutes."""

    code = "devices.enrolment_code_wrong"
    kind = Kind.INVALID
    title = "注册码不正确或已过期"


class PairingCodeWrong(DomainError):
    """No screen shows this pairing code now."""

    code = "devices.pairing_code_wrong"
    kind = Kind.INVALID
    title = "配对码不正确或已过期"


class TooManyPairings(DomainError):
    """More screens wait for a place than a hospital could hang in ten minutes. Fields: ``retry_after`` in seconds."""

    code = "devices.too_many_pairings"
    kind = Kind.TOO_MANY
    title = "等待配对的屏幕过多，请稍后再试"


class DeviceKeyKnown(DomainError):
    """A device with this key was enrolled before; a new start needs a new key."""

    code = "devices.key_known"
    kind = Kind.CONFLICT
    title = "该设备密钥已注册"


class DeviceUnknown(Unauthenticated):
    """No device has this id, or the signature was not made with its key: the two look the same."""

    code = "device.unknown"
    title = "设备未注册或验证失败"


class DeviceRevoked(Unauthenticated):
    """The device was taken out of service; said only to who holds its key."""

    code = "device.revoked"
    title = "设备已停用，请联系管理员"


class DeviceNotApproved(DomainError):
    """The device has introduced itself and waits for staff to approve it."""

    code = "device.pending"
    kind = Kind.FORBIDDEN
    title = "设备尚未通过审核"


class PlaceNeeded(DomainError):
    """A device serves a place; neither the enrolment nor the approval names one."""

    code = "devices.place_needed"
    kind = Kind.INVALID
    title = "请选择设备所在位置"


class KioskProofRefused(DomainError):
    """The shown proof names no file here, or another name than the file's: the two look the same."""

    code = "devices.kiosk_proof_refused"
    kind = Kind.NOT_FOUND
    title = "未找到您的就诊档案，请到窗口办理"


class KioskSessionEnded(DomainError):
    """The kiosk session has ended or run out."""

    code = "kiosk.session_ended"
    kind = Kind.UNAUTHENTICATED
    title = "操作已超时，请重新刷证"


means("device_public_key_key", DeviceKeyKnown)
means("pairing_code_once", Busy)
means("kiosk_one_session", Busy)
