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


class AddOnGiven(AppointmentEvent):
    """A doctor gave a patient a place beyond the session's, to be paid for (加号)."""


class DisruptionEvent(AppointmentEvent):
    """Base: names one appointment and the change of a clinic that met it."""

    disruption_id: UUID


class ClinicStopped(DisruptionEvent):
    """A patient's session, or their place of it, was stopped: they choose to move or to be refunded (停诊)."""


class DoctorSubstituted(DisruptionEvent):
    """Another doctor holds a patient's session: they choose to keep, move or be refunded (替诊)."""


class AppointmentMoved(DisruptionEvent):
    """A patient has a place in another session instead (改约)."""


class DisruptionAnswerDue(Event):
    """Timer: a patient who has not answered by now is settled by default (停替诊答复到期)."""

    disruption_id: UUID


class SessionHandedOver(Event):
    """A session is another doctor's now; who waits in its queue waits for that doctor (替诊)."""

    schedule_id: UUID
