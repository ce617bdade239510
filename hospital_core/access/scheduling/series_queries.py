"""Courses of visits (疗程预约): what can be had before anybody agrees, and what became of one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.calendar import day_plans
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import SeriesNotOffered, SeriesTooLong
from hospital_core.access.scheduling.pricing import fee_of, pays_at_hospital
from hospital_core.access.scheduling.queries import APPOINTMENT_SQL, NOW, view_of
from hospital_core.access.scheduling.rules import RuleBook, RuleCode, rule_book
from hospital_core.access.scheduling.series_commands import PlanSeries
from hospital_core.access.scheduling.series_views import PlannedVisit, SeriesDay, SeriesPlan, SeriesView
from hospital_core.access.scheduling.statements import LAST_SEEN, is_claim, is_free, is_open_to, is_waited_for
from hospital_core.access.scheduling.states import Pool, ScheduleStatus, SeriesTrouble, ServiceKind
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

# A course is of visits where patients come to be treated, not of what is ordered, or seen on a screen.
NO_COURSES = (ServiceKind.EMERGENCY, ServiceKind.EXAMINATION, ServiceKind.ONLINE)

_FIRST = """
SELECT s.*, d.name AS department FROM schedule s JOIN department d ON d.id = s.department_id WHERE s.id = $1"""

# Sessions of the same kind on these days, as this patient could have them. 1 department, 2 kind, 3 days, 4 patient,
# 5 pool
_SESSIONS = f"""
SELECT s.*, m.name AS doctor, m.title, r.name AS room,
       s.released_at <= hospital_now() AS released,
       EXISTS (SELECT 1 FROM appointment a WHERE a.patient_id IN (SELECT person_ids($4))
                 AND a.department_id = s.department_id AND a.day = s.day AND a.period = s.period
                 AND {is_claim("a", "hospital_now()")}) AS claimed,
       (SELECT count(*) FROM slot WHERE slot.schedule_id = s.id AND slot.starts_at > hospital_now()
          AND {is_free("slot", "hospital_now()")} AND {is_open_to("slot", "$5", "hospital_now()")}
          AND NOT {is_waited_for("s", "hospital_now()")}) AS places_left
FROM schedule s JOIN staff_member m ON m.id = s.staff_id JOIN location r ON r.id = s.room_id
WHERE s.department_id = $1 AND s.service_kind = $2 AND s.day = ANY($3::date[])
ORDER BY s.starts_at, m.staff_no"""

_ONE = """
SELECT b.*, p.name AS patient_name, d.name AS department
FROM {row} b JOIN patient p ON p.id = b.patient_id JOIN department d ON d.id = b.department_id"""
_SERIES = _ONE.format(row="booking_series") + " WHERE "
_GUARDED = PatientRow(_ONE, "booking_series", "own.made_at")

# Nobody looks for a course that is long over.
_RECENT = "b.made_at > hospital_now() - interval '1 year' ORDER BY b.made_at DESC LIMIT 20"
_OF_ACCOUNT = f"b.patient_id IN ({files_shown('$1', 'b.made_at')}) AND {_RECENT}"
_OF_PATIENT = f"b.patient_id IN (SELECT person_ids($1)) AND b.made_at >= $2 AND {_RECENT}"

_VISITS = "SELECT series_id, appointment_id FROM series_visit WHERE series_id = ANY($1::uuid[])"


def pool_for(kind: ActorKind) -> Pool:
    """Which kept places a course may have besides everybody's: those of phones; the desk has none."""
    return Pool.MINIAPP if kind is ActorKind.ACCOUNT else Pool.PUBLIC


