"""Since when a payment code's order is being reversed (撤销)."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0017_service_kinds")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="PaymentIntent",
                    name="reversing_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ]
        ),
    ]
