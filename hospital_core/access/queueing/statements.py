"""The hot statements of queueing. ``$now`` is the unit of work's ``hospital_now()``."""

from datetime import timedelta

from hospital_core.access.queueing.states import QUEUE_TICKET, QueueTicketStatus, TicketPriority
from hospital_core.access.scheduling.states import ServiceKind

# A ticket is called and shown for so long after it was given; what nobody called by then belongs to another day.
TICKET_LIVES = timedelta(hours=18)
# A doctor may begin a little early, and goes on until everybody who came was seen.
CALLS_BEFORE = timedelta(minutes=30)
CALLS_AFTER = timedelta(hours=4)

STANDING = tuple(s for s in QueueTicketStatus if s not in QUEUE_TICKET.finals())
STANDING_SQL = ",".join(f"'{status.value}'" for status in STANDING)
IN_ROOM_SQL = f"'{QueueTicketStatus.CALLED.value}','{QueueTicketStatus.SERVING.value}'"


def order_sql(ticket: str = "t") -> str:
    """ORDER BY of the queue; ``views.call_order`` says the same to screens."""
    return f"({ticket}.priority <> '{TicketPriority.EMERGENCY.value}'), {ticket}.order_at, {ticket}.id"


TICKET = f"""
SELECT t.*, p.name AS patient_name, p.sex, p.birth_date, d.name AS department, d.number_only_on_screen,
       m.name AS doctor, r.name AS room, area.name AS area, a.appointment_no, a.starts_at AS appointed_at,
       home.name AS session_room, s.ends_at AS session_ends_at,
       a.service_kind IS NOT DISTINCT FROM '{ServiceKind.ONLINE.value}' AS online
FROM queue_ticket t JOIN patient p ON p.id = t.patient_id JOIN department d ON d.id = t.department_id
JOIN location area ON area.id = t.area_id
LEFT JOIN staff_member m ON m.id = t.staff_id LEFT JOIN location r ON r.id = t.room_id
LEFT JOIN appointment a ON a.id = t.appointment_id
LEFT JOIN schedule s ON s.id = a.schedule_id LEFT JOIN location home ON home.id = s.room_id
"""

# 1 schedule, 2 service day, 3 queue id, 4 ticket id, 5 patient, 6 appointment, 7 encounter, 8 priority,
# 9 appointed time, 10 now
JOIN_QUEUE = f"""
WITH place AS (
    SELECT s.department_id, s.staff_id, s.service_kind, coalesce(r.parent_id, r.id) AS area_id, d.code
    FROM schedule s JOIN location r ON r.id = s.room_id JOIN department d ON d.id = s.department_id
    WHERE s.id = $1),
letter AS (
    SELECT chr(65 + (count(DISTINCT d.id) % 26)::int) AS prefix
    FROM place JOIN location r ON r.parent_id = place.area_id
    JOIN department d ON d.id = r.department_id AND d.code < place.code),
queue AS (
    INSERT INTO service_queue (id, department_id, area_id, service_day, prefix, last_number)
    SELECT $3, place.department_id, place.area_id, $2, letter.prefix, 1 FROM place, letter
    ON CONFLICT (department_id, area_id, service_day) DO UPDATE SET last_number = service_queue.last_number + 1
    RETURNING id, prefix, last_number AS number)
INSERT INTO queue_ticket (id, version, queue_id, department_id, area_id, number, display_no, patient_id, appointment_id,
                          encounter_id, staff_id, status, priority, order_at, call_count, created_at)
SELECT $4, 0, queue.id, place.department_id, place.area_id, queue.number,
       queue.prefix || lpad(queue.number::text, greatest(3, length(queue.number::text)), '0'), $5, $6, $7,
       CASE WHEN place.service_kind = '{ServiceKind.EMERGENCY.value}' THEN NULL ELSE place.staff_id END,
       '{QueueTicketStatus.WAITING.value}', $8::text,
       CASE WHEN $8::text = '{TicketPriority.NORMAL.value}' THEN greatest($9::timestamptz, $10::timestamptz)
            ELSE $10 END,
       0, $10
FROM queue, place"""

# Whose session a room has now, the asker's own first. 1 room, 2 asker, 3 now, 4 before, 5 after
SESSION_IN_ROOM = f"""
SELECT s.id, s.staff_id, s.department_id, coalesce(r.parent_id, r.id) AS area_id,
       s.service_kind = '{ServiceKind.EMERGENCY.value}' AS shared
FROM schedule s JOIN location r ON r.id = s.room_id
WHERE s.room_id = $1 AND s.starts_at - $4::interval <= $3 AND $3 < s.ends_at + $5::interval
ORDER BY s.staff_id = $2 DESC NULLS LAST, s.status = 'active' DESC, ($3 >= s.starts_at AND $3 < s.ends_at) DESC,
         s.starts_at DESC LIMIT 1"""


def _mine(doctor: str, shared: str, area: str, ticket: str = "t") -> str:
    return f"({ticket}.staff_id = {doctor} OR {ticket}.staff_id IS NULL AND {shared} AND {ticket}.area_id = {area})"


