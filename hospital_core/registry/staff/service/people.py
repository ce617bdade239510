"""Staff members themselves."""

from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of, pinyin_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.organization.queries import department
from hospital_core.registry.staff.commands import HireStaff
from hospital_core.registry.staff.permissions import Permission, require
from hospital_core.registry.staff.queries import staff_member
from hospital_core.registry.staff.views import StaffView

_INSERT = """
INSERT INTO staff_member (id, version, staff_no, name, pinyin, initials, title, profession, department_id, specialty,
                          introduction, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, '', true)"""


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