def require_course(session: Mapping[str, Any], book: RuleBook, kind: ActorKind, visits: int) -> None:
    """Let a session begin, or be part of, a course of so many visits.

    Phones may where the fee is paid at the hospital: nobody pays for twelve visits in a quarter of an hour. People at
    the desk decide for themselves, except of places that are fought for. Raises: SeriesNotOffered, SeriesTooLong.
    """
    most = book.value(RuleCode.SERIES_VISITS_MAX, session["department_id"], session["service_kind"])
    there = not session["fee_fen"] or pays_at_hospital(session, book)
    if not most or session["sought_after"] or session["service_kind"] in NO_COURSES:
        raise SeriesNotOffered()
    if kind is ActorKind.ACCOUNT and not there:
        raise SeriesNotOffered()
    if visits > most:
        raise SeriesTooLong(most=most)


async def plan_series(reading: Reading, command: PlanSeries) -> SeriesPlan:
    """Each day of a course with the place found, or why there is none and what comes nearest (疗程预览).

    Raises: NotFound, SeriesNotOffered, SeriesTooLong. Nothing is held: what is booked is looked at again.
    """
    patient = await permitted_patient(reading, command.patient_id)
    book, kind = await rule_book(reading), reading.ctx.actor.kind
    first = await reading.fetch_row(_FIRST, command.schedule_id)
    if first is None:
        raise NotFound()
    require_course(first, book, kind, command.visits)
    days = [first["day"] + timedelta(days=command.every_days * turn) for turn in range(command.visits)]
    around = sorted({day + timedelta(days=off) for day in days for off in (-1, 0, 1)})
    rows = await reading.fetch(
        _SESSIONS, first["department_id"], first["service_kind"], around, patient.patient_id, pool_for(kind).value
    )
    (seen,) = await reading.fetch(LAST_SEEN, [patient.patient_id], [first["department_id"]])
    most = book.value(RuleCode.SERIES_VISITS_MAX, first["department_id"], first["service_kind"])
    holidays = {plan.day for plan in await day_plans(reading, days[0], days[-1]) if plan.is_holiday}
    today = day_of(await reading.fetch_value(NOW))
    last_day = today + timedelta(days=book.value(RuleCode.WINDOW_DAYS, first["department_id"], first["service_kind"]))
    search = _Search(first, rows, book, seen["seen_at"], holidays, last_day)
    return SeriesPlan(department=first["department"], visits_most=most, days=search.days(days))


class _Search:
    """Finding the visits of one course among the sessions around its days."""

    def __init__(
        self, first: Record, rows: Sequence[Record], book: RuleBook, seen_at: Any, holidays: set[date], last_day: date
    ) -> None:
        self._first, self._rows, self._book, self._seen_at = first, rows, book, seen_at
        self._holidays, self._last_day = holidays, last_day

    def days(self, days: Sequence[date]) -> list[SeriesDay]:
        wished = {day: self._first_free(row for row in self._rows if self._is_wished(row, day)) for day in days}
        taken = {(row["day"], row["period"]) for row in wished.values() if row is not None}
        found = []
        for day, row in wished.items():
            other = self._nearest(day, taken) if row is None else None
            if other is not None:
                taken.add((other["day"], other["period"]))
            found.append(
                SeriesDay(
                    day=day, visit=self._visit(row), instead=self._visit(other),
                    trouble=None if row is not None else self._trouble(day),
                )
            )  # fmt: skip
        return found

    def _is_wished(self, row: Record, day: date) -> bool:
        wished = (day, self._first["period"], self._first["staff_id"])
        return (row["day"], row["period"], row["staff_id"]) == wished

    def _is_bookable(self, row: Record) -> bool:
        active = row["status"] == ScheduleStatus.ACTIVE and row["released"] and not row["sought_after"]
        return bool(active and not row["claimed"] and row["places_left"])

    def _first_free(self, rows: Iterable[Record]) -> Record | None:
        return next((row for row in rows if self._is_bookable(row)), None)

    def _nearest(self, day: date, taken: set[tuple[date, str]]) -> Record | None:
        """That day before the days beside it, the same part of the day and the same doctor before others."""
        near = [
            row for row in self._rows
            if abs((row["day"] - day).days) <= 1 and (row["day"], row["period"]) not in taken and self._is_bookable(row)
        ]  # fmt: skip
        return min(near, key=lambda row: self._distance(row, day), default=None)

    def _distance(self, row: Record, day: date) -> tuple[Any, ...]:
        other_part, other_doctor = row["period"] != self._first["period"], row["staff_id"] != self._first["staff_id"]
        return abs((row["day"] - day).days), other_part, other_doctor, row["starts_at"]

    def _trouble(self, day: date) -> SeriesTrouble:
        mine = [row for row in self._rows if self._is_wished(row, day)]
        if not mine:
            if day in self._holidays:
                return SeriesTrouble.HOLIDAY
            return SeriesTrouble.NOT_RELEASED if day > self._last_day else SeriesTrouble.NO_CLINIC
        active = [row for row in mine if row["status"] == ScheduleStatus.ACTIVE]
        if not active:
            return SeriesTrouble.STOPPED
        if not any(row["released"] for row in active):
            return SeriesTrouble.NOT_RELEASED
        return SeriesTrouble.BOOKED if any(row["claimed"] for row in active) else SeriesTrouble.FULL

    def _visit(self, row: Record | None) -> PlannedVisit | None:
        if row is None:
            return None
        seen_at = self._seen_at if self._book.said_anywhere(RuleCode.REVISIT_DAYS) else None
        shown = {name: row[name] for name in PlannedVisit.model_fields.keys() - {"schedule_id", "fee_fen"}}
        return PlannedVisit(schedule_id=row["id"], fee_fen=fee_of(row, self._book, seen_at), **shown)


