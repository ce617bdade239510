"""Making the sessions and places of coming days from the templates (放号).

A day is generated as often as one likes: what stands is left alone, what is missing is made. The database has the last
word on doctors and rooms (exclusion constraints): a template that meets somebody there is left out and reported.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.calendar import DayPlan, day_plan
from hospital_core.access.scheduling.days import minute_of
from hospital_core.access.scheduling.planning_commands import GenerateDay
from hospital_core.access.scheduling.planning_views import GeneratedView
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.pricing import place_fee
from hospital_core.access.scheduling.release_queries import generated_days
from hospital_core.access.scheduling.rules import RuleBook, RuleCode, read_rules
from hospital_core.access.scheduling.service.place_making import SessionPlaces, add_places
from hospital_core.access.scheduling.states import GenerationTrouble, Pool, ServiceKind
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.money import fen_of
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require


@dataclass(frozen=True)
class Naming:
    """The ids of what is generated: of a template's session on a day, and of a session's number."""

    session: Callable[[UUID, date], UUID]
    place: Callable[[UUID, int], UUID]


FRESH = Naming(lambda template_id, day: new_id(), lambda schedule_id, number: new_id())

_LOCK = "SELECT pg_advisory_xact_lock(521438, $1)"

# 1 day, 2 weekday, 3 holiday, 4 campus or NULL
_TEMPLATES = """
SELECT t.*, d.active AND m.active AND r.active AS open, p.unit_price,
       (SELECT s.id FROM schedule s WHERE s.template_id = t.id AND s.day = $1) AS made
FROM schedule_template t JOIN department d ON d.id = t.department_id JOIN staff_member m ON m.id = t.staff_id
JOIN location r ON r.id = t.room_id
LEFT JOIN price p ON p.item_id = t.price_item_id
     AND tstzrange(p.valid_from, p.valid_until) @>
         ($1::date + make_interval(mins => t.starts_minute)) AT TIME ZONE 'Asia/Shanghai'
WHERE t.active AND t.weekday = $2 AND (t.works_on_holidays OR NOT $3) AND ($4::uuid IS NULL OR r.campus_id = $4)
  AND t.valid_from <= $1 AND (t.valid_until IS NULL OR t.valid_until >= $1)
ORDER BY t.id"""

# 1 days, 2 the weekday each runs, 3 whether it is a holiday
_DUE = """
SELECT DISTINCT w.day, r.campus_id
FROM unnest($1::date[], $2::int[], $3::boolean[]) AS w(day, weekday, holiday)
JOIN schedule_template t ON t.active AND t.weekday = w.weekday AND (t.works_on_holidays OR NOT w.holiday)
 AND t.valid_from <= w.day AND (t.valid_until IS NULL OR t.valid_until >= w.day)
 AND (w.day + make_interval(mins => t.ends_minute)) AT TIME ZONE 'Asia/Shanghai' > hospital_now()
JOIN location r ON r.id = t.room_id
WHERE NOT EXISTS (SELECT 1 FROM schedule s WHERE s.template_id = t.id AND s.day = w.day)
ORDER BY w.day, r.campus_id"""

_POOLS = """
SELECT template_id, pool, places, returns_minutes_before FROM template_pool WHERE template_id = ANY($1::uuid[])"""

_SCHEDULES = """
INSERT INTO schedule (id, version, department_id, staff_id, room_id, service_kind, starts_at, ends_at, price_item_id,
                      fee_fen, places, template_id, day, period, released_at, sought_after, status)
SELECT r.id, 0, t.department_id, t.staff_id, t.room_id, t.service_kind, r.starts_at, r.ends_at, t.price_item_id,
       r.fee_fen, t.places, t.id, $1, t.period, r.released_at, t.sought_after, 'active'
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::timestamptz[])
  AS r(template_id, id, starts_at, ends_at, fee_fen, released_at)
