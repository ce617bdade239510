"""The hot statements of scheduling, built from the transition tables so that they cannot drift apart.

``now`` is always the unit of work's ``hospital_now()``. A hold whose ``held_until`` has passed counts as free
everywhere, and a channel's place as everybody's from ``pool_until`` on, whether or not anything has tidied up.
"""

from datetime import timedelta

from hospital_core.access.scheduling.states import (
    APPOINTMENT,
    CLAIMING,
    LIVE,
    NOT_CHOSEN_BY_PHONES,
    SLOT,
    AppointmentPayment,
    AppointmentStatus,
    Pool,
    ServiceKind,
)

HOLD_BEYOND = timedelta(minutes=2)
OPENS_BEFORE = timedelta(hours=2)
HOLD_EXPIRED = "hold_expired"


def sql_list(states: tuple[AppointmentStatus, ...]) -> str:
    """``'pending','booked'`` for an IN."""
    return ",".join(f"'{state.value}'" for state in states)


def is_free(slot: str, now: str) -> str:
    """SQL: the place can be had at ``now``; one that came back is hidden until ``free_from``."""
    return (
        f"(({slot}.status = 'free'"
        f" OR {slot}.status = 'taken' AND {slot}.held_until IS NOT NULL AND {slot}.held_until < {now})"
        f" AND ({slot}.free_from IS NULL OR {slot}.free_from <= {now}))"
    )


_NOT_ONLINE = ", ".join(f"'{kind.value}'" for kind in NOT_CHOSEN_BY_PHONES)


def is_chosen_online(session: str) -> str:
    """Whether patients choose a session themselves, as SQL: emergencies and examinations come about otherwise."""
    return f"{session}.service_kind NOT IN ({_NOT_ONLINE})"


def is_of_a_sort(session: str, appointment: str) -> str:
    """Whether an appointment can move to a session, as SQL: examinations and online visits among themselves only."""
    apart = (f"'{kind.value}'" for kind in (ServiceKind.EXAMINATION, ServiceKind.ONLINE))
    return f"{session}.service_kind <> '{ServiceKind.EMERGENCY.value}'" + "".join(
        f" AND ({session}.service_kind = {kind}) = ({appointment}.service_kind = {kind})" for kind in apart
    )


def hidden_until(since: str, seconds: str, starts_at: str) -> str:
    """SQL: when a place that comes back ``since`` then is shown again, if it was drawn to be so many ``seconds`` later.

    One that would be shown too late is so at a moment of the middle half of the time that is left, drawn anew: nobody
    knows it beforehand, and there is time to come. After its own time it is shown at once: only the window sells it.
    """
    left = f"greatest({starts_at} - {since}, interval '0')"
    return f"{since} + least(make_interval(secs => {seconds}), {left} * (0.25 + random() / 2))"


def is_open_to(slot: str, pool: str, now: str) -> str:
    """SQL: the place is everybody's, or kept for ``pool`` (号池)."""
    return f"({slot}.pool = 'public' OR {slot}.pool = {pool} OR {slot}.pool_until <= {now})"


def is_wanted(session: str, kind: str) -> str:
    """SQL: the session is of the ``kind`` that somebody asked for; who named none means a clinic in the house."""
    elsewhere = f"'{ServiceKind.ONLINE.value}', '{ServiceKind.EXAMINATION.value}'"
    named = f"{session}.service_kind = {kind}"
    return f"({kind} IS NULL AND {session}.service_kind NOT IN ({elsewhere}) OR {named})"


def is_waited_for(session: str, now: str) -> str:
    """SQL: somebody waits for a place of the session (候补)."""
    return (
        f"EXISTS (SELECT 1 FROM waitlist_entry e WHERE e.status = 'waiting' AND e.closes_at > {now}"
        f" AND e.department_id = {session}.department_id AND e.day = {session}.day AND e.period = {session}.period"
        f" AND (e.staff_id IS NULL OR e.staff_id = {session}.staff_id)"
        f" AND {is_wanted(session, 'e.service_kind')})"
    )


def is_for_line(slot: str, now: str) -> str:
    """SQL: the place goes to who waits, when anybody does: nobody else can have it until the line was served."""
    return is_open_to(slot, f"'{Pool.MINIAPP.value}'", now)


