"""Tables of scheduling. Exclusion constraints (a doctor in one room, a room with one doctor) stand in the migration."""

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.access.scheduling.series_models import BookingSeries, SeriesVisit
from hospital_core.access.scheduling.states import (
    CLAIMING,
    LIVE,
    AppointmentPayment,
    AppointmentStatus,
    BookingChannel,
    CalendarDayKind,
    ClinicChangeKind,
    CountedSubject,
    DayPeriod,
    DisruptionStatus,
    GenerationTrouble,
    GuideUrgency,
    Pool,
    RuleScope,
    ScheduleStatus,
    SearchWordKind,
    ServiceKind,
    SlotStatus,
)
from hospital_core.access.scheduling.waiting_models import BanAppeal, BookingBan, WaitlistEntry
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to

__all__ = ["BanAppeal", "BookingBan", "BookingSeries", "SeriesVisit", "WaitlistEntry"]


def _in(statuses: tuple[AppointmentStatus, ...]) -> str:
    return "status IN (" + ", ".join(f"'{status.value}'" for status in statuses) + ")"


class ScheduleTemplate(VersionedRow):
    """A session that repeats every week (排班模板). ``weekday`` 1 = Monday; times are those of the hospital's clock.

    ``sought_after``: places that come back are free again only after a time nobody knows beforehand.
    """

    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID
    staff = refers_to("StaffMember")
    room_id: UUID
    room = refers_to("Location")
    service_kind = fields.CharField(max_length=20)
    weekday = fields.SmallIntField()
    period = fields.CharField(max_length=10)
    starts_minute = fields.SmallIntField()
    ends_minute = fields.SmallIntField()
    places = fields.SmallIntField()
    price_item_id: UUID
    price_item = refers_to("PriceItem")
    sought_after = fields.BooleanField(default=False)
    works_on_holidays = fields.BooleanField(default=False)
    valid_from: date = fields.DateField()
    valid_until: date | None = fields.DateField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "schedule_template"
        indexes = [Index(fields=["department_id"]), Index(fields=["staff_id"])]
        constraints = [
            one_of("schedule_template", ServiceKind, "service_kind"),
            one_of("schedule_template", DayPeriod, "period"),
            CheckConstraint(check="weekday BETWEEN 1 AND 7", name="template_weekday_in_range"),
            CheckConstraint(
                check="starts_minute >= 0 AND ends_minute > starts_minute AND ends_minute <= 1440",
                name="template_ends_after_start",
            ),
            # A slot is thirty minutes at most (SS-01-L5b).
            CheckConstraint(
                check="places > 0 AND (ends_minute - starts_minute) <= places * 30", name="template_slots_short"
            ),
        ]


class TemplatePool(Row):
    """Places of a template kept for a channel (渠道配额). Unsold, they are everybody's this long before the session."""

    template_id: UUID
    template = refers_to("ScheduleTemplate")
    pool = fields.CharField(max_length=20)
    places = fields.SmallIntField()
    returns_minutes_before = fields.IntField(null=True)

    class Meta:
        table = "template_pool"
        constraints = [
            one_of("template_pool", Pool, "pool"),
            UniqueConstraint(fields=("template_id", "pool"), name="template_pool_once"),
            CheckConstraint(check="places > 0", name="template_pool_not_empty"),
        ]


class CalendarDay(VersionedRow):
    """A day that is not what its weekday says (节假日与调休). Edited ones win over the library's.

    ``as_weekday``: whose templates run on it, 1 = Monday; without it a worked weekend runs Friday's.
    """

    day: date = fields.DateField(unique=True)
    kind = fields.CharField(max_length=10)
    as_weekday = fields.SmallIntField(null=True)
    name = fields.CharField(max_length=40, default="")
    edited = fields.BooleanField(default=False)

    class Meta:
        table = "calendar_day"
        constraints = [
            one_of("calendar_day", CalendarDayKind, "kind"),
            CheckConstraint(check="as_weekday BETWEEN 1 AND 7", name="calendar_weekday_in_range"),
        ]