JOIN schedule_template t ON t.id = r.template_id
ORDER BY t.id
ON CONFLICT DO NOTHING RETURNING id"""

_ROOM_TAKEN = """
SELECT EXISTS (SELECT 1 FROM schedule WHERE status = 'active' AND room_id = $1 AND starts_at < $3 AND ends_at > $2)"""

# 1 day, 2 templates still in trouble, 3 campus or NULL
_SETTLED = """
DELETE FROM generation_problem g USING schedule_template t JOIN location r ON r.id = t.room_id
WHERE t.id = g.template_id AND g.day = $1 AND ($3::uuid IS NULL OR r.campus_id = $3)
  AND g.template_id <> ALL($2::uuid[])"""

_PROBLEMS = """
INSERT INTO generation_problem AS kept (id, template_id, day, trouble, found_at)
SELECT r.id, r.template_id, $1, r.trouble, $2
FROM unnest($3::uuid[], $4::uuid[], $5::text[]) AS r(id, template_id, trouble)
ON CONFLICT (template_id, day) DO UPDATE SET trouble = excluded.trouble WHERE kept.trouble <> excluded.trouble"""

_UNRELEASED = """
SELECT DISTINCT department_id, service_kind, day FROM schedule
WHERE template_id IS NOT NULL AND released_at > $1 AND starts_at > $1"""

_RERELEASE = """
UPDATE schedule s SET released_at = r.released_at, version = s.version + 1
FROM unnest($2::uuid[], $3::text[], $4::date[], $5::timestamptz[]) AS r(department_id, service_kind, day, released_at)
WHERE s.department_id = r.department_id AND s.service_kind = r.service_kind AND s.day = r.day
  AND s.template_id IS NOT NULL AND s.released_at > $1 AND s.released_at <> r.released_at"""


@dataclass(frozen=True)
class _Planned:
    """One session to be made."""

    schedule_id: UUID
    template: Record
    starts_at: datetime
    ends_at: datetime
    fee_fen: int
    released_at: datetime


def released_at(book: RuleBook, day: date, department_id: UUID | None, service_kind: ServiceKind | str) -> datetime:
    """From when on places of a day can be booked (放号时间): so many days before, at the hour of release."""
    window = book.value(RuleCode.WINDOW_DAYS, department_id, service_kind)
    return minute_of(day - timedelta(days=window), book.value(RuleCode.RELEASE_MINUTE))


async def generate_day(uow: UnitOfWork, command: GenerateDay) -> GeneratedView:
    """Make the missing sessions of a day (放号). Idempotent; a template that cannot have its session is reported.

    Raises: Forbidden. Locks: the day's generation.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    return await generate(uow, command, FRESH)


async def generate(uow: UnitOfWork, command: GenerateDay, naming: Naming) -> GeneratedView:
    """``generate_day`` with the caller's ids."""
    day = command.day
    await uow.execute(_LOCK, day.toordinal())
    plan = await day_plan(uow, day)
    book = await read_rules(uow)
    templates = await _missing(uow, plan, command.campus_id)
    planned = [
        _planned(template, naming.session(template["id"], day), day, book)
        for template in templates
        if template["open"] and template["unit_price"] is not None
    ]
    made = await _write(uow, day, planned)
    places = await _add_places(uow, made, naming)
    troubles = await _troubles(uow, templates, planned, {session.schedule_id for session in made})
    await uow.execute(_SETTLED, day, [template_id for template_id, _ in troubles], command.campus_id)
    await _report(uow, day, troubles)
    return GeneratedView(day=day, kind=plan.kind, sessions=len(made), places=places, problems=len(troubles))


async def _missing(uow: UnitOfWork, plan: DayPlan, campus_id: UUID | None) -> list[Record]:
    """Templates that run on the day, have not made their session, and whose session has not begun."""
    rows = await uow.fetch(_TEMPLATES, plan.day, plan.weekday, plan.is_holiday, campus_id)
    return [row for row in rows if row["made"] is None and minute_of(plan.day, row["ends_minute"]) > uow.now]


