"""The statements of the board (今日看板): each reads one day, by an index, however long the hospital has existed.

All take a campus (院区) last, NULL for the whole house. Visits belong to the campus of their department; money to that
of the window that took it, else of the department whose visit it pays for (a merged bill: of its first item). Top-ups
by phone belong to no campus: the whole has them, no part does.

Places, tickets and money stand in rooms below; their tables are read here and nowhere imported.
"""

from hospital_core.access.scheduling.statements import is_free


def _here(column: str, place: int) -> str:
    """That a department is of the campus in parameter ``place``, if one is asked for."""
    return f"(${place}::uuid IS NULL OR {column} IN (SELECT id FROM department WHERE campus_id = ${place}))"


def _paid_here(payment: str, place: int) -> str:
    """That a payment is of the campus in parameter ``place``, if one is asked for."""
    return f"""(${place}::uuid IS NULL OR coalesce(
    (SELECT l.campus_id FROM cashier_shift h JOIN cash_drawer w ON w.id = h.drawer_id
     JOIN location l ON l.id = w.location_id WHERE h.id = {payment}.shift_id),
    (SELECT d.campus_id FROM charge_item c JOIN appointment a ON a.encounter_id = c.encounter_id
     JOIN department d ON d.id = a.department_id WHERE c.invoice_id = {payment}.invoice_id ORDER BY c.id LIMIT 1))
    = ${place})"""


# 1 first moment of the day, 2 of the next, 3 now, 4 campus. The places themselves say whether they are sold (taken, and
# no hold runs): asking each for its appointment costs five times as much.
PLACES = f"""
SELECT s.department_id, count(DISTINCT s.id) AS sessions, count(*) FILTER (WHERE slot.status <> 'closed') AS places,
       count(*) FILTER (WHERE s.released_at <= $3 AND slot.starts_at > $3 AND {is_free("slot", "$3")}) AS places_free,
       count(*) FILTER (WHERE slot.status = 'taken' AND slot.held_until >= $3) AS held,
       count(*) FILTER (WHERE slot.status = 'taken' AND slot.held_until IS NULL) AS booked
FROM schedule s JOIN slot ON slot.schedule_id = s.id
WHERE s.starts_at >= $1 AND s.starts_at < $2 AND s.status = 'active' AND {_here("s.department_id", 4)}
GROUP BY s.department_id"""

# 1 day, 2 campus
MISSED = f"""
SELECT department_id, count(*) AS no_show FROM appointment
WHERE day = $1 AND status = 'noshow' AND {_here("department_id", 2)} GROUP BY 1"""

# 1 day, 2 campus
TICKETS = f"""
SELECT t.department_id, count(*) FILTER (WHERE t.status <> 'cancelled') AS arrived,
       count(*) FILTER (WHERE t.status = 'waiting') AS waiting, count(*) FILTER (WHERE t.status = 'called') AS called,
       count(*) FILTER (WHERE t.status = 'serving') AS serving, count(*) FILTER (WHERE t.status = 'passed') AS passed,
       count(*) FILTER (WHERE t.status = 'finished') AS finished
FROM service_queue q JOIN queue_ticket t ON t.queue_id = q.id
WHERE q.service_day = $1 AND {_here("t.department_id", 2)} GROUP BY t.department_id"""

# 1 day, 2 its first moment, 3 campus. Somebody stops waiting with the call that was answered; who was called and came
# back to the line waits.
QUARTERS = f"""
SELECT date_bin('15 minutes', greatest(v.at, $2), $2) AS starts_at,
       count(*) FILTER (WHERE v.what = 'arrived') AS arrived,
       count(*) FILTER (WHERE v.what = 'left') AS gone, count(*) FILTER (WHERE v.what = 'finished') AS finished
FROM service_queue q JOIN queue_ticket t ON t.queue_id = q.id AND t.status <> 'cancelled'
CROSS JOIN LATERAL (VALUES (t.created_at, 'arrived'), (CASE WHEN t.status <> 'waiting' THEN t.called_at END, 'left'),
                           (t.finished_at, 'finished')) AS v (at, what)
WHERE q.service_day = $1 AND v.at IS NOT NULL AND {_here("t.department_id", 3)} GROUP BY 1 ORDER BY 1"""

# 1 first moment of the day, 2 of the next, 3 campus
RECEIVED = f"""
SELECT channel, extract(hour FROM succeeded_at AT TIME ZONE 'Asia/Shanghai')::int AS hour, count(*) AS received_count,
       sum(amount_fen)::bigint AS received_fen
FROM payment_intent p WHERE succeeded_at >= $1 AND succeeded_at < $2 AND {_paid_here("p", 3)} GROUP BY 1, 2"""

REFUNDED = f"""
SELECT p.channel, extract(hour FROM r.succeeded_at AT TIME ZONE 'Asia/Shanghai')::int AS hour,
       count(*) AS refunded_count, sum(r.amount_fen)::bigint AS refunded_fen
FROM refund r JOIN payment_intent p ON p.id = r.intent_id
WHERE r.succeeded_at >= $1 AND r.succeeded_at < $2 AND {_paid_here("p", 3)} GROUP BY 1, 2"""

# What is open at this moment, of whatever day; the partial indexes hold next to nothing. 1 campus
OPEN = f"""
SELECT o.payments_open, o.payments_open_fen, f.refunds_pending, f.refunds_pending_fen, f.refunds_abnormal,
       w.waitlist_waiting, w.waitlist_offered, d.disruptions_open
FROM (SELECT count(*) AS payments_open, coalesce(sum(amount_fen), 0)::bigint AS payments_open_fen
      FROM payment_intent p WHERE status = 'open' AND {_paid_here("p", 1)}) AS o,
     (SELECT count(*) AS refunds_pending, coalesce(sum(r.amount_fen), 0)::bigint AS refunds_pending_fen,
             count(*) FILTER (WHERE r.status = 'abnormal') AS refunds_abnormal
      FROM refund r JOIN payment_intent p ON p.id = r.intent_id
      WHERE r.status <> 'succeeded' AND {_paid_here("p", 1)}) AS f,
     (SELECT count(*) FILTER (WHERE status = 'waiting') AS waitlist_waiting,
             count(*) FILTER (WHERE status = 'offered') AS waitlist_offered
      FROM waitlist_entry WHERE status IN ('waiting', 'offered') AND {_here("department_id", 1)}) AS w,
     (SELECT count(*) AS disruptions_open FROM disruption x JOIN appointment a ON a.id = x.appointment_id
      WHERE x.status = 'open' AND {_here("a.department_id", 1)}) AS d"""

# 1 first moment of the day, 2 of the next, 3 campus
STOPPED = f"""
SELECT s.id AS schedule_id, d.name AS department, m.name AS doctor, s.starts_at, s.ends_at
FROM schedule s JOIN department d ON d.id = s.department_id JOIN staff_member m ON m.id = s.staff_id
WHERE s.starts_at >= $1 AND s.starts_at < $2 AND s.status = 'stopped' AND {_here("s.department_id", 3)}
ORDER BY s.starts_at, d.code LIMIT 100"""

DEPARTMENTS = "SELECT id, name FROM department WHERE id = ANY($1) ORDER BY code"