class GenerationProblem(Row):
    """A template that made no session on a day (放号异常); it goes away when the session is made after all."""

    template_id: UUID
    template = refers_to("ScheduleTemplate")
    day: date = fields.DateField()
    trouble = fields.CharField(max_length=20)
    found_at = fields.DatetimeField()

    class Meta:
        table = "generation_problem"
        constraints = [
            one_of("generation_problem", GenerationTrouble, "trouble"),
            UniqueConstraint(fields=("template_id", "day"), name="generation_problem_once"),
        ]


class BookingRule(VersionedRow):
    """One number that booking obeys (预约规则); ``scope_key`` is a department's id, a service kind, or empty."""

    code = fields.CharField(max_length=40)
    scope = fields.CharField(max_length=20)
    scope_key = fields.CharField(max_length=40, default="")
    value = fields.IntField()
    changed_at = fields.DatetimeField()
    changed_by = fields.UUIDField(null=True)

    class Meta:
        table = "booking_rule"
        constraints = [
            one_of("booking_rule", RuleScope, "scope"),
            UniqueConstraint(fields=("code", "scope", "scope_key"), name="booking_rule_once"),
            CheckConstraint(check="value >= 0", name="booking_rule_not_negative"),
            CheckConstraint(check="(scope = 'hospital') = (scope_key = '')", name="booking_rule_scope_named"),
        ]


class BookingCount(Row):
    """How often somebody booked on one day (限号计数); giving a place back does not give the count back."""

    subject = fields.CharField(max_length=10)
    subject_id: UUID = fields.UUIDField()
    day: date = fields.DateField()
    made = fields.SmallIntField()

    class Meta:
        table = "booking_count"
        constraints = [
            one_of("booking_count", CountedSubject, "subject"),
            UniqueConstraint(fields=("subject", "subject_id", "day"), name="booking_count_once"),
            CheckConstraint(check="made > 0", name="booking_count_positive"),
        ]


class SearchWord(Row):
    """A word people search by and where it leads (检索词): alias, disease or symptom to department or doctor."""

    word = fields.CharField(max_length=60)
    pinyin = fields.CharField(max_length=200)
    initials = fields.CharField(max_length=60)
    kind = fields.CharField(max_length=10)
    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID | None
    staff = refers_to("StaffMember", null=True)
    weight = fields.SmallIntField(default=1)

    class Meta:
        table = "search_word"
        indexes = [Index(fields=["department_id"])]
        constraints = [
            one_of("search_word", SearchWordKind, "kind"),
            CheckConstraint(check="weight BETWEEN 1 AND 100", name="search_word_weight_in_range"),
        ]


class GuideRule(VersionedRow):
    """One line of the symptom guide (导诊规则): where a symptom of a part of the body leads, for whom, how soon."""

    body_part = fields.CharField(max_length=20)
    symptom = fields.CharField(max_length=60)
    sex = fields.CharField(max_length=10, null=True)
    age_from = fields.SmallIntField(default=0)
    age_below = fields.SmallIntField(default=200)
    department_id: UUID | None
    department = refers_to("Department", null=True)
    urgency = fields.CharField(max_length=10)
    advice = fields.CharField(max_length=200, default="")
    position = fields.IntField(default=0)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "guide_rule"
        constraints = [
            one_of("guide_rule", GuideUrgency, "urgency"),
            CheckConstraint(check="age_from >= 0 AND age_below > age_from", name="guide_rule_ages_ordered"),
            CheckConstraint(check="urgency = 'emergency' OR department_id IS NOT NULL", name="guide_rule_leads_on"),
        ]


