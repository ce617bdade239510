"""Tables of a course of visits (疗程预约). Linked by a table of their own: booking does not know of courses."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, refers_to


class BookingSeries(Row):
    """Visits of one patient to one department that were booked together (疗程): ``wanted`` of them, every so many days.

    What becomes of each visit stands on its appointment; ``account_id`` is whose phone booked, None at a desk.
    """

    patient_id: UUID
    patient = refers_to("Patient")
    account_id: UUID | None
    account = refers_to("PatientAccount", null=True)
    department_id: UUID
    department = refers_to("Department")
    every_days = fields.SmallIntField()
    wanted = fields.SmallIntField()
    made_at = fields.DatetimeField()
    made_by = fields.UUIDField(null=True)

    class Meta:
        table = "booking_series"
        indexes = [Index(fields=["patient_id", "made_at"])]
        constraints = [
            CheckConstraint(check="wanted BETWEEN 2 AND 12", name="booking_series_length"),
            CheckConstraint(check="every_days BETWEEN 1 AND 60", name="booking_series_interval"),
        ]


class SeriesVisit(Row):
    """One visit of a course (疗程就诊): the appointment that stands for it now, also after moving."""

    series_id: UUID
    series = refers_to("BookingSeries")
    appointment_id: UUID
    appointment = refers_to("Appointment")

    class Meta:
        table = "series_visit"
        indexes = [Index(fields=["series_id"])]
        constraints = [UniqueConstraint(fields=("appointment_id",), name="series_visit_once")]
