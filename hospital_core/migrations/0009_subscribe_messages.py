from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.ids import new_id
from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0008_money_refunds")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="MessageAttempt",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "notification",
                            fields.ForeignKeyField(
                                "hospital.Notification",
                                source_field="notification_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("template", fields.CharField(max_length=40)),
                        ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("result", fields.CharField(null=True, max_length=20)),
                        ("errcode", fields.IntField(null=True)),
                    ],
                    options={
                        "table": "message_attempt",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="result IN ('sent', 'unavailable', 'no_quota', 'not_subscribed', 'no_template', 'rejected', 'too_late')",
                                name="message_attempt_result_known",
                            ),
                            CheckConstraint(
                                check="(result IS NULL) = (finished_at IS NULL)", name="message_attempt_result_has_time"
                            ),
                        ],
                        "indexes": [Index(fields=["notification_id"]), Index(fields=["started_at"])],
                        "pk_attr": "id",
                        "table_description": "One try to send a message (发送日志); without result: it is under way, or its process died.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="SubscribeQuota",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "account",
                            fields.ForeignKeyField(
                                "hospital.PatientAccount",
                                source_field="account_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("template", fields.CharField(max_length=40)),
                        ("remaining", fields.IntField(default=0)),
                        ("standing", fields.BooleanField(default=False)),
                        ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "subscribe_quota",
                        "app": "hospital",
                        "constraints": [
                            UniqueConstraint(fields=("account_id", "template"), name="subscribe_quota_once"),
                            CheckConstraint(check="remaining >= 0", name="subscribe_quota_not_negative"),
                        ],
                        "pk_attr": "id",
                        "table_description": "How many messages of a template an account may still be sent (订阅额度); ``standing``: any number (长期订阅).",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="Notification",
                    name="spent",
                    field=fields.BooleanField(default=False),
                ),
            ]
        ),
        ops.RunSQL(
            [
                "ALTER TABLE \"message_attempt\" ADD CONSTRAINT \"message_attempt_result_known\" CHECK (result IN ('sent', 'unavailable', 'no_quota', 'not_subscribed', 'no_template', 'rejected', 'too_late'))",
                'ALTER TABLE "message_attempt" ADD CONSTRAINT "message_attempt_result_has_time" CHECK ((result IS NULL) = (finished_at IS NULL))',
                'ALTER TABLE "subscribe_quota" ADD CONSTRAINT "subscribe_quota_once" UNIQUE ("account_id", "template")',
                'ALTER TABLE "subscribe_quota" ADD CONSTRAINT "subscribe_quota_not_negative" CHECK (remaining >= 0)',
            ]
        ),
    ]
