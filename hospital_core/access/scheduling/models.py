"""Tables of scheduling. Exclusion constraints (a doctor in one room, a room with one doctor) stand in the migration."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.access.scheduling.states import (
    LIVE,
    AppointmentPayment,
    AppointmentStatus,
    BookingChannel,
    ScheduleStatus,
    ServiceKind,
    SlotStatus,
)
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to

_LIVE = "status IN (" + ", ".join(f"'{status.value}'" for status in LIVE) + ")"


class Schedule(VersionedRow):
    """One session of a doctor in a room (排班). The fee is copied from the price list when it is made."""

    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID
    staff = refers_to("StaffMember")
    room_id: UUID
    room = refers_to("Location")
    service_kind = fields.CharField(max_length=20)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    price_item_id: UUID
    price_item = refers_to("PriceItem")
    fee_fen: int = fields.BigIntField()
    places = fields.SmallIntField()
    status = fields.CharField(max_length=20)

    class Meta:
        table = "schedule"
        indexes = [Index(fields=["department_id", "starts_at"]), Index(fields=["staff_id", "starts_at"])]
        constraints = [
            one_of("schedule", ScheduleStatus),
            one_of("schedule", ServiceKind, "service_kind"),
            CheckConstraint(check="ends_at > starts_at", name="schedule_ends_after_start"),
            CheckConstraint(check="fee_fen >= 0", name="schedule_fee_not_negative"),
        ]


class Slot(VersionedRow):
    """One place of a session (号源): its number and time. ``held_until`` passed = free again, cleaner or not."""

    schedule_id: UUID
    schedule = refers_to("Schedule")
    number = fields.SmallIntField()
    starts_at = fields.DatetimeField()
    pool = fields.CharField(max_length=20, default="public")
    status = fields.CharField(max_length=10)
    held_until = fields.DatetimeField(null=True)
    free_from = fields.DatetimeField(null=True)

    class Meta:
        table = "slot"
        unique_together = (("schedule_id", "number"),)
        constraints = [one_of("slot", SlotStatus)]


class Appointment(VersionedRow):
    """A booked place (预约挂号). Care state and payment state are separate; ``encounter_id`` is minted here."""

    appointment_no = fields.CharField(max_length=20, unique=True)
    slot_id: UUID
    slot = refers_to("Slot")
    schedule_id: UUID
    schedule = refers_to("Schedule")
    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID
    staff = refers_to("StaffMember")
    patient_id: UUID
    patient = refers_to("Patient")
    account_id: UUID | None
    account = refers_to("PatientAccount", null=True)
    channel = fields.CharField(max_length=10)
    status = fields.CharField(max_length=20)
    payment_status = fields.CharField(max_length=20)
    starts_at = fields.DatetimeField()
    fee_fen: int = fields.BigIntField()
    pay_until = fields.DatetimeField()
    held_until = fields.DatetimeField()
    encounter_id = fields.UUIDField(unique=True)
    created_at = fields.DatetimeField()
    cancelled_at = fields.DatetimeField(null=True)
    cancel_reason = fields.CharField(max_length=40, null=True)

    class Meta:
        table = "appointment"
        indexes = [
            Index(fields=["patient_id", "starts_at"]),
            Index(fields=["account_id", "created_at"]),
            Index(fields=["staff_id", "starts_at"]),
        ]
        constraints = [
            one_of("appointment", AppointmentStatus),
            one_of("appointment", AppointmentPayment, "payment_status"),
            one_of("appointment", BookingChannel, "channel"),
            CheckConstraint(check="held_until >= pay_until", name="appointment_held_past_payment"),
            UniqueConstraint(fields=("slot_id",), condition=_LIVE, name="place_sold_once"),
            UniqueConstraint(fields=("patient_id", "schedule_id"), condition=_LIVE, name="patient_once_per_session"),
        ]
