"""The account's default patient."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0013_counted_notes")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="AccountLink",
                    name="preferred_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ]
        ),
    ]
