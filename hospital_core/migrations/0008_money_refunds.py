"""Money: a refund may go to several tenders; card balances that can fall; receipts that are only voided."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together

# PostgreSQL tests a CHECK on the row that ON CONFLICT proposes: a withdrawal must not be proposed as a new balance.
CARD = """
CREATE OR REPLACE FUNCTION card_follows_ledger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.amount_fen < 0 THEN
    INSERT INTO card_balance AS b (id, version, patient_id, balance_fen)
    VALUES (gen_random_uuid(), 0, NEW.patient_id, -NEW.amount_fen)
    ON CONFLICT (patient_id) DO UPDATE
      SET balance_fen = b.balance_fen + excluded.balance_fen, version = b.version + 1;
  ELSE
    UPDATE card_balance SET balance_fen = balance_fen - NEW.amount_fen, version = version + 1
    WHERE patient_id = NEW.patient_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'patient % has no card balance', NEW.patient_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'card_balance_not_negative', TABLE = 'card_balance';
    END IF;
  END IF;
  RETURN NULL;
END $$"""

RECEIPTS = [
    """CREATE FUNCTION receipt_only_voids() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE' OR OLD.voided_at IS NOT NULL
            OR to_jsonb(OLD) - 'voided_at' - 'void_reason' <> to_jsonb(NEW) - 'voided_at' - 'void_reason' THEN
           RAISE EXCEPTION 'a receipt is voided, never changed'
             USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_only_voids', TABLE = 'receipt';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER receipt_only_voids BEFORE UPDATE OR DELETE ON receipt
       FOR EACH ROW EXECUTE FUNCTION receipt_only_voids()""",
    "CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON refund_line FOR EACH ROW EXECUTE FUNCTION history_stays()",
    "CREATE INDEX journal_line_drawer ON journal_line (drawer_id) WHERE drawer_id IS NOT NULL",
    "CREATE INDEX journal_line_card ON journal_line (patient_id) WHERE account = 'patient_card'",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0007_planning")]

    initial = False

    operations = [
        Together(
            [
                ops.RemoveConstraint(
                    model_name="Refund",
                    name="refund_once_per_source",
                    fields=None,
                ),
                ops.AlterModelOptions(
                    name="Refund",
                    options={
                        "table": "refund",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('requested', 'processing', 'succeeded', 'abnormal')",
                                name="refund_status_known",
                            ),
                            CheckConstraint(check="amount_fen > 0", name="refund_amount_positive"),
                            UniqueConstraint(
                                fields=("source_kind", "source_id", "intent_id"), name="refund_once_per_source"
                            ),
                        ],
                        "indexes": [Index(fields=["intent_id"]), Index(fields=["requested_at"])],
                        "pk_attr": "id",
                        "table_description": "Money going back for one payment (退款单), "
                        "retried under the same number.",
                    },
                ),
                ops.AddConstraint(
                    model_name="Refund",
                    constraint=UniqueConstraint(
                        fields=("source_kind", "source_id", "intent_id"), name="refund_once_per_source"
                    ),
                ),
                ops.RemoveConstraint(
                    model_name="RefundLine",
                    name="refund_line_takes_something",
                    fields=None,
                ),
                ops.AddConstraint(
                    model_name="RefundLine",
                    constraint=CheckConstraint(
                        check="quantity >= 0 AND amount_fen >= 0 AND (quantity > 0 OR amount_fen > 0)",
                        name="refund_line_takes_something",
                    ),
                ),
            ]
        ),
        ops.RunSQL([CARD, *RECEIPTS]),
    ]
