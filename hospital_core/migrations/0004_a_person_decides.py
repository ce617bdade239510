"""What a person decides: why a refund stopped, what was done about strange money, who chose a password."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from hospital_core.kernel.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("hospital", "0003_admins_and_sessions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MismatchSettlement",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "notice",
                    fields.ForeignKeyField(
                        "hospital.PaymentNotice",
                        source_field="notice_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("note", fields.CharField(max_length=200)),
                ("settled_by", fields.UUIDField()),
                ("settled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mismatch_settlement",
                "app": "hospital",
                "constraints": [UniqueConstraint(fields=("notice_id",), name="mismatch_settled_once")],
                "pk_attr": "id",
                "table_description": "What a person did about a payment that differs from our order (支付不符处理); "
                "once for each.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="PaymentNotice", name="amount_fen", field=fields.BigIntField(null=True)),
        ops.AddField(
            model_name="Refund",
            name="abnormal_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(model_name="Refund", name="abnormal_code", field=fields.CharField(null=True, max_length=40)),
        ops.AddField(
            model_name="StaffAccount",
            name="provisional_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            [
                'ALTER TABLE "mismatch_settlement" ADD CONSTRAINT "mismatch_settled_once" UNIQUE ("notice_id")',
                "CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON mismatch_settlement FOR EACH ROW "
                "EXECUTE FUNCTION history_stays()",
                # Refunds that waited for a person before this was kept: since they were asked for, at the latest.
                "UPDATE refund SET abnormal_at = requested_at WHERE status = 'abnormal'",
            ]
        ),
    ]
