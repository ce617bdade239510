"""What happened to appointments (预约事件)."""

from uuid import UUID

from hospital_core.kernel.events import Event


class AppointmentEvent(Event):
    """Base: names one appointment."""

    appointment_id: UUID


class AppointmentHoldLapses(AppointmentEvent):
    """Timer: the hold of an unpaid place ends now (占号到期)."""


class AppointmentConfirmed(AppointmentEvent):
    """A place is the patient's: paid, or free of charge (预约成功)."""


class AppointmentCancelled(AppointmentEvent):
    """A place was given back by somebody (预约取消)."""


class AppointmentExpired(AppointmentEvent):
    """A hold ended unpaid (占号超时)."""


class AppointmentRefunded(AppointmentEvent):
    """The fee of an appointment is back with the payer (挂号费已退)."""
