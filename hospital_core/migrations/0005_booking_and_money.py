"""Booking and money in full: templates, pools, rules, counts; cash drawers, receipts, mixed tenders, closed days."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from hospital_core.kernel.ids import new_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

from hospital_core.migrations import Together
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

# What stood before this migration, in the new terms. History is rewritten this once, by the owner, with its guard down.
BACKFILL = [
    "UPDATE schedule SET day = (starts_at AT TIME ZONE 'Asia/Shanghai')::date, released_at = now(), sought_after = false,"
    " period = CASE WHEN extract(hour FROM starts_at AT TIME ZONE 'Asia/Shanghai') < 12 THEN 'morning'"
    " WHEN extract(hour FROM starts_at AT TIME ZONE 'Asia/Shanghai') < 18 THEN 'afternoon' ELSE 'night' END",
    "UPDATE appointment a SET day = s.day, period = s.period, service_kind = s.service_kind, full_fee_fen = a.fee_fen,"
    " returns_after_s = 0 FROM schedule s WHERE s.id = a.schedule_id",
    "UPDATE campus SET radius_m = 300",
    "UPDATE staff_member SET introduction = ''",
    "UPDATE price_item SET category = 'examination' WHERE category IN ('imaging', 'function_test')",
    "UPDATE price_item SET category = 'other' WHERE category NOT IN ('registration', 'consultation', 'general_care',"
    " 'examination', 'laboratory', 'treatment', 'surgery', 'nursing', 'bed', 'material', 'western_drug', 'patent_drug',"
    " 'herbal_drug', 'other')",
    "UPDATE charge_item c SET category = p.category FROM price_item p WHERE p.id = c.price_item_id",
    "UPDATE invoice SET paid_fen = CASE status WHEN 'balanced' THEN total_fen ELSE 0 END",
    "UPDATE payment_intent i SET purpose = 'invoice', patient_id = v.patient_id,"
    " tendered_fen = CASE i.channel WHEN 'cash' THEN i.amount_fen END FROM invoice v WHERE v.id = i.invoice_id",
    "ALTER TABLE journal_entry DISABLE TRIGGER history_stays",
    "ALTER TABLE journal_line DISABLE TRIGGER history_stays",
    "UPDATE journal_entry SET accounting_date = (at AT TIME ZONE 'Asia/Shanghai')::date",
    "UPDATE journal_line SET account = 'revenue_registration' WHERE account = 'outpatient_revenue'",
    "INSERT INTO cash_drawer (id, version, code, name, kind, active)"
    " SELECT '00000000-0000-7000-8000-000000000001', 0, 'W00', '历史现金', 'window', false"
    " WHERE EXISTS (SELECT 1 FROM journal_line WHERE account = 'cash_drawer')",
    "UPDATE journal_line SET drawer_id = '00000000-0000-7000-8000-000000000001' WHERE account = 'cash_drawer'",
    "ALTER TABLE journal_entry ENABLE TRIGGER history_stays",
    "ALTER TABLE journal_line ENABLE TRIGGER history_stays",
]


class Migration(migrations.Migration):
    dependencies = [("hospital", "0004_a_person_decides")]

    initial = False

    operations = [
        Together([
        ops.CreateModel(
            name="BookingCount",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("subject", fields.CharField(max_length=10)),
                ("subject_id", fields.UUIDField()),
                ("day", fields.DateField()),
                ("made", fields.SmallIntField()),
            ],
            options={
                "table": "booking_count",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="subject IN ('patient', 'account', 'device')", name="booking_count_subject_known"
                    ),
                    UniqueConstraint(fields=("subject", "subject_id", "day"), name="booking_count_once"),
                    CheckConstraint(check="made > 0", name="booking_count_positive"),
                ],
                "pk_attr": "id",
                "table_description": "How often somebody booked on one day (限号计数); giving a place back does not give the count back.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BookingRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
                ("code", fields.CharField(max_length=40)),
                ("scope", fields.CharField(max_length=20)),
                ("scope_key", fields.CharField(default="", max_length=40)),
                ("value", fields.IntField()),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("changed_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "booking_rule",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="scope IN ('hospital', 'department', 'service_kind')", name="booking_rule_scope_known"
                    ),
                    UniqueConstraint(fields=("code", "scope", "scope_key"), name="booking_rule_once"),
                    CheckConstraint(check="value >= 0", name="booking_rule_not_negative"),
                    CheckConstraint(check="(scope = 'hospital') = (scope_key = '')", name="booking_rule_scope_named"),
                ],
                "pk_attr": "id",
                "table_description": "One number that booking obeys (预约规则); ``scope_key`` is a department's id, a service kind, or empty.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CalendarDay",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
                ("day", fields.DateField(unique=True)),
                ("kind", fields.CharField(max_length=10)),
                ("name", fields.CharField(default="", max_length=40)),
                ("edited", fields.BooleanField(default=False)),
            ],
            options={
                "table": "calendar_day",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(check="kind IN ('holiday', 'makeup', 'workday')", name="calendar_day_kind_known")
                ],
                "pk_attr": "id",
                "table_description": "A day that is not what its weekday says (节假日与调休). Edited ones win over the library's.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CardBalance",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
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
                ("balance_fen", fields.BigIntField()),
            ],
            options={
                "table": "card_balance",
                "app": "hospital",
                "constraints": [
                    UniqueConstraint(fields=("patient_id",), name="card_balance_once"),
                    CheckConstraint(check="balance_fen >= 0", name="card_balance_not_negative"),
                ],
                "pk_attr": "id",
                "table_description": "What a patient has paid ahead (预存款余额), in fen; equals the patient's card lines of the ledger.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CashDrawer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
                ("code", fields.CharField(unique=True, max_length=10)),
                ("name", fields.CharField(max_length=60)),
                ("kind", fields.CharField(max_length=10)),
                (
                    "location",
                    fields.ForeignKeyField(
                        "hospital.Location",
                        source_field="location_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "cash_drawer",
                "app": "hospital",
                "constraints": [CheckConstraint(check="kind IN ('window', 'online')", name="cash_drawer_kind_known")],
                "pk_attr": "id",
                "table_description": "A place where money is taken and receipts are numbered (收款点): a window's drawer, or the phones together.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CashierShift",
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
                (
                    "staff",
                    fields.ForeignKeyField(
                        "hospital.StaffMember",
                        source_field="staff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("status", fields.CharField(max_length=10)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("opening_fen", fields.BigIntField()),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("expected_fen", fields.BigIntField(null=True)),
                ("counted_fen", fields.BigIntField(null=True)),
                ("note", fields.CharField(default="", max_length=200)),
            ],
            options={
                "table": "cashier_shift",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(check="status IN ('open', 'closed')", name="cashier_shift_status_known"),
                    UniqueConstraint(fields=("drawer_id",), name="drawer_one_shift", condition="status = 'open'"),
                    UniqueConstraint(fields=("staff_id",), name="cashier_one_shift", condition="status = 'open'"),
                    CheckConstraint(check="opening_fen >= 0 AND counted_fen >= 0", name="shift_cash_not_negative"),
                    CheckConstraint(
                        check="(status = 'closed') = (closed_at IS NOT NULL AND expected_fen IS NOT NULL AND counted_fen IS NOT NULL)",
                        name="shift_closed_is_counted",
                    ),
                ],
                "indexes": [Index(fields=["drawer_id", "opened_at"])],
                "pk_attr": "id",
                "table_description": "One cashier at one drawer (收费班次): what lay in it at the start, what the books say, what was counted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ClosedDay",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("day", fields.DateField()),
                ("closed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_by", fields.UUIDField(null=True)),
                ("totals", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "closed_day",
                "app": "hospital",
                "constraints": [UniqueConstraint(fields=("day",), name="day_closed_once")],
                "pk_attr": "id",
                "table_description": "An accounting day that is closed (日结): no journal enters it any more; ``totals`` is what was reported.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GuideRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
                ("body_part", fields.CharField(max_length=20)),
                ("symptom", fields.CharField(max_length=60)),
                ("sex", fields.CharField(null=True, max_length=10)),
                ("age_from", fields.SmallIntField(default=0)),
                ("age_below", fields.SmallIntField(default=200)),
                (
                    "department",
                    fields.ForeignKeyField(
                        "hospital.Department",
                        source_field="department_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("urgency", fields.CharField(max_length=10)),
                ("advice", fields.CharField(default="", max_length=200)),
                ("position", fields.IntField(default=0)),
                ("active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "guide_rule",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="urgency IN ('normal', 'soon', 'emergency')", name="guide_rule_urgency_known"
                    ),
                    CheckConstraint(check="age_from >= 0 AND age_below > age_from", name="guide_rule_ages_ordered"),
                    CheckConstraint(
                        check="urgency = 'emergency' OR department_id IS NOT NULL", name="guide_rule_leads_on"
                    ),
                ],
                "pk_attr": "id",
                "table_description": "One line of the symptom guide (导诊规则): where a symptom of a part of the body leads, for whom, how soon.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Receipt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("receipt_no", fields.CharField(unique=True, max_length=30)),
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
                ("day", fields.DateField()),
                ("number", fields.IntField()),
                ("kind", fields.CharField(max_length=10)),
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
                ("source_id", fields.UUIDField()),
                ("amount_fen", fields.BigIntField()),
                ("issued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("issued_by", fields.UUIDField(null=True)),
                ("voided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("void_reason", fields.CharField(null=True, max_length=100)),
            ],
            options={
                "table": "receipt",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(check="kind IN ('payment', 'refund', 'top_up')", name="receipt_kind_known"),
                    UniqueConstraint(fields=("drawer_id", "day", "number"), name="receipt_number_once"),
                    UniqueConstraint(
                        fields=("kind", "source_id"), name="receipt_once_per_source", condition="voided_at IS NULL"
                    ),
                    CheckConstraint(check="amount_fen > 0", name="receipt_amount_positive"),
                    CheckConstraint(check="(voided_at IS NULL) = (void_reason IS NULL)", name="receipt_void_says_why"),
                ],
                "indexes": [Index(fields=["patient_id", "issued_at"])],
                "pk_attr": "id",
                "table_description": "A numbered receipt (收据). Void ones stay and say why, so that a series has no unexplained gap.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReceiptSeries",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
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
                ("day", fields.DateField()),
                ("last_number", fields.IntField()),
            ],
            options={
                "table": "receipt_series",
                "app": "hospital",
                "constraints": [UniqueConstraint(fields=("drawer_id", "day"), name="receipt_series_once")],
                "pk_attr": "id",
                "table_description": "The numbers of one drawer's receipts on one day (收据号段); the row is locked when a receipt is drawn.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RefundLine",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "refund",
                    fields.ForeignKeyField(
                        "hospital.Refund",
                        source_field="refund_id",
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
                ("quantity", fields.DecimalField(max_digits=12, decimal_places=3)),
                ("amount_fen", fields.BigIntField()),
            ],
            options={
                "table": "refund_line",
                "app": "hospital",
                "constraints": [
                    UniqueConstraint(fields=("refund_id", "charge_item_id"), name="refund_line_once"),
                    CheckConstraint(check="quantity > 0 AND amount_fen >= 0", name="refund_line_takes_something"),
                ],
                "indexes": [Index(fields=["charge_item_id"])],
                "pk_attr": "id",
                "table_description": "What part of a charged item a refund takes back (退费明细).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ScheduleTemplate",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("version", fields.IntField(default=0)),
                (
                    "department",
                    fields.ForeignKeyField(
                        "hospital.Department",
                        source_field="department_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "staff",
                    fields.ForeignKeyField(
                        "hospital.StaffMember",
                        source_field="staff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "room",
                    fields.ForeignKeyField(
                        "hospital.Location",
                        source_field="room_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("service_kind", fields.CharField(max_length=20)),
                ("weekday", fields.SmallIntField()),
                ("period", fields.CharField(max_length=10)),
                ("starts_minute", fields.SmallIntField()),
                ("ends_minute", fields.SmallIntField()),
                ("places", fields.SmallIntField()),
                (
                    "price_item",
                    fields.ForeignKeyField(
                        "hospital.PriceItem",
                        source_field="price_item_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("sought_after", fields.BooleanField(default=False)),
                ("works_on_holidays", fields.BooleanField(default=False)),
                ("valid_from", fields.DateField()),
                ("valid_until", fields.DateField(null=True)),
                ("active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "schedule_template",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency')",
                        name="schedule_template_service_kind_known",
                    ),
                    CheckConstraint(
                        check="period IN ('morning', 'afternoon', 'night')", name="schedule_template_period_known"
                    ),
                    CheckConstraint(check="weekday BETWEEN 1 AND 7", name="template_weekday_in_range"),
                    CheckConstraint(
                        check="starts_minute >= 0 AND ends_minute > starts_minute AND ends_minute <= 1440",
                        name="template_ends_after_start",
                    ),
                    CheckConstraint(
                        check="places > 0 AND (ends_minute - starts_minute) <= places * 30", name="template_slots_short"
                    ),
                ],
                "indexes": [Index(fields=["department_id"]), Index(fields=["staff_id"])],
                "pk_attr": "id",
                "table_description": "A session that repeats every week (排班模板). ``weekday`` 1 = Monday; times are those of the hospital's clock.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SearchWord",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("word", fields.CharField(max_length=60)),
                ("pinyin", fields.CharField(max_length=200)),
                ("initials", fields.CharField(max_length=60)),
                ("kind", fields.CharField(max_length=10)),
                (
                    "department",
                    fields.ForeignKeyField(
                        "hospital.Department",
                        source_field="department_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "staff",
                    fields.ForeignKeyField(
                        "hospital.StaffMember",
                        source_field="staff_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("weight", fields.SmallIntField(default=1)),
            ],
            options={
                "table": "search_word",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(check="kind IN ('alias', 'disease', 'symptom')", name="search_word_kind_known"),
                    CheckConstraint(check="weight BETWEEN 1 AND 100", name="search_word_weight_in_range"),
                ],
                "indexes": [Index(fields=["department_id"])],
                "pk_attr": "id",
                "table_description": "A word people search by and where it leads (检索词): alias, disease or symptom to department or doctor.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StaffPhoto",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "staff",
                    fields.ForeignKeyField(
                        "hospital.StaffMember",
                        source_field="staff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("media_type", fields.CharField(max_length=20)),
                ("content", fields.BinaryField()),
                ("digest", fields.CharField(max_length=64)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "staff_photo",
                "app": "hospital",
                "constraints": [
                    UniqueConstraint(fields=("staff_id",), name="staff_photo_once"),
                    CheckConstraint(
                        check="media_type IN ('image/jpeg', 'image/png', 'image/webp')", name="staff_photo_is_image"
                    ),
                    CheckConstraint(check="octet_length(content) BETWEEN 1 AND 204800", name="staff_photo_small"),
                ],
                "pk_attr": "id",
                "table_description": "A staff member's portrait (照片), small enough to travel with a page; ``digest`` is its ETag.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TemplatePool",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "template",
                    fields.ForeignKeyField(
                        "hospital.ScheduleTemplate",
                        source_field="template_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("pool", fields.CharField(max_length=20)),
                ("places", fields.SmallIntField()),
                ("returns_minutes_before", fields.IntField(null=True)),
            ],
            options={
                "table": "template_pool",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="pool IN ('public', 'miniapp', 'kiosk', 'window', 'phone', 'referral', 'add_on')",
                        name="template_pool_pool_known",
                    ),
                    UniqueConstraint(fields=("template_id", "pool"), name="template_pool_once"),
                    CheckConstraint(check="places > 0", name="template_pool_not_empty"),
                ],
                "pk_attr": "id",
                "table_description": "Places of a template kept for a channel (渠道配额). Unsold, they are everybody's this long before the session.",
            },
            bases=["Model"],
        ),
        ops.RemoveConstraint(
            model_name="Appointment",
            name="appointment_channel_known",
            fields=None,
        ),
        ops.RemoveConstraint(
            model_name="Appointment",
            name="patient_once_per_session",
            fields=None,
        ),
        ops.AddField(
            model_name="Appointment",
            name="day",
            field=fields.DateField(null=True),
        ),
        ops.AddField(
            model_name="Appointment",
            name="device_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Appointment",
            name="full_fee_fen",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Appointment",
            name="period",
            field=fields.CharField(max_length=10, null=True),
        ),
        ops.AddField(
            model_name="Appointment",
            name="previous",
            field=fields.ForeignKeyField(
                "hospital.Appointment",
                source_field="previous_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="Appointment",
            name="returns_after_s",
            field=fields.IntField(default=0, null=True),
        ),
        ops.AddField(
            model_name="Appointment",
            name="service_kind",
            field=fields.CharField(max_length=20, null=True),
        ),
        ops.AddField(
            model_name="Campus",
            name="latitude",
            field=fields.FloatField(null=True),
        ),
        ops.AddField(
            model_name="Campus",
            name="longitude",
            field=fields.FloatField(null=True),
        ),
        ops.AddField(
            model_name="Campus",
            name="radius_m",
            field=fields.IntField(default=300, null=True),
        ),
        ops.AddField(
            model_name="ChargeItem",
            name="category",
            field=fields.CharField(max_length=40, null=True),
        ),
        ops.AddField(
            model_name="ChargeItem",
            name="override_reason",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AlterField(
            model_name="Invoice",
            name="encounter_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Invoice",
            name="paid_fen",
            field=fields.BigIntField(default=0, null=True),
        ),
        ops.RemoveConstraint(
            model_name="JournalEntry",
            name="journal_entry_kind_known",
            fields=None,
        ),
        ops.AddField(
            model_name="JournalEntry",
            name="accounting_date",
            field=fields.DateField(null=True),
        ),
        ops.RemoveConstraint(
            model_name="JournalLine",
            name="journal_line_account_known",
            fields=None,
        ),
        ops.AddField(
            model_name="JournalLine",
            name="drawer_id",
            field=fields.UUIDField(null=True),
        ),
        ops.RemoveConstraint(
            model_name="PaymentIntent",
            name="payment_intent_channel_known",
            fields=None,
        ),
        ops.RemoveConstraint(
            model_name="PaymentIntent",
            name="invoice_paid_once",
            fields=None,
        ),
        ops.AlterField(
            model_name="PaymentIntent",
            name="invoice",
            field=fields.ForeignKeyField(
                "hospital.Invoice",
                source_field="invoice_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="code_url",
            field=fields.CharField(null=True, max_length=512),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="device_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="patient",
            field=fields.ForeignKeyField(
                "hospital.Patient",
                source_field="patient_id",
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
                null=True,
            ),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="purpose",
            field=fields.CharField(max_length=10, null=True),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="reference",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="shift",
            field=fields.ForeignKeyField(
                "hospital.CashierShift",
                source_field="shift_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="sub_mchid",
            field=fields.CharField(null=True, max_length=32),
        ),
        ops.AddField(
            model_name="PaymentIntent",
            name="tendered_fen",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Refund",
            name="requested_by",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Refund",
            name="shift",
            field=fields.ForeignKeyField(
                "hospital.CashierShift",
                source_field="shift_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.RemoveConstraint(
            model_name="Schedule",
            name="schedule_service_kind_known",
            fields=None,
        ),
        ops.AddField(
            model_name="Schedule",
            name="day",
            field=fields.DateField(null=True),
        ),
        ops.AddField(
            model_name="Schedule",
            name="period",
            field=fields.CharField(max_length=10, null=True),
        ),
        ops.AddField(
            model_name="Schedule",
            name="released_at",
            field=fields.DatetimeField(auto_now=False, auto_now_add=False, null=True),
        ),
        ops.AddField(
            model_name="Schedule",
            name="sought_after",
            field=fields.BooleanField(default=False, null=True),
        ),
        ops.AddField(
            model_name="Schedule",
            name="template",
            field=fields.ForeignKeyField(
                "hospital.ScheduleTemplate",
                source_field="template_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="Slot",
            name="pool_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="StaffMember",
            name="introduction",
            field=fields.CharField(default="", max_length=2000, null=True),
        ),
        ]),
        ops.RunSQL(BACKFILL),
        Together([
        ops.AlterField(
            model_name="Appointment",
            name="day",
            field=fields.DateField(),
        ),
        ops.AlterField(
            model_name="Appointment",
            name="full_fee_fen",
            field=fields.BigIntField(),
        ),
        ops.AlterField(
            model_name="Appointment",
            name="period",
            field=fields.CharField(max_length=10),
        ),
        ops.AlterField(
            model_name="Appointment",
            name="returns_after_s",
            field=fields.IntField(default=0),
        ),
        ops.AlterField(
            model_name="Appointment",
            name="service_kind",
            field=fields.CharField(max_length=20),
        ),
        ops.AlterField(
            model_name="Campus",
            name="radius_m",
            field=fields.IntField(default=300),
        ),
        ops.AlterField(
            model_name="ChargeItem",
            name="category",
            field=fields.CharField(max_length=40),
        ),
        ops.AlterField(
            model_name="Invoice",
            name="paid_fen",
            field=fields.BigIntField(default=0),
        ),
        ops.AlterField(
            model_name="JournalEntry",
            name="accounting_date",
            field=fields.DateField(),
        ),
        ops.AlterField(
            model_name="PaymentIntent",
            name="patient",
            field=fields.ForeignKeyField(
                "hospital.Patient",
                source_field="patient_id",
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            model_name="PaymentIntent",
            name="purpose",
            field=fields.CharField(max_length=10),
        ),
        ops.AlterField(
            model_name="Schedule",
            name="day",
            field=fields.DateField(),
        ),
        ops.AlterField(
            model_name="Schedule",
            name="period",
            field=fields.CharField(max_length=10),
        ),
        ops.AlterField(
            model_name="Schedule",
            name="released_at",
            field=fields.DatetimeField(auto_now=False, auto_now_add=False),
        ),
        ops.AlterField(
            model_name="Schedule",
            name="sought_after",
            field=fields.BooleanField(default=False),
        ),
        ops.AlterField(
            model_name="StaffMember",
            name="introduction",
            field=fields.CharField(default="", max_length=2000),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=CheckConstraint(
                check="channel IN ('miniapp', 'kiosk', 'window', 'phone', 'referral', 'clinic')",
                name="appointment_channel_known",
            ),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=CheckConstraint(
                check="period IN ('morning', 'afternoon', 'night')", name="appointment_period_known"
            ),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=CheckConstraint(
                check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency')",
                name="appointment_service_kind_known",
            ),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=CheckConstraint(check="fee_fen BETWEEN 0 AND full_fee_fen", name="appointment_fee_within_full"),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=UniqueConstraint(
                fields=("patient_id", "department_id", "day", "period"),
                name="patient_once_per_half_day",
                condition="status IN ('pending', 'booked', 'checked-in')",
            ),
        ),
        ops.AddConstraint(
            model_name="Appointment",
            constraint=UniqueConstraint(
                fields=("previous_id",),
                name="appointment_rescheduled_once",
                condition="status IN ('pending', 'booked', 'checked-in', 'fulfilled')",
            ),
        ),
        ops.AlterModelOptions(
            name="Campus",
            options={
                "table": "campus",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="(latitude IS NULL) = (longitude IS NULL) AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180 AND radius_m BETWEEN 50 AND 5000",
                        name="campus_place_on_earth",
                    )
                ],
                "pk_attr": "id",
                "table_description": "A site of the hospital (院区). Within ``radius_m`` metres of its point a phone counts as being there (GCJ-02).",
            },
        ),
        ops.AddConstraint(
            model_name="Campus",
            constraint=CheckConstraint(
                check="(latitude IS NULL) = (longitude IS NULL) AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180 AND radius_m BETWEEN 50 AND 5000",
                name="campus_place_on_earth",
            ),
        ),
        ops.AddConstraint(
            model_name="ChargeItem",
            constraint=CheckConstraint(
                check="category IN ('registration', 'consultation', 'general_care', 'examination', 'laboratory', 'treatment', 'surgery', 'nursing', 'bed', 'material', 'western_drug', 'patent_drug', 'herbal_drug', 'other')",
                name="charge_item_category_known",
            ),
        ),
        ops.AlterModelOptions(
            name="Invoice",
            options={
                "table": "invoice",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="status IN ('issued', 'balanced', 'cancelled', 'entered-in-error')",
                        name="invoice_status_known",
                    ),
                    CheckConstraint(check="total_fen >= 0", name="invoice_total_not_negative"),
                    CheckConstraint(check="paid_fen BETWEEN 0 AND total_fen", name="invoice_not_overpaid"),
                    CheckConstraint(
                        check="status <> 'balanced' OR paid_fen = total_fen", name="invoice_balanced_when_paid"
                    ),
                    CheckConstraint(
                        check="status NOT IN ('cancelled', 'entered-in-error') OR paid_fen = 0",
                        name="invoice_void_when_unpaid",
                    ),
                ],
                "indexes": [Index(fields=["patient_id"]), Index(fields=["encounter_id"])],
                "pk_attr": "id",
                "table_description": "A bill (结算单); its total equals the sum of its charge items. Without encounter it merges several (合并缴费).",
            },
        ),
        ops.AddConstraint(
            model_name="Invoice",
            constraint=CheckConstraint(check="paid_fen BETWEEN 0 AND total_fen", name="invoice_not_overpaid"),
        ),
        ops.AddConstraint(
            model_name="Invoice",
            constraint=CheckConstraint(
                check="status <> 'balanced' OR paid_fen = total_fen", name="invoice_balanced_when_paid"
            ),
        ),
        ops.AddConstraint(
            model_name="Invoice",
            constraint=CheckConstraint(
                check="status NOT IN ('cancelled', 'entered-in-error') OR paid_fen = 0", name="invoice_void_when_unpaid"
            ),
        ),
        ops.AddIndex(
            model_name="JournalEntry",
            index=Index(fields=["accounting_date"]),
        ),
        ops.AddConstraint(
            model_name="JournalEntry",
            constraint=CheckConstraint(
                check="kind IN ('invoiced', 'invoice_reversed', 'payment_applied', 'payment_surplus', 'refund_promised', 'refund_paid', 'card_topped_up', 'shift_closed', 'cash_deposited', 'channel_settled', 'correction')",
                name="journal_entry_kind_known",
            ),
        ),
        ops.AddConstraint(
            model_name="JournalLine",
            constraint=CheckConstraint(
                check="account IN ('patient_receivable', 'patient_card', 'refund_payable', 'unapplied_receipts', 'wechat_clearing', 'bank_card_clearing', 'insurance_clearing', 'channel_fees', 'bank', 'cash_drawer', 'cash_difference', 'rounding', 'revenue_registration', 'revenue_consultation', 'revenue_general_care', 'revenue_examination', 'revenue_laboratory', 'revenue_treatment', 'revenue_surgery', 'revenue_nursing', 'revenue_bed', 'revenue_material', 'revenue_western_drug', 'revenue_patent_drug', 'revenue_herbal_drug', 'revenue_other')",
                name="journal_line_account_known",
            ),
        ),
        ops.AddConstraint(
            model_name="JournalLine",
            constraint=CheckConstraint(
                check="account <> 'patient_card' OR patient_id IS NOT NULL", name="journal_card_names_patient"
            ),
        ),
        ops.AddConstraint(
            model_name="JournalLine",
            constraint=CheckConstraint(
                check="(account = 'cash_drawer') = (drawer_id IS NOT NULL)", name="journal_cash_names_drawer"
            ),
        ),
        ops.AlterModelOptions(
            name="PaymentIntent",
            options={
                "table": "payment_intent",
                "app": "hospital",
                "constraints": [
                    CheckConstraint(
                        check="status IN ('open', 'succeeded', 'closed')", name="payment_intent_status_known"
                    ),
                    CheckConstraint(
                        check="channel IN ('wechat_jsapi', 'wechat_native', 'wechat_codepay', 'cash', 'bank_card', 'card_balance', 'insurance')",
                        name="payment_intent_channel_known",
                    ),
                    CheckConstraint(check="amount_fen > 0", name="payment_amount_positive"),
                    CheckConstraint(
                        check="refunded_fen >= 0 AND refunded_fen <= amount_fen", name="refunds_within_payment"
                    ),
                    CheckConstraint(check="NOT applied OR status = 'succeeded'", name="payment_applied_is_succeeded"),
                    CheckConstraint(check="purpose IN ('invoice', 'top_up')", name="payment_intent_purpose_known"),
                    CheckConstraint(
                        check="(purpose = 'invoice') = (invoice_id IS NOT NULL)", name="payment_has_its_bill"
                    ),
                    CheckConstraint(
                        check="(channel = 'cash') = (tendered_fen IS NOT NULL) AND tendered_fen >= amount_fen",
                        name="payment_cash_was_enough",
                    ),
                ],
                "indexes": [
                    Index(fields=["invoice_id"]),
                    Index(fields=["patient_id", "created_at"]),
                    Index(fields=["shift_id"]),
                    Index(fields=["succeeded_at"]),
                ],
                "pk_attr": "id",
                "table_description": "One tender for one bill, or for a patient's card (支付单). ``applied``: it counts; others are surplus.",
            },
        ),
        ops.AddIndex(
            model_name="PaymentIntent",
            index=Index(fields=["patient_id", "created_at"]),
        ),
        ops.AddIndex(
            model_name="PaymentIntent",
            index=Index(fields=["shift_id"]),
        ),
        ops.AddIndex(
            model_name="PaymentIntent",
            index=Index(fields=["succeeded_at"]),
        ),
        ops.AddConstraint(
            model_name="PaymentIntent",
            constraint=CheckConstraint(
                check="channel IN ('wechat_jsapi', 'wechat_native', 'wechat_codepay', 'cash', 'bank_card', 'card_balance', 'insurance')",
                name="payment_intent_channel_known",
            ),
        ),
        ops.AddConstraint(
            model_name="PaymentIntent",
            constraint=CheckConstraint(check="purpose IN ('invoice', 'top_up')", name="payment_intent_purpose_known"),
        ),
        ops.AddConstraint(
            model_name="PaymentIntent",
            constraint=CheckConstraint(
                check="(purpose = 'invoice') = (invoice_id IS NOT NULL)", name="payment_has_its_bill"
            ),
        ),
        ops.AddConstraint(
            model_name="PaymentIntent",
            constraint=CheckConstraint(
                check="(channel = 'cash') = (tendered_fen IS NOT NULL) AND tendered_fen >= amount_fen",
                name="payment_cash_was_enough",
            ),
        ),
        ops.AddConstraint(
            model_name="PriceItem",
            constraint=CheckConstraint(
                check="category IN ('registration', 'consultation', 'general_care', 'examination', 'laboratory', 'treatment', 'surgery', 'nursing', 'bed', 'material', 'western_drug', 'patent_drug', 'herbal_drug', 'other')",
                name="price_item_category_known",
            ),
        ),
        ops.AddIndex(
            model_name="Refund",
            index=Index(fields=["requested_at"]),
        ),
        ops.AddIndex(
            model_name="Schedule",
            index=Index(fields=["starts_at"]),
        ),
        ops.AddConstraint(
            model_name="Schedule",
            constraint=CheckConstraint(
                check="service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency')",
                name="schedule_service_kind_known",
            ),
        ),
        ops.AddConstraint(
            model_name="Schedule",
            constraint=CheckConstraint(
                check="period IN ('morning', 'afternoon', 'night')", name="schedule_period_known"
            ),
        ),
        ops.AddConstraint(
            model_name="Schedule",
            constraint=UniqueConstraint(
                fields=("template_id", "day"),
                name="schedule_once_per_template_day",
                condition="template_id IS NOT NULL",
            ),
        ),
        ops.AddConstraint(
            model_name="Slot",
            constraint=CheckConstraint(
                check="pool IN ('public', 'miniapp', 'kiosk', 'window', 'phone', 'referral', 'add_on')",
                name="slot_pool_known",
            ),
        ),
        ]),
        ops.RunSQL(
            [
                "ALTER TABLE \"booking_count\" ADD CONSTRAINT \"booking_count_subject_known\" CHECK (subject IN ('patient', 'account', 'device'))",
                'ALTER TABLE "booking_count" ADD CONSTRAINT "booking_count_once" UNIQUE ("subject", "subject_id", "day")',
                'ALTER TABLE "booking_count" ADD CONSTRAINT "booking_count_positive" CHECK (made > 0)',
                "ALTER TABLE \"booking_rule\" ADD CONSTRAINT \"booking_rule_scope_known\" CHECK (scope IN ('hospital', 'department', 'service_kind'))",
                'ALTER TABLE "booking_rule" ADD CONSTRAINT "booking_rule_once" UNIQUE ("code", "scope", "scope_key")',
                'ALTER TABLE "booking_rule" ADD CONSTRAINT "booking_rule_not_negative" CHECK (value >= 0)',
                "ALTER TABLE \"booking_rule\" ADD CONSTRAINT \"booking_rule_scope_named\" CHECK ((scope = 'hospital') = (scope_key = ''))",
                "ALTER TABLE \"calendar_day\" ADD CONSTRAINT \"calendar_day_kind_known\" CHECK (kind IN ('holiday', 'makeup', 'workday'))",
                'ALTER TABLE "card_balance" ADD CONSTRAINT "card_balance_once" UNIQUE ("patient_id")',
                'ALTER TABLE "card_balance" ADD CONSTRAINT "card_balance_not_negative" CHECK (balance_fen >= 0)',
                "ALTER TABLE \"cash_drawer\" ADD CONSTRAINT \"cash_drawer_kind_known\" CHECK (kind IN ('window', 'online'))",
                "ALTER TABLE \"cashier_shift\" ADD CONSTRAINT \"cashier_shift_status_known\" CHECK (status IN ('open', 'closed'))",
                'CREATE UNIQUE INDEX "drawer_one_shift" ON "cashier_shift" ("drawer_id") WHERE status = \'open\'',
                'CREATE UNIQUE INDEX "cashier_one_shift" ON "cashier_shift" ("staff_id") WHERE status = \'open\'',
                'ALTER TABLE "cashier_shift" ADD CONSTRAINT "shift_cash_not_negative" CHECK (opening_fen >= 0 AND counted_fen >= 0)',
                'ALTER TABLE "cashier_shift" ADD CONSTRAINT "shift_closed_is_counted" CHECK ((status = \'closed\') = (closed_at IS NOT NULL AND expected_fen IS NOT NULL AND counted_fen IS NOT NULL))',
                'ALTER TABLE "closed_day" ADD CONSTRAINT "day_closed_once" UNIQUE ("day")',
                "ALTER TABLE \"guide_rule\" ADD CONSTRAINT \"guide_rule_urgency_known\" CHECK (urgency IN ('normal', 'soon', 'emergency'))",
                'ALTER TABLE "guide_rule" ADD CONSTRAINT "guide_rule_ages_ordered" CHECK (age_from >= 0 AND age_below > age_from)',
                'ALTER TABLE "guide_rule" ADD CONSTRAINT "guide_rule_leads_on" CHECK (urgency = \'emergency\' OR department_id IS NOT NULL)',
                "ALTER TABLE \"receipt\" ADD CONSTRAINT \"receipt_kind_known\" CHECK (kind IN ('payment', 'refund', 'top_up'))",
                'ALTER TABLE "receipt" ADD CONSTRAINT "receipt_number_once" UNIQUE ("drawer_id", "day", "number")',
                'CREATE UNIQUE INDEX "receipt_once_per_source" ON "receipt" ("kind", "source_id") WHERE voided_at IS NULL',
                'ALTER TABLE "receipt" ADD CONSTRAINT "receipt_amount_positive" CHECK (amount_fen > 0)',
                'ALTER TABLE "receipt" ADD CONSTRAINT "receipt_void_says_why" CHECK ((voided_at IS NULL) = (void_reason IS NULL))',
                'ALTER TABLE "receipt_series" ADD CONSTRAINT "receipt_series_once" UNIQUE ("drawer_id", "day")',
                'ALTER TABLE "refund_line" ADD CONSTRAINT "refund_line_once" UNIQUE ("refund_id", "charge_item_id")',
                'ALTER TABLE "refund_line" ADD CONSTRAINT "refund_line_takes_something" CHECK (quantity > 0 AND amount_fen >= 0)',
                "ALTER TABLE \"schedule_template\" ADD CONSTRAINT \"schedule_template_service_kind_known\" CHECK (service_kind IN ('general', 'expert', 'special', 'disease', 'night', 'emergency'))",
                "ALTER TABLE \"schedule_template\" ADD CONSTRAINT \"schedule_template_period_known\" CHECK (period IN ('morning', 'afternoon', 'night'))",
                'ALTER TABLE "schedule_template" ADD CONSTRAINT "template_weekday_in_range" CHECK (weekday BETWEEN 1 AND 7)',
                'ALTER TABLE "schedule_template" ADD CONSTRAINT "template_ends_after_start" CHECK (starts_minute >= 0 AND ends_minute > starts_minute AND ends_minute <= 1440)',
                'ALTER TABLE "schedule_template" ADD CONSTRAINT "template_slots_short" CHECK (places > 0 AND (ends_minute - starts_minute) <= places * 30)',
                "ALTER TABLE \"search_word\" ADD CONSTRAINT \"search_word_kind_known\" CHECK (kind IN ('alias', 'disease', 'symptom'))",
                'ALTER TABLE "search_word" ADD CONSTRAINT "search_word_weight_in_range" CHECK (weight BETWEEN 1 AND 100)',
                'ALTER TABLE "staff_photo" ADD CONSTRAINT "staff_photo_once" UNIQUE ("staff_id")',
                "ALTER TABLE \"staff_photo\" ADD CONSTRAINT \"staff_photo_is_image\" CHECK (media_type IN ('image/jpeg', 'image/png', 'image/webp'))",
                'ALTER TABLE "staff_photo" ADD CONSTRAINT "staff_photo_small" CHECK (octet_length(content) BETWEEN 1 AND 204800)',
                "ALTER TABLE \"template_pool\" ADD CONSTRAINT \"template_pool_pool_known\" CHECK (pool IN ('public', 'miniapp', 'kiosk', 'window', 'phone', 'referral', 'add_on'))",
                'ALTER TABLE "template_pool" ADD CONSTRAINT "template_pool_once" UNIQUE ("template_id", "pool")',
                'ALTER TABLE "template_pool" ADD CONSTRAINT "template_pool_not_empty" CHECK (places > 0)',
            ]
        ),
    ]
