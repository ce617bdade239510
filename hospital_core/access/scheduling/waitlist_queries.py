"""Reading the waitlist; who may see an entry is decided here."""

from datetime import date
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.pricing import pays_at_hospital
from hospital_core.access.scheduling.rules import RuleBook, rule_book
from hospital_core.access.scheduling.statements import is_chosen_online, is_for_line, is_free, is_wanted
from hospital_core.access.scheduling.states import WaitlistStatus
from hospital_core.access.scheduling.waitlist_commands import ServeLine
from hospital_core.access.scheduling.waitlist_views import OfferView, WaitlistEntryView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow

# Before somebody in line are those who came earlier and could be given a place that they could be given.
_ALIKE = f"""(o.service_kind IS NULL AND e.service_kind IS NULL
                   OR {is_wanted("e", "o.service_kind")} OR {is_wanted("o", "e.service_kind")})"""
_ENTRY = f"""
SELECT e.*, p.name AS patient_name, d.name AS department, m.name AS doctor, a.status AS offer_status,
       a.starts_at, a.fee_fen, a.pay_until, s.sought_after, s.service_kind AS session_kind,
       own.name AS offer_doctor, r.name AS room, hospital_now() AS now,
       1 + (SELECT count(*) FROM waitlist_entry o
            WHERE o.status = 'waiting' AND o.department_id = e.department_id AND o.day = e.day AND o.period = e.period
              AND (o.joined_at, o.id) < (e.joined_at, e.id)
              AND (o.staff_id IS NULL OR e.staff_id IS NULL OR o.staff_id = e.staff_id)
              AND {_ALIKE}) AS position
FROM {{row}} e JOIN patient p ON p.id = e.patient_id JOIN department d ON d.id = e.department_id
LEFT JOIN staff_member m ON m.id = e.staff_id LEFT JOIN appointment a ON a.id = e.offered_id
LEFT JOIN schedule s ON s.id = a.schedule_id LEFT JOIN staff_member own ON own.id = a.staff_id
LEFT JOIN location r ON r.id = s.room_id"""
_ENTRIES = _ENTRY.format(row="waitlist_entry") + " WHERE "
_GUARDED = PatientRow(_ENTRY, "waitlist_entry", "own.joined_at")

_OF_ACCOUNT = f"""
e.patient_id IN ({files_shown("$1", "e.joined_at")}) ORDER BY e.joined_at DESC LIMIT 100"""

_OF_DAY = """
e.day = $1 AND ($2::uuid IS NULL OR e.department_id = $2) ORDER BY d.code, e.period, e.joined_at, e.id LIMIT 2000"""

# Lines with something to do: the evening came, an offer was answered or lapsed, or a place is free.
_DUE = f"""
SELECT DISTINCT e.department_id, e.day, e.period FROM waitlist_entry e LEFT JOIN appointment a ON a.id = e.offered_id
WHERE e.status = 'offered' AND (a.status <> 'pending' OR a.held_until < hospital_now())
   OR e.status = 'waiting' AND (e.closes_at <= hospital_now() OR EXISTS (
        SELECT 1 FROM schedule s JOIN slot ON slot.schedule_id = s.id
        WHERE s.department_id = e.department_id AND s.day = e.day AND s.period = e.period AND s.status = 'active'
          AND (e.staff_id IS NULL OR e.staff_id = s.staff_id)
          AND {is_wanted("s", "e.service_kind")} AND {is_chosen_online("s")}
          AND s.released_at <= hospital_now() AND slot.starts_at > hospital_now()
          AND {is_free("slot", "hospital_now()")} AND {is_for_line("slot", "hospital_now()")}))"""


async def my_waits(reading: Reading) -> Page[WaitlistEntryView]:
    """What the account's patients wait for, and what became of it (我的候补)."""
    actor = reading.ctx.actor
    rows = await reading.fetch(_ENTRIES + _OF_ACCOUNT, actor.id) if actor.kind is ActorKind.ACCOUNT else ()
    book = await rule_book(reading)
    return Page(items=[_view(row, book) for row in rows])


async def waitlist(reading: Reading, day: date, department_id: UUID | None = None) -> Page[WaitlistEntryView]:
    """Everybody in the lines of a day, in their order (候补名单), as staff see it."""
    rows = await reading.fetch(_ENTRIES + _OF_DAY, day, department_id)
    book = await rule_book(reading)
    return Page(items=[_view(row, book) for row in rows])


async def waitlist_entry(reading: Reading, entry_id: UUID) -> WaitlistEntryView:
    """One entry (候补单), if the actor may know its patient. Raises NotFound."""
    return _view(await permitted_entry(reading, entry_id), await rule_book(reading))


async def permitted_entry(reading: Reading, entry_id: UUID) -> Record:
    """An entry's row with its names, only if the actor may know its patient; else NotFound."""
    return await _GUARDED.of(reading, entry_id)


async def due_lines(reading: Reading) -> list[ServeLine]:
    """Lines in which something is to be done (待派号候补): whatever told nobody when it became free is found here."""
    return [ServeLine(**dict(row)) for row in await reading.fetch(_DUE)]


def _view(row: Record, book: RuleBook) -> WaitlistEntryView:
    names = WaitlistEntryView.model_fields.keys() - {"patient_name_masked", "position", "offer"}
    return WaitlistEntryView(
        **{name: row[name] for name in names},
        patient_name_masked=mask_name(row["patient_name"]),
        position=row["position"] if row["status"] == WaitlistStatus.WAITING else None,
        offer=_offer(row, book),
    )


def _offer(row: Record, book: RuleBook) -> OfferView | None:
    if row["offered_id"] is None:
        return None
    session = {name: row[name] for name in ("department_id", "sought_after")} | {"service_kind": row["session_kind"]}
    return OfferView(
        appointment_id=row["offered_id"], doctor=row["offer_doctor"], room=row["room"], starts_at=row["starts_at"],
        fee_fen=row["fee_fen"], answer_by=row["pay_until"], pay_at_hospital=pays_at_hospital(session, book),
    )  # fmt: skip
