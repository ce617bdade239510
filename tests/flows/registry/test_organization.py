"""Campuses, departments and places, and what must fit together."""

import asyncio

import pytest
from pydantic import ValidationError

from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.organization import queries
from hospital_core.registry.organization.commands import SaveCampus, SaveDepartment, SaveLocation
from hospital_core.registry.organization.errors import PlaceOutOfOrder, StillInUse
from hospital_core.registry.organization.service import save_campus, save_department, save_location
from hospital_core.registry.organization.states import DepartmentKind, LocationKind
from hospital_core.registry.organization.views import DepartmentView
from tests.fixtures.registry import make_campus, make_department, make_location, reading, unique

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()


def _room(department: DepartmentView, **changes: object) -> SaveLocation:
    fields = {
        "campus_id": department.campus_id, "department_id": department.id, "kind": LocationKind.ROOM,
        "code": unique("R"), "name": "1诊室",
    }  # fmt: skip
    return SaveLocation.model_validate(fields | changes)


def _department(view: DepartmentView, **changes: object) -> SaveDepartment:
    fields = {"campus_id": view.campus_id, "code": view.code, "name": view.name, "kind": view.kind}
    return SaveDepartment.model_validate(fields | changes)


async def test_given_a_department_then_it_is_found_alone_and_by_kind() -> None:
    made = await make_department(name="重症医学科", kind=DepartmentKind.WARD)
    assert await queries.department(reading(), made.id) == made
    assert made in await queries.departments(reading(), DepartmentKind.WARD)
    assert made not in await queries.departments(reading(), DepartmentKind.PHARMACY)
    row = await reading().fetch_row("SELECT pinyin, initials FROM department WHERE id = $1", made.id)
    assert row is not None
    assert (row["pinyin"], row["initials"]) == ("zhong zheng yi xue ke", "zzyxk")


async def test_given_the_same_code_again_then_the_row_is_changed_and_an_old_version_refused() -> None:
    made = await make_department()
    changed = await run(SYSTEM, save_department, _department(made, name="心内科", version=made.version))
    assert (changed.id, changed.name, changed.version) == (made.id, "心内科", made.version + 1)
    with pytest.raises(StateConflict):
        await run(SYSTEM, save_department, _department(made, version=made.version))
    campus = SaveCampus(code=unique("C"), name="东院")
    twins = await asyncio.gather(*(run(SYSTEM, save_campus, campus) for _ in range(5)))
    assert len({twin.id for twin in twins}) == 1


async def test_given_rooms_of_a_waiting_area_then_they_are_found_under_it() -> None:
    department = await make_department()
    area = await make_location(department=department)
    room = await run(SYSTEM, save_location, _room(department, parent_id=area.id))
    assert await queries.locations(reading(), LocationKind.ROOM, department.id) == [room]
    assert await queries.locations(reading(), parent_id=area.id) == [room]
    assert await queries.location(reading(), area.id) == area
    assert room.department == department.name


async def test_given_places_that_do_not_belong_together_then_they_are_refused() -> None:
    department, elsewhere = await make_department(), await make_department()
    area, foreign = await make_location(department=department), await make_location(department=elsewhere)
    room = await run(SYSTEM, save_location, _room(department, parent_id=area.id))
    for command, error in (
        (_room(department, campus_id=elsewhere.campus_id), PlaceOutOfOrder),
        (_room(department, parent_id=foreign.id), PlaceOutOfOrder),
        (_room(department, parent_id=room.id), FieldProblem),
        (_room(department, parent_id=new_id()), FieldProblem),
        (_room(department, kind=LocationKind.LOBBY, parent_id=area.id), FieldProblem),
        (_room(department, beds=3), FieldProblem),
        (_room(department, department_id=new_id()), FieldProblem),
        (_room(department, campus_id=new_id(), department_id=None), FieldProblem),
        (_room(department, name="门\u200b\x07"), FieldProblem),
    ):
        with pytest.raises(error):
            await run(SYSTEM, save_location, command)
    assert await queries.locations(reading(), LocationKind.ROOM, department.id) == [room]


async def test_given_open_places_then_their_department_and_area_stay_open() -> None:
    department = await make_department()
    area = await make_location(department=department)
    room = await run(SYSTEM, save_location, _room(department, parent_id=area.id))
    close_area = _room(department, code=area.code, name=area.name, kind=LocationKind.WAITING_AREA, active=False)
    with pytest.raises(StillInUse):
        await run(SYSTEM, save_department, _department(department, active=False))
    with pytest.raises(StillInUse):
        await run(SYSTEM, save_location, close_area)
    other = await make_campus()
    with pytest.raises(PlaceOutOfOrder):
        await run(SYSTEM, save_department, _department(department, campus_id=other.id))
    await run(SYSTEM, save_location, _room(department, code=room.code, parent_id=area.id, active=False))
    await run(SYSTEM, save_location, close_area)
    closed = await run(SYSTEM, save_department, _department(department, active=False))
    assert closed not in await queries.departments(reading())
    assert closed in await queries.departments(reading(), with_closed=True)
    with pytest.raises(PlaceOutOfOrder):
        await run(SYSTEM, save_location, _room(department))


async def test_given_nothing_there_then_it_is_not_found_and_bad_codes_never_arrive() -> None:
    for query in (queries.department, queries.location, queries.campus):
        with pytest.raises(NotFound):
            await query(reading(), new_id())
    with pytest.raises(ValidationError):
        SaveCampus(code="东 院", name="东院")
