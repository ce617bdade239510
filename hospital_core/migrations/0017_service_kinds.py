"""Two more kinds of sessions: examinations (检查), and online follow-up visits (线上复诊)."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0016_reconciliation")]

    initial = False

    operations = [
        Together(
            [
                ops.RemoveConstraint(
                    model_name="Appointment",
                    name="appointment_service_kind_known",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="Appointment",
                    constraint=CheckConstraint(
                        check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency', 'examination', 'online')",
                        name="appointment_service_kind_known",
                    ),
                ),
                ops.RemoveConstraint(
                    model_name="Schedule",
                    name="schedule_service_kind_known",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="Schedule",
                    constraint=CheckConstraint(
                        check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency', 'examination', 'online')",
                        name="schedule_service_kind_known",
                    ),
                ),
                ops.RemoveConstraint(
                    model_name="ScheduleTemplate",
                    name="schedule_template_service_kind_known",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="ScheduleTemplate",
                    constraint=CheckConstraint(
                        check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency', 'examination', 'online')",
                        name="schedule_template_service_kind_known",
                    ),
                ),
                ops.RemoveConstraint(
                    model_name="WaitlistEntry",
                    name="waitlist_entry_service_kind_known",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="WaitlistEntry",
                    constraint=CheckConstraint(
                        check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency', 'examination', 'online')",
                        name="waitlist_entry_service_kind_known",
                    ),
                ),
            ]
        ),
    ]
