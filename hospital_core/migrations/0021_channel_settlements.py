"""A channel's money for a day at the bank (渠道到账)."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0020_examinations")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ChannelSettlement",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "run",
                            fields.ForeignKeyField(
                                "hospital.ReconciliationRun",
                                source_field="run_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("clearing_fen", fields.BigIntField()),
                        ("fee_fen", fields.BigIntField()),
                        ("bank_fen", fields.BigIntField()),
                        ("reference", fields.CharField(max_length=64)),
                        ("arrived_on", fields.DateField()),
                        (
                            "entry",
                            fields.ForeignKeyField(
                                "hospital.JournalEntry",
                                source_field="entry_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("settled_by", fields.UUIDField(null=True)),
                        ("settled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("withdrawn_by", fields.UUIDField(null=True)),
                        ("withdrawn_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("withdrawal", fields.CharField(null=True, max_length=100)),
                    ],
                    options={
                        "table": "channel_settlement",
                        "app": "hospital",
                        "constraints": [
                            UniqueConstraint(
                                fields=("run_id",), name="settlement_once", condition="withdrawn_at IS NULL"
                            ),
                            CheckConstraint(check="clearing_fen = bank_fen + fee_fen", name="settlement_adds_up"),
                            CheckConstraint(
                                check="(withdrawn_at IS NULL) = (withdrawal IS NULL)",
                                name="settlement_withdrawn_says_why",
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "A channel's money for a day at the bank (渠道到账). It stays; a wrong one is withdrawn, and another one stands.",
                    },
                    bases=["Model"],
                ),
            ]
        ),
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX "settlement_once" ON "channel_settlement" ("run_id") WHERE withdrawn_at IS NULL',
                'ALTER TABLE "channel_settlement" ADD CONSTRAINT "settlement_adds_up" CHECK (clearing_fen = bank_fen + fee_fen)',
                'ALTER TABLE "channel_settlement" ADD CONSTRAINT "settlement_withdrawn_says_why" CHECK ((withdrawn_at IS NULL) = (withdrawal IS NULL))',
            ]
        ),
    ]
