"""The hot statements of scheduling, built from the transition tables so that they cannot drift apart.

``$now`` is the unit of work's ``hospital_now()``. A hold whose ``held_until`` has passed counts as free everywhere,
whether or not the timer that expires it has run.
"""

from datetime import timedelta

from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    LIVE,
    SLOT,
    AppointmentPayment,
    AppointmentStatus,
    ServiceKind,
)

PAY_WITHIN = timedelta(minutes=15)
HOLD_BEYOND = timedelta(minutes=2)
OPENS_BEFORE = timedelta(hours=2)
HOLD_EXPIRED = "hold_expired"


def sql_list(states: tuple[AppointmentStatus, ...]) -> str:
    """``'pending','booked'`` for an IN."""
    return ",".join(f"'{state.value}'" for state in states)


def is_free(slot: str, now: str) -> str:
    """SQL: the place can be had at ``now``."""
    return (
        f"({slot}.status = 'free' AND ({slot}.free_from IS NULL OR {slot}.free_from <= {now})"
        f" OR {slot}.status = 'taken' AND {slot}.held_until IS NOT NULL AND {slot}.held_until < {now})"
    )


def is_stale(appointment: str, now: str) -> str:
    """SQL: a hold that ended unpaid."""
    return f"({APPOINTMENT.sources_sql('expire', appointment)} AND {appointment}.held_until < {now})"


def is_live(appointment: str, now: str) -> str:
    """SQL: the appointment has a claim to its place at ``now``."""
    return f"({appointment}.status IN ({sql_list(LIVE)}) AND NOT {is_stale(appointment, now)})"


_SESSION = f"""
    SELECT s.id, s.department_id, s.staff_id, s.fee_fen, s.starts_at, s.ends_at, s.price_item_id
    FROM schedule s
    WHERE s.id = $1 AND s.status = 'active' AND s.ends_at > $4
      AND CASE WHEN $5::boolean THEN s.starts_at - $9::interval <= $4
               ELSE s.service_kind <> '{ServiceKind.EMERGENCY.value}' END
      AND NOT EXISTS (SELECT 1 FROM appointment a
                      WHERE a.patient_id = $2 AND a.schedule_id = s.id AND {is_live("a", "$4")})
      AND NOT EXISTS (SELECT 1 FROM patient_merge g WHERE g.source_id = $2 AND g.undone_at IS NULL)"""

_PLACE = f"""
    SELECT slot.id, slot.number, slot.starts_at FROM slot
    WHERE slot.schedule_id = $1 AND EXISTS (SELECT 1 FROM session)
      AND ($3::uuid IS NULL OR slot.id = $3) AND {is_free("slot", "$4")}
      AND ($5::boolean OR slot.pool = 'public' AND slot.starts_at > $4)
    ORDER BY slot.number LIMIT 1 FOR UPDATE"""

# The check digit of kernel.checkdigits.mod11_10 folded in SQL, so that the number costs no round trip of its own.
_NUMBER = """
drawn AS (SELECT nextval('number_appointment')::text AS digits FROM place),
folded(position, product) AS (
    SELECT 0, 10 FROM drawn
    UNION ALL
    SELECT position + 1, coalesce(nullif((product + substr(digits, position + 1, 1)::int) % 10, 0), 10) * 2 % 11
    FROM folded, drawn WHERE position < length(digits)),
numbered AS (
    SELECT 'A' || digits || (11 - product) % 10 AS appointment_no
    FROM drawn JOIN folded ON position = length(digits))"""

