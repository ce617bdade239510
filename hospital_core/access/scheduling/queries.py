"""Reading sessions, places and appointments; who may see an appointment is decided here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import bounds_of, day_of, minute_of
from hospital_core.access.scheduling.errors import NotCheckInAble, OnlineVisit, ProofNeeded
from hospital_core.access.scheduling.online import is_online
from hospital_core.access.scheduling.pricing import pays_at_hospital
from hospital_core.access.scheduling.qr import LIFETIME, appointment_qr, read_qr
from hospital_core.access.scheduling.rules import RULES, RuleBook, RuleCode, kept_rules, rule_book
from hospital_core.access.scheduling.statements import (
    is_chosen_online,
    is_free,
    is_open_to,
    is_waited_for,
)
from hospital_core.access.scheduling.states import (
    AppointmentPayment,
    AppointmentStatus,
    BookingChannel,
    Pool,
    SlotStatus,
)
from hospital_core.access.scheduling.views import (
    AppointmentQrView,
    AppointmentView,
    BookableDepartmentView,
    DoctorView,
    FeeToPay,
    QrBearer,
    ScheduleView,
    SessionBrief,
    SlotView,
)
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.ledger.queries import card_balance
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.cursors import cursor_after, place_of
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

NOW = "SELECT hospital_now()"

# A place that a patient can still book on the phone, and one that the phone sells at all.
_OFFERED = is_open_to("slot", f"'{Pool.MINIAPP.value}'", "hospital_now()")
_BOOKABLE = f"{_OFFERED} AND slot.starts_at > hospital_now() AND {is_free('slot', 'hospital_now()')}"
# While somebody waits for a session's places, they are nobody else's.
_UNWAITED = f"NOT {is_waited_for('s', 'hospital_now()')}"
_RELEASED = f"s.status = 'active' AND s.released_at <= hospital_now() AND {is_chosen_online('s')}"

_DEPARTMENTS = f"""
SELECT d.id, d.name, d.intro, c.name AS campus, coalesce(free.places, 0) AS available_today
FROM department d JOIN campus c ON c.id = d.campus_id
LEFT JOIN (
    SELECT s.department_id, count(*) AS places
    FROM schedule s JOIN slot ON slot.schedule_id = s.id
    WHERE {_RELEASED} AND {_UNWAITED} AND s.starts_at >= $1 AND s.starts_at < $2 AND {_BOOKABLE}
    GROUP BY s.department_id) AS free ON free.department_id = d.id
WHERE d.active AND d.kind = 'outpatient'
ORDER BY d.code"""

_SCHEDULES = """
SELECT s.id AS schedule_id, s.department_id, d.name AS department, s.staff_id, m.name AS doctor, m.title, m.specialty,
       s.room_id, r.name AS room, c.name AS campus, s.service_kind, s.starts_at, s.ends_at, s.fee_fen, s.places,
       s.status, s.period, s.released_at, s.sought_after, s.template_id,
       (SELECT count(*) FROM slot WHERE slot.schedule_id = s.id AND {free}) AS places_left{more}
FROM schedule s JOIN department d ON d.id = s.department_id JOIN staff_member m ON m.id = s.staff_id
JOIN location r ON r.id = s.room_id JOIN campus c ON c.id = r.campus_id
"""
_OF_A_DAY = " WHERE s.starts_at >= $1 AND s.starts_at < $2 AND ($3::uuid IS NULL OR s.department_id = $3)"
# The window also sells places whose time has passed while their session runs.
_LEFT = f"s.ends_at > hospital_now() AND {is_free('slot', 'hospital_now()')}"
_SOLD_THERE = is_open_to("slot", f"'{Pool.WINDOW.value}'", "hospital_now()")
_AT_WINDOW = f"(SELECT count(*) FROM slot WHERE slot.schedule_id = s.id AND {_LEFT} AND {_SOLD_THERE})"
_STAFF = _SCHEDULES.format(free=_LEFT, more=f", {_AT_WINDOW} AS left_at_window")
_FOR_PATIENTS = (
    _SCHEDULES.format(free=f"{_UNWAITED} AND {_BOOKABLE}", more="")
    + _OF_A_DAY
    + f" AND {_RELEASED} AND s.ends_at > hospital_now() "
    "ORDER BY m.staff_no, s.starts_at"
)
_FOR_STAFF = _STAFF + _OF_A_DAY + " ORDER BY s.starts_at, d.code, m.staff_no LIMIT 2000"
_ONE = _STAFF + " WHERE s.id = $1"

_SLOTS = f"""
SELECT slot.id AS slot_id, slot.number, slot.starts_at, ({_BOOKABLE} AND {_RELEASED} AND {_UNWAITED}) IS TRUE AS free
FROM slot JOIN schedule s ON s.id = slot.schedule_id
WHERE slot.schedule_id = $1 AND {_OFFERED} AND slot.status <> 'closed' ORDER BY slot.number"""

_APPOINTMENT = """
SELECT a.*, slot.number, slot.status AS slot_status, d.name AS department, m.name AS doctor, m.title, s.room_id,
       r.name AS room, c.name AS campus, c.id AS campus_id, p.name AS patient_name, s.service_kind, s.price_item_id,
       s.starts_at AS session_starts_at, s.ends_at AS session_ends_at, hospital_now() AS now,
       (SELECT n.id FROM appointment n WHERE n.previous_id = a.id ORDER BY n.created_at DESC LIMIT 1) AS next_id