def is_stale(appointment: str, now: str) -> str:
    """SQL: a hold that ended unpaid."""
    return f"({APPOINTMENT.sources_sql('expire', appointment)} AND {appointment}.held_until < {now})"


def is_claim(appointment: str, now: str) -> str:
    """SQL: the appointment keeps its patient from another one of that department and part of the day."""
    return f"({appointment}.status IN ({sql_list(CLAIMING)}) AND NOT {is_stale(appointment, now)})"


def _same_half_day(one: str, other: str) -> str:
    return (
        f"({one}.department_id = {other}.department_id AND {one}.day = {other}.day AND {one}.period = {other}.period)"
    )


# The ban that keeps a person from booking online at a time, whichever of their files it was set on (限约).
_BAN = """
SELECT b.kind, b.ends_at FROM booking_ban b
WHERE b.patient_id = ANY(CASE WHEN EXISTS (SELECT 1 FROM patient_merge g WHERE g.survivor_id = {patient})
                              THEN ARRAY(SELECT person_ids({patient})) ELSE ARRAY[{patient}] END)
  AND b.lifted_at IS NULL AND b.starts_at <= {now} AND b.ends_at > {now}
ORDER BY b.ends_at DESC LIMIT 1"""
# 1 patient, 2 now
BAN_OF = _BAN.format(patient="$1::uuid", now="$2")


def _any_free(first: str = "") -> str:
    """SQL: something is left of a session ``s``. Places never held are asked for ``first``: they have an index."""
    return (
        f"EXISTS (SELECT 1 FROM slot WHERE slot.schedule_id = s.id AND {first} {is_free('slot', '$4')}"
        f" AND {is_open_to('slot', '$5', '$4')} AND ($6 OR slot.starts_at > $4)"
        f" AND NOT (line.waited AND {is_for_line('slot', '$4')}))"
    )


# What decides about each wish, in its order. 1 schedules, 2 patients, 3 accounts or NULLs, 4 now, 5 pool, 6 at the
# window, 7 device or NULL. A guardian's link ends on the child's eighteenth birthday.
FACTS = f"""
WITH today AS (SELECT ($4::timestamptz AT TIME ZONE 'Asia/Shanghai')::date AS day),
session AS MATERIALIZED (
    SELECT s.id, s.department_id, s.staff_id, s.service_kind, s.fee_fen, s.starts_at, s.ends_at, s.day, s.period,
           s.sought_after, s.status, s.released_at, d.name AS department, m.name AS doctor, m.title, r.name AS room,
           c.name AS campus,
           {_any_free("slot.status = 'free' AND")} OR {_any_free()} AS any_free
    FROM schedule s CROSS JOIN LATERAL (SELECT {is_waited_for("s", "$4")} AS waited) AS line
    JOIN department d ON d.id = s.department_id JOIN staff_member m ON m.id = s.staff_id
    JOIN location r ON r.id = s.room_id JOIN campus c ON c.id = r.campus_id
    WHERE s.id = ANY($1))
SELECT s.id AS schedule_id, s.*, p.name AS patient_name, p.temporary, nextval('number_appointment') AS sequence,
       EXISTS (SELECT 1 FROM patient_merge g WHERE g.source_id = w.patient_id AND g.undone_at IS NULL) AS merged,
       EXISTS (SELECT 1 FROM account_link l
               WHERE l.account_id = w.account_id AND l.patient_id = w.patient_id AND l.status = 'active'
                 AND NOT (l.relation = 'child' AND p.birth_date IS NOT NULL
                          AND p.birth_date <= today.day - interval '18 years')) AS linked,
       (SELECT a.id FROM appointment a WHERE a.patient_id = w.patient_id AND {_same_half_day("a", "s")}
           AND {is_claim("a", "$4")} LIMIT 1) AS claim,
       ban.kind AS ban_kind, ban.ends_at AS banned_until,
       coalesce((SELECT made FROM booking_count b
                 WHERE b.subject = 'patient' AND b.subject_id = w.patient_id AND b.day = today.day), 0) AS patient_made,
       coalesce((SELECT made FROM booking_count b
                 WHERE b.subject = 'account' AND b.subject_id = w.account_id AND b.day = today.day), 0) AS account_made,
       coalesce((SELECT made FROM booking_count b
                 WHERE b.subject = 'device' AND b.subject_id = $7 AND b.day = today.day), 0) AS device_made
FROM today, unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS w (schedule_id, patient_id, account_id, wish)
LEFT JOIN session s ON s.id = w.schedule_id LEFT JOIN patient p ON p.id = w.patient_id
LEFT JOIN LATERAL ({_BAN.format(patient="w.patient_id", now="$4")}) AS ban ON true
ORDER BY w.wish"""