# 1 schedule, 2 patient, 3 slot or NULL, 4 now, 5 at the window, 6 account, 7 channel, 8 appointment id,
# 9 window opens before, 10 encounter id, 11 pay within, 12 hold beyond
_BOOK = f"""
WITH RECURSIVE session AS MATERIALIZED ({_SESSION}),
place AS MATERIALIZED ({_PLACE} {{locking}}),
stale AS (
    UPDATE appointment a
    SET status = {APPOINTMENT.target_sql("expire")}, version = version + 1, cancelled_at = $4,
        cancel_reason = '{HOLD_EXPIRED}'
    FROM place
    WHERE {is_stale("a", "$4")} AND (a.slot_id = place.id OR a.patient_id = $2 AND a.schedule_id = $1)
    RETURNING a.id),
{_NUMBER},
times AS (
    SELECT pay_until, pay_until + $12::interval AS held_until, fee_fen = 0 AS free
    FROM (SELECT least($4::timestamptz + $11::interval, ends_at) AS pay_until, fee_fen FROM session) AS s),
taken AS (
    UPDATE slot SET status = {SLOT.target_sql("take")}, version = version + 1, free_from = NULL,
                    held_until = CASE WHEN times.free THEN NULL ELSE times.held_until END
    FROM place, times WHERE slot.id = place.id RETURNING slot.id),
made AS (
    INSERT INTO appointment (
        id, version, appointment_no, slot_id, schedule_id, department_id, staff_id, patient_id, account_id, channel,
        status, payment_status, starts_at, fee_fen, pay_until, held_until, encounter_id, created_at)
    SELECT $8, 0, numbered.appointment_no, taken.id, session.id, session.department_id, session.staff_id, $2, $6, $7,
           CASE WHEN times.free THEN '{AppointmentStatus.BOOKED.value}' ELSE '{AppointmentStatus.PENDING.value}' END,
           CASE WHEN times.free THEN '{AppointmentPayment.PAID.value}' ELSE '{AppointmentPayment.UNPAID.value}' END,
           place.starts_at, session.fee_fen, times.pay_until, times.held_until, $10, $4
    FROM session, place, taken, times, numbered, (SELECT count(*) FROM stale) AS expired_first
    RETURNING *)
SELECT made.*, place.number, session.starts_at AS session_starts_at, session.ends_at AS session_ends_at,
       d.name AS department, m.name AS doctor, m.title, r.name AS room, c.name AS campus, p.name AS patient_name
FROM made, place, session
JOIN schedule s ON s.id = session.id JOIN department d ON d.id = s.department_id
JOIN staff_member m ON m.id = s.staff_id JOIN location r ON r.id = s.room_id JOIN campus c ON c.id = r.campus_id
JOIN patient p ON p.id = $2"""

BOOK = _BOOK.format(locking="SKIP LOCKED")
# When the last free places are locked by others who may yet give up: wait for them rather than say "full" too early.
BOOK_WAITING = _BOOK.format(locking="")

# 1 schedule, 2 patient, 3 slot or NULL, 4 now, 5 at the window
WHY_NOT = f"""
SELECT s.status, s.service_kind, s.starts_at, s.ends_at,
       (SELECT a.id FROM appointment a WHERE a.patient_id = $2 AND a.schedule_id = s.id AND {is_live("a", "$4")}
        LIMIT 1) AS already,
       w.id AS wanted, w.starts_at AS wanted_starts_at,
       (SELECT count(*) FROM slot WHERE slot.schedule_id = s.id AND slot.starts_at > $4) AS to_come,
       (SELECT count(*) FROM slot
        WHERE slot.schedule_id = s.id AND ($3::uuid IS NULL OR slot.id = $3) AND {is_free("slot", "$4")}
          AND ($5::boolean OR slot.pool = 'public' AND slot.starts_at > $4)) AS free
FROM schedule s LEFT JOIN slot w ON w.id = $3 AND w.schedule_id = s.id
WHERE s.id = $1"""

# After a late payment: the place is locked, the appointment moves to it. 1 appointment, 2 now
FIND_AGAIN = f"""
SELECT slot.id, slot.number, slot.starts_at
FROM appointment mine
JOIN schedule s ON s.id = mine.schedule_id AND s.status = 'active' AND s.ends_at > $2
JOIN slot ON slot.schedule_id = s.id
WHERE mine.id = $1 AND {is_free("slot", "$2")} AND slot.starts_at > $2
  AND (slot.pool = 'public' OR slot.id = mine.slot_id)
  AND NOT EXISTS (SELECT 1 FROM appointment a
                  WHERE a.patient_id = mine.patient_id AND a.schedule_id = mine.schedule_id AND {is_live("a", "$2")})
ORDER BY slot.id <> mine.slot_id, slot.number LIMIT 1 FOR UPDATE OF slot SKIP LOCKED"""

# Every hold that ended on one place, or of one patient in one session. 1 slot, 2 patient, 3 schedule, 4 now
EXPIRE_STALE = f"""
UPDATE appointment a
SET status = {APPOINTMENT.target_sql("expire")}, version = version + 1, cancelled_at = $4,
    cancel_reason = '{HOLD_EXPIRED}'
WHERE {is_stale("a", "$4")} AND (a.slot_id = $1 OR a.patient_id = $2 AND a.schedule_id = $3)"""

# A place is given back only when nobody else has a claim to it; its row is locked before.
RELEASE = f"""
UPDATE slot SET status = {SLOT.target_sql("release")}, held_until = NULL, version = version + 1
WHERE id = $1 AND {SLOT.sources_sql("release")}
  AND NOT EXISTS (SELECT 1 FROM appointment a WHERE a.slot_id = slot.id AND a.status IN ({sql_list(LIVE)}))"""

LOCK_PLACE = "SELECT id FROM slot WHERE id = $1 FOR UPDATE"