class Schedule(VersionedRow):
    """One session of a doctor in a room (排班). The fee is copied from the price list when it is made.

    Patients can book from ``released_at`` on (放号). A template makes one session a day.
    """

    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID
    staff = refers_to("StaffMember")
    room_id: UUID
    room = refers_to("Location")
    service_kind = fields.CharField(max_length=20)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    price_item_id: UUID
    price_item = refers_to("PriceItem")
    fee_fen: int = fields.BigIntField()
    places = fields.SmallIntField()
    template_id: UUID | None
    template = refers_to("ScheduleTemplate", null=True)
    day: date = fields.DateField()
    period = fields.CharField(max_length=10)
    released_at = fields.DatetimeField()
    sought_after = fields.BooleanField(default=False)
    status = fields.CharField(max_length=20)

    class Meta:
        table = "schedule"
        indexes = [
            Index(fields=["department_id", "starts_at"]),
            Index(fields=["staff_id", "starts_at"]),
            Index(fields=["starts_at"]),
        ]
        constraints = [
            one_of("schedule", ScheduleStatus),
            one_of("schedule", ServiceKind, "service_kind"),
            one_of("schedule", DayPeriod, "period"),
            UniqueConstraint(
                fields=("template_id", "day"),
                condition="template_id IS NOT NULL",
                name="schedule_once_per_template_day",
            ),
            CheckConstraint(check="ends_at > starts_at", name="schedule_ends_after_start"),
            CheckConstraint(check="fee_fen >= 0", name="schedule_fee_not_negative"),
        ]


class Slot(VersionedRow):
    """One place of a session (号源): its number and time. ``held_until`` passed = free again, cleaner or not.

    It is everybody's from ``pool_until`` on, even when nobody has moved it. ``free_from``: not to be had before,
    whether its hold lapses or it is given back (drawn when it is taken).
    """

    schedule_id: UUID
    schedule = refers_to("Schedule")
    number = fields.SmallIntField()
    starts_at = fields.DatetimeField()
    pool = fields.CharField(max_length=20, default="public")
    pool_until = fields.DatetimeField(null=True)
    status = fields.CharField(max_length=10)
    held_until = fields.DatetimeField(null=True)
    free_from = fields.DatetimeField(null=True)

    class Meta:
        table = "slot"
        unique_together = (("schedule_id", "number"),)
        constraints = [one_of("slot", SlotStatus), one_of("slot", Pool, "pool")]


class Appointment(VersionedRow):
    """A booked place (预约挂号). Care state and payment state are separate; ``encounter_id`` is minted here.

    ``fee_fen`` is what this patient pays, ``full_fee_fen`` what the session costs. ``returns_after_s`` was drawn when
    the place was taken: how long it stays hidden when it comes back. ``previous`` is the one this replaces.

    Session, department and doctor are copies of what the slot's session says; only the slot is a foreign key in the
    database. In a rush the others would be one row that every booking of a session locks for sharing.
    """

    appointment_no = fields.CharField(max_length=20, unique=True)
    slot_id: UUID
    slot = refers_to("Slot")
    schedule_id: UUID
    schedule = refers_to("Schedule", db_constraint=False)
    department_id: UUID
    department = refers_to("Department", db_constraint=False)
    staff_id: UUID
    staff = refers_to("StaffMember", db_constraint=False)
    patient_id: UUID
    patient = refers_to("Patient")
    account_id: UUID | None
    account = refers_to("PatientAccount", null=True)
    channel = fields.CharField(max_length=10)
    status = fields.CharField(max_length=20)
    payment_status = fields.CharField(max_length=20)
    starts_at = fields.DatetimeField()
    day: date = fields.DateField()
    period = fields.CharField(max_length=10)
    service_kind = fields.CharField(max_length=20)
    fee_fen: int = fields.BigIntField()
    full_fee_fen: int = fields.BigIntField()
    returns_after_s = fields.IntField(default=0)
    device_id = fields.UUIDField(null=True)
    previous_id: UUID | None
    previous = refers_to("Appointment", null=True)
    pay_until = fields.DatetimeField()
    held_until = fields.DatetimeField()
    encounter_id = fields.UUIDField(unique=True)
    created_at = fields.DatetimeField()
    cancelled_at = fields.DatetimeField(null=True)
    cancel_reason = fields.CharField(max_length=40, null=True)

    class Meta:
        table = "appointment"
        indexes = [Index(fields=["patient_id", "starts_at"])]
        constraints = [
            one_of("appointment", AppointmentStatus),
            one_of("appointment", AppointmentPayment, "payment_status"),
            one_of("appointment", BookingChannel, "channel"),
            CheckConstraint(check="held_until >= pay_until", name="appointment_held_past_payment"),
            # A fee may be left until the patient comes (到院缴费), not until they have been seen.
            CheckConstraint(
                check="payment_status <> 'unpaid' OR status NOT IN ('checked-in', 'fulfilled')",
                name="appointment_seen_when_paid",
            ),
            one_of("appointment", DayPeriod, "period"),
            one_of("appointment", ServiceKind, "service_kind"),
            CheckConstraint(check="fee_fen BETWEEN 0 AND full_fee_fen", name="appointment_fee_within_full"),
            UniqueConstraint(fields=("slot_id",), condition=_in(LIVE), name="place_sold_once"),
            UniqueConstraint(
                fields=("patient_id", "department_id", "day", "period"),
                condition=_in(CLAIMING),
                name="patient_once_per_half_day",
            ),
            UniqueConstraint(
                fields=("previous_id",),
                condition=_in(LIVE) + " AND previous_id IS NOT NULL",
                name="appointment_rescheduled_once",
            ),
        ]