# When each patient was last seen in a department (复诊). 1 patients, 2 departments
LAST_SEEN = """
SELECT w.wish, (SELECT max(a.starts_at) FROM appointment a
                WHERE a.patient_id IN (SELECT person_ids(w.patient_id)) AND a.department_id = w.department_id
                  AND a.status = 'fulfilled') AS seen_at
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS w (patient_id, department_id, wish)"""

# Why a wish was not given. 1 schedule, 2 slot or NULL, 3 now, 4 pool, 5 at the window
PLACES_LEFT = f"""
SELECT (SELECT slot.starts_at FROM slot WHERE slot.id = $2 AND slot.schedule_id = $1) AS wanted_starts_at,
       count(*) FILTER (WHERE slot.starts_at > $3) AS to_come,
       count(*) FILTER (WHERE ($2::uuid IS NULL OR slot.id = $2) AND {is_free("slot", "$3")}
                          AND {is_open_to("slot", "$4", "$3")} AND ($5 OR slot.starts_at > $3)
                          AND NOT (line.waited AND {is_for_line("slot", "$3")})) AS free
FROM slot, (SELECT {is_waited_for("s", "$3")} AS waited FROM schedule s WHERE s.id = $1) AS line
WHERE slot.schedule_id = $1"""

_WISH = """
wished AS MATERIALIZED (
    SELECT w.*, s.department_id, s.staff_id, s.day, s.period, s.service_kind, s.fee_fen AS full_fee_fen,
           w.pay_until + $15::interval AS held_until, {at_once} AS at_once, {waited} AS waited
    FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::text[], $11::bigint[],
                $12::timestamptz[], $13::int[], $14::uuid[], $18::int[], $19::bool[]) WITH ORDINALITY
         AS w (schedule_id, patient_id, slot_id, account_id, appointment_id, encounter_id, appointment_no, fee_fen,
               pay_until, returns_after_s, previous_id, turn, at_hospital, wish)
    JOIN schedule s ON s.id = w.schedule_id)"""

_FOR_SALE = f"{is_open_to('slot', '$2', '$1')} AND ($3 OR slot.starts_at > $1)"
_FREE = f"{is_free('slot', '$1')} AND {_FOR_SALE}"
# A row with a lapsed hold is left to whoever comes alone: the index of free rows does not know it.
_NEVER_HELD = f"slot.status = 'free' AND (slot.free_from IS NULL OR slot.free_from <= $1) AND {_FOR_SALE}"

