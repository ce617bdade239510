"""Booking a course of visits together (疗程预约), and giving back what is left of it.

Each visit is an ordinary booking, taken by the one way there is. A course counts as one booking of its day, because it
is one wish of one patient; how long it may be is a rule of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from asyncpg import Record

from hospital_core.access.scheduling.errors import SeriesDayRefused, SeriesNotOffered
from hospital_core.access.scheduling.queries import cancel_until, require_hand
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.series_commands import BookSeries, CancelSeries
from hospital_core.access.scheduling.series_queries import permitted_series, pool_for, require_course, series
from hospital_core.access.scheduling.series_views import SeriesView
from hospital_core.access.scheduling.service.book import announce, take_place
from hospital_core.access.scheduling.service.cancel import BY_PATIENT, give_back
from hospital_core.access.scheduling.service.hold import follow_session, hold_place
from hospital_core.access.scheduling.service.reminding import remind_later
from hospital_core.access.scheduling.service.taking import Desk, Terms, Wish, paid_until
from hospital_core.access.scheduling.states import AppointmentStatus, BookingChannel
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import DomainError, FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.staff.permissions import Permission, require

# Places are taken in this order by everybody who takes several.
_SESSIONS = "SELECT * FROM schedule WHERE id = ANY($1::uuid[]) ORDER BY starts_at, id"

_SERIES = """
INSERT INTO booking_series (id, patient_id, account_id, department_id, every_days, wanted, made_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_VISITS = """
INSERT INTO series_visit (id, series_id, appointment_id)
SELECT visit.id, $1, visit.appointment_id FROM unnest($2::uuid[], $3::uuid[]) AS visit (id, appointment_id)"""

_LEFT = """
SELECT a.id FROM series_visit v JOIN appointment a ON a.id = v.appointment_id
WHERE v.series_id = $1 AND a.status IN ('pending', 'booked') ORDER BY a.slot_id"""


async def book_series(uow: UnitOfWork, command: BookSeries) -> SeriesView:
    """Book sessions of one department as a course, all or none (疗程预约); each visit is paid when its patient comes.

    Raises: NotFound, Forbidden, FieldProblem, SeriesNotOffered, SeriesTooLong, SeriesDayRefused (which, and why).
    Locks: the places in their order, then the counts. Emits: AppointmentConfirmed once, for the first visit.
    """
    actor = uow.ctx.actor
    if actor.kind is ActorKind.STAFF:
        require(uow.ctx, Permission.SERIES_BOOK)
    elif actor.kind not in (ActorKind.ACCOUNT, ActorKind.SYSTEM):
        raise Forbidden()
    patient_id = (await permitted_patient(uow, command.patient_id)).patient_id
    sessions = await _sessions(uow, command)
    account_id = actor.id if actor.kind is ActorKind.ACCOUNT else None
    made = []
    for turn, session in enumerate(sessions, 1):
        # Counted once, and last: whoever counts waits for nobody's place any more.
        desk = _desk(actor.kind, counted=turn == len(sessions))
        made.append(await _take(uow, Wish(patient_id, session["id"], None, account_id), session, desk))
    series_id = new_id()
    await uow.execute(
        _SERIES, series_id, patient_id, account_id, sessions[0]["department_id"], command.every_days, len(made),
        uow.now, actor.id,
    )  # fmt: skip
    await uow.execute(_VISITS, series_id, [new_id() for _ in made], [one["id"] for one in made])
    for one in made[1:]:
        await follow_session(uow, one)
        await remind_later(uow, one["id"], one["starts_at"])
        uow.audit(AuditEntry("scheduling.book_series", "appointment", one["id"], patient_id))
    await announce(uow, made[0])
    uow.audited("booking_series", series_id, patient_id=patient_id)
    return await series(uow, series_id)


async def _sessions(uow: UnitOfWork, command: BookSeries) -> Sequence[Record]:
    sessions = await uow.fetch(_SESSIONS, list(command.schedule_ids))
    if len(sessions) != len(set(command.schedule_ids)):
        raise NotFound()
    if len(sessions) != len(command.schedule_ids):
        raise FieldProblem("/schedule_ids", "同一时段不能选两次")
    if len({session["department_id"] for session in sessions}) > 1:
        raise FieldProblem("/schedule_ids", "一个疗程只能预约同一科室")
    book = await rule_book(uow)
    for session in sessions:
        require_course(session, book, uow.ctx.actor.kind, len(sessions))
    return sessions


def _desk(kind: ActorKind, *, counted: bool) -> Desk:
    channel = BookingChannel.MINIAPP if kind is ActorKind.ACCOUNT else BookingChannel.CLINIC
    return Desk(channel, pool_for(kind), limited=counted)


async def _take(uow: UnitOfWork, wish: Wish, session: Record, desk: Desk) -> dict[str, Any]:
    def paid_there(terms: Terms) -> Terms:
        if terms.at_once:
            return terms
        if desk.channel is not BookingChannel.CLINIC:
            raise SeriesNotOffered()
        return replace(paid_until(terms, session["ends_at"]), at_hospital=True)

    try:
        return await take_place(uow, wish, desk, agreed=paid_there)
    except DomainError as refused:
        day = f"{session['day'].month}月{session['day'].day}日"
        raise SeriesDayRefused(
            f"{day}：{refused.title}", schedule_id=str(session["id"]), reason=refused.code
        ) from refused


async def cancel_series(uow: UnitOfWork, command: CancelSeries) -> SeriesView:
    """Give back every visit of a course that still can be (取消剩余疗程); what was seen or is too late stays.

    Raises: NotFound, ProofNeeded. Locks: the places in their order, the appointments.
    Emits: AppointmentCancelled per visit.
    """
    row = await permitted_series(uow, command.series_id)
    await require_hand(uow, row["patient_id"], row["account_id"])
    book = await rule_book(uow)
    for left in await uow.fetch(_LEFT, row["id"]):
        visit = await hold_place(uow, left["id"])
        assert visit is not None
        standing = visit["status"] in (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)
        if standing and uow.now < cancel_until(visit, book):
            await give_back(uow, visit, BY_PATIENT)
            uow.audit(AuditEntry("scheduling.cancel_series", "appointment", visit["id"], row["patient_id"]))
    uow.audited("booking_series", row["id"], patient_id=row["patient_id"])
    return await series(uow, row["id"])
