"""Giving what becomes free to who waits for it (候补派号): first come, first served, one line at a time.

While somebody waits for a session, its places are nobody else's (``statements.is_waited_for``): so it does not matter
how long serving takes, or that some places become free by time alone and tell nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import SHANGHAI, minute_of
from hospital_core.access.scheduling.errors import NotReleased, SessionOver, SessionStopped, SlotFull, WindowOnly
from hospital_core.access.scheduling.events import AppointmentHoldLapses, WaitlistEnded, WaitlistOffered
from hospital_core.access.scheduling.online import is_online
from hospital_core.access.scheduling.rules import RuleCode, rule_book
from hospital_core.access.scheduling.service.changing import SESSION_STOPPED
from hospital_core.access.scheduling.service.hold import expire_hold
from hospital_core.access.scheduling.service.taking import (
    Desk,
    Locking,
    Wish,
    facts_of,
    paid_until,
    place,
    refusal,
    terms_of,
)
from hospital_core.access.scheduling.statements import HOLD_EXPIRED, is_chosen_online, is_for_line, is_free
from hospital_core.access.scheduling.states import (
    WAITLIST_ENTRY,
    AppointmentStatus,
    BookingChannel,
    Pool,
)
from hospital_core.access.scheduling.waitlist_commands import ServeLine
from hospital_core.kernel.commands import Done
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.accounts.queries import link_basis

LINE = Desk(BookingChannel.MINIAPP, Pool.MINIAPP, limited=False)

# Who is asleep has until the morning.
_EVENING, _MORNING = 22 * 60, 7 * 60

_LOCK = "SELECT pg_advisory_xact_lock(521439, hashtext($1))"

_OF_LINE = "e.department_id = $1 AND e.day = $2 AND e.period = $3"
_OFFERED = f"""
SELECT e.id, e.offered_id, a.status, a.cancel_reason FROM waitlist_entry e JOIN appointment a ON a.id = e.offered_id
WHERE {_OF_LINE} AND e.status = 'offered' AND (a.status <> 'pending' OR a.held_until < $4)"""

_END = {
    move: f"""
UPDATE waitlist_entry SET status = {WAITLIST_ENTRY.target_sql(move)}, ended_at = $2, version = version + 1
WHERE id = $1 AND {WAITLIST_ENTRY.sources_sql(move)}"""
    for move in ("accept", "decline", "lapse", "drop")
}
_RESUME = f"""
UPDATE waitlist_entry SET status = {WAITLIST_ENTRY.target_sql("resume")}, offered_id = NULL, version = version + 1
WHERE id = $1 AND {WAITLIST_ENTRY.sources_sql("resume")}"""
_EXPIRE = f"""
UPDATE waitlist_entry e SET status = {WAITLIST_ENTRY.target_sql("expire")}, ended_at = $4, version = version + 1
WHERE {_OF_LINE} AND {WAITLIST_ENTRY.sources_sql("expire", "e")} AND e.closes_at <= $4 RETURNING e.id"""
_OFFER = f"""
UPDATE waitlist_entry SET status = {WAITLIST_ENTRY.target_sql("offer")}, offered_id = $2, version = version + 1
WHERE id = $1 AND {WAITLIST_ENTRY.sources_sql("offer")}"""

_WAITING = f"""
SELECT e.* FROM waitlist_entry e WHERE {_OF_LINE} AND e.status = 'waiting' ORDER BY e.joined_at, e.id FOR UPDATE"""

_SESSIONS = f"""
SELECT s.id, s.staff_id, s.service_kind FROM schedule s
WHERE s.department_id = $1 AND s.day = $2 AND s.period = $3 AND s.status = 'active' AND s.released_at <= $4
  AND {is_chosen_online("s")}
  AND EXISTS (SELECT 1 FROM slot WHERE slot.schedule_id = s.id AND slot.starts_at > $4
                AND {is_free("slot", "$4")} AND {is_for_line("slot", "$4")})
