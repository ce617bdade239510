"""Waiting for a place (候补): joining, leaving, answering an offer. Who is next and gets it: ``offering``."""

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import minute_of
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    BookingBanned,
    NothingToWaitFor,
    NotOffered,
    PaymentNeeded,
    RealNameRequired,
    StillBookable,
    TooManyWaits,
    WaitlistClosed,
)
from hospital_core.access.scheduling.events import WaitlistDue
from hospital_core.access.scheduling.online import follow_up_refusal, follow_ups
from hospital_core.access.scheduling.pricing import pays_at_hospital
from hospital_core.access.scheduling.queries import require_hand
from hospital_core.access.scheduling.rules import RuleBook, RuleCode, rule_book
from hospital_core.access.scheduling.service.cancel import give_back
from hospital_core.access.scheduling.service.hold import confirm, confirm_unpaid, hold_place
from hospital_core.access.scheduling.statements import (
    BAN_OF,
    is_chosen_online,
    is_claim,
    is_for_line,
    is_free,
    is_waited_for,
    is_wanted,
)
from hospital_core.access.scheduling.states import (
    WAITLIST_ENTRY,
    AppointmentStatus,
    BookingChannel,
    ServiceKind,
    WaitlistStatus,
)
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, JoinWaitlist, LeaveWaitlist
from hospital_core.access.scheduling.waitlist_queries import permitted_entry, waitlist_entry
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.accounts.queries import accounts_acting
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.queries import require_live_file

OFFER_DECLINED = "offer_declined"

# What could be waited for, and what of it could be booked at once. 1 department, 2 day, 3 period, 4 doctor or NULL,
# 5 kind or NULL, 6 now, 7 patient
_SITUATION = f"""
SELECT count(*) AS sessions,
       coalesce(bool_or(NOT {is_waited_for("s", "$6")} AND EXISTS (
           SELECT 1 FROM slot WHERE slot.schedule_id = s.id AND slot.starts_at > $6
             AND {is_free("slot", "$6")} AND {is_for_line("slot", "$6")})), false) AS bookable,
       (SELECT a.id FROM appointment a WHERE a.patient_id = $7 AND a.department_id = $1 AND a.day = $2
           AND a.period = $3 AND {is_claim("a", "$6")} LIMIT 1) AS claim,
       (SELECT p.temporary FROM patient p WHERE p.id = $7) AS temporary
FROM schedule s
WHERE s.department_id = $1 AND s.day = $2 AND s.period = $3 AND s.status = 'active' AND s.released_at <= $6
  AND {is_chosen_online("s")} AND s.ends_at > $6
  AND ($4::uuid IS NULL OR s.staff_id = $4) AND {is_wanted("s", "$5::text")}"""

# Correctness waits for no cleaner: what the evening ended does not count.
_EXPIRE_OWN = f"""
UPDATE waitlist_entry SET status = {WAITLIST_ENTRY.target_sql("expire")}, ended_at = $3, version = version + 1
WHERE (account_id = $1 OR patient_id = $2) AND {WAITLIST_ENTRY.sources_sql("expire")} AND closes_at <= $3"""

# The lowest free place; three rows at most are looked at, and the unique index is the last word.
_JOIN = f"""
INSERT INTO waitlist_entry (id, version, patient_id, account_id, place, department_id, staff_id, service_kind, day,
                            period, status, joined_at, closes_at)
SELECT $1, 0, $2, $3, place, $4, $5, $6, $7, $8, '{WaitlistStatus.WAITING.value}', $9, $10
FROM generate_series(1, 3) AS place
WHERE place NOT IN (SELECT e.place FROM waitlist_entry e
                    WHERE e.account_id = $3 AND e.status IN ('waiting', 'offered'))
ORDER BY place LIMIT 1"""

# What an account waits for on behalf of a patient who was removed from it, and for whom it may not act otherwise.
_LEFT_BEHIND = f"""
SELECT e.id, e.patient_id, e.status, e.offered_id FROM account_link l
JOIN waitlist_entry e ON e.account_id = l.account_id AND e.patient_id IN (SELECT person_ids(l.patient_id))
WHERE l.id = $1 AND e.status IN ('waiting', 'offered') AND e.account_id NOT IN ({accounts_acting("e.patient_id")})
ORDER BY e.id"""


async def join_waitlist(uow: UnitOfWork, command: JoinWaitlist) -> WaitlistEntryView:
    """Wait for a place while there is none (登记候补), until the evening before.

    Raises: NotFound, PatientMerged, WaitlistClosed, NothingToWaitFor, StillBookable, AlreadyBooked, RealNameRequired,
    BookingBanned, OnlineFirstVisit, OnlineAccountNeeded, AlreadyWaiting, TooManyWaits. Emits: WaitlistDue.
    """
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.ACCOUNT:
        raise Forbidden()
    patient_id = (await permitted_patient(uow, command.patient_id)).patient_id
    await require_live_file(uow, patient_id)
    closes_at = await _closing(uow, command)
    await _check(uow, command, patient_id)
    await uow.execute(_EXPIRE_OWN, actor.id, patient_id, uow.now)
    entry_id = new_id()
    joined = await uow.execute(
        _JOIN, entry_id, patient_id, actor.id, command.department_id, command.staff_id,
        command.service_kind.value if command.service_kind else None, command.day, command.period.value, uow.now,
        closes_at,
    )  # fmt: skip
    if not joined:
        raise TooManyWaits()
    # A place that came back while this was being written told nobody.
    uow.record(WaitlistDue(department_id=command.department_id, day=command.day, period=command.period.value))
    uow.audited("waitlist_entry", entry_id, patient_id=patient_id)
    return await waitlist_entry(uow, entry_id)