FROM {row} a JOIN slot ON slot.id = a.slot_id JOIN schedule s ON s.id = a.schedule_id
JOIN department d ON d.id = a.department_id JOIN staff_member m ON m.id = a.staff_id
JOIN location r ON r.id = s.room_id JOIN campus c ON c.id = r.campus_id JOIN patient p ON p.id = a.patient_id
"""
APPOINTMENT_SQL = _APPOINTMENT.format(row="appointment")
_GUARDED = PatientRow(_APPOINTMENT, "appointment")

_MINE = (
    APPOINTMENT_SQL
    + f"""
WHERE a.patient_id IN ({files_shown("$1", "a.created_at")})
  AND ($2::timestamptz IS NULL OR (a.created_at, a.id) < ($2, $3))
ORDER BY a.created_at DESC, a.id DESC LIMIT $4"""
)

_TODAY = (
    APPOINTMENT_SQL
    + """
WHERE a.patient_id IN (SELECT person_ids($1)) AND a.status IN ('booked', 'checked-in') AND a.created_at >= $4
  AND s.ends_at > hospital_now()
  AND (a.starts_at >= $2 AND a.starts_at < $3 OR a.starts_at - $5::interval <= hospital_now())
ORDER BY a.starts_at"""
)

_FEES_DUE = (
    APPOINTMENT_SQL
    + f"""
WHERE a.patient_id IN (SELECT person_ids($1)) AND a.status = '{AppointmentStatus.BOOKED.value}'
  AND a.payment_status = '{AppointmentPayment.UNPAID.value}' AND slot.status <> '{SlotStatus.CLOSED.value}'
  AND a.created_at >= $2 AND s.ends_at > hospital_now()
