"""Taking places (占号): the one way to a place, for one wish or for many at once.

First what decides is read, then Python says who may book and on which terms, then one statement takes the places and
writes the appointments, then the day's counts have the last word on how often somebody may book.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    BookingBanned,
    NotReleased,
    PaidExaminationOnly,
    RealNameRequired,
    SessionNotOpen,
    SessionOver,
    SessionStopped,
    SlotFull,
    TooManyBookings,
    WindowOnly,
)
from hospital_core.access.scheduling.online import follow_up_refusal, follow_ups, is_online
from hospital_core.access.scheduling.pricing import fee_of, pays_at_hospital
from hospital_core.access.scheduling.rules import RuleBook, RuleCode
from hospital_core.access.scheduling.statements import (
    BOOK,
    BOOK_OFFERED,
    BOOK_TOGETHER,
    BOOK_WAITING,
    COUNT,
    FACTS,
    HOLD_BEYOND,
    LAST_SEEN,
    OPENS_BEFORE,
)
from hospital_core.access.scheduling.states import (
    AppointmentPayment,
    AppointmentStatus,
    BookingChannel,
    CountedSubject,
    Pool,
    ScheduleStatus,
    ServiceKind,
)
from hospital_core.kernel.errors import DomainError, NotFound
from hospital_core.kernel.ids import new_id, new_ids
from hospital_core.kernel.numbers import NumberKind, number_text
from hospital_core.kernel.uow import UnitOfWork


class Locking(StrEnum):
    """What to do about rows that others have locked, and about lapsed holds."""

    SKIP = "skip"  # what is locked; lapsed holds count as free
    WAIT = "wait"  # for what is locked: it may yet be given up
    TOGETHER = "together"  # skip, and leave lapsed holds to whoever comes alone
    OFFERED = "offered"  # wait, for whom the place was kept; held also when there is no fee


_STATEMENTS = {
    Locking.SKIP: BOOK,
    Locking.WAIT: BOOK_WAITING,
    Locking.TOGETHER: BOOK_TOGETHER,
    Locking.OFFERED: BOOK_OFFERED,
}


@dataclass(frozen=True)
class Wish:
    """Somebody wants a place of a session: that one, or the lowest free number."""

    patient_id: UUID
    schedule_id: UUID
    slot_id: UUID | None = None
    account_id: UUID | None = None
    previous_id: UUID | None = None


@dataclass(frozen=True)
class Desk:
    """Where wishes come in: the channel, which kept places it may sell besides everybody's, and on which device.

    Without ``limited`` the limits of the day do not hold: the waitlist books when it can, not when it likes.
    ``for_examination``: the wish comes with a paid examination, which buys its own places only, at the window ahead.
    """

    channel: BookingChannel
    pool: Pool
    device_id: UUID | None = None
    limited: bool = True
    for_examination: bool = False

    @property
    def at_window(self) -> bool:
        """The window sells running sessions, and places whose time has passed while their session runs."""
        return self.channel is BookingChannel.WINDOW and not self.for_examination

    @property
    def bans_hold(self) -> bool:
        """Who is banned is still served by people: at the window, and by the doctor who adds them (AP-12)."""
        return self.channel not in (BookingChannel.WINDOW, BookingChannel.CLINIC) and not self.for_examination


@dataclass(frozen=True)
class Terms:
    """On what terms a wish may be given (预约条件).

    ``at_hospital``: the place is the patient's at once, its fee is paid before checking in (到院缴费).
    """

    fee_fen: int
    pay_until: datetime
    held_until: datetime
    returns_after_s: int
    at_hospital: bool = False

    @property
    def at_once(self) -> bool:
        """Nothing is awaited before the place is the patient's."""
        return self.at_hospital or not self.fee_fen


async def facts_of(uow: UnitOfWork, wishes: Sequence[Wish], desk: Desk) -> Sequence[Record]:
    """What decides about each wish, in their order; of online visits also who may follow up (线上复诊)."""
    facts: Sequence[Record] = await uow.fetch(
        FACTS,
        [wish.schedule_id for wish in wishes], [wish.patient_id for wish in wishes],
        [wish.account_id for wish in wishes], uow.now, desk.pool.value, desk.at_window, desk.device_id,
    )  # fmt: skip
    if not any(is_online(fact) for fact in facts):
        return facts
    patients, accounts = [wish.patient_id for wish in wishes], [wish.account_id for wish in wishes]
    more = await follow_ups(uow, patients, [fact["department_id"] for fact in facts], accounts)
    return [{**fact, **known} for fact, known in zip(facts, more, strict=True)]


