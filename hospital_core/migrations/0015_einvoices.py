from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.migrations import Together

GUARDS = [
    """CREATE FUNCTION e_invoice_number_stays() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE'
            OR (OLD.bus_no, OLD.invoice_id, OLD.patient_id, OLD.generation, OLD.amount_fen)
               IS DISTINCT FROM (NEW.bus_no, NEW.invoice_id, NEW.patient_id, NEW.generation, NEW.amount_fen)
            OR (OLD.bill_no IS NOT NULL AND (OLD.batch_code, OLD.bill_no, OLD.check_code)
               IS DISTINCT FROM (NEW.batch_code, NEW.bill_no, NEW.check_code))
            OR (OLD.red_bill_no IS NOT NULL AND (OLD.red_batch_code, OLD.red_bill_no)
               IS DISTINCT FROM (NEW.red_batch_code, NEW.red_bill_no)) THEN
           RAISE EXCEPTION 'an e-invoice keeps its number and amount'
             USING ERRCODE = 'check_violation', CONSTRAINT = 'e_invoice_number_stays', TABLE = 'e_invoice';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER e_invoice_number_stays BEFORE UPDATE OR DELETE ON e_invoice
       FOR EACH ROW EXECUTE FUNCTION e_invoice_number_stays()""",
    *(
        f"CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION history_stays()"
        for table in ("e_invoice_line", "e_invoice_check", "e_invoice_difference")
    ),
    # What the desk looks at is little of a table that grows by every bill.
    "CREATE INDEX e_invoice_open ON e_invoice (id) WHERE status IN ('requested', 'reversing', 'failed', 'reversal-failed')",
    "CREATE INDEX e_invoice_bill_no ON e_invoice (bill_no) WHERE bill_no IS NOT NULL",
    "CREATE INDEX e_invoice_red_bill_no ON e_invoice (red_bill_no) WHERE red_bill_no IS NOT NULL",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0014_default_patient")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="EInvoice",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("version", fields.IntField(default=0)),
                        ("bus_no", fields.CharField(unique=True, max_length=30)),
                        (
                            "invoice",
                            fields.ForeignKeyField(
                                "hospital.Invoice",
                                source_field="invoice_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "patient",
                            fields.ForeignKeyField(
                                "hospital.Patient",
                                source_field="patient_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("generation", fields.IntField()),
                        ("kind", fields.CharField(max_length=20)),
                        ("amount_fen", fields.BigIntField()),
                        ("insurance_fen", fields.BigIntField(default=0)),
                        ("insurance_reference", fields.CharField(null=True, max_length=64)),
                        ("status", fields.CharField(max_length=20)),
                        ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("tries", fields.IntField(default=0)),
                        ("failure_code", fields.CharField(null=True, max_length=40)),
                        ("failure_text", fields.CharField(null=True, max_length=200)),
                        ("refused", fields.BooleanField(default=False)),
                        ("issued_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("batch_code", fields.CharField(null=True, max_length=50)),
                        ("bill_no", fields.CharField(null=True, max_length=20)),
                        ("check_code", fields.CharField(null=True, max_length=20)),
                        ("qr_png", fields.TextField(null=True, unique=False)),
                        ("picture_url", fields.CharField(null=True, max_length=500)),
                        ("picture_net_url", fields.CharField(null=True, max_length=500)),
                        ("reversal_asked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("reversal_reason", fields.CharField(null=True, max_length=80)),
                        ("reversed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("red_batch_code", fields.CharField(null=True, max_length=50)),
                        ("red_bill_no", fields.CharField(null=True, max_length=20)),
                        ("red_check_code", fields.CharField(null=True, max_length=20)),
                        ("red_picture_net_url", fields.CharField(null=True, max_length=500)),
                    ],
                    options={
                        "table": "e_invoice",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="status IN ('requested', 'issued', 'failed', 'cancelled', 'reversing', 'reversed', 'reversal-failed')",
                                name="e_invoice_status_known",
                            ),
                            CheckConstraint(
                                check="kind IN ('registration', 'outpatient', 'inpatient', 'check_up')",
                                name="e_invoice_kind_known",
                            ),
                            UniqueConstraint(fields=("invoice_id", "generation"), name="e_invoice_generation_once"),
                            UniqueConstraint(
                                fields=("invoice_id",),
                                name="e_invoice_one_living",
                                condition="status NOT IN ('reversed', 'cancelled')",
                            ),
                            UniqueConstraint(fields=("batch_code", "bill_no"), name="e_invoice_number_once"),
                            UniqueConstraint(
                                fields=("red_batch_code", "red_bill_no"), name="e_invoice_red_number_once"
                            ),
                            CheckConstraint(
                                check="amount_fen > 0 AND insurance_fen BETWEEN 0 AND amount_fen",
                                name="e_invoice_amount_positive",
                            ),
                            CheckConstraint(
                                check="(status IN ('issued', 'reversing', 'reversed', 'reversal-failed')) = (bill_no IS NOT NULL AND batch_code IS NOT NULL AND check_code IS NOT NULL AND issued_at IS NOT NULL)",
                                name="e_invoice_issued_has_number",
                            ),
                            CheckConstraint(
                                check="(status = 'reversed') = (red_bill_no IS NOT NULL AND red_batch_code IS NOT NULL AND reversed_at IS NOT NULL)",
                                name="e_invoice_reversed_has_red",
                            ),
                        ],
                        "indexes": [
                            Index(fields=["patient_id", "requested_at"]),
                            Index(fields=["requested_at"]),
                            Index(fields=["reversal_asked_at"]),
                        ],
                        "pk_attr": "id",
                        "table_description": "One document of the treasury's platform for one settled bill (医疗电子票据). Source: EB-03, EB-06.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="EInvoiceCheck",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        ("day", fields.DateField()),
                        ("checked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("checked_by", fields.UUIDField(null=True)),
                        ("issued_count", fields.IntField()),
                        ("issued_fen", fields.BigIntField()),
                        ("platform_issued_count", fields.IntField()),
                        ("platform_issued_fen", fields.BigIntField()),
                        ("red_count", fields.IntField()),
                        ("red_fen", fields.BigIntField()),
                        ("platform_red_count", fields.IntField()),
                        ("platform_red_fen", fields.BigIntField()),
                        ("differences", fields.IntField()),
                    ],
                    options={
                        "table": "e_invoice_check",
                        "app": "hospital",
                        "indexes": [Index(fields=["day", "checked_at"])],
                        "pk_attr": "id",
                        "table_description": "One comparison of a day with the platform (票据日核对). Source: EB-05.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="EInvoiceDifference",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "check",
                            fields.ForeignKeyField(
                                "hospital.EInvoiceCheck",
                                source_field="check_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("kind", fields.CharField(max_length=20)),
                        ("red", fields.BooleanField(default=False)),
                        ("bus_no", fields.CharField(null=True, max_length=30)),
                        ("bill_no", fields.CharField(null=True, max_length=20)),
                        ("invoice_id", fields.UUIDField(null=True)),
                        ("our_fen", fields.BigIntField(null=True)),
                        ("platform_fen", fields.BigIntField(null=True)),
                    ],
                    options={
                        "table": "e_invoice_difference",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="kind IN ('missing_there', 'missing_here', 'amount_differs', 'not_issued', 'total_differs')",
                                name="e_invoice_difference_kind_known",
                            )
                        ],
                        "indexes": [Index(fields=["check_id"])],
                        "pk_attr": "id",
                        "table_description": "One thing in which a check found both sides apart (核对差异).",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="EInvoiceLine",
                    fields=[
                        ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                        (
                            "e_invoice",
                            fields.ForeignKeyField(
                                "hospital.EInvoice",
                                source_field="e_invoice_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "charge_item",
                            fields.ForeignKeyField(
                                "hospital.ChargeItem",
                                source_field="charge_item_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("code", fields.CharField(max_length=40)),
                        ("name", fields.CharField(max_length=120)),
                        ("category", fields.CharField(max_length=40)),
                        ("unit", fields.CharField(max_length=20)),
                        ("unit_price", fields.DecimalField(max_digits=14, decimal_places=4)),
                        ("quantity", fields.DecimalField(max_digits=12, decimal_places=3)),
                        ("amount_fen", fields.BigIntField()),
                    ],
                    options={
                        "table": "e_invoice_line",
                        "app": "hospital",
                        "constraints": [
                            CheckConstraint(
                                check="category IN ('registration', 'consultation', 'general_care', 'examination', 'laboratory', 'treatment', 'surgery', 'nursing', 'bed', 'material', 'western_drug', 'patent_drug', 'herbal_drug', 'other')",
                                name="e_invoice_line_category_known",
                            ),
                            UniqueConstraint(fields=("e_invoice_id", "charge_item_id"), name="e_invoice_line_once"),
                            CheckConstraint(
                                check="amount_fen >= 0 AND quantity >= 0", name="e_invoice_line_not_negative"
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "What a line of an e-invoice says (票据明细): written with it and sent the same each time.",
                    },
                    bases=["Model"],
                ),
            ]
        ),
        ops.RunSQL(
            [
                "ALTER TABLE \"e_invoice\" ADD CONSTRAINT \"e_invoice_status_known\" CHECK (status IN ('requested', 'issued', 'failed', 'cancelled', 'reversing', 'reversed', 'reversal-failed'))",
                "ALTER TABLE \"e_invoice\" ADD CONSTRAINT \"e_invoice_kind_known\" CHECK (kind IN ('registration', 'outpatient', 'inpatient', 'check_up'))",
                'ALTER TABLE "e_invoice" ADD CONSTRAINT "e_invoice_generation_once" UNIQUE ("invoice_id", "generation")',
                'CREATE UNIQUE INDEX "e_invoice_one_living" ON "e_invoice" ("invoice_id") WHERE status NOT IN (\'reversed\', \'cancelled\')',
                'ALTER TABLE "e_invoice" ADD CONSTRAINT "e_invoice_number_once" UNIQUE ("batch_code", "bill_no")',
                'ALTER TABLE "e_invoice" ADD CONSTRAINT "e_invoice_red_number_once" UNIQUE ("red_batch_code", "red_bill_no")',
                'ALTER TABLE "e_invoice" ADD CONSTRAINT "e_invoice_amount_positive" CHECK (amount_fen > 0 AND insurance_fen BETWEEN 0 AND amount_fen)',
                "ALTER TABLE \"e_invoice\" ADD CONSTRAINT \"e_invoice_issued_has_number\" CHECK ((status IN ('issued', 'reversing', 'reversed', 'reversal-failed')) = (bill_no IS NOT NULL AND batch_code IS NOT NULL AND check_code IS NOT NULL AND issued_at IS NOT NULL))",
                'ALTER TABLE "e_invoice" ADD CONSTRAINT "e_invoice_reversed_has_red" CHECK ((status = \'reversed\') = (red_bill_no IS NOT NULL AND red_batch_code IS NOT NULL AND reversed_at IS NOT NULL))',
                "ALTER TABLE \"e_invoice_difference\" ADD CONSTRAINT \"e_invoice_difference_kind_known\" CHECK (kind IN ('missing_there', 'missing_here', 'amount_differs', 'not_issued', 'total_differs'))",
                "ALTER TABLE \"e_invoice_line\" ADD CONSTRAINT \"e_invoice_line_category_known\" CHECK (category IN ('registration', 'consultation', 'general_care', 'examination', 'laboratory', 'treatment', 'surgery', 'nursing', 'bed', 'material', 'western_drug', 'patent_drug', 'herbal_drug', 'other'))",
                'ALTER TABLE "e_invoice_line" ADD CONSTRAINT "e_invoice_line_once" UNIQUE ("e_invoice_id", "charge_item_id")',
                'ALTER TABLE "e_invoice_line" ADD CONSTRAINT "e_invoice_line_not_negative" CHECK (amount_fen >= 0 AND quantity >= 0)',
            ]
        ),
        ops.RunSQL(GUARDS),
    ]
