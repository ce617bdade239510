"""A booking writes to fewer indexes and locks fewer rows."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from hospital_core.migrations import Together

# Whether or not the step above has dropped them.
FOREIGN_KEYS = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'appointment'::regclass AND contype = 'f'
      AND confrelid IN ('schedule'::regclass, 'department'::regclass, 'staff_member'::regclass)
  LOOP EXECUTE format('ALTER TABLE appointment DROP CONSTRAINT %I', name); END LOOP; END $$"""


class Migration(migrations.Migration):
    dependencies = [("hospital", "0010_waiting")]

    initial = False

    operations = [
        Together(
            [
                ops.RemoveIndex(
                    model_name="Appointment",
                    name=None,
                    fields=["account_id", "created_at"],
                ),
                ops.RemoveIndex(
                    model_name="Appointment",
                    name=None,
                    fields=["staff_id", "starts_at"],
                ),
                ops.RemoveConstraint(
                    model_name="Appointment",
                    name="appointment_rescheduled_once",
                    fields=None,
                ),
                ops.AlterField(
                    model_name="Appointment",
                    name="department",
                    field=fields.ForeignKeyField(
                        "hospital.Department",
                        source_field="department_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ops.AlterField(
                    model_name="Appointment",
                    name="schedule",
                    field=fields.ForeignKeyField(
                        "hospital.Schedule",
                        source_field="schedule_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ops.AlterField(
                    model_name="Appointment",
                    name="staff",
                    field=fields.ForeignKeyField(
                        "hospital.StaffMember",
                        source_field="staff_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ops.AddConstraint(
                    model_name="Appointment",
                    constraint=UniqueConstraint(
                        fields=("previous_id",),
                        name="appointment_rescheduled_once",
                        condition="status IN ('pending', 'booked', 'checked-in', 'fulfilled') AND previous_id IS NOT NULL",
                    ),
                ),
            ]
        ),
        ops.RunSQL(FOREIGN_KEYS),
    ]