ORDER BY a.starts_at LIMIT 50"""
)

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_EARLIEST = timedelta(minutes=RULES[RuleCode.CHECK_IN_OPENS_MINUTES].highest)


async def bookable_departments(reading: Reading) -> Page[BookableDepartmentView]:
    """Departments with what is free today (可预约科室)."""
    today = day_of(await reading.fetch_value(NOW))
    rows = await reading.fetch(_DEPARTMENTS, *bounds_of(today))
    return Page(items=[BookableDepartmentView(**dict(row)) for row in rows])


async def bookable_doctors(reading: Reading, department_id: UUID, day: date) -> Page[DoctorView]:
    """Doctors of a department on one day with the sessions patients can book (出诊医生)."""
    doctors: dict[UUID, DoctorView] = {}
    now, book = await reading.fetch_value(NOW), await rule_book(reading)
    for row in await reading.fetch(_FOR_PATIENTS, *bounds_of(day), department_id):
        doctor = doctors.setdefault(
            row["staff_id"],
            DoctorView(
                staff_id=row["staff_id"],
                name=row["doctor"],
                title=row["title"],
                specialty=row["specialty"],
                sessions=[],
            ),
        )
        shown = {name: row[name] for name in SessionBrief.model_fields.keys() - {"can_wait", "pay_at_hospital"}}
        at_hospital = pays_at_hospital(row, book)
        doctor.sessions.append(SessionBrief(**shown, can_wait=can_wait(row, now, book), pay_at_hospital=at_hospital))
    return Page(items=list(doctors.values()))


async def sessions(reading: Reading, department_id: UUID | None, day: date) -> Page[ScheduleView]:
    """Every session of a day (排班), as staff see it: stopped ones and emergency too."""
    rows = await reading.fetch(_FOR_STAFF, *bounds_of(day), department_id)
    return Page(items=[ScheduleView(**dict(row)) for row in rows])


async def schedule(reading: Reading, schedule_id: UUID) -> ScheduleView:
    """One session (排班). Raises NotFound."""
    row = await reading.fetch_row(_ONE, schedule_id)
    if row is None:
        raise NotFound()
    return ScheduleView(**dict(row))


async def slots(reading: Reading, schedule_id: UUID) -> Page[SlotView]:
    """The places of a session (号源). Raises NotFound when it has none to show."""
    rows = await reading.fetch(_SLOTS, schedule_id)
    if not rows:
        raise NotFound()
    return Page(items=[SlotView(**dict(row)) for row in rows])


async def my_appointments(
    reading: Reading, account_id: UUID | None = None, cursor: str | None = None, limit: int = 50
) -> Page[AppointmentView]:
    """Appointments of everybody the account may act for, newest first (我的预约). Raises FieldProblem."""
    account = account_id or (reading.ctx.actor.id if reading.ctx.actor.kind is ActorKind.ACCOUNT else None)
    if account is None:
        return Page(items=[])
    before = place_of(cursor)
    await rule_book(reading)
    rows = await reading.fetch(_MINE, account, *before, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursor_after(last["created_at"], last["id"]) if last else None
    return Page(items=[view_of(row) for row in rows[:limit]], next_cursor=more)


async def appointment(reading: Reading, appointment_id: UUID) -> AppointmentView:
    """One appointment, if the actor may know its patient (预约单). Raises NotFound."""
    row = await permitted_appointment(reading, appointment_id)
    await rule_book(reading)
    return view_of(row)


async def fees_due(reading: Reading, patient_id: UUID) -> Page[AppointmentView]:
    """Booked places of a person whose fee is still to be paid (待缴挂号费), the next one first."""
    permitted = await permitted_patient(reading, patient_id)
    await rule_book(reading)
    rows = await reading.fetch(_FEES_DUE, permitted.patient_id, permitted.since or _EPOCH)
    return Page(items=[view_of(row) for row in rows])


async def fee_to_pay(reading: Reading, appointment_id: UUID) -> FeeToPay:
    """What of a fee is left to pay, and what the patient's card has for it (挂号费应付). Raises: NotFound.

    A card that may not be seen (not proven) has nothing, nor has it for a fee that is paid together with other charges.
    """
    row = await permitted_appointment(reading, appointment_id)
    bill = await invoice_of_charge(reading, "appointment", row["id"])
    fee_fen, is_alone = row["fee_fen"], bill is None or bill.encounter_id is not None
    paid_fen = bill.paid_fen if bill and is_alone else 0
    is_due = row["payment_status"] == AppointmentPayment.UNPAID
    proven = (await permitted_patient(reading, row["patient_id"])).proven
    balance = await card_balance(reading, row["patient_id"]) if proven and is_due and is_alone else None
    return FeeToPay(
        fee_fen=fee_fen,
        paid_fen=paid_fen if is_due else fee_fen,
        due_fen=fee_fen - paid_fen if is_due else 0,
        balance_fen=balance.balance_fen if balance else 0,
    )


async def appointments_of_patient_today(reading: Reading, patient_id: UUID) -> Page[AppointmentView]:
    """What a patient has today (今日预约), and shortly after midnight when that can be checked in for already."""
    permitted = await permitted_patient(reading, patient_id)
    now, rules = await reading.fetch_value(NOW), await rule_book(reading)
    today = bounds_of(day_of(now))
    rows = await reading.fetch(_TODAY, permitted.patient_id, *today, permitted.since or _EPOCH, _EARLIEST)
    seen = [row for row in rows if row["starts_at"] < today[1] or check_in_bounds(row, rules)[0] <= now]
    return Page(items=[view_of(row) for row in seen])


async def appointment_qr_of(reading: Reading, appointment_id: UUID) -> AppointmentQrView:
    """A fresh code for checking in at a kiosk (预约二维码). Raises NotFound, NotCheckInAble, OnlineVisit."""
    row = await permitted_appointment(reading, appointment_id)
    if is_online(row):
        raise OnlineVisit()
    if row["status"] != AppointmentStatus.BOOKED:
        raise NotCheckInAble(status=row["status"])
    return AppointmentQrView(text=appointment_qr(row["id"], row["now"]), expires_at=row["now"] + LIFETIME)


async def bearer_of_qr(reading: Reading, text: str) -> QrBearer:
    """Whom a scanned code names, while its appointment waits for check-in (扫码认人).

    Raises: QrInvalid, QrExpired, NotCheckInAble. The code itself is the proof: no further visibility is asked.
    """
    content = read_qr(text, await reading.fetch_value(NOW))
    row = await reading.fetch_row("SELECT patient_id, status FROM appointment WHERE id = $1", content.appointment_id)
    if row is None:
        raise NotFound()
    if row["status"] != AppointmentStatus.BOOKED:
        raise NotCheckInAble(status=row["status"])
    return QrBearer(appointment_id=content.appointment_id, patient_id=row["patient_id"])


async def permitted_appointment(reading: Reading, appointment_id: UUID) -> Record:
    """An appointment's row with its names, only if the actor may have it; else NotFound."""
    return await _GUARDED.of(reading, appointment_id)