ORDER BY s.starts_at, s.id"""

_OF_SESSION = (SessionStopped, SessionOver, NotReleased, WindowOnly)


async def serve_line(uow: UnitOfWork, command: ServeLine) -> Done:
    """Bring a line up to date and give its first what is free (候补派号). Idempotent.

    Locks: the line, the entries that wait, the places. Emits: WaitlistOffered, WaitlistEnded, AppointmentHoldLapses.
    """
    line = (command.department_id, command.day, command.period.value)
    await uow.execute(_LOCK, "/".join(map(str, line)))
    for row in await uow.fetch(_OFFERED, *line, uow.now):
        await _settle(uow, row)
    for row in await uow.fetch(_EXPIRE, *line, uow.now):
        uow.record(WaitlistEnded(entry_id=row["id"]))
    sessions = {row["id"]: row for row in await uow.fetch(_SESSIONS, *line, uow.now)}
    waiting: Sequence[Record] = await uow.fetch(_WAITING, *line) if sessions else ()
    for entry in waiting:
        await _serve(uow, entry, sessions)
        if not sessions:
            break
    return Done()


async def _settle(uow: UnitOfWork, row: Record) -> None:
    """What became of an offer is what became of its appointment; one that the hospital took back was none."""
    if row["cancel_reason"] == SESSION_STOPPED:
        await uow.execute(_RESUME, row["id"])
        return
    if row["status"] == AppointmentStatus.PENDING:
        await expire_hold(uow, row["offered_id"])
        move = "lapse"
    elif row["status"] == AppointmentStatus.CANCELLED:
        move = "lapse" if row["cancel_reason"] == HOLD_EXPIRED else "decline"
    else:
        move = "accept"
    await uow.execute(_END[move], row["id"], uow.now)


async def _serve(uow: UnitOfWork, entry: Record, sessions: dict[UUID, Record]) -> None:
    """Offer one who waits the earliest place they want; sessions that turn out to have nothing left are forgotten."""
    for session in list(sessions.values()):
        if entry["staff_id"] not in (None, session["staff_id"]):
            continue
        if entry["service_kind"] != session["service_kind"] and (entry["service_kind"] or is_online(session)):
            continue
        if await _offer(uow, entry, session["id"], sessions):
            return


async def _offer(uow: UnitOfWork, entry: Record, session_id: UUID, sessions: dict[UUID, Record]) -> bool:
    """Hold a place of a session for one who waits; whether their waiting is over, with a place or without."""
    wish = Wish(entry["patient_id"], session_id, None, entry["account_id"])
    book = await rule_book(uow)
    (fact,) = await facts_of(uow, [wish], LINE)
    why = refusal(fact, book, uow.now, LINE)
    if isinstance(why, _OF_SESSION):
        del sessions[session_id]
        return False
    # The link may be to a file that is part of this one by now.
    acts = fact["linked"] or await link_basis(uow, entry["account_id"], entry["patient_id"]) is not None
    if fact["merged"] or not acts or (why is not None and not isinstance(why, SlotFull)):
        await uow.execute(_END["drop"], entry["id"], uow.now)
        uow.record(WaitlistEnded(entry_id=entry["id"]))
        uow.audit(AuditEntry("scheduling.drop", "waitlist_entry", entry["id"], entry["patient_id"], reason=_code(why)))
        return True
    # "Full" is what everybody else is told.
    minutes = book.value(RuleCode.WAITLIST_ANSWER_MINUTES, fact["department_id"], fact["service_kind"])
    (terms,) = await terms_of(uow, [wish], [fact], book, LINE)
    terms = paid_until(terms, min(answer_by(uow.now, minutes), fact["ends_at"]))
    made = await place(uow, [wish], [fact], [terms], LINE, how=Locking.OFFERED)
    if not made:
        del sessions[session_id]
        return False
    await uow.execute(_OFFER, entry["id"], made[0]["id"])
    uow.record(AppointmentHoldLapses(appointment_id=made[0]["id"]), not_before=terms.held_until)
    uow.record(WaitlistOffered(entry_id=entry["id"]))
    uow.audit(AuditEntry("scheduling.offer", "appointment", made[0]["id"], entry["patient_id"]))
    return True


def _code(why: Exception | None) -> str:
    return str(getattr(why, "code", "file_gone"))


def answer_by(now: datetime, minutes: int) -> datetime:
    """Until when an offer made now can be answered (候补答复时限): at night, counted from the morning."""
    local = now.astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    if minute >= _EVENING:
        now = minute_of(local.date() + timedelta(days=1), _MORNING)
    elif minute < _MORNING:
        now = minute_of(local.date(), _MORNING)
    return now + timedelta(minutes=minutes)