def refusal(fact: Record, book: RuleBook, now: datetime, desk: Desk) -> DomainError | None:
    """Why a wish may not even try, or None. ``SlotFull`` says that nothing is left for this channel."""
    if fact["schedule_id"] is None or fact["patient_name"] is None:
        return NotFound()
    if fact["status"] == ScheduleStatus.STOPPED:
        return SessionStopped()
    if fact["ends_at"] <= now:
        return SessionOver()
    if (fact["service_kind"] == ServiceKind.EXAMINATION) != desk.for_examination:
        return PaidExaminationOnly()
    if desk.at_window:
        opens_at = fact["starts_at"] - OPENS_BEFORE
        if opens_at > now:
            return SessionNotOpen(opens_at=opens_at.isoformat())
    else:
        online = _online_refusal(fact, book, now, desk)
        if online is not None:
            return online
    if is_online(fact):
        no_follow_up = follow_up_refusal(fact, book, desk.channel)
        if no_follow_up is not None:
            return no_follow_up
    if fact["claim"] is not None:
        return AlreadyBooked(appointment_id=str(fact["claim"]))
    return None if fact["any_free"] else SlotFull()


def _online_refusal(fact: Record, book: RuleBook, now: datetime, desk: Desk) -> DomainError | None:
    if fact["service_kind"] == ServiceKind.EMERGENCY:
        return WindowOnly()
    if fact["released_at"] > now:
        return NotReleased(opens_at=fact["released_at"].isoformat())
    scope = (fact["department_id"], fact["service_kind"])
    by_people = desk.channel is BookingChannel.WINDOW
    if fact["temporary"] and not by_people and book.value(RuleCode.REAL_NAME_REQUIRED, *scope):
        return RealNameRequired()
    if fact["ban_kind"] is not None and desk.bans_hold:
        return BookingBanned(ban_kind=fact["ban_kind"], until=fact["banned_until"].isoformat())
    for subject, code in _LIMITS.items() if desk.limited else ():
        most = book.value(code)
        if fact[f"{subject.value}_made"] >= most:
            return TooManyBookings(subject=subject.value, most=most)
    return None


_LIMITS = {
    CountedSubject.PATIENT: RuleCode.PATIENT_BOOKINGS_PER_DAY,
    CountedSubject.ACCOUNT: RuleCode.ACCOUNT_BOOKINGS_PER_DAY,
    CountedSubject.DEVICE: RuleCode.DEVICE_BOOKINGS_PER_DAY,
}


async def terms_of(
    uow: UnitOfWork, wishes: Sequence[Wish], facts: Sequence[Record], book: RuleBook, desk: Desk
) -> list[Terms]:
    """Fee, when it is paid, and secret delay of each wish by the rules (费用与占号时限)."""
    seen: dict[int, datetime | None] = {}
    if book.said_anywhere(RuleCode.REVISIT_DAYS):
        departments = [fact["department_id"] for fact in facts]
        rows = await uow.fetch(LAST_SEEN, [wish.patient_id for wish in wishes], departments)
        seen = {row["wish"]: row["seen_at"] for row in rows}
    return [_terms(fact, book, uow.now, seen.get(position), desk) for position, fact in enumerate(facts, 1)]


def _terms(fact: Record, book: RuleBook, now: datetime, seen_at: datetime | None, desk: Desk) -> Terms:
    scope = (fact["department_id"], fact["service_kind"])
    pay_until = min(now + timedelta(minutes=book.value(RuleCode.HOLD_MINUTES, *scope)), fact["ends_at"])
    terms = Terms(fee_of(fact, book, seen_at), pay_until, pay_until + HOLD_BEYOND, hidden_seconds(fact, book))
    # Who stands at the window pays there and then.
    if terms.fee_fen and not desk.at_window and pays_at_hospital(fact, book):
        return replace(paid_until(terms, fact["ends_at"]), at_hospital=True)
    return terms


def paid_until(terms: Terms, pay_until: datetime) -> Terms:
    """The same terms with another time to pay."""
    return replace(terms, pay_until=pay_until, held_until=pay_until + HOLD_BEYOND)


def hidden_seconds(session: Record, book: RuleBook) -> int:
    """For how long a sought-after place will stay hidden when it comes back (回池延迟), drawn when it is taken."""
    if not session["sought_after"]:
        return 0
    scope = (session["department_id"], session["service_kind"])
    lowest = book.value(RuleCode.HIDDEN_MINUTES_MIN, *scope) * 60
    highest = max(lowest, book.value(RuleCode.HIDDEN_MINUTES_MAX, *scope) * 60)
    return lowest + secrets.randbelow(highest - lowest + 1)


