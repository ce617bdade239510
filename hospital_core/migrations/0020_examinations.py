"""Examinations that have places of their own: what they are, and which paid charge has which place."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0019_pay_at_hospital")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ExaminationBooking",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "charge_item",
                            fields.ForeignKeyField(
                                "hospital.ChargeItem",
                                source_field="charge_item_id",
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
                        ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "examination_booking",
                        "app": "hospital",
                        "constraints": [
                            UniqueConstraint(
                                fields=("charge_item_id",),
                                name="examination_charge_booked_once",
                                condition="ended_at IS NULL",
                            ),
                            CheckConstraint(check="ended_at >= made_at", name="examination_booking_ends_after_start"),
                        ],
                        "indexes": [Index(fields=["appointment_id"])],
                        "pk_attr": "id",
                        "table_description": "A paid charge has a place (检查预约). Several charges of one patient may share an appointment.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="ExaminationItem",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "price_item",
                            fields.ForeignKeyField(
                                "hospital.PriceItem",
                                source_field="price_item_id",
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
                        ("preparation", fields.CharField(default="", max_length=500)),
                        ("lead_minutes", fields.IntField(default=0)),
                        ("active", fields.BooleanField(default=True)),
                    ],
                    options={
                        "table": "examination_item",
                        "app": "hospital",
                        "constraints": [
                            UniqueConstraint(fields=("price_item_id",), name="examination_item_once"),
                            CheckConstraint(check="lead_minutes BETWEEN 0 AND 20160", name="examination_lead_in_range"),
                        ],
                        "indexes": [Index(fields=["department_id"])],
                        "pk_attr": "id",
                        "table_description": "A price item that is done at an appointed time (检查项目): where, and what its patient does beforehand.",
                    },
                    bases=["Model"],
                ),
            ]
        ),
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX "examination_charge_booked_once" ON "examination_booking" ("charge_item_id") WHERE ended_at IS NULL',
                'ALTER TABLE "examination_booking" ADD CONSTRAINT "examination_booking_ends_after_start" CHECK (ended_at >= made_at)',
                'ALTER TABLE "examination_item" ADD CONSTRAINT "examination_item_once" UNIQUE ("price_item_id")',
                'ALTER TABLE "examination_item" ADD CONSTRAINT "examination_lead_in_range" CHECK (lead_minutes BETWEEN 0 AND 20160)',
            ]
        ),
    ]
