"""What the table definitions cannot say: clock, numbers, exclusions, balances, append-only history, search indexes."""

from tortoise import migrations
from tortoise.migrations import operations as ops

CLOCK = [
    "INSERT INTO clock_offset (id, offset_seconds) VALUES (1, 0)",
    "ALTER TABLE clock_offset ADD CONSTRAINT clock_offset_one_row CHECK (id = 1)",
    """CREATE FUNCTION hospital_now() RETURNS timestamptz LANGUAGE sql STABLE AS
       $$ SELECT now() + make_interval(secs => (SELECT offset_seconds FROM clock_offset WHERE id = 1)) $$""",
]

NUMBERS = [
    f"CREATE SEQUENCE number_{kind} START 100000001"
    for kind in ("patient", "appointment", "visit", "order", "invoice", "payment", "refund")
]

# Core PostgreSQL has no btree_gist: a uuid becomes a range of one, which GiST can compare.
EXCLUSIONS = [
    "CREATE TYPE uuidrange AS RANGE (subtype = uuid)",
    """ALTER TABLE schedule ADD CONSTRAINT doctor_in_one_room EXCLUDE USING gist (
           uuidrange(staff_id, staff_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)
       WHERE (status = 'active')""",
    """ALTER TABLE schedule ADD CONSTRAINT room_has_one_doctor EXCLUDE USING gist (
           uuidrange(room_id, room_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)
       WHERE (status = 'active')""",
    """ALTER TABLE price ADD CONSTRAINT price_one_at_a_time EXCLUDE USING gist (
           uuidrange(item_id, item_id, '[]') WITH &&, tstzrange(valid_from, valid_until) WITH &&)""",
]

BALANCES = [
    """CREATE FUNCTION journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF (SELECT coalesce(sum(amount_fen), 0) FROM journal_line WHERE entry_id = NEW.entry_id) <> 0 THEN
           RAISE EXCEPTION 'journal % does not balance', NEW.entry_id
             USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_balances', TABLE = 'journal_line';
         END IF;
         RETURN NULL;
       END $$""",
    """CREATE CONSTRAINT TRIGGER journal_balances AFTER INSERT ON journal_line
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_balances()""",
    """CREATE FUNCTION invoice_equals_items() RETURNS trigger LANGUAGE plpgsql AS $$
       DECLARE bill uuid := CASE WHEN TG_TABLE_NAME = 'invoice' THEN (to_jsonb(NEW) ->> 'id')::uuid
                                 ELSE (to_jsonb(NEW) ->> 'invoice_id')::uuid END;
       BEGIN
         IF bill IS NOT NULL AND EXISTS (
             SELECT 1 FROM invoice i WHERE i.id = bill AND i.status <> 'entered-in-error' AND i.total_fen <>
               (SELECT coalesce(sum(c.amount_fen), 0) FROM charge_item c
                WHERE c.invoice_id = i.id AND c.status <> 'entered-in-error')) THEN
           RAISE EXCEPTION 'invoice % differs from its items', bill
             USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_equals_items', TABLE = 'invoice';
         END IF;
         RETURN NULL;
       END $$""",
    """CREATE CONSTRAINT TRIGGER invoice_equals_items AFTER INSERT OR UPDATE ON invoice
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_equals_items()""",
    """CREATE CONSTRAINT TRIGGER item_equals_invoice AFTER INSERT OR UPDATE ON charge_item
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_equals_items()""",
]

# The app role lacks the right as well; the trigger also stops the owner's slip of the hand.
HISTORY = [
    """CREATE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
           USING ERRCODE = 'check_violation', CONSTRAINT = 'history_stays', TABLE = TG_TABLE_NAME;
       END $$""",
    *(
        f"CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION history_stays()"
        for table in ("journal_entry", "journal_line", "audit_row", "outbox_event", "payment_notice")
    ),
    """CREATE FUNCTION price_only_closes() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE' OR OLD.valid_until IS NOT NULL
            OR (OLD.id, OLD.item_id, OLD.unit_price, OLD.valid_from)
               IS DISTINCT FROM (NEW.id, NEW.item_id, NEW.unit_price, NEW.valid_from) THEN
           RAISE EXCEPTION 'a price is closed, never changed'
             USING ERRCODE = 'check_violation', CONSTRAINT = 'price_only_closes', TABLE = 'price';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER price_only_closes BEFORE UPDATE OR DELETE ON price
       FOR EACH ROW EXECUTE FUNCTION price_only_closes()""",
]

# All files that are one person: the survivor and everything merged into it, whichever of them is asked for.
MERGES = [
    """CREATE FUNCTION person_ids(file uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
       WITH RECURSIVE up(id) AS (
         SELECT file UNION SELECT m.survivor_id FROM patient_merge m JOIN up ON m.source_id = up.id
         WHERE m.undone_at IS NULL),
       down(id) AS (
         SELECT id FROM up UNION SELECT m.source_id FROM patient_merge m JOIN down ON m.survivor_id = down.id
         WHERE m.undone_at IS NULL)
       SELECT id FROM down $$""",
]

INDEXES = [
    "CREATE INDEX outbox_due ON outbox_delivery (not_before) WHERE state = 'due'",
    "CREATE INDEX outbox_parked ON outbox_delivery (finished_at) WHERE state = 'parked'",
    "CREATE INDEX slot_free ON slot (schedule_id, number) WHERE status <> 'closed'",
    "CREATE INDEX concept_code ON concept (system, code text_pattern_ops)",
    "CREATE INDEX concept_initials ON concept (system, initials text_pattern_ops)",
    "CREATE INDEX patient_initials ON patient (initials text_pattern_ops)",
    "CREATE INDEX appointment_pending ON appointment (held_until) WHERE status = 'pending'",
    "CREATE INDEX device_active ON device (status)",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0001_initial")]

    operations = [ops.RunSQL(group) for group in (CLOCK, NUMBERS, EXCLUSIONS, BALANCES, HISTORY, MERGES, INDEXES)]
