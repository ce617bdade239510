"""Reads of the organization; where things are is no secret."""

from uuid import UUID

from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.organization.states import DepartmentKind, LocationKind
from hospital_core.registry.organization.views import CampusView, DepartmentView, LocationView

_CAMPUS = "SELECT id, code, name, address, latitude, longitude, radius_m FROM campus"

_DEPARTMENTS = """
SELECT d.id, d.campus_id, c.name AS campus, d.code, d.name, d.kind, d.intro, d.number_only_on_screen, d.active,
       d.version
FROM department d JOIN campus c ON c.id = d.campus_id"""

_LOCATIONS = """
SELECT l.id, l.campus_id, c.name AS campus, l.department_id, d.name AS department, l.parent_id, l.kind, l.code, l.name,
       l.floor, l.beds, l.active, l.version
FROM location l JOIN campus c ON c.id = l.campus_id LEFT JOIN department d ON d.id = l.department_id"""


async def campuses(reading: Reading) -> list[CampusView]:
    """All campuses (院区) by code."""
    rows = await reading.fetch(_CAMPUS + " ORDER BY code")
    return [CampusView(**dict(row)) for row in rows]


async def campus(reading: Reading, campus_id: UUID) -> CampusView:
    """One campus (院区). Raises: NotFound."""
    row = await reading.fetch_row(_CAMPUS + " WHERE id = $1", campus_id)
    if row is None:
        raise NotFound()
    return CampusView(**dict(row))


async def department(reading: Reading, department_id: UUID) -> DepartmentView:
    """One department (科室), closed ones too. Raises: NotFound."""
    row = await reading.fetch_row(f"{_DEPARTMENTS} WHERE d.id = $1", department_id)
    if row is None:
        raise NotFound()
    return DepartmentView(**dict(row))


async def departments(
    reading: Reading, kind: DepartmentKind | None = None, *, with_closed: bool = False
) -> list[DepartmentView]:
    """Departments (科室) by code, of one kind when it is given."""
    rows = await reading.fetch(
        f"{_DEPARTMENTS} WHERE ($1::text IS NULL OR d.kind = $1) AND (d.active OR $2) ORDER BY d.code",
        kind, with_closed,
    )  # fmt: skip
    return [DepartmentView(**dict(row)) for row in rows]


async def location(reading: Reading, location_id: UUID) -> LocationView:
    """One place (地点), closed ones too. Raises: NotFound."""
    row = await reading.fetch_row(f"{_LOCATIONS} WHERE l.id = $1", location_id)
    if row is None:
        raise NotFound()
    return LocationView(**dict(row))


async def locations(
    reading: Reading,
    kind: LocationKind | None = None,
    department_id: UUID | None = None,
    *,
    parent_id: UUID | None = None,
    with_closed: bool = False,
) -> list[LocationView]:
    """Places (地点) by code: of a kind, of a department, under a waiting area."""
    rows = await reading.fetch(
        f"{_LOCATIONS} WHERE ($1::text IS NULL OR l.kind = $1) AND ($2::uuid IS NULL OR l.department_id = $2)"
        " AND ($3::uuid IS NULL OR l.parent_id = $3) AND (l.active OR $4) ORDER BY l.code",
        kind, department_id, parent_id, with_closed,
    )  # fmt: skip
    return [LocationView(**dict(row)) for row in rows]