class ClinicChange(Row):
    """What was done to a session (停替诊): stopped, whole or from one number to another, or given to another doctor."""

    schedule_id: UUID
    schedule = refers_to("Schedule")
    kind = fields.CharField(max_length=10)
    slot_from = fields.SmallIntField(null=True)
    slot_to = fields.SmallIntField(null=True)
    from_staff_id: UUID
    from_staff = refers_to("StaffMember")
    to_staff_id: UUID | None
    to_staff = refers_to("StaffMember", null=True)
    reason = fields.CharField(max_length=200)
    made_at = fields.DatetimeField()
    made_by = fields.UUIDField(null=True)

    class Meta:
        table = "clinic_change"
        indexes = [Index(fields=["schedule_id"])]
        constraints = [
            one_of("clinic_change", ClinicChangeKind, "kind"),
            CheckConstraint(
                check="(slot_from IS NULL) = (slot_to IS NULL) AND slot_from <= slot_to", name="clinic_change_range"
            ),
            CheckConstraint(
                check="(kind = 'substitute') = (to_staff_id IS NOT NULL)", name="clinic_change_names_substitute"
            ),
        ]


class Disruption(VersionedRow):
    """One patient whom a change of a clinic met (停替诊患者): told once, answered once, by ``answer_by`` at the latest.

    ``from_slot`` is where they were; ``refunded_fen`` what moving gave back because the new session costs less.
    """

    change_id: UUID
    change = refers_to("ClinicChange")
    appointment_id: UUID
    appointment = refers_to("Appointment")
    from_slot_id: UUID
    from_slot = refers_to("Slot")
    status = fields.CharField(max_length=10)
    answer_by = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)
    answered_by = fields.UUIDField(null=True)
    refunded_fen: int = fields.BigIntField(default=0)

    class Meta:
        table = "disruption"
        indexes = [Index(fields=["appointment_id"])]
        constraints = [
            one_of("disruption", DisruptionStatus),
            UniqueConstraint(fields=("change_id", "appointment_id"), name="disruption_once_per_change"),
            UniqueConstraint(fields=("appointment_id",), condition="status = 'open'", name="disruption_one_open"),
            CheckConstraint(check="refunded_fen >= 0", name="disruption_refund_not_negative"),
            CheckConstraint(check="(status = 'open') = (answered_at IS NULL)", name="disruption_answered_when_closed"),
        ]
