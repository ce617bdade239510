"""Planning: worked weekends, templates that made no session, stopped and substituted clinics."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.ids import new_id
from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0006_money_guards")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ClinicChange",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "schedule",
                            fields.ForeignKeyField(
                                "hospital.Schedule",
                                source_field="schedule_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("kind", fields.CharField(max_length=10)),
                        ("slot_from", fields.SmallIntField(null=True)),
                        ("slot_to", fields.SmallIntField(null=True)),
                        (
                            "from_staff",
                            fields.ForeignKeyField(
                                "hospital.StaffMember",
                                source_field="from_staff_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "to_staff",
                            fields.ForeignKeyField(
                                "hospital.StaffMember",
                                source_field="to_staff_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("reason", fields.CharField(max_length=200)),
                        ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("made_by", fields.UUIDField(null=True)),
                    ],
                    options={
                        "table": "clinic_change",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(check="kind IN ('stop', 'substitute')", name="clinic_change_kind_known"),
                            CheckConstraint(
                                check="(slot_from IS NULL) = (slot_to IS NULL) AND slot_from <= slot_to",
                                name="clinic_change_range",
                            ),
                            CheckConstraint(
                                check="(kind = 'substitute') = (to_staff_id IS NOT NULL)",
                                name="clinic_change_names_substitute",
                            ),
                        ],
                        "indexes": [Index(fields=["schedule_id"])],
                        "pk_attr": "id",
                        "table_description": "What was done to a session (停替诊): stopped, whole or from one number to another, or given to another doctor.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="Disruption",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "change",
                            fields.ForeignKeyField(
                                "hospital.ClinicChange",
                                source_field="change_id",
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
                        (
                            "from_slot",
                            fields.ForeignKeyField(
                                "hospital.Slot",
                                source_field="from_slot_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("status", fields.CharField(max_length=10)),
                        ("answer_by", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("answered_by", fields.UUIDField(null=True)),
                        ("refunded_fen", fields.BigIntField(default=0)),
                    ],
                    options={
                        "table": "disruption",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('open', 'moved', 'kept', 'refunded', 'lapsed')",
                                name="disruption_status_known",
                            ),
                            UniqueConstraint(fields=("change_id", "appointment_id"), name="disruption_once_per_change"),
                            UniqueConstraint(
                                fields=("appointment_id",), name="disruption_one_open", condition="status = 'open'"
                            ),
                            CheckConstraint(check="refunded_fen >= 0", name="disruption_refund_not_negative"),
                            CheckConstraint(
                                check="(status = 'open') = (answered_at IS NULL)",
                                name="disruption_answered_when_closed",
                            ),
                        ],
                        "indexes": [Index(fields=["appointment_id"])],
                        "pk_attr": "id",
                        "table_description": "One patient whom a change of a clinic met (停替诊患者): told once, answered once, by ``answer_by`` at the latest.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="GenerationProblem",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "template",
                            fields.ForeignKeyField(
                                "hospital.ScheduleTemplate",
                                source_field="template_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("day", fields.DateField()),
                        ("trouble", fields.CharField(max_length=20)),
                        ("found_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "generation_problem",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="trouble IN ('doctor_elsewhere', 'room_taken', 'no_price', 'closed')",
                                name="generation_problem_trouble_known",
                            ),
                            UniqueConstraint(fields=("template_id", "day"), name="generation_problem_once"),
                        ],
                        "pk_attr": "id",
                        "table_description": "A template that made no session on a day (放号异常); it goes away when the session is made after all.",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="CalendarDay",
                    name="as_weekday",
                    field=fields.SmallIntField(null=True),
                ),
                ops.AddConstraint(
                    model_name="CalendarDay",
                    constraint=CheckConstraint(check="as_weekday BETWEEN 1 AND 7", name="calendar_weekday_in_range"),
                ),
            ]
        ),
        ops.RunSQL(
            [
                "ALTER TABLE \"clinic_change\" ADD CONSTRAINT \"clinic_change_kind_known\" CHECK (kind IN ('stop', 'substitute'))",
                'ALTER TABLE "clinic_change" ADD CONSTRAINT "clinic_change_range" CHECK ((slot_from IS NULL) = (slot_to IS NULL) AND slot_from <= slot_to)',
                'ALTER TABLE "clinic_change" ADD CONSTRAINT "clinic_change_names_substitute" CHECK ((kind = \'substitute\') = (to_staff_id IS NOT NULL))',
                "ALTER TABLE \"disruption\" ADD CONSTRAINT \"disruption_status_known\" CHECK (status IN ('open', 'moved', 'kept', 'refunded', 'lapsed'))",
                'ALTER TABLE "disruption" ADD CONSTRAINT "disruption_once_per_change" UNIQUE ("change_id", "appointment_id")',
                'CREATE UNIQUE INDEX "disruption_one_open" ON "disruption" ("appointment_id") WHERE status = \'open\'',
                'ALTER TABLE "disruption" ADD CONSTRAINT "disruption_refund_not_negative" CHECK (refunded_fen >= 0)',
                'ALTER TABLE "disruption" ADD CONSTRAINT "disruption_answered_when_closed" CHECK ((status = \'open\') = (answered_at IS NULL))',
                "ALTER TABLE \"generation_problem\" ADD CONSTRAINT \"generation_problem_trouble_known\" CHECK (trouble IN ('doctor_elsewhere', 'room_taken', 'no_price', 'closed'))",
                'ALTER TABLE "generation_problem" ADD CONSTRAINT "generation_problem_once" UNIQUE ("template_id", "day")',
            ]
        ),
    ]