async def place(
    uow: UnitOfWork,
    wishes: Sequence[Wish],
    facts: Sequence[Record],
    terms: Sequence[Terms],
    desk: Desk,
    *,
    how: Locking = Locking.SKIP,
) -> dict[int, dict[str, Any]]:
    """Give each wish its place; answers by position what was made, complete enough for ``queries.view_of``.

    Who got none is missing.
    Locks: the places.
    """
    held = how is Locking.OFFERED
    ids = [(new_id(), new_id(), number_text(NumberKind.APPOINTMENT, fact["sequence"])) for fact in facts]
    columns = _columns(wishes, terms, ids)
    rows = await uow.fetch(
        _STATEMENTS[how], uow.now, desk.pool.value, desk.at_window, *columns,
        HOLD_BEYOND, desk.channel.value, desk.device_id, _turns(wishes), [term.at_hospital for term in terms],
    )  # fmt: skip
    made = {}
    for row in rows:
        at = row["wish"] - 1
        made[at] = _appointment(wishes[at], facts[at], terms[at], ids[at], row, uow.now, held)
        made[at]["channel"] = desk.channel
    return made


def _turns(wishes: Sequence[Wish]) -> list[int]:
    """Each wish's turn among those for the same place, or for any place of the same session."""
    seen: Counter[UUID] = Counter()
    turns = []
    for wish in wishes:
        wanted = wish.slot_id or wish.schedule_id
        seen[wanted] += 1
        turns.append(seen[wanted])
    return turns


def _columns(wishes: Sequence[Wish], terms: Sequence[Terms], ids: Sequence[tuple[UUID, UUID, str]]) -> list[list[Any]]:
    return [
        [wish.schedule_id for wish in wishes],
        [wish.patient_id for wish in wishes],
        [wish.slot_id for wish in wishes],
        [wish.account_id for wish in wishes],
        [appointment_id for appointment_id, _, _ in ids],
        [encounter_id for _, encounter_id, _ in ids],
        [number for _, _, number in ids],
        [term.fee_fen for term in terms],
        [term.pay_until for term in terms],
        [term.returns_after_s for term in terms],
        [wish.previous_id for wish in wishes],
    ]


def _appointment(
    wish: Wish, fact: Record, terms: Terms, ids: tuple[UUID, UUID, str], row: Record, now: datetime, held: bool
) -> dict[str, Any]:
    booked = terms.at_once and not held
    return {
        "id": ids[0], "encounter_id": ids[1], "appointment_no": ids[2], "slot_id": row["slot_id"],
        "schedule_id": wish.schedule_id, "department_id": fact["department_id"], "staff_id": fact["staff_id"],
        "patient_id": wish.patient_id, "account_id": wish.account_id, "previous_id": wish.previous_id,
        "next_id": None,
        "status": AppointmentStatus.BOOKED if booked else AppointmentStatus.PENDING,
        "payment_status": AppointmentPayment.UNPAID if terms.fee_fen or not booked else AppointmentPayment.PAID,
        "starts_at": row["starts_at"], "number": row["number"], "service_kind": fact["service_kind"],
        "fee_fen": terms.fee_fen, "full_fee_fen": fact["fee_fen"], "pay_until": terms.pay_until,
        "held_until": terms.held_until, "created_at": now, "department": fact["department"], "doctor": fact["doctor"],
        "title": fact["title"], "room": fact["room"], "campus": fact["campus"], "patient_name": fact["patient_name"],
        "session_starts_at": fact["starts_at"], "session_ends_at": fact["ends_at"],
    }  # fmt: skip


async def count(uow: UnitOfWork, wishes: Sequence[Wish], book: RuleBook, desk: Desk) -> TooManyBookings | None:
    """Count these bookings for their patients, accounts and device, all of them or none (限号计数).

    Answers the refusal of the first subject that has had its bookings of the day: the caller must then roll back. No
    patient and no account may appear twice, a device sends one wish at a time. Locks: the counts, in one order.
    """
    most = {subject: book.value(code) for subject, code in _LIMITS.items()}
    subjects: dict[CountedSubject, list[UUID]] = {
        CountedSubject.PATIENT: [wish.patient_id for wish in wishes],
        CountedSubject.ACCOUNT: [wish.account_id for wish in wishes if wish.account_id is not None],
        CountedSubject.DEVICE: [] if desk.device_id is None else [desk.device_id],
    }
    arguments = [argument for subject, ids in subjects.items() for argument in (ids, most[subject])]
    rows = sum(len(ids) for ids in subjects.values())
    counted = await uow.fetch(COUNT, day_of(uow.now), *arguments, new_ids(rows))
    if len(counted) == rows:
        return None
    passed = {(row["subject"], row["subject_id"]) for row in counted}
    subject = next(one for one, ids in subjects.items() if any((one.value, of) not in passed for of in ids))
    return TooManyBookings(subject=subject.value, most=most[subject])
