"""Paper copies of e-invoices: blanks handed out, the one that was used for what, and what must come back first."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together

GUARDS = [
    # Core PostgreSQL has no btree_gist: a text becomes a range of one, by its hash, which GiST can compare.
    """ALTER TABLE paper_stock ADD CONSTRAINT paper_stock_once EXCLUDE USING gist (
       int8range(hashtextextended(batch_code, 0) / 2, hashtextextended(batch_code, 0) / 2, '[]') WITH &&,
       int8range(first_number, last_number, '[]') WITH &&)""",
    """CREATE FUNCTION paper_number_stays() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE' OR (OLD.stock_id, OLD.number, OLD.paper_no, OLD.e_invoice_id)
            IS DISTINCT FROM (NEW.stock_id, NEW.number, NEW.paper_no, NEW.e_invoice_id) THEN
           RAISE EXCEPTION 'a blank that was used keeps its number and what is on it'
             USING ERRCODE = 'check_violation', CONSTRAINT = 'paper_number_stays', TABLE = 'paper_copy';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER paper_number_stays BEFORE UPDATE OR DELETE ON paper_copy
       FOR EACH ROW EXECUTE FUNCTION paper_number_stays()""",
    "CREATE INDEX paper_copy_of_stock ON paper_copy (stock_id, id)",
    "CREATE INDEX paper_copy_waiting ON paper_copy (id) WHERE status IN ('failed', 'void-failed')",
    "CREATE INDEX e_invoice_paper_wanted ON e_invoice (id) WHERE paper_wanted_at IS NOT NULL",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0021_channel_settlements")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="PaperStock",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "drawer",
                            fields.ForeignKeyField(
                                "hospital.CashDrawer",
                                source_field="drawer_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("batch_code", fields.CharField(max_length=50)),
                        ("first_number", fields.BigIntField()),
                        ("last_number", fields.BigIntField()),
                        ("next_number", fields.BigIntField()),
                        ("digits", fields.SmallIntField()),
                        ("handed_out_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("handed_out_by", fields.UUIDField(null=True)),
                    ],
                    options={
                        "table": "paper_stock",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="first_number >= 0 AND last_number BETWEEN first_number AND first_number + 99999 AND next_number BETWEEN first_number AND last_number + 1",
                                name="paper_stock_in_order",
                            )
                        ],
                        "indexes": [Index(fields=["drawer_id"])],
                        "pk_attr": "id",
                        "table_description": "Numbered blanks handed out to a drawer (纸质票据领用), used in order. Source: EB-04.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="PaperCopy",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        (
                            "stock",
                            fields.ForeignKeyField(
                                "hospital.PaperStock",
                                source_field="stock_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("number", fields.BigIntField()),
                        ("paper_no", fields.CharField(max_length=20)),
                        (
                            "e_invoice",
                            fields.ForeignKeyField(
                                "hospital.EInvoice",
                                source_field="e_invoice_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("status", fields.CharField(max_length=20)),
                        ("tries", fields.IntField(default=0)),
                        ("failure_code", fields.CharField(null=True, max_length=40)),
                        ("failure_text", fields.CharField(null=True, max_length=200)),
                        ("asked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("asked_by", fields.UUIDField(null=True)),
                        ("printed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("void_reason", fields.CharField(null=True, max_length=200)),
                        ("void_by", fields.UUIDField(null=True)),
                        ("voided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "paper_copy",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('requested', 'printed', 'refused', 'failed', 'voiding', 'void', 'void-failed')",
                                name="paper_copy_status_known",
                            ),
                            UniqueConstraint(
                                fields=("stock_id", "number"),
                                name="paper_copy_number_once",
                                condition="status <> 'refused'",
                            ),
                            UniqueConstraint(
                                fields=("e_invoice_id",),
                                name="paper_copy_one_living",
                                condition="status NOT IN ('refused', 'void')",
                            ),
                            UniqueConstraint(
                                fields=("stock_id",),
                                name="paper_copy_one_under_way",
                                condition="status IN ('requested', 'failed')",
                            ),
                            CheckConstraint(
                                check="(status IN ('voiding', 'void', 'void-failed')) = (void_reason IS NOT NULL) AND (status = 'void') = (voided_at IS NOT NULL)",
                                name="paper_copy_void_says_why",
                            ),
                            CheckConstraint(
                                check="status <> 'printed' OR (e_invoice_id IS NOT NULL AND printed_at IS NOT NULL)",
                                name="paper_copy_printed_of_what",
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "One blank that was used (纸质票据): the copy of an e-invoice (换开), or spoiled before that (空白作废).",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="EInvoice",
                    name="paper_id",
                    field=fields.UUIDField(null=True),
                ),
                ops.AddField(
                    model_name="EInvoice",
                    name="paper_wanted_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddConstraint(
                    model_name="EInvoice",
                    constraint=CheckConstraint(
                        check="paper_id IS NULL OR status = 'issued'", name="e_invoice_paper_back_first"
                    ),
                ),
                ops.AddConstraint(
                    model_name="EInvoice",
                    constraint=CheckConstraint(
                        check="paper_wanted_at IS NULL OR paper_id IS NOT NULL", name="e_invoice_wants_its_paper"
                    ),
                ),
            ]
        ),
        ops.RunSQL(
            [
                'ALTER TABLE "paper_stock" ADD CONSTRAINT "paper_stock_in_order" CHECK (first_number >= 0 AND last_number BETWEEN first_number AND first_number + 99999 AND next_number BETWEEN first_number AND last_number + 1)',
                "ALTER TABLE \"paper_copy\" ADD CONSTRAINT \"paper_copy_status_known\" CHECK (status IN ('requested', 'printed', 'refused', 'failed', 'voiding', 'void', 'void-failed'))",
                'CREATE UNIQUE INDEX "paper_copy_number_once" ON "paper_copy" ("stock_id", "number") WHERE status <> \'refused\'',
                'CREATE UNIQUE INDEX "paper_copy_one_living" ON "paper_copy" ("e_invoice_id") WHERE status NOT IN (\'refused\', \'void\')',
                'CREATE UNIQUE INDEX "paper_copy_one_under_way" ON "paper_copy" ("stock_id") WHERE status IN (\'requested\', \'failed\')',
                "ALTER TABLE \"paper_copy\" ADD CONSTRAINT \"paper_copy_void_says_why\" CHECK ((status IN ('voiding', 'void', 'void-failed')) = (void_reason IS NOT NULL) AND (status = 'void') = (voided_at IS NOT NULL))",
                'ALTER TABLE "paper_copy" ADD CONSTRAINT "paper_copy_printed_of_what" CHECK (status <> \'printed\' OR (e_invoice_id IS NOT NULL AND printed_at IS NOT NULL))',
            ]
        ),
        ops.RunSQL(GUARDS),
    ]
