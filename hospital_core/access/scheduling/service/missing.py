"""Who booked and did not come (爽约): one sweep per session once it is over, and the ban that follows by rule.

Only what the patient could have done otherwise counts: a stopped place, or one that was given back, is no miss.
"""

from datetime import timedelta
from uuid import UUID

from hospital_core.access.scheduling.ban_commands import MarkMissed
from hospital_core.access.scheduling.events import PatientBanned
from hospital_core.access.scheduling.rules import RuleBook, RuleCode, rule_book
from hospital_core.access.scheduling.service.hold import settle_unpaid
from hospital_core.access.scheduling.states import APPOINTMENT, AppointmentPayment, BanKind
from hospital_core.kernel.commands import Done
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import AuditEntry, UnitOfWork

# After a longer downtime nobody remembers whether the doors were open.
LOOKS_BACK = timedelta(days=3)

_MISSABLE = f"""
s.status = 'active' AND slot.schedule_id = s.id AND slot.status <> 'closed' AND a.slot_id = slot.id
AND {APPOINTMENT.sources_sql("miss", "a")}
AND NOT EXISTS (SELECT 1 FROM disruption d WHERE d.appointment_id = a.id AND d.status = 'open')"""

_OVER = f"""
SELECT s.id FROM schedule s
WHERE s.ends_at <= hospital_now() AND s.starts_at > hospital_now() - $1::interval
  AND EXISTS (SELECT 1 FROM slot, appointment a WHERE {_MISSABLE})
ORDER BY s.ends_at LIMIT 500"""

_MISS = f"""
UPDATE appointment a SET status = {APPOINTMENT.target_sql("miss")}, version = a.version + 1
FROM schedule s, slot
WHERE s.id = $1 AND s.ends_at <= $2 AND {_MISSABLE}
RETURNING a.id, a.patient_id, a.payment_status"""

# Sessions that end at the same moment are judged one after the other, or each would count only its own.
_LOCK = """
SELECT id FROM patient WHERE id IN (SELECT person_ids(missed) FROM unnest($1::uuid[]) AS missed)
ORDER BY id FOR NO KEY UPDATE"""

# Misses in the window that no ban was made for yet; lifting a ban forgives those that led to it. 1 patient, 2 since
_MISSES = """
SELECT count(*) FROM appointment a
WHERE a.patient_id IN (SELECT person_ids($1)) AND a.status = 'noshow' AND a.starts_at > greatest($2,
    (SELECT max(b.made_at) FROM booking_ban b
     WHERE b.patient_id IN (SELECT person_ids($1)) AND b.kind = 'no_show'))"""

# After whatever ban there is already.
_BAN = """
INSERT INTO booking_ban (id, version, patient_id, kind, reason, starts_at, ends_at, made_at)
SELECT $1, 0, $2, $3, $4, first.day, first.day + $5::interval, $6
FROM (SELECT greatest($6, (SELECT max(b.ends_at) FROM booking_ban b
                           WHERE b.patient_id = $2 AND b.lifted_at IS NULL)) AS day) AS first
ON CONFLICT DO NOTHING"""


async def due_misses(reading: Reading) -> list[MarkMissed]:
    """Sessions that are over and have somebody who did not come (待登记爽约)."""
    return [MarkMissed(schedule_id=row["id"]) for row in await reading.fetch(_OVER, LOOKS_BACK)]


async def mark_missed(uow: UnitOfWork, command: MarkMissed) -> Done:
    """Mark who did not come to a session that is over (爽约), and ban who did so too often. Idempotent.

    A fee that was to be paid at the hospital is not asked for any more. Locks: the appointments, their unpaid bills,
    then the patients' files. Emits: PatientBanned.
    """
    missed = await uow.fetch(_MISS, command.schedule_id, uow.now)
    for row in missed:
        uow.audit(AuditEntry("scheduling.miss", "appointment", row["id"], row["patient_id"]))
        if row["payment_status"] == AppointmentPayment.UNPAID:
            await settle_unpaid(uow, row["id"])
    book = await rule_book(uow)
    patients = sorted({row["patient_id"] for row in missed})
    await uow.fetch(_LOCK, patients)
    for patient_id in patients:
        await _judge(uow, patient_id, book)
    uow.audited("schedule", command.schedule_id)
    return Done()


async def _judge(uow: UnitOfWork, patient_id: UUID, book: RuleBook) -> None:
    window, most = book.value(RuleCode.NO_SHOW_WINDOW_DAYS), book.value(RuleCode.NO_SHOW_COUNT)
    misses = await uow.fetch_value(_MISSES, patient_id, uow.now - timedelta(days=window))
    if misses < most:
        return
    ban_id, length = new_id(), timedelta(days=book.value(RuleCode.NO_SHOW_BAN_DAYS))
    reason = f"{window} 天内爽约 {misses} 次"
    if await uow.execute(_BAN, ban_id, patient_id, BanKind.NO_SHOW.value, reason, length, uow.now):
        uow.record(PatientBanned(ban_id=ban_id))
        uow.audit(AuditEntry("scheduling.ban", "booking_ban", ban_id, patient_id, reason=BanKind.NO_SHOW.value))