def _planned(template: Record, schedule_id: UUID, day: date, book: RuleBook) -> _Planned:
    price: Decimal = template["unit_price"]
    return _Planned(
        schedule_id,
        template,
        minute_of(day, template["starts_minute"]),
        minute_of(day, template["ends_minute"]),
        place_fee(template["service_kind"], fen_of(price)),
        released_at(book, day, template["department_id"], template["service_kind"]),
    )


async def _write(uow: UnitOfWork, day: date, planned: Sequence[_Planned]) -> list[_Planned]:
    if not planned:
        return []
    rows = await uow.fetch(
        _SCHEDULES, day, [session.template["id"] for session in planned],
        [session.schedule_id for session in planned], [session.starts_at for session in planned],
        [session.ends_at for session in planned], [session.fee_fen for session in planned],
        [session.released_at for session in planned],
    )  # fmt: skip
    made = {row["id"] for row in rows}
    return [session for session in planned if session.schedule_id in made]


async def _add_places(uow: UnitOfWork, made: Sequence[_Planned], naming: Naming) -> int:
    pools: dict[UUID, list[PoolQuota]] = {}
    for row in await uow.fetch(_POOLS, [session.template["id"] for session in made]) if made else ():
        quota = PoolQuota(
            pool=Pool(row["pool"]), places=row["places"], returns_minutes_before=row["returns_minutes_before"]
        )
        pools.setdefault(row["template_id"], []).append(quota)
    return await add_places(
        uow,
        [
            SessionPlaces(
                session.schedule_id, session.starts_at, session.ends_at, session.template["places"],
                pools.get(session.template["id"], ()), naming.place,
            )
            for session in made
        ],
    )  # fmt: skip


async def _troubles(
    uow: UnitOfWork, templates: Iterable[Record], planned: Sequence[_Planned], made: set[UUID]
) -> list[tuple[UUID, GenerationTrouble]]:
    troubles = [
        (template["id"], GenerationTrouble.NO_PRICE if template["open"] else GenerationTrouble.CLOSED)
        for template in templates
        if not template["open"] or template["unit_price"] is None
    ]
    for session in planned:
        if session.schedule_id not in made:
            taken = await uow.fetch_value(_ROOM_TAKEN, session.template["room_id"], session.starts_at, session.ends_at)
            trouble = GenerationTrouble.ROOM_TAKEN if taken else GenerationTrouble.DOCTOR_ELSEWHERE
            troubles.append((session.template["id"], trouble))
    return troubles


async def _report(uow: UnitOfWork, day: date, troubles: Sequence[tuple[UUID, GenerationTrouble]]) -> None:
    if troubles:
        await uow.execute(
            _PROBLEMS, day, uow.now, [new_id() for _ in troubles], [template_id for template_id, _ in troubles],
            [trouble.value for _, trouble in troubles],
        )  # fmt: skip


async def due_days(reading: Reading) -> list[GenerateDay]:
    """Days with a session to make (待放号日期), of each campus.

    After a downtime the same list catches up: nothing is remembered but the sessions themselves.
    """
    plans = await generated_days(reading)
    rows = await reading.fetch(
        _DUE, [plan.day for plan in plans], [plan.weekday for plan in plans], [plan.is_holiday for plan in plans]
    )
    return [GenerateDay(day=row["day"], campus_id=row["campus_id"]) for row in rows]


async def move_releases(uow: UnitOfWork) -> int:
    """Give sessions that are not released yet the times of the rules as they are now. What is out stays out."""
    book = await read_rules(uow)
    rows = await uow.fetch(_UNRELEASED, uow.now)
    if not rows:
        return 0
    departments, kinds, days = ([row[name] for row in rows] for name in ("department_id", "service_kind", "day"))
    times = [released_at(book, row["day"], row["department_id"], row["service_kind"]) for row in rows]
    return await uow.execute(_RERELEASE, uow.now, departments, kinds, days, times)
