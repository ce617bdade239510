"""Tables of examinations."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, VersionedRow, refers_to


class ExaminationItem(VersionedRow):
    """A price item that is done at an appointed time (检查项目): where, and what its patient does beforehand.

    ``lead_minutes``: no place nearer than that can be had, because the patient could not prepare.
    """

    price_item_id: UUID
    price_item = refers_to("PriceItem")
    department_id: UUID
    department = refers_to("Department")
    preparation = fields.CharField(max_length=500, default="")
    lead_minutes = fields.IntField(default=0)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "examination_item"
        indexes = [Index(fields=["department_id"])]
        constraints = [
            UniqueConstraint(fields=("price_item_id",), name="examination_item_once"),
            CheckConstraint(check="lead_minutes BETWEEN 0 AND 20160", name="examination_lead_in_range"),
        ]


class ExaminationBooking(Row):
    """A paid charge has a place (检查预约). Several charges of one patient may share an appointment.

    One whose appointment no longer stands has ended, whether or not ``ended_at`` says so yet: whoever books next
    writes it down first.
    """

    charge_item_id: UUID
    charge_item = refers_to("ChargeItem")
    appointment_id: UUID
    appointment = refers_to("Appointment")
    made_at: datetime = fields.DatetimeField()
    ended_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "examination_booking"
        indexes = [Index(fields=["appointment_id"])]
        constraints = [
            UniqueConstraint(
                fields=("charge_item_id",), condition="ended_at IS NULL", name="examination_charge_booked_once"
            ),
            CheckConstraint(check="ended_at >= made_at", name="examination_booking_ends_after_start"),
        ]
