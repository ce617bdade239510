"""Waiting for places, bans and their appeals, and fees that moved with their appointment."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together

# A uuid becomes a range of one, which GiST can compare without btree_gist. The partial indexes hold next to nothing, so
# that bookings may ask them.
GUARDS = [
    """ALTER TABLE booking_ban ADD CONSTRAINT ban_one_at_a_time EXCLUDE USING gist (
           uuidrange(patient_id, patient_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)
       WHERE (lifted_at IS NULL)""",
    "CREATE INDEX waitlist_waiting ON waitlist_entry (department_id, day, period) WHERE status = 'waiting'",
    "CREATE INDEX appointment_previous ON appointment (previous_id) WHERE previous_id IS NOT NULL",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0009_subscribe_messages")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="BookingBan",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "patient",
                            fields.ForeignKeyField(
                                "hospital.Patient",
                                source_field="patient_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("kind", fields.CharField(max_length=10)),
                        ("reason", fields.CharField(max_length=200)),
                        ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("made_by", fields.UUIDField(null=True)),
                        ("lifted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("lifted_by", fields.UUIDField(null=True)),
                        ("lift_reason", fields.CharField(null=True, max_length=200)),
                    ],
                    options={
                        "table": "booking_ban",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="kind IN ('no_show', 'scalping', 'violence')", name="booking_ban_kind_known"
                            ),
                            CheckConstraint(check="ends_at > starts_at", name="ban_ends_after_start"),
                            CheckConstraint(
                                check="(lifted_at IS NULL) = (lift_reason IS NULL)", name="ban_lifted_with_reason"
                            ),
                        ],
                        "indexes": [Index(fields=["patient_id", "ends_at"])],
                        "pk_attr": "id",
                        "table_description": "A time in which a patient cannot book online (限约); the window serves them. It ends by itself, or is lifted.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="BanAppeal",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "ban",
                            fields.ForeignKeyField(
                                "hospital.BookingBan",
                                source_field="ban_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "account",
                            fields.ForeignKeyField(
                                "hospital.PatientAccount",
                                source_field="account_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("text", fields.CharField(max_length=500)),
                        ("status", fields.CharField(max_length=10)),
                        ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("answer", fields.CharField(null=True, max_length=200)),
                        ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("answered_by", fields.UUIDField(null=True)),
                    ],
                    options={
                        "table": "ban_appeal",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('open', 'accepted', 'refused')", name="ban_appeal_status_known"
                            ),
                            UniqueConstraint(fields=("ban_id",), name="appeal_once_per_ban"),
                            CheckConstraint(
                                check="(status = 'open') = (answered_at IS NULL) AND (answered_at IS NULL) = (answer IS NULL)",
                                name="appeal_answered_when_closed",
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "A patient's objection to a ban (限约申诉), one per ban, answered by staff.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="WaitlistEntry",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "patient",
                            fields.ForeignKeyField(
                                "hospital.Patient",
                                source_field="patient_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "account",
                            fields.ForeignKeyField(
                                "hospital.PatientAccount",
                                source_field="account_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("place", fields.SmallIntField()),
                        (
                            "department",
                            fields.ForeignKeyField(
                                "hospital.Department",
                                source_field="department_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "staff",
                            fields.ForeignKeyField(
                                "hospital.StaffMember",
                                source_field="staff_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("service_kind", fields.CharField(null=True, max_length=20)),
                        ("day", fields.DateField()),
                        ("period", fields.CharField(max_length=10)),
                        ("status", fields.CharField(max_length=10)),
                        ("joined_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("closes_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "offered",
                            fields.ForeignKeyField(
                                "hospital.Appointment",
                                source_field="offered_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "waitlist_entry",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('waiting', 'offered', 'booked', 'declined', 'lapsed', 'left', 'expired', 'dropped')",
                                name="waitlist_entry_status_known",
                            ),
                            CheckConstraint(
                                check="period IN ('morning', 'afternoon', 'night')", name="waitlist_entry_period_known"
                            ),
                            CheckConstraint(
                                check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency')",
                                name="waitlist_entry_service_kind_known",
                            ),
                            CheckConstraint(check="place BETWEEN 1 AND 3", name="waitlist_place_in_range"),
                            UniqueConstraint(
                                fields=("account_id", "place"),
                                name="waitlist_at_most_three",
                                condition="status IN ('waiting', 'offered')",
                            ),
                            UniqueConstraint(
                                fields=("patient_id", "department_id", "day"),
                                name="waitlist_once_per_day",
                                condition="status IN ('waiting', 'offered')",
                            ),
                            UniqueConstraint(
                                fields=("offered_id",), name="waitlist_offer_once", condition="offered_id IS NOT NULL"
                            ),
                            CheckConstraint(
                                check="(status IN ('offered', 'booked', 'declined', 'lapsed')) = (offered_id IS NOT NULL)",
                                name="waitlist_offer_named",
                            ),
                            CheckConstraint(
                                check="(status IN ('waiting', 'offered')) = (ended_at IS NULL)",
                                name="waitlist_ended_when_over",
                            ),
                        ],
                        "indexes": [Index(fields=["account_id", "joined_at"]), Index(fields=["patient_id"])],
                        "pk_attr": "id",
                        "table_description": "Somebody who waits for a place (候补) of a department's part of a day, if they like of one doctor or clinic kind.",
                    },
                    bases=["Model"],
                ),
                ops.RemoveConstraint(
                    model_name="Appointment",
                    name="appointment_payment_status_known",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="Appointment",
                    constraint=CheckConstraint(
                        check="payment_status IN ('unpaid', 'paid', 'refunding', 'refunded', 'moved')",
                        name="appointment_payment_status_known",
                    ),
                ),
            ]
        ),
        ops.RunSQL(GUARDS),
        ops.RunSQL(
            [
                "ALTER TABLE \"booking_ban\" ADD CONSTRAINT \"booking_ban_kind_known\" CHECK (kind IN ('no_show', 'scalping', 'violence'))",
                'ALTER TABLE "booking_ban" ADD CONSTRAINT "ban_ends_after_start" CHECK (ends_at > starts_at)',
                'ALTER TABLE "booking_ban" ADD CONSTRAINT "ban_lifted_with_reason" CHECK ((lifted_at IS NULL) = (lift_reason IS NULL))',
                "ALTER TABLE \"ban_appeal\" ADD CONSTRAINT \"ban_appeal_status_known\" CHECK (status IN ('open', 'accepted', 'refused'))",
                'ALTER TABLE "ban_appeal" ADD CONSTRAINT "appeal_once_per_ban" UNIQUE ("ban_id")',
                'ALTER TABLE "ban_appeal" ADD CONSTRAINT "appeal_answered_when_closed" CHECK ((status = \'open\') = (answered_at IS NULL) AND (answered_at IS NULL) = (answer IS NULL))',
                "ALTER TABLE \"waitlist_entry\" ADD CONSTRAINT \"waitlist_entry_status_known\" CHECK (status IN ('waiting', 'offered', 'booked', 'declined', 'lapsed', 'left', 'expired', 'dropped'))",
                "ALTER TABLE \"waitlist_entry\" ADD CONSTRAINT \"waitlist_entry_period_known\" CHECK (period IN ('morning', 'afternoon', 'night'))",
                "ALTER TABLE \"waitlist_entry\" ADD CONSTRAINT \"waitlist_entry_service_kind_known\" CHECK (service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency'))",
                'ALTER TABLE "waitlist_entry" ADD CONSTRAINT "waitlist_place_in_range" CHECK (place BETWEEN 1 AND 3)',
                'CREATE UNIQUE INDEX "waitlist_at_most_three" ON "waitlist_entry" ("account_id", "place") WHERE status IN (\'waiting\', \'offered\')',
                'CREATE UNIQUE INDEX "waitlist_once_per_day" ON "waitlist_entry" ("patient_id", "department_id", "day") WHERE status IN (\'waiting\', \'offered\')',
                'CREATE UNIQUE INDEX "waitlist_offer_once" ON "waitlist_entry" ("offered_id") WHERE offered_id IS NOT NULL',
                "ALTER TABLE \"waitlist_entry\" ADD CONSTRAINT \"waitlist_offer_named\" CHECK ((status IN ('offered', 'booked', 'declined', 'lapsed')) = (offered_id IS NOT NULL))",
                "ALTER TABLE \"waitlist_entry\" ADD CONSTRAINT \"waitlist_ended_when_over\" CHECK ((status IN ('waiting', 'offered')) = (ended_at IS NULL))",
            ]
        ),
    ]
