"""Finding a department or doctor by what patients call them (检索), each with its next free time.

Names and words are few and change rarely: each process keeps them ready for a few seconds and compares in memory, so a
letter typed into a search box costs the database one statement, about the free times of what was found.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.matching import Entry, Match, Term, folded, ranked, term, typed
from hospital_core.access.scheduling.queries import NOW
from hospital_core.access.scheduling.search_views import DepartmentHit, DoctorHit, NextFree, SearchView
from hospital_core.access.scheduling.statements import is_chosen_online, is_for_line, is_free, is_open_to, is_waited_for
from hospital_core.access.scheduling.states import FoundBy, Pool
from hospital_core.kernel.reading import Reading

FRESH_S = 3.0
_DEPARTMENTS_MAX, _DOCTORS_MAX = 10, 20

_DEPARTMENTS = """
SELECT d.id, d.name, d.pinyin, d.initials, d.intro, d.kind, c.name AS campus
FROM department d JOIN campus c ON c.id = d.campus_id
WHERE d.active AND d.kind IN ('outpatient', 'emergency') ORDER BY d.code"""

_DOCTORS = """
SELECT m.id, m.name, m.pinyin, m.initials, m.title, m.specialty, m.department_id, d.name AS department,
       c.name AS campus, left(photo.digest, 12) AS photo_version
FROM staff_member m JOIN department d ON d.id = m.department_id JOIN campus c ON c.id = d.campus_id
LEFT JOIN staff_photo photo ON photo.staff_id = m.id
WHERE m.active AND m.profession = 'doctor' AND d.active AND d.kind IN ('outpatient', 'emergency')
ORDER BY m.staff_no"""

_WORDS = "SELECT word, pinyin, initials, kind, department_id, staff_id, weight FROM search_word"

# What patients can book of one department or doctor. 1 ids, 2 pool, 3 now
_BOOKABLE = f"""s.status = 'active' AND s.released_at <= $3 AND {is_chosen_online("s")}
    AND s.starts_at > $3 - interval '1 day' AND s.ends_at > $3"""
_PLACE = f"""CROSS JOIN LATERAL (
    SELECT slot.starts_at FROM slot
    WHERE slot.schedule_id = s.id AND slot.starts_at > $3 AND {is_free("slot", "$3")}
      AND {is_open_to("slot", "$2", "$3")} AND NOT ({is_for_line("slot", "$3")} AND {is_waited_for("s", "$3")})
    ORDER BY slot.number LIMIT 1) AS place"""

# The first session with a place ends the search for it; another that begins no later may have an earlier place.
_NEXT_FREE = f"""
SELECT wanted.id, next.* FROM unnest($1::uuid[]) AS wanted(id)
CROSS JOIN LATERAL (
    SELECT place.starts_at FROM schedule s {_PLACE}
    WHERE s.{{owner}} = wanted.id AND {_BOOKABLE} ORDER BY s.starts_at LIMIT 1) AS first
