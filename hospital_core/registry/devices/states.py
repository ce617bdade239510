"""Words of devices."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class DeviceKind(StrEnum):
    """What a device is (设备类别)."""

    KIOSK = "kiosk"
    DISPLAY = "display"
    PDA = "pda"


class DeviceStatus(StrEnum):
    """Whether a device may speak to the hospital."""

    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


class KioskProof(StrEnum):
    """What a patient showed to the kiosk (核验方式)."""

    ID_CARD = "id_card"
    APPOINTMENT_QR = "appointment_qr"
    IDENTITY_CODE = "identity_code"  # 就诊码


class DeviceOrder(StrEnum):
    """What a device on the line can be told (设备指令)."""

    IDENTIFY = "identify"  # show which one you are
    RELOAD = "reload"  # load your page anew


DEVICE = Machine(
    "device",
    DeviceStatus,
    [
        Move("approve", (DeviceStatus.PENDING,), DeviceStatus.ACTIVE),
        Move("revoke", (DeviceStatus.PENDING, DeviceStatus.ACTIVE), DeviceStatus.REVOKED),
    ],
)
