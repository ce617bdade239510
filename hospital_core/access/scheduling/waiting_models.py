"""Tables of waiting for a place, and of being kept from booking. Exclusion constraints stand in the migration."""

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.access.scheduling.states import AppealStatus, BanKind, DayPeriod, ServiceKind, WaitlistStatus
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to

_LIVE = "status IN ('waiting', 'offered')"


class WaitlistEntry(VersionedRow):
    """Somebody who waits for a place (候补) of a department's part of a day, if they like of one doctor or clinic kind.

    ``place`` 1–3 makes "at most three per account" a unique index. ``closes_at`` is the evening before.
    """

    patient_id: UUID
    patient = refers_to("Patient")
    account_id: UUID
    account = refers_to("PatientAccount")
    place = fields.SmallIntField()
    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID | None
    staff = refers_to("StaffMember", null=True)
    service_kind = fields.CharField(max_length=20, null=True)
    day: date = fields.DateField()
    period = fields.CharField(max_length=10)
    status = fields.CharField(max_length=10)
    joined_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    offered_id: UUID | None
    offered = refers_to("Appointment", null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "waitlist_entry"
        indexes = [Index(fields=["account_id", "joined_at"]), Index(fields=["patient_id"])]
        constraints = [
            one_of("waitlist_entry", WaitlistStatus),
            one_of("waitlist_entry", DayPeriod, "period"),
            one_of("waitlist_entry", ServiceKind, "service_kind"),
            CheckConstraint(check="place BETWEEN 1 AND 3", name="waitlist_place_in_range"),
            UniqueConstraint(fields=("account_id", "place"), condition=_LIVE, name="waitlist_at_most_three"),
            UniqueConstraint(
                fields=("patient_id", "department_id", "day"), condition=_LIVE, name="waitlist_once_per_day"
            ),
            UniqueConstraint(fields=("offered_id",), condition="offered_id IS NOT NULL", name="waitlist_offer_once"),
            CheckConstraint(
                check="(status IN ('offered', 'booked', 'declined', 'lapsed')) = (offered_id IS NOT NULL)",
                name="waitlist_offer_named",
            ),
            CheckConstraint(check=f"({_LIVE}) = (ended_at IS NULL)", name="waitlist_ended_when_over"),
        ]


class BookingBan(VersionedRow):
    """A time in which a patient cannot book online (限约); the window serves them. It ends by itself, or is lifted.

    A patient has one at a time (exclusion constraint ``ban_one_at_a_time``). ``made_by`` NULL: the no-show rule.
    """

    patient_id: UUID
    patient = refers_to("Patient")
    kind = fields.CharField(max_length=10)
    reason = fields.CharField(max_length=200)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    made_at = fields.DatetimeField()
    made_by = fields.UUIDField(null=True)
    lifted_at = fields.DatetimeField(null=True)
    lifted_by = fields.UUIDField(null=True)
    lift_reason = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "booking_ban"
        indexes = [Index(fields=["patient_id", "ends_at"])]
        constraints = [
            one_of("booking_ban", BanKind, "kind"),
            CheckConstraint(check="ends_at > starts_at", name="ban_ends_after_start"),
            CheckConstraint(check="(lifted_at IS NULL) = (lift_reason IS NULL)", name="ban_lifted_with_reason"),
        ]


class BanAppeal(VersionedRow):
    """A patient's objection to a ban (限约申诉), one per ban, answered by staff."""

    ban_id: UUID
    ban = refers_to("BookingBan")
    account_id: UUID
    account = refers_to("PatientAccount")
    text = fields.CharField(max_length=500)
    status = fields.CharField(max_length=10)
    made_at = fields.DatetimeField()
    answer = fields.CharField(max_length=200, null=True)
    answered_at = fields.DatetimeField(null=True)
    answered_by = fields.UUIDField(null=True)

    class Meta:
        table = "ban_appeal"
        constraints = [
            one_of("ban_appeal", AppealStatus),
            UniqueConstraint(fields=("ban_id",), name="appeal_once_per_ban"),
            CheckConstraint(
                check="(status = 'open') = (answered_at IS NULL) AND (answered_at IS NULL) = (answer IS NULL)",
                name="appeal_answered_when_closed",
            ),
        ]
