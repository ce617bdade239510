"""Services of the organization: campuses, departments, places."""

from uuid import UUID

from hospital_core.kernel.errors import FieldProblem, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of, pinyin_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.organization import queries
from hospital_core.registry.organization.commands import LocateCampus, SaveCampus, SaveDepartment, SaveLocation
from hospital_core.registry.organization.errors import PlaceOutOfOrder, StillInUse
from hospital_core.registry.organization.states import LocationKind
from hospital_core.registry.organization.views import CampusView, DepartmentView, LocationView

_SAVE_CAMPUS = """
INSERT INTO campus (id, code, name, address, radius_m) VALUES ($1, $2, $3, $4, 300)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, address = excluded.address RETURNING id"""

_LOCATE = "UPDATE campus SET latitude = $2, longitude = $3, radius_m = $4 WHERE id = $1"

_SAVE_DEPARTMENT = """
INSERT INTO department AS kept (id, version, campus_id, code, name, pinyin, initials, kind, intro,
                                number_only_on_screen, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (code) DO UPDATE SET campus_id = excluded.campus_id, name = excluded.name, pinyin = excluded.pinyin,
    initials = excluded.initials, kind = excluded.kind, intro = excluded.intro,
    number_only_on_screen = excluded.number_only_on_screen, active = excluded.active, version = kept.version + 1
WHERE $11::int IS NULL OR kept.version = $11 RETURNING id"""

_SAVE_LOCATION = """
INSERT INTO location AS kept (id, version, campus_id, department_id, parent_id, kind, code, name, floor, beds, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (code) DO UPDATE SET campus_id = excluded.campus_id, department_id = excluded.department_id,
    parent_id = excluded.parent_id, kind = excluded.kind, name = excluded.name, floor = excluded.floor,
    beds = excluded.beds, active = excluded.active, version = kept.version + 1
WHERE $11::int IS NULL OR kept.version = $11 RETURNING id"""

_IN_WAITING_AREAS = (LocationKind.ROOM, LocationKind.WINDOW)


async def save_campus(uow: UnitOfWork, command: SaveCampus) -> CampusView:
    """Create or change the campus of a code (院区)."""
    _check_text(name=command.name, address=command.address)
    campus_id = await uow.fetch_value(_SAVE_CAMPUS, new_id(), command.code, command.name, command.address)
    uow.audited("campus", campus_id)
    return await queries.campus(uow, campus_id)


async def locate_campus(uow: UnitOfWork, command: LocateCampus) -> CampusView:
    """Say where a campus is on the map (院区定位): phones within its radius may check in by place. Raises: NotFound."""
    await uow.execute(_LOCATE, command.campus_id, command.latitude, command.longitude, command.radius_m)
    uow.audited("campus", command.campus_id)
    return await queries.campus(uow, command.campus_id)


async def save_department(uow: UnitOfWork, command: SaveDepartment) -> DepartmentView:
    """Create or change the department of a code (科室).

    Raises: StateConflict (another ``version``), StillInUse when closed with open places, PlaceOutOfOrder when moved to
    another campus without them.
    """
    _check_text(name=command.name, intro=command.intro.replace("\n", ""))
    await _require_campus(uow, command.campus_id)
    department_id: UUID | None = await uow.fetch_value(
        _SAVE_DEPARTMENT, new_id(), command.campus_id, command.code, command.name, pinyin_of(command.name)[:200],
        initials_of(command.name)[:60], command.kind.value, command.intro, command.number_only_on_screen,
        command.active, command.version,
    )  # fmt: skip
    if department_id is None:
        raise StateConflict()
    uow.audited("department", department_id)
    places = await uow.fetch("SELECT campus_id FROM location WHERE department_id = $1 AND active", department_id)
    if places and not command.active:
        raise StillInUse()
    if any(place["campus_id"] != command.campus_id for place in places):
        raise PlaceOutOfOrder("科室仍有地点在原院区")
    return await queries.department(uow, department_id)


async def save_location(uow: UnitOfWork, command: SaveLocation) -> LocationView:
    """Create or change the place of a code (地点).

    Raises: FieldProblem, PlaceOutOfOrder, StateConflict (another ``version``), StillInUse when a waiting area is closed
    or turned into something else while it has open rooms.
    """
    _check_text(name=command.name, floor=command.floor)
    await _check_place(uow, command)
    location_id: UUID | None = await uow.fetch_value(
        _SAVE_LOCATION, new_id(), command.campus_id, command.department_id, command.parent_id, command.kind.value,
        command.code, command.name, command.floor, command.beds, command.active, command.version,
    )  # fmt: skip
    if location_id is None:
        raise StateConflict()
    uow.audited("location", location_id)
    stays = command.active and command.kind is LocationKind.WAITING_AREA
    if not stays and await uow.fetch_value("SELECT 1 FROM location WHERE parent_id = $1 AND active", location_id):
        raise StillInUse()
    return await queries.location(uow, location_id)


async def _check_place(uow: UnitOfWork, command: SaveLocation) -> None:
    await _require_campus(uow, command.campus_id)
    if command.beds and command.kind is not LocationKind.WARD:
        raise FieldProblem("/beds", "只有病区才有床位")
    if command.department_id is not None:
        department = await uow.fetch_row(
            "SELECT campus_id, active FROM department WHERE id = $1 FOR SHARE", command.department_id
        )
        if department is None:
            raise FieldProblem("/department_id", "科室不存在")
        if department["campus_id"] != command.campus_id:
            raise PlaceOutOfOrder("该科室不在所选院区")
        if command.active and not department["active"]:
            raise PlaceOutOfOrder("该科室已停用")
    if command.parent_id is not None:
        await _check_waiting_area(uow, command)


async def _check_waiting_area(uow: UnitOfWork, command: SaveLocation) -> None:
    # Only rooms and windows stand under a waiting area, so places never form a ring.
    if command.kind not in _IN_WAITING_AREAS:
        raise FieldProblem("/parent_id", "只有诊室和窗口可以隶属于候诊区")
    area = await uow.fetch_row(
        "SELECT kind, campus_id, active FROM location WHERE id = $1 FOR SHARE", command.parent_id
    )
    if area is None or area["kind"] != LocationKind.WAITING_AREA:
        raise FieldProblem("/parent_id", "候诊区不存在")
    if area["campus_id"] != command.campus_id:
        raise PlaceOutOfOrder("该候诊区不在所选院区")
    if command.active and not area["active"]:
        raise PlaceOutOfOrder("该候诊区已停用")


async def _require_campus(uow: UnitOfWork, campus_id: UUID) -> None:
    if await uow.fetch_value("SELECT 1 FROM campus WHERE id = $1", campus_id) is None:
        raise FieldProblem("/campus_id", "院区不存在")


def _check_text(**texts: str) -> None:
    for name, text in texts.items():
        if not text.isprintable():
            raise FieldProblem(f"/{name}", "不能包含控制字符")
