"""What tables cannot say about money: card balances, closed days, tenders of a bill."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# A patient's card balance follows the ledger's card lines, in the same transaction; it cannot go below zero.
CARD = [
    """CREATE FUNCTION card_follows_ledger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
       SET search_path = public, pg_temp AS $$
       BEGIN
         INSERT INTO card_balance AS b (id, version, patient_id, balance_fen)
         VALUES (gen_random_uuid(), 0, NEW.patient_id, -NEW.amount_fen)
         ON CONFLICT (patient_id) DO UPDATE
           SET balance_fen = b.balance_fen + excluded.balance_fen, version = b.version + 1;
         RETURN NULL;
       END $$""",
    """CREATE TRIGGER card_follows_ledger AFTER INSERT ON journal_line FOR EACH ROW
       WHEN (NEW.account = 'patient_card') EXECUTE FUNCTION card_follows_ledger()""",
]

# Journals of one day share its lock; closing the day takes it alone, and then finds every journal committed.
DAYS = [
    """CREATE FUNCTION accounting_day_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         PERFORM pg_advisory_xact_lock_shared(521436, NEW.accounting_date - DATE '2000-01-01');
         IF EXISTS (SELECT 1 FROM closed_day WHERE day = NEW.accounting_date) THEN
           RAISE EXCEPTION 'accounting day % is closed', NEW.accounting_date
             USING ERRCODE = 'check_violation', CONSTRAINT = 'accounting_day_is_open', TABLE = 'journal_entry';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER accounting_day_is_open BEFORE INSERT ON journal_entry
       FOR EACH ROW EXECUTE FUNCTION accounting_day_is_open()""",
]

# A bill's paid part is the sum of the tenders applied to it, looked at from both sides at commit.
TENDERS = [
    """CREATE FUNCTION invoice_equals_tenders() RETURNS trigger LANGUAGE plpgsql AS $$
       DECLARE bill uuid := CASE WHEN TG_TABLE_NAME = 'invoice' THEN (to_jsonb(NEW) ->> 'id')::uuid
                                 ELSE (to_jsonb(NEW) ->> 'invoice_id')::uuid END;
       BEGIN
         IF bill IS NOT NULL AND EXISTS (
             SELECT 1 FROM invoice i WHERE i.id = bill AND i.paid_fen <>
               (SELECT coalesce(sum(p.amount_fen), 0) FROM payment_intent p
                WHERE p.invoice_id = i.id AND p.applied)) THEN
           RAISE EXCEPTION 'invoice % differs from its tenders', bill
             USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_equals_tenders', TABLE = 'invoice';
         END IF;
         RETURN NULL;
       END $$""",
    """CREATE CONSTRAINT TRIGGER invoice_equals_tenders AFTER INSERT OR UPDATE OF paid_fen ON invoice
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_equals_tenders()""",
    """CREATE CONSTRAINT TRIGGER tender_equals_invoice AFTER INSERT OR UPDATE OF applied, amount_fen ON payment_intent
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_equals_tenders()""",
]

INDEXES = [
    # Taking a place touches no index but this one, which holds only what is for sale.
    "DROP INDEX slot_free",
    "CREATE INDEX slot_open ON slot (schedule_id, number) WHERE status = 'free'",
    "ALTER TABLE slot SET (fillfactor = 80)",
    "CREATE INDEX search_word_word ON search_word (word text_pattern_ops)",
    "CREATE INDEX search_word_initials ON search_word (initials text_pattern_ops)",
    "CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON closed_day FOR EACH ROW EXECUTE FUNCTION history_stays()",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0005_booking_and_money")]

    operations = [ops.RunSQL(group) for group in (CARD, DAYS, TENDERS, INDEXES)]