# 1 room, 2 doctor, 3 department, 4 area, 5 shared, 6 now, 7 ticket lives
CALL_NEXT = f"""
WITH next AS MATERIALIZED (
    SELECT t.id FROM queue_ticket t
    WHERE t.department_id = $3 AND t.status = '{QueueTicketStatus.WAITING.value}'
      AND t.created_at > $6::timestamptz - $7::interval
      AND {_mine("$2", "$5::boolean", "$4")}
      AND NOT EXISTS (SELECT 1 FROM queue_ticket other
                      WHERE other.patient_id = t.patient_id AND other.status IN ({IN_ROOM_SQL}))
    ORDER BY {order_sql()} LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE queue_ticket t
SET status = {QUEUE_TICKET.target_sql("call")}, room_id = $1, staff_id = $2, called_at = $6,
    call_count = t.call_count + 1, version = t.version + 1
FROM next WHERE t.id = next.id AND {QUEUE_TICKET.sources_sql("call", "t")}
RETURNING t.id"""

# Those who will be called before a waiting ticket by the same doctor, or by any for shared tickets. 1 ticket
AHEAD = f"""
SELECT count(*) FROM queue_ticket mine JOIN queue_ticket t
  ON t.department_id = mine.department_id AND t.area_id = mine.area_id AND t.id <> mine.id
 AND t.staff_id IS NOT DISTINCT FROM mine.staff_id AND t.status = '{QueueTicketStatus.WAITING.value}'
 AND t.created_at > mine.created_at - $2::interval
WHERE mine.id = $1 AND mine.status = '{QueueTicketStatus.WAITING.value}'
  AND (t.priority <> '{TicketPriority.EMERGENCY.value}', t.order_at, t.id)
    < (mine.priority <> '{TicketPriority.EMERGENCY.value}', mine.order_at, mine.id)"""

# Who has so many before them in the line of a called ticket. 1 called ticket, 2 how long tickets live, 3 how many
BEHIND = f"""
SELECT t.id AS ticket_id, t.appointment_id
FROM queue_ticket called JOIN queue_ticket t
  ON t.department_id = called.department_id AND t.area_id = called.area_id
 AND t.staff_id IS NOT DISTINCT FROM called.staff_id AND t.status = '{QueueTicketStatus.WAITING.value}'
 AND t.created_at > called.created_at - $2::interval
WHERE called.id = $1
ORDER BY {order_sql()} OFFSET $3 LIMIT 1"""

# A returned ticket stands as if it arrived now; a shared one is anybody's again. 1 ticket, 2 now
RETURN = f"""
UPDATE queue_ticket t
SET status = {QUEUE_TICKET.target_sql("return")}, version = t.version + 1,
    order_at = greatest(t.order_at, $2::timestamptz), room_id = NULL, called_at = NULL, call_count = 0,
    staff_id = CASE WHEN EXISTS (SELECT 1 FROM appointment a JOIN schedule s ON s.id = a.schedule_id
                                 WHERE a.id = t.appointment_id AND s.service_kind = '{ServiceKind.EMERGENCY.value}')
                    THEN NULL ELSE t.staff_id END
WHERE t.id = $1 AND {QUEUE_TICKET.sources_sql("return", "t")}"""

# Who is at home is not called at a door.
# 1 appointment
LEAVE = f"""
UPDATE queue_ticket SET status = {QUEUE_TICKET.target_sql("cancel")}, version = version + 1
WHERE appointment_id = $1 AND {QUEUE_TICKET.sources_sql("cancel")} RETURNING id"""

BOARD = (
    TICKET
    + f"""
WHERE t.area_id = $1 AND a.service_kind IS DISTINCT FROM '{ServiceKind.ONLINE.value}'
  AND t.status IN ({STANDING_SQL}) AND t.created_at > hospital_now() - $2::interval
ORDER BY {order_sql()}"""
)

# 1 doctor, 2 ticket lives, 3 day begins, 4 department or NULL, 5 area or NULL: of a shared queue
DOCTOR_QUEUE = (
    TICKET
    + f"""
WHERE {_mine("$1", "t.department_id = $4", "$5")}
  AND (t.status IN ({STANDING_SQL}) AND t.created_at > hospital_now() - $2::interval
       OR t.status = '{QueueTicketStatus.FINISHED.value}' AND t.finished_at >= $3)
ORDER BY {order_sql()}"""
)

# 1 doctor or NULL, 2 department or NULL, 3 before, 4 after
ROOMS = """
SELECT s.id AS schedule_id, s.room_id, r.name AS room, area.id AS area_id, area.name AS area, s.department_id,
       d.name AS department, s.staff_id, m.name AS doctor, s.starts_at, s.ends_at
FROM schedule s JOIN location r ON r.id = s.room_id JOIN location area ON area.id = coalesce(r.parent_id, r.id)
JOIN department d ON d.id = s.department_id JOIN staff_member m ON m.id = s.staff_id
WHERE (s.staff_id = $1 OR s.department_id = $2)
  AND s.starts_at - $3::interval <= hospital_now() AND hospital_now() < s.ends_at + $4::interval
ORDER BY (hospital_now() >= s.starts_at AND hospital_now() < s.ends_at) DESC, s.starts_at DESC, r.code"""
