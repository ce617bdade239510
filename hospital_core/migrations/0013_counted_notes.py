from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0012_board")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="CashierShift",
                    name="counted_notes",
                    field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
                ),
            ]
        ),
    ]
