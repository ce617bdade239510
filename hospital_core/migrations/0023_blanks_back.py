"""Blanks that come back unused (退回): which, by whom and why. They may be handed out again."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from hospital_core.migrations import Together

# A number is out once at a time: the range ends where its rest came back.
OUT_ONCE = [
    "ALTER TABLE paper_stock DROP CONSTRAINT paper_stock_once",
    """ALTER TABLE paper_stock ADD CONSTRAINT paper_stock_once EXCLUDE USING gist (
       int8range(hashtextextended(batch_code, 0) / 2, hashtextextended(batch_code, 0) / 2, '[]') WITH &&,
       int8range(first_number, coalesce(returned_from, last_number + 1)) WITH &&)""",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0022_paper_copies")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="PaperStock",
                    name="return_reason",
                    field=fields.CharField(null=True, max_length=200),
                ),
                ops.AddField(
                    model_name="PaperStock",
                    name="returned_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddField(model_name="PaperStock", name="returned_by", field=fields.UUIDField(null=True)),
                ops.AddField(model_name="PaperStock", name="returned_from", field=fields.BigIntField(null=True)),
                ops.AddConstraint(
                    model_name="PaperStock",
                    constraint=CheckConstraint(
                        check="(returned_from IS NULL) = (returned_at IS NULL) "
                        "AND (returned_from IS NULL) = (return_reason IS NULL) "
                        "AND (returned_from IS NULL OR (returned_from = next_number AND returned_from <= last_number))",
                        name="paper_stock_return_says_why",
                    ),
                ),
            ]
        ),
        ops.RunSQL(OUT_ONCE),
    ]