async def require_hand(reading: Reading, patient_id: UUID, account_id: UUID | None) -> None:
    """Let an account that is not proven change only what it booked itself (未核验只能处理自己约的).

    Anybody can link a patient whose number they know; nobody's place may be given away by that. Raises: ProofNeeded.
    """
    actor = reading.ctx.actor
    if actor.kind is not ActorKind.ACCOUNT or actor.id == account_id:
        return
    if not (await permitted_patient(reading, patient_id)).proven:
        raise ProofNeeded()


def check_in_bounds(row: Mapping[str, Any], rules: RuleBook) -> tuple[datetime, datetime]:
    """From when until when an appointment can be checked in (签到时间): a running session takes everybody at once.

    Whoever was registered at the window stands there; an online visit begins on the phone, nobody has to find the way.
    """
    if is_online(row):
        online = rules.value(RuleCode.ONLINE_CHECK_IN_MINUTES, row["department_id"])
        return row["starts_at"] - timedelta(minutes=online), row["session_ends_at"]
    before = rules.value(RuleCode.CHECK_IN_OPENS_MINUTES, row["department_id"], row["service_kind"])
    first = row["session_starts_at"] if row["channel"] == BookingChannel.WINDOW else row["starts_at"]
    return min(first - timedelta(minutes=before), row["session_starts_at"]), row["session_ends_at"]


def cancel_until(row: Mapping[str, Any], rules: RuleBook) -> datetime:
    """Until when an appointment may be given back online (退号截止)."""
    before = rules.value(RuleCode.CANCEL_BEFORE_MINUTES, row["department_id"], row["service_kind"])
    until: datetime = row["starts_at"] - timedelta(minutes=before)
    return until


def can_wait(session: Mapping[str, Any], now: datetime, rules: RuleBook) -> bool:
    """Whether one can get into a session's line (候补): nothing is left, and its evening before has not come."""
    evening_before = day_of(session["starts_at"]) - timedelta(days=1)
    is_open = now < minute_of(evening_before, rules.value(RuleCode.WAITLIST_CLOSES_MINUTE))
    return is_open and session["places_left"] == 0


def view_of(row: Mapping[str, Any], now: datetime | None = None) -> AppointmentView:
    """Shape of one row of ``APPOINTMENT_SQL`` or of the booking statement."""
    now = now or row["now"]
    opens, closes = check_in_bounds(row, kept_rules())
    until = cancel_until(row, kept_rules())
    standing = row["status"] in (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)
    booked = row["status"] == AppointmentStatus.BOOKED
    stopped = booked and row.get("slot_status") == SlotStatus.CLOSED
    fee_due = booked and not stopped and row["payment_status"] == AppointmentPayment.UNPAID
    return AppointmentView(
        **{name: row[name] for name in _COPIED},
        patient_name_masked=mask_name(row["patient_name"]),
        can_cancel=standing and now < until,
        cancel_until=until if standing else None,
        can_check_in=booked and not stopped and not fee_due and opens <= now < closes,
        fee_due=fee_due and now < closes,
        stopped=stopped,
        check_in_opens_at=opens,
    )


_COMPUTED = {
    "patient_name_masked", "can_cancel", "cancel_until", "can_check_in", "check_in_opens_at", "fee_due", "stopped",
    "ticket",
}  # fmt: skip
_COPIED: Sequence[str] = [name for name in AppointmentView.model_fields if name not in _COMPUTED]