async def my_series(reading: Reading) -> Page[SeriesView]:
    """Courses of everybody the account may act for (我的疗程), the newest first."""
    if reading.ctx.actor.kind is not ActorKind.ACCOUNT:
        return Page(items=[])
    return Page(items=await _views(reading, await reading.fetch(_SERIES + _OF_ACCOUNT, reading.ctx.actor.id)))


async def series_of_patient(reading: Reading, patient_id: UUID) -> Page[SeriesView]:
    """A person's courses (疗程预约), as the desk sees them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    since = permitted.since or await reading.fetch_value("SELECT to_timestamp(0)")
    return Page(items=await _views(reading, await reading.fetch(_SERIES + _OF_PATIENT, permitted.patient_id, since)))


async def series(reading: Reading, series_id: UUID) -> SeriesView:
    """One course (疗程), if the actor may know its patient. Raises: NotFound."""
    (view,) = await _views(reading, [await permitted_series(reading, series_id)])
    return view


async def permitted_series(reading: Reading, series_id: UUID) -> Record:
    """A course's row with its names, only if the actor may know its patient; else NotFound."""
    return await _GUARDED.of(reading, series_id)


async def _views(reading: Reading, rows: Sequence[Record]) -> list[SeriesView]:
    await rule_book(reading)
    pairs = await reading.fetch(_VISITS, [row["id"] for row in rows])
    found = await reading.fetch(
        APPOINTMENT_SQL + " WHERE a.id = ANY($1::uuid[])", [pair["appointment_id"] for pair in pairs]
    )
    of = {pair["appointment_id"]: pair["series_id"] for pair in pairs}
    visits: dict[UUID, list[AppointmentView]] = {}
    for one in sorted(found, key=lambda row: row["starts_at"]):
        visits.setdefault(of[one["id"]], []).append(view_of(one))
    return [_view(row, visits.get(row["id"], [])) for row in rows]


def _view(row: Record, visits: list[AppointmentView]) -> SeriesView:
    return SeriesView(
        id=row["id"], department=row["department"], patient_name_masked=mask_name(row["patient_name"]),
        every_days=row["every_days"], wanted=row["wanted"], made_at=row["made_at"],
        left=sum(one.can_cancel for one in visits), visits=visits,
    )  # fmt: skip