CROSS JOIN LATERAL (
    SELECT s.id AS schedule_id, s.department_id, place.starts_at, s.service_kind, s.fee_fen FROM schedule s {_PLACE}
    WHERE s.{{owner}} = wanted.id AND {_BOOKABLE} AND s.starts_at <= first.starts_at
    ORDER BY place.starts_at, s.fee_fen, s.id LIMIT 1) AS next"""
_OF_DEPARTMENTS = _NEXT_FREE.format(owner="department_id")
_OF_DOCTORS = _NEXT_FREE.format(owner="staff_id")


@dataclass(frozen=True)
class Directory:
    """Everybody who can be found (检索目录)."""

    departments: Sequence[Entry[Any]]
    doctors: Sequence[Entry[Any]]


_kept: tuple[float, Directory] | None = None


async def search(reading: Reading, q: str, pool: Pool = Pool.MINIAPP) -> SearchView:
    """Departments and doctors by name, pinyin, alias, skill, disease or symptom (检索), with their next free time.

    Shapes: at most 10 departments and 20 doctors. Nothing typed, nothing found.
    """
    known, sought = await directory(reading), typed(q)
    departments = ranked(known.departments, sought, _DEPARTMENTS_MAX)
    doctors = ranked(known.doctors, sought, _DOCTORS_MAX)
    places = await next_free_of_departments(reading, (match.subject["id"] for match in departments), pool)
    times = await next_free_of_doctors(reading, (match.subject["id"] for match in doctors), pool)
    return SearchView(
        departments=[_department(match, places.get(match.subject["id"])) for match in departments],
        doctors=[_doctor(match, times.get(match.subject["id"])) for match in doctors],
    )


async def next_free_of_departments(
    reading: Reading, department_ids: Iterable[UUID], pool: Pool = Pool.MINIAPP
) -> dict[UUID, NextFree]:
    """The earliest place of each department that a channel can book now (科室最近可约)."""
    return await _next_free(reading, _OF_DEPARTMENTS, list(department_ids), pool)


async def next_free_of_doctors(
    reading: Reading, staff_ids: Iterable[UUID], pool: Pool = Pool.MINIAPP
) -> dict[UUID, NextFree]:
    """The earliest place of each doctor that a channel can book now (医生最近可约)."""
    return await _next_free(reading, _OF_DOCTORS, list(staff_ids), pool)


async def _next_free(reading: Reading, sql: str, ids: list[UUID], pool: Pool) -> dict[UUID, NextFree]:
    if not ids:
        return {}
    rows = await reading.fetch(sql, ids, pool.value, await reading.fetch_value(NOW))
    return {row["id"]: NextFree(**{name: row[name] for name in NextFree.model_fields}) for row in rows}


async def directory(reading: Reading) -> Directory:
    """Names and words as they stood a few seconds ago at most."""
    global _kept
    now = time.monotonic()
    if _kept is not None and now - _kept[0] < FRESH_S:
        return _kept[1]
    known = await read_directory(reading)
    _kept = (now, known)
    return known


def forget_directory() -> None:
    """Read names and words anew at the next search: after changing one, and between tests."""
    global _kept
    _kept = None


async def read_directory(reading: Reading) -> Directory:
    """Names and words as this reader sees them."""
    of_department: dict[UUID, list[Term]] = {}
    of_doctor: dict[UUID, list[Term]] = {}
    for row in await reading.fetch(_WORDS):
        one = term(row["word"], row["pinyin"], row["initials"], FoundBy(row["kind"]), row["weight"])
        if row["staff_id"] is None:
            of_department.setdefault(row["department_id"], []).append(one)
        else:
            of_doctor.setdefault(row["staff_id"], []).append(one)
    departments, doctors = await reading.fetch(_DEPARTMENTS), await reading.fetch(_DOCTORS)
    return Directory(
        [Entry(row, [_name(row), *of_department.get(row["id"], [])]) for row in departments],
        [
            Entry(
                row, [_name(row), *of_doctor.get(row["id"], [])], "、".join(map(folded, row["specialty"].split("、")))
            )
            for row in doctors
        ],
    )


def _name(row: Any) -> Term:
    return term(row["name"], row["pinyin"], row["initials"], FoundBy.NAME)


def _department(match: Match[Any], free: NextFree | None) -> DepartmentHit:
    row = match.subject
    return DepartmentHit(
        department_id=row["id"], name=row["name"], campus=row["campus"], intro=row["intro"],
        is_emergency=row["kind"] == "emergency", found_by=match.found_by, matched=match.shown, next_free=free,
    )  # fmt: skip


def _doctor(match: Match[Any], free: NextFree | None) -> DoctorHit:
    row = match.subject
    shown = ("name", "title", "specialty", "department_id", "department", "campus", "photo_version")
    return DoctorHit(
        staff_id=row["id"], found_by=match.found_by, matched=match.shown, next_free=free,
        **{name: row[name] for name in shown},
    )  # fmt: skip
