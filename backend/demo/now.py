"""What an outside program needs to know of the running demo (演示现状): who sits where now, and whose card to read."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from backend.demo.accounts import ROLES
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.patients.sealing import IDENTIFIER_COLUMN
from hospital_core.registry.patients.states import DocumentKind

PREFERRED_DEPARTMENT = "BJ-BM"  # 24小时便民门诊, open at every hour
_VISIT_TAKES = timedelta(minutes=12)
_BEGINS_WITHIN = timedelta(minutes=45)
_NEAR = timedelta(hours=2)
_PLACES_NEAR = 15  # 45 minutes of the all-day clinic: before they run out, the next shift is the one of now


class Rows(Protocol):
    """A ``Reading``, a ``UnitOfWork``: anything that can be asked."""

    async def fetch(self, sql: str, *arguments: Any) -> Any: ...

    async def fetch_row(self, sql: str, *arguments: Any) -> Any: ...


@dataclass(frozen=True)
class DemoNow:
    """A session that can be visited now (当前出诊): the doctor's log-in, his room, its waiting area and the lobby."""

    staff_login: str
    staff_id: UUID
    staff_name: str
    schedule_id: UUID
    department_id: UUID
    department_name: str
    room_id: UUID
    room_name: str
    area_id: UUID
    area_name: str
    lobby_id: UUID
    campus_name: str
    starts_at: datetime
    ends_at: datetime
    fee_fen: int


@dataclass(frozen=True)
class DemoPerson:
    """A person whose card the simulated reader can show (演示就诊人)."""

    patient_id: UUID
    patient_no: str
    name: str
    sex: str
    birth_date: date
    document_kind: str
    document_no: str = field(repr=False)


# Sessions with places near at hand come first, so that many visitors at once find one, near the end of a shift in the
# next; then those with time left, the all-day clinic, those that have begun already.
_SESSION = """
SELECT a.login AS staff_login, s.id AS staff_id, s.name AS staff_name, c.id AS schedule_id,
       d.id AS department_id, d.name AS department_name, r.id AS room_id, r.name AS room_name,
       w.id AS area_id, w.name AS area_name, l.id AS lobby_id, p.name AS campus_name,
       c.starts_at, c.ends_at, c.fee_fen
FROM schedule c
JOIN staff_member s ON s.id = c.staff_id
JOIN staff_account a ON a.staff_id = s.id AND a.active AND a.roles @> ARRAY[$4::text]
JOIN department d ON d.id = c.department_id
JOIN campus p ON p.id = d.campus_id
JOIN location r ON r.id = c.room_id
JOIN location w ON w.id = r.parent_id
JOIN location l ON l.campus_id = p.id AND l.kind = 'lobby'
WHERE c.status = 'active' AND c.service_kind <> 'online' AND c.ends_at > $1 AND c.starts_at <= $1 + $5::interval
ORDER BY (SELECT count(*) FROM slot n WHERE n.schedule_id = c.id AND n.status = 'free' AND n.starts_at > $1
                    AND n.starts_at <= $1 + $6::interval AND (n.pool = 'public' OR n.pool_until <= $1)) >= $7 DESC,
         c.ends_at > $1 + $2::interval DESC, d.code = $3 DESC, c.starts_at <= $1 DESC, c.service_kind = 'general' DESC,
         c.starts_at, r.code
LIMIT 1"""

_PEOPLE = """
SELECT p.id, p.patient_no, p.name, p.sex, p.birth_date, i.kind, i.value_sealed
FROM patient p JOIN patient_identifier i ON i.patient_id = p.id AND i.status = 'active' AND i.kind = $1
WHERE p.birth_date BETWEEN $2::date - interval '75 years' AND $2::date - interval '20 years'
  AND substr(p.id::text, 15, 1) = '5'
ORDER BY p.patient_no LIMIT $3"""


# 1 kind, 2 blind index of the number
_PERSON = """
SELECT p.id, p.patient_no, p.name, p.sex, p.birth_date, i.kind, i.value_sealed
FROM patient p JOIN patient_identifier i ON i.patient_id = p.id AND i.status = 'active'
WHERE i.kind = $1 AND i.value_index = $2"""


async def current_session(reading: Rows, at: datetime) -> DemoNow | None:
    """The session that a visit beginning `at` should take (当前可就诊的出诊单元), the 24-hour clinic if it can be.

    Near the end of a shift it is the next one in the same clinic. None only when the timetable is missing.
    """
    row = await reading.fetch_row(
        _SESSION, at, _VISIT_TAKES, PREFERRED_DEPARTMENT, ROLES["doctor"].value, _BEGINS_WITHIN, _NEAR, _PLACES_NEAR
    )
    return DemoNow(**dict(row)) if row is not None else None


async def demo_people(reading: Rows, keyring: KeyRing, *, at: datetime, count: int = 200) -> list[DemoPerson]:
    """Adults of the demo with the numbers of their cards (演示身份证), for the simulated card reader and the phones."""
    rows = await reading.fetch(_PEOPLE, DocumentKind.NATIONAL_ID.value, at.date(), count)
    return [_person(row, keyring) for row in rows]


async def demo_person(reading: Rows, keyring: KeyRing, document_no: str) -> DemoPerson | None:
    """Whose identity number this is (按证件查找), None when there is no such file yet."""
    index = keyring.index(document_no, IDENTIFIER_COLUMN)
    row = await reading.fetch_row(_PERSON, DocumentKind.NATIONAL_ID.value, index)
    return None if row is None else _person(row, keyring)


def _person(row: Any, keyring: KeyRing) -> DemoPerson:
    return DemoPerson(
        patient_id=row["id"],
        patient_no=row["patient_no"],
        name=row["name"],
        sex=row["sex"],
        birth_date=row["birth_date"],
        document_kind=row["kind"],
        document_no=keyring.open(row["value_sealed"], IDENTIFIER_COLUMN),
    )
