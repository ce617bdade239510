"""Staff members themselves: who they are, what patients read of them, their portrait."""

from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of, pinyin_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.organization.queries import department
from hospital_core.registry.staff.commands import HireStaff, IntroduceStaff, KeepPortrait, RemovePortrait
from hospital_core.registry.staff.permissions import Permission, require
from hospital_core.registry.staff.queries import staff_member
from hospital_core.registry.staff.views import StaffView

_INSERT = """
INSERT INTO staff_member (id, version, staff_no, name, pinyin, initials, title, profession, department_id, specialty,
                          introduction, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, '', true)"""

_INTRODUCE = """
UPDATE staff_member SET title = $2, specialty = $3, introduction = $4, version = version + 1
WHERE id = $1 AND ($5::int IS NULL OR version = $5)"""

_KEEP_PORTRAIT = """
INSERT INTO staff_photo (id, staff_id, media_type, content, digest, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (staff_id) DO UPDATE SET media_type = excluded.media_type, content = excluded.content,
    digest = excluded.digest, changed_at = excluded.changed_at"""


async def hire_staff(uow: UnitOfWork, command: HireStaff) -> StaffView:
    """Enter a staff member (职工入职).

    Raises: Forbidden, NotFound (no such department), StaffNoTaken.
    """
    require(uow.ctx, Permission.STAFF_MANAGE)
    await department(uow, command.department_id)
    staff_id = new_id()
    await uow.execute(
        _INSERT, staff_id, command.staff_no, command.name, pinyin_of(command.name, is_person=True)[:200],
        initials_of(command.name, is_person=True)[:60], command.title, command.profession.value,
        command.department_id, command.specialty,
    )  # fmt: skip
    uow.audited("staff_member", staff_id)
    return await staff_member(uow, staff_id)


async def introduce_staff(uow: UnitOfWork, command: IntroduceStaff) -> StaffView:
    """Say what a staff member is good at and who they are (擅长与简介). Raises: Forbidden, NotFound, StateConflict."""
    require(uow.ctx, Permission.STAFF_MANAGE)
    await staff_member(uow, command.staff_id)
    changed = await uow.execute(
        _INTRODUCE, command.staff_id, command.title, command.specialty, command.introduction, command.version
    )
    if not changed:
        raise StateConflict()
    uow.audited("staff_member", command.staff_id)
    return await staff_member(uow, command.staff_id)


async def keep_portrait(uow: UnitOfWork, command: KeepPortrait) -> StaffView:
    """Put a portrait in the place of the one before (上传照片). Raises: Forbidden, NotFound."""
    require(uow.ctx, Permission.STAFF_MANAGE)
    await staff_member(uow, command.staff_id)
    await uow.execute(
        _KEEP_PORTRAIT, new_id(), command.staff_id, command.media_type, command.content, command.digest, uow.now
    )
    uow.audited("staff_member", command.staff_id)
    return await staff_member(uow, command.staff_id)


async def remove_portrait(uow: UnitOfWork, command: RemovePortrait) -> Done:
    """Take a portrait away (移除照片); the drawn one is shown again. Raises: Forbidden, NotFound (there is none)."""
    require(uow.ctx, Permission.STAFF_MANAGE)
    if not await uow.execute("DELETE FROM staff_photo WHERE staff_id = $1", command.staff_id):
        raise NotFound()
    uow.audited("staff_member", command.staff_id)
    return Done()