# Many wishes at once, each a place or nothing. 1 now, 2 pool, 3 at the window, 4… the wishes, 15 hold beyond,
# 16 channel, 17 device or NULL, 18 turn of each wish among those for the same place or session, 19 whether its fee is
# paid at the hospital. Places asked for by name first, then the lowest free numbers of each session; a row locked by
# somebody else is passed over. Holds that ended unpaid on these places, or of these patients in that half day, end for
# good before the insert, which is where the unique indexes have the last word: who loses there gets no row and takes no
# place.
_BOOK = f"""
WITH {_WISH},
locked AS MATERIALIZED (
    SELECT slot.id, slot.schedule_id, slot.number, slot.starts_at, {is_for_line("slot", "$1")} AS for_line FROM slot
    WHERE slot.id = ANY($6) AND {{free}} ORDER BY slot.id FOR UPDATE {{locking}}),
asked AS (
    SELECT schedule_id, waited, array_agg(wish ORDER BY turn) AS wishes FROM wished WHERE slot_id IS NULL
    GROUP BY schedule_id, waited),
next AS MATERIALIZED (
    SELECT lowest.*, asked.wishes[row_number() OVER (PARTITION BY asked.schedule_id ORDER BY lowest.number)] AS wish
    FROM asked CROSS JOIN LATERAL (
        SELECT slot.id, slot.number, slot.starts_at, slot.schedule_id FROM slot
        WHERE slot.schedule_id = asked.schedule_id AND {{free}}
          AND NOT (asked.waited AND {is_for_line("slot", "$1")})
          AND NOT slot.id = ANY(coalesce((SELECT array_agg(locked.id) FROM locked), '{{{{}}}}'))
        ORDER BY slot.number LIMIT cardinality(asked.wishes) FOR UPDATE {{locking}}) AS lowest),
given AS MATERIALIZED (
    SELECT w.wish, locked.id, locked.starts_at, locked.number
    FROM wished w JOIN locked ON locked.id = w.slot_id AND locked.schedule_id = w.schedule_id
    WHERE w.turn = 1 AND NOT (w.waited AND locked.for_line)
    UNION ALL
    SELECT next.wish, next.id, next.starts_at, next.number FROM next),
ended AS MATERIALIZED (
    SELECT lapsed.id FROM given CROSS JOIN LATERAL (
        SELECT a.id FROM appointment a WHERE a.slot_id = given.id AND {is_stale("a", "$1")} OFFSET 0) AS lapsed
    UNION
    SELECT lapsed.id FROM given JOIN wished USING (wish) CROSS JOIN LATERAL (
        SELECT a.id FROM appointment a WHERE a.patient_id = wished.patient_id AND {_same_half_day("a", "wished")}
          AND {is_stale("a", "$1")} OFFSET 0) AS lapsed),
stale AS (
    UPDATE appointment a
    SET status = {APPOINTMENT.target_sql("expire")}, version = version + 1, cancelled_at = $1,
        cancel_reason = '{HOLD_EXPIRED}'
    FROM ended WHERE a.id = ended.id AND {is_stale("a", "$1")} RETURNING a.id),
made AS (
    INSERT INTO appointment (
        id, version, appointment_no, slot_id, schedule_id, department_id, staff_id, patient_id, account_id, channel,
        status, payment_status, starts_at, day, period, service_kind, fee_fen, full_fee_fen, returns_after_s, device_id,
        previous_id, pay_until, held_until, encounter_id, created_at)
    SELECT w.appointment_id, 0, w.appointment_no, given.id, w.schedule_id, w.department_id, w.staff_id, w.patient_id,
           w.account_id, $16,
           CASE WHEN w.at_once THEN '{AppointmentStatus.BOOKED.value}'
                ELSE '{AppointmentStatus.PENDING.value}' END,
           CASE WHEN w.at_once AND w.fee_fen = 0 THEN '{AppointmentPayment.PAID.value}'
                ELSE '{AppointmentPayment.UNPAID.value}' END,
           given.starts_at, w.day, w.period, w.service_kind, w.fee_fen, w.full_fee_fen, w.returns_after_s, $17,
           w.previous_id, w.pay_until, w.held_until, w.encounter_id, $1
    FROM given JOIN wished w USING (wish), (SELECT count(*) FROM stale) AS ended_first
    ORDER BY w.patient_id
    ON CONFLICT DO NOTHING RETURNING id, slot_id),
taken AS (
    UPDATE slot
    SET status = {SLOT.target_sql("take")}, version = version + 1,
        held_until = CASE WHEN w.at_once THEN NULL ELSE w.held_until END,
        free_from = CASE WHEN NOT w.at_once AND w.returns_after_s > 0
                         THEN {hidden_until("w.held_until", "w.returns_after_s", "slot.starts_at")} END
    FROM made JOIN wished w ON w.appointment_id = made.id WHERE slot.id = made.slot_id RETURNING slot.id)
SELECT given.wish, given.starts_at, given.number, given.id AS slot_id
FROM taken JOIN given ON given.id = taken.id"""

# A place that costs nothing yet is booked at once; what somebody waits for is theirs.
_ASKED = {"at_once": "(w.fee_fen = 0 OR w.at_hospital)", "waited": is_waited_for("s", "$1")}
BOOK = _BOOK.format(free=_FREE, locking="SKIP LOCKED", **_ASKED)
BOOK_TOGETHER = _BOOK.format(free=_NEVER_HELD, locking="SKIP LOCKED", **_ASKED)
# When the last free places are locked by others who may yet give up: wait for them rather than say "full" too early.
BOOK_WAITING = _BOOK.format(free=_FREE, locking="", **_ASKED)
# For the first in line (候补): held until answered, also when nothing is to be paid yet.
BOOK_OFFERED = _BOOK.format(free=_FREE, locking="", at_once="false", waited="false")