async def _closing(uow: UnitOfWork, command: JoinWaitlist) -> datetime:
    minute = (await rule_book(uow)).value(RuleCode.WAITLIST_CLOSES_MINUTE)
    closes_at = minute_of(command.day - timedelta(days=1), minute)
    if uow.now >= closes_at:
        raise WaitlistClosed(closed_at=closes_at.isoformat())
    return closes_at


async def _check(uow: UnitOfWork, command: JoinWaitlist, patient_id: UUID) -> None:
    kind = command.service_kind.value if command.service_kind else None
    found = await uow.fetch_row(
        _SITUATION,
        command.department_id,
        command.day,
        command.period.value,
        command.staff_id,
        kind,
        uow.now,
        patient_id,
    )
    assert found is not None
    if not found["sessions"]:
        raise NothingToWaitFor()
    if found["bookable"]:
        raise StillBookable()
    if found["claim"] is not None:
        raise AlreadyBooked(appointment_id=str(found["claim"]))
    book = await rule_book(uow)
    if found["temporary"] and book.value(RuleCode.REAL_NAME_REQUIRED, command.department_id, kind):
        raise RealNameRequired()
    if command.service_kind is ServiceKind.ONLINE:
        await _check_follow_up(uow, command, patient_id, book)
    ban = await uow.fetch_row(BAN_OF, patient_id, uow.now)
    if ban is not None:
        raise BookingBanned(ban_kind=ban["kind"], until=ban["ends_at"].isoformat())


async def _check_follow_up(uow: UnitOfWork, command: JoinWaitlist, patient_id: UUID, book: RuleBook) -> None:
    """Who could not be given an online visit that day need not wait for one."""
    (known,) = await follow_ups(uow, [patient_id], [command.department_id], [uow.ctx.actor.id])
    wanted = {"department_id": command.department_id, "service_kind": ServiceKind.ONLINE.value, "day": command.day}
    why = follow_up_refusal({**wanted, **known}, book, BookingChannel.MINIAPP)
    if why is not None:
        raise why


async def leave_waitlist(uow: UnitOfWork, command: LeaveWaitlist) -> WaitlistEntryView:
    """Wait no longer (退出候补). Raises: NotFound, ProofNeeded, StateConflict (offered: decline; or over)."""
    entry = await permitted_entry(uow, command.entry_id)
    await require_hand(uow, entry["patient_id"], entry["account_id"])
    await transition(uow, WAITLIST_ENTRY, "leave", entry["id"], ended_at=uow.now)
    uow.audited("waitlist_entry", entry["id"], patient_id=entry["patient_id"])
    return await waitlist_entry(uow, entry["id"])


async def leave_with_patient(uow: UnitOfWork, link_id: UUID) -> None:
    """A patient was removed from an account: it waits for them no longer (候补随就诊人移除退出). Idempotent.

    A place that is on offer goes to the next in line at once. Raises: StateConflict (offered meanwhile: come again).
    Emits: AppointmentCancelled, WaitlistDue. Locks: as ``answer_offer``.
    """
    for entry in await uow.fetch(_LEFT_BEHIND, link_id):
        if entry["status"] == WaitlistStatus.WAITING:
            await transition(uow, WAITLIST_ENTRY, "leave", entry["id"], ended_at=uow.now)
        else:
            try:
                await _decline(uow, entry, await _held(uow, entry))
            except NotOffered:
                continue  # paid or lapsed meanwhile: whoever serves the line writes down which
        uow.audit(AuditEntry("scheduling.leave_with_patient", "waitlist_entry", entry["id"], entry["patient_id"]))


async def answer_offer(uow: UnitOfWork, command: AnswerOffer) -> WaitlistEntryView:
    """Accept an offered place that costs nothing yet, or decline it (候补答复); else it is accepted by paying.

    A declined place goes to the next in line. Raises: NotFound, ProofNeeded, NotOffered (nothing is held any more),
    PaymentNeeded. Emits: AppointmentConfirmed or AppointmentCancelled, WaitlistDue. Locks: the place, the appointment.
    """
    entry = await permitted_entry(uow, command.entry_id)
    await require_hand(uow, entry["patient_id"], entry["account_id"])
    appointment = await _held(uow, entry)
    if not command.accept:
        await _decline(uow, entry, appointment)
    elif appointment["fee_fen"]:
        await _confirm_unpaid(uow, appointment)
    else:
        await confirm(uow, appointment["id"])
    uow.audited("waitlist_entry", entry["id"], patient_id=entry["patient_id"])
    return await waitlist_entry(uow, entry["id"])


async def _decline(uow: UnitOfWork, entry: Record, appointment: Record) -> None:
    await transition(uow, WAITLIST_ENTRY, "decline", entry["id"], ended_at=uow.now)
    await give_back(uow, appointment, OFFER_DECLINED)


async def _confirm_unpaid(uow: UnitOfWork, appointment: Record) -> None:
    session = await uow.fetch_row("SELECT * FROM schedule WHERE id = $1", appointment["schedule_id"])
    assert session is not None
    if not pays_at_hospital(session, await rule_book(uow)):
        raise PaymentNeeded(appointment_id=str(appointment["id"]))
    await confirm_unpaid(uow, appointment["id"], session["ends_at"])


async def _held(uow: UnitOfWork, entry: Record) -> Record:
    """The appointment that an entry was offered, while it waits for an answer."""
    if entry["offered_id"] is None:
        raise NotOffered()
    appointment = await hold_place(uow, entry["offered_id"])
    assert appointment is not None
    if appointment["status"] != AppointmentStatus.PENDING or uow.now >= appointment["pay_until"]:
        raise NotOffered()
    return appointment
