"""Writers of devices."""

from hospital_core.registry.devices.service.devices import (
    approve_device,
    create_enrolment,
    enrol_device,
    pair_device,
    request_pairing,
    revoke_device,
    seen,
)
from hospital_core.registry.devices.service.kiosk_sessions import close_kiosk_session, open_kiosk_session
from hospital_core.registry.devices.service.telling import tell_device

__all__ = [
    "approve_device",
    "close_kiosk_session",
    "create_enrolment",
    "enrol_device",
    "open_kiosk_session",
    "pair_device",
    "request_pairing",
    "revoke_device",
    "seen",
    "tell_device",
]
