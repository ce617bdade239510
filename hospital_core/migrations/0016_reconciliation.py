"""Reconciliation: runs, the lines of the channel's bills, differences and their disposal by two persons."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together


class Migration(migrations.Migration):
    dependencies = [("hospital", "0015_einvoices")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="BillLine",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("run_id", fields.UUIDField()),
                        ("load_id", fields.UUIDField()),
                        ("line_no", fields.IntField()),
                        ("kind", fields.CharField(max_length=10)),
                        ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("mchid", fields.CharField(max_length=32)),
                        ("appid", fields.CharField(max_length=40)),
                        ("sub_mchid", fields.CharField(null=True, max_length=32)),
                        ("transaction_id", fields.CharField(max_length=64)),
                        ("out_trade_no", fields.CharField(max_length=64)),
                        ("refund_id", fields.CharField(null=True, max_length=64)),
                        ("out_refund_no", fields.CharField(null=True, max_length=64)),
                        ("amount_fen", fields.BigIntField()),
                        ("settled_fen", fields.BigIntField()),
                        ("fee_millifen", fields.BigIntField()),
                        ("status", fields.CharField(max_length=20)),
                    ],
                    options={
                        "table": "bill_line",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="kind IN ('payment', 'refund', 'reversal')", name="bill_line_kind_known"
                            )
                        ],
                        "indexes": [
                            Index(fields=["load_id", "kind"]),
                            Index(fields=["out_trade_no"]),
                            Index(fields=["out_refund_no"]),
                        ],
                        "pk_attr": "id",
                        "table_description": "A line of a channel's bill as it came (账单明细), kept a hundred days; no payer stands in it.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="ReconciliationRun",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        ("channel", fields.CharField(max_length=20)),
                        ("mchid", fields.CharField(default="", max_length=32)),
                        ("day", fields.DateField()),
                        ("status", fields.CharField(max_length=10)),
                        ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("claimed_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("trouble", fields.CharField(null=True, max_length=60)),
                        ("load_id", fields.UUIDField(null=True)),
                        ("digest", fields.CharField(null=True, max_length=64)),
                        ("line_count", fields.IntField(default=0)),
                        ("totals", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                        ("matched_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "reconciliation_run",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="channel IN ('wechat', 'cash', 'bank_card', 'card_balance', 'insurance')",
                                name="reconciliation_run_channel_known",
                            ),
                            CheckConstraint(
                                check="status IN ('waiting', 'matched')", name="reconciliation_run_status_known"
                            ),
                            UniqueConstraint(fields=("channel", "mchid", "day"), name="reconciliation_once"),
                            CheckConstraint(
                                check="(status = 'matched') = (matched_at IS NOT NULL)",
                                name="reconciliation_matched_says_when",
                            ),
                        ],
                        "indexes": [Index(fields=["day"])],
                        "pk_attr": "id",
                        "table_description": "One channel, merchant and day compared (对账单): once, however often it is done again.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="ReconciliationDifference",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
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
                        ("about", fields.CharField(max_length=10)),
                        ("kind", fields.CharField(max_length=30)),
                        ("subject", fields.CharField(max_length=64)),
                        ("status", fields.CharField(max_length=10)),
                        ("channel_fen", fields.BigIntField(null=True)),
                        ("ours_fen", fields.BigIntField(null=True)),
                        ("ledger_fen", fields.BigIntField(null=True)),
                        ("channel_no", fields.CharField(null=True, max_length=64)),
                        ("our_no", fields.CharField(null=True, max_length=64)),
                        ("intent_id", fields.UUIDField(null=True)),
                        ("refund_id", fields.UUIDField(null=True)),
                        ("channel_says", fields.CharField(null=True, max_length=40)),
                        ("we_say", fields.CharField(null=True, max_length=40)),
                        ("happened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("found_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("disposal", fields.CharField(null=True, max_length=30)),
                        ("note", fields.CharField(null=True, max_length=200)),
                        ("proposed_by", fields.UUIDField(null=True)),
                        ("proposed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("decided_by", fields.UUIDField(null=True)),
                        ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("rejection", fields.CharField(null=True, max_length=200)),
                    ],
                    options={
                        "table": "reconciliation_difference",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="about IN ('payment', 'refund', 'ledger')",
                                name="reconciliation_difference_about_known",
                            ),
                            CheckConstraint(
                                check="kind IN ('duplicated_in_bill', 'channel_only_payment', 'ours_only_payment', 'merchant_differs', 'payment_amount_differs', 'payment_state_differs', 'transaction_differs', 'fee_differs', 'channel_only_refund', 'ours_only_refund', 'refund_order_differs', 'refund_amount_differs', 'refund_state_differs', 'day_differs', 'ledger_missing', 'ledger_amount_differs', 'refund_ledger_missing', 'refund_ledger_amount_differs', 'ledger_only')",
                                name="reconciliation_difference_kind_known",
                            ),
                            CheckConstraint(
                                check="status IN ('open', 'proposed', 'settled', 'closed')",
                                name="reconciliation_difference_status_known",
                            ),
                            CheckConstraint(
                                check="disposal IN ('recorded_later', 'refunded_outside', 'corrected_by_channel', 'corrected_in_ledger', 'written_off', 'explained')",
                                name="reconciliation_difference_disposal_known",
                            ),
                            UniqueConstraint(fields=("run_id", "kind", "subject"), name="difference_once"),
                            CheckConstraint(
                                check="status NOT IN ('proposed', 'settled') OR (disposal IS NOT NULL AND note IS NOT NULL AND proposed_by IS NOT NULL AND proposed_at IS NOT NULL)",
                                name="difference_proposal_complete",
                            ),
                            CheckConstraint(
                                check="status <> 'settled' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> proposed_by)",
                                name="difference_two_persons",
                            ),
                            CheckConstraint(
                                check="(status = 'closed') = (closed_at IS NOT NULL)",
                                name="difference_closed_says_when",
                            ),
                        ],
                        "indexes": [Index(fields=["status", "run_id"])],
                        "pk_attr": "id",
                        "table_description": "One difference of a day (对账差异) and what was done about it.",
                    },
                    bases=["Model"],
                ),
            ]
        ),
        ops.RunSQL(
            [
                "ALTER TABLE \"bill_line\" ADD CONSTRAINT \"bill_line_kind_known\" CHECK (kind IN ('payment', 'refund', 'reversal'))",
                "ALTER TABLE \"reconciliation_run\" ADD CONSTRAINT \"reconciliation_run_channel_known\" CHECK (channel IN ('wechat', 'cash', 'bank_card', 'card_balance', 'insurance'))",
                "ALTER TABLE \"reconciliation_run\" ADD CONSTRAINT \"reconciliation_run_status_known\" CHECK (status IN ('waiting', 'matched'))",
                'ALTER TABLE "reconciliation_run" ADD CONSTRAINT "reconciliation_once" UNIQUE ("channel", "mchid", "day")',
                'ALTER TABLE "reconciliation_run" ADD CONSTRAINT "reconciliation_matched_says_when" CHECK ((status = \'matched\') = (matched_at IS NOT NULL))',
                "ALTER TABLE \"reconciliation_difference\" ADD CONSTRAINT \"reconciliation_difference_about_known\" CHECK (about IN ('payment', 'refund', 'ledger'))",
                "ALTER TABLE \"reconciliation_difference\" ADD CONSTRAINT \"reconciliation_difference_kind_known\" CHECK (kind IN ('duplicated_in_bill', 'channel_only_payment', 'ours_only_payment', 'merchant_differs', 'payment_amount_differs', 'payment_state_differs', 'transaction_differs', 'fee_differs', 'channel_only_refund', 'ours_only_refund', 'refund_order_differs', 'refund_amount_differs', 'refund_state_differs', 'day_differs', 'ledger_missing', 'ledger_amount_differs', 'refund_ledger_missing', 'refund_ledger_amount_differs', 'ledger_only'))",
                "ALTER TABLE \"reconciliation_difference\" ADD CONSTRAINT \"reconciliation_difference_status_known\" CHECK (status IN ('open', 'proposed', 'settled', 'closed'))",
                "ALTER TABLE \"reconciliation_difference\" ADD CONSTRAINT \"reconciliation_difference_disposal_known\" CHECK (disposal IN ('recorded_later', 'refunded_outside', 'corrected_by_channel', 'corrected_in_ledger', 'written_off', 'explained'))",
                'ALTER TABLE "reconciliation_difference" ADD CONSTRAINT "difference_once" UNIQUE ("run_id", "kind", "subject")',
                "ALTER TABLE \"reconciliation_difference\" ADD CONSTRAINT \"difference_proposal_complete\" CHECK (status NOT IN ('proposed', 'settled') OR (disposal IS NOT NULL AND note IS NOT NULL AND proposed_by IS NOT NULL AND proposed_at IS NOT NULL))",
                'ALTER TABLE "reconciliation_difference" ADD CONSTRAINT "difference_two_persons" CHECK (status <> \'settled\' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> proposed_by))',
                'ALTER TABLE "reconciliation_difference" ADD CONSTRAINT "difference_closed_says_when" CHECK ((status = \'closed\') = (closed_at IS NOT NULL))',
                # Refunds of a day are compared with the ledger by when they reached their payer.
                "CREATE INDEX refund_succeeded_at ON refund (succeeded_at)",
            ]
        ),
    ]
