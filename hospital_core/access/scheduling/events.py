"""What happened to appointments (预约事件)."""

from datetime import date
from uuid import UUID

from hospital_core.kernel.events import Event


class AppointmentEvent(Event):
    """Base: names one appointment."""

    appointment_id: UUID


class AppointmentHoldLapses(AppointmentEvent):
    """Timer: the hold of an unpaid place ends now (占号到期)."""


class AppointmentConfirmed(AppointmentEvent):
    """A place is the patient's: paid, or free of charge (预约成功)."""


class AppointmentFeePaid(AppointmentEvent):
    """The fee of a place that was the patient's already has been paid (到院缴费)."""


class VisitReminderDue(AppointmentEvent):
    """Timer: the evening before a visit has come (就诊提醒)."""


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


class HoldStopped(AppointmentEvent):
    """A place that was held but not paid for ended with its session: nothing is left to choose (停诊)."""


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


class WaitlistDue(Event):
    """The line for a department's part of a day may have something to be given (候补派号)."""

    department_id: UUID
    day: date
    period: str


class WaitlistEvent(Event):
    """Base: names somebody's entry in a line."""

    entry_id: UUID


class WaitlistOffered(WaitlistEvent):
    """A place is held for the first in line (候补到号)."""


class WaitlistEnded(WaitlistEvent):
    """The line closed, or the entry could not be served, before a place came (候补未成功)."""


class BanEvent(Event):
    """Base: names a ban."""

    ban_id: UUID


class PatientBanned(BanEvent):
    """A patient may not book online for a while (限约)."""


class BanLifted(BanEvent):
    """A ban ended before its time (解除限约)."""


class AppealAnswered(BanEvent):
    """A patient's objection to a ban was answered (申诉结果)."""
