"""Opening an empty hospital (开院): the first campus, department and three separated administrators.

Everything after that is done by them at the console. Refuses when anybody has an account already.
"""

import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

from backend.cli.console import core_connected
from backend.settings import Settings
from hospital_core.kernel.context import system_context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.organization.commands import SaveCampus, SaveDepartment
from hospital_core.registry.organization.service import save_campus, save_department
from hospital_core.registry.organization.states import DepartmentKind
from hospital_core.registry.staff.commands import HireStaff, OpenStaffAccount
from hospital_core.registry.staff.log_in import open_staff_account
from hospital_core.registry.staff.service import hire_staff
from hospital_core.registry.staff.states import Profession, StaffRole

_ADMINISTRATORS = {
    StaffRole.SYSTEM_ADMIN: ("sysadmin", "系统管理员"),
    StaffRole.SECURITY_ADMIN: ("secadmin", "安全管理员"),
    StaffRole.AUDIT_ADMIN: ("auditor", "审计管理员"),
}


@dataclass(frozen=True)
class Opened:
    """One administrator's first log-in, shown once."""

    role: str
    login: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


async def open_house(settings: Settings) -> list[Opened]:
    """Make the first rows. Raises LookupError when the hospital is open already."""
    ctx = system_context()
    async with core_connected(settings):
        if await Reading(ctx).fetch_value("SELECT EXISTS (SELECT 1 FROM staff_account)"):
            raise LookupError("This hospital is open already: somebody has an account.")
        campus = await run(ctx, save_campus, SaveCampus(code="HQ", name="本部"))
        department = await run(
            ctx,
            save_department,
            SaveDepartment(campus_id=campus.id, code="IT", name="信息科", kind=DepartmentKind.ADMINISTRATION),
        )
        opened = []
        for number, (role, (login, name)) in enumerate(_ADMINISTRATORS.items(), 1):
            hired = HireStaff(
                staff_no=f"ADM{number:03d}",
                name=name,
                profession=Profession.ADMINISTRATIVE,
                department_id=department.id,
            )
            staff = await run(ctx, hire_staff, hired)
            password = secrets.token_urlsafe(15)
            command = OpenStaffAccount(staff_id=staff.id, login=login, password=SecretStr(password), roles=[role])
            account = await open_staff_account(ctx, command)
            assert account.totp is not None, "administrators have a second factor"
            opened.append(Opened(role.value, login, password, account.totp.secret))
        return opened
