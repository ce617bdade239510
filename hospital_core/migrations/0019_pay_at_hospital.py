"""A fee may wait until its patient comes; visits that are booked together know each other."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0018_reversing")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="BookingSeries",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
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
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
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
                        ("every_days", fields.SmallIntField()),
                        ("wanted", fields.SmallIntField()),
                        ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("made_by", fields.UUIDField(null=True)),
                    ],
                    options={
                        "table": "booking_series",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(check="wanted BETWEEN 2 AND 12", name="booking_series_length"),
                            CheckConstraint(check="every_days BETWEEN 1 AND 60", name="booking_series_interval"),
                        ],
                        "indexes": [Index(fields=["patient_id", "made_at"])],
                        "pk_attr": "id",
                        "table_description": "Visits of one patient to one department that were booked together (疗程): ``wanted`` of them, every so many days.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="SeriesVisit",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "series",
                            fields.ForeignKeyField(
                                "hospital.BookingSeries",
                                source_field="series_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "appointment",
                            fields.ForeignKeyField(
                                "hospital.Appointment",
                                source_field="appointment_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                    ],
                    options={
                        "table": "series_visit",
                        "app": "hospital",
                        "constraints": [UniqueConstraint(fields=("appointment_id",), name="series_visit_once")],
                        "indexes": [Index(fields=["series_id"])],
                        "pk_attr": "id",
                        "table_description": "One visit of a course (疗程就诊): the appointment that stands for it now, also after moving.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="Appointment",
                    constraint=CheckConstraint(
                        check="payment_status <> 'unpaid' OR status NOT IN ('checked-in', 'fulfilled')",
                        name="appointment_seen_when_paid",
                    ),
                ),
            ]
        ),
        ops.RunSQL(
            [
                'ALTER TABLE "booking_series" ADD CONSTRAINT "booking_series_length" CHECK (wanted BETWEEN 2 AND 12)',
                'ALTER TABLE "booking_series" ADD CONSTRAINT "booking_series_interval" CHECK (every_days BETWEEN 1 AND 60)',
                'ALTER TABLE "series_visit" ADD CONSTRAINT "series_visit_once" UNIQUE ("appointment_id")',
            ]
        ),
    ]
