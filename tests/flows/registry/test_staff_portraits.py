"""Portraits and introductions of staff: who may change them, and what the database itself refuses."""

import asyncpg
import pytest

from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.commands import IntroduceStaff, KeepPortrait, RemovePortrait
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.portraits import UPLOAD_MAX, Portrait
from hospital_core.registry.staff.queries import portrait, staff_member
from hospital_core.registry.staff.service import introduce_staff, keep_portrait, remove_portrait
from hospital_core.registry.staff.states import Profession
from tests.fixtures.finance import rows, value
from tests.fixtures.registry import make_staff, reading, staff_context

pytestmark = pytest.mark.usefixtures("core")

OFFICE = staff_context(Permission.STAFF_MANAGE)
PICTURE = Portrait.of("image/jpeg", b"not looked at here")


def _keep(staff_id: object, picture: Portrait = PICTURE) -> KeepPortrait:
    return KeepPortrait.model_validate(
        {"staff_id": staff_id, "media_type": picture.media_type, "content": picture.content, "digest": picture.digest}
    )


async def test_given_two_photos_then_the_later_one_stands_and_its_version_says_so() -> None:
    doctor = await make_staff(name="欧阳明")
    assert (await portrait(reading(), doctor)).media_type == "image/svg+xml"
    first = await run(OFFICE, keep_portrait, _keep(doctor))
    later = Portrait.of("image/jpeg", b"another")
    second = await run(OFFICE, keep_portrait, _keep(doctor, later))
    assert first.photo_version != second.photo_version == later.digest[:12]
    assert await portrait(reading(), doctor) == later
    assert await value("SELECT count(*) FROM staff_photo WHERE staff_id = $1", doctor) == 1
    await run(OFFICE, remove_portrait, RemovePortrait(staff_id=doctor))
    assert (await staff_member(reading(), doctor)).photo_version is None
    with pytest.raises(NotFound):
        await run(OFFICE, remove_portrait, RemovePortrait(staff_id=doctor))


async def test_given_a_nurse_or_somebody_who_left_then_only_colleagues_see_them() -> None:
    nurse, gone = await make_staff(profession=Profession.NURSE), await make_staff()
    await rows("UPDATE staff_member SET active = false WHERE id = $1 RETURNING id", gone)
    for staff_id in (nurse, gone):
        assert (await portrait(reading(), staff_id, for_colleagues=True)).media_type == "image/svg+xml"
        with pytest.raises(NotFound):
            await portrait(reading(), staff_id)


@pytest.mark.parametrize("ctx", [staff_context(Permission.STAFF_READ), staff_context()], ids=["may read", "nobody"])
async def test_given_no_right_to_manage_staff_then_nothing_changes(ctx: Context) -> None:
    doctor = await make_staff()
    said = IntroduceStaff(staff_id=doctor, title="院士", specialty="", introduction="")
    for service, command in (
        (introduce_staff, said),
        (keep_portrait, _keep(doctor)),
        (remove_portrait, RemovePortrait(staff_id=doctor)),
    ):
        with pytest.raises(Forbidden):
            await run(ctx, service, command)  # type: ignore[arg-type]


async def test_given_two_editors_then_the_second_sees_that_it_changed() -> None:
    doctor = await make_staff()
    said = IntroduceStaff(staff_id=doctor, title="主任医师", specialty="冠心病", introduction="从医二十年。", version=0)
    assert (await run(OFFICE, introduce_staff, said)).introduction == "从医二十年。"
    with pytest.raises(StateConflict):
        await run(OFFICE, introduce_staff, said)
    with pytest.raises(NotFound):
        await run(OFFICE, introduce_staff, said.model_copy(update={"staff_id": new_id()}))


@pytest.mark.parametrize(
    ("media_type", "size", "constraint"),
    [
        ("image/svg+xml", 10, "staff_photo_is_image"),
        ("text/html", 10, "staff_photo_is_image"),
        ("image/jpeg", 0, "staff_photo_small"),
        ("image/jpeg", UPLOAD_MAX + 1, "staff_photo_small"),
    ],
)
async def test_given_code_that_forgot_to_look_then_the_database_keeps_small_pictures_only(
    media_type: str, size: int, constraint: str
) -> None:
    doctor = await make_staff()
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await run(system_context(), keep_portrait, _keep(doctor, Portrait.of(media_type, b"x" * size)))
    assert refused.value.constraint_name == constraint


async def test_given_a_second_row_then_the_database_keeps_one_portrait_each() -> None:
    doctor = await make_staff()
    await run(OFFICE, keep_portrait, _keep(doctor))
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await rows(
            "INSERT INTO staff_photo (id, staff_id, media_type, content, digest, changed_at) "
            "SELECT $2, staff_id, media_type, content, digest, changed_at FROM staff_photo WHERE staff_id = $1 "
            "RETURNING id",
            doctor, new_id(),
        )  # fmt: skip
    assert refused.value.constraint_name == "staff_photo_once"