# One more booking of the day for each patient, account and device, unless that would be too many. 1 day, 2 patients,
# 3 most of each, 4 accounts, 5 most of each, 6 devices, 7 most of each, 8 an id for each row that may be needed: made
# here they would cost as much as the rest of the row. Giving a place back does not give this back.
COUNT = """
INSERT INTO booking_count AS c (id, subject, subject_id, day, made)
SELECT ($8::uuid[])[row_number() OVER (ORDER BY w.subject, w.subject_id)], w.subject, w.subject_id, $1, 1 FROM (
    SELECT 'patient' AS subject, unnest($2::uuid[]) AS subject_id
    UNION ALL SELECT 'account', unnest($4::uuid[]) UNION ALL SELECT 'device', unnest($6::uuid[])) AS w
ORDER BY w.subject, w.subject_id
ON CONFLICT (subject, subject_id, day) DO UPDATE SET made = c.made + 1
WHERE c.made < CASE c.subject WHEN 'patient' THEN $3::int WHEN 'account' THEN $5::int ELSE $7::int END
RETURNING subject, subject_id"""

# After a late payment: the place is locked, the appointment moves to it. Its old place is the patient's to have again
# even while it is hidden from others. 1 appointment, 2 now
FIND_AGAIN = f"""
SELECT slot.id, slot.number, slot.starts_at
FROM appointment mine
JOIN schedule s ON s.id = mine.schedule_id AND s.status = 'active' AND s.ends_at > $2
JOIN slot ON slot.schedule_id = s.id
WHERE mine.id = $1 AND slot.starts_at > $2 AND NOT {is_waited_for("s", "$2")}
  AND (slot.id = mine.slot_id AND (slot.status = 'free' OR slot.status = 'taken' AND slot.held_until < $2)
       OR {is_free("slot", "$2")} AND {is_open_to("slot", "mine.channel", "$2")})
  AND NOT EXISTS (SELECT 1 FROM appointment a
                  WHERE a.patient_id = mine.patient_id AND {_same_half_day("a", "mine")} AND {is_claim("a", "$2")})
ORDER BY slot.id <> mine.slot_id, slot.number LIMIT 1 FOR UPDATE OF slot SKIP LOCKED"""

# Every hold that ended on one place, or of one appointment's patient in its half day. 1 slot, 2 appointment, 3 now
EXPIRE_STALE = f"""
UPDATE appointment a
SET status = {APPOINTMENT.target_sql("expire")}, version = a.version + 1, cancelled_at = $3,
    cancel_reason = '{HOLD_EXPIRED}'
FROM appointment mine
WHERE mine.id = $2 AND {is_stale("a", "$3")}
  AND (a.slot_id = $1 OR a.patient_id = mine.patient_id AND {_same_half_day("a", "mine")})"""

# A place is given back only when nobody else has a claim to it; its row is locked before. A sought-after one is hidden
# for as long as was drawn when it was taken, counted from now, so that nobody can give it back to somebody. A lapsed
# hold (NULL) stays hidden until the moment that was set when it was made. 1 slot, 2 now, 3 hidden for seconds or NULL
RELEASE = f"""
UPDATE slot
SET status = {SLOT.target_sql("release")}, held_until = NULL, version = version + 1,
    free_from = CASE WHEN $3::int IS NULL THEN free_from
                     WHEN $3::int > 0 THEN {hidden_until("$2::timestamptz", "$3::int", "slot.starts_at")} END
WHERE id = $1 AND {SLOT.sources_sql("release")}
  AND NOT EXISTS (SELECT 1 FROM appointment a WHERE a.slot_id = slot.id AND a.status IN ({sql_list(LIVE)}))"""

LOCK_PLACE = "SELECT id FROM slot WHERE id = $1 FOR UPDATE"

# Whether a place that comes back is waited for, and whether it was offered to somebody who waited.
# 1 session, 2 now, 3 appointment
LINE_AT = f"""
SELECT s.department_id, s.day, s.period, {is_waited_for("s", "$2")} AS waited,
       EXISTS (SELECT 1 FROM waitlist_entry o WHERE o.offered_id = $3) AS offered
FROM schedule s WHERE s.id = $1"""
