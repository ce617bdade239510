"""Commands about staff."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from hospital_core.kernel.commands import Command
from hospital_core.registry.staff.states import Profession, StaffRole

# Logins are kept in lower case: nobody should be two people by the shift key.
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]{2,39}$", to_lower=True)]
# What is typed at log-in is not judged: a strange login is as wrong as an unknown one.
TypedLogin = Annotated[str, StringConstraints(min_length=1, max_length=80, to_lower=True)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=128)]
Roles = Annotated[list[StaffRole], Field(max_length=len(StaffRole))]


class HireStaff(Command):
    """Enter a staff member (职工入职)."""

    staff_no: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,20}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    title: Annotated[str, StringConstraints(max_length=40)] = ""
    profession: Profession
    department_id: UUID
    specialty: Annotated[str, StringConstraints(max_length=400)] = ""


class IntroduceStaff(Command):
    """Say what a staff member is good at and who they are (擅长与简介), as patients read it."""

    staff_id: UUID
    title: Annotated[str, StringConstraints(max_length=40)]
    specialty: Annotated[str, StringConstraints(max_length=400)]
    introduction: Annotated[str, StringConstraints(max_length=2000)]
    version: int | None = None


class KeepPortrait(Command):
    """A portrait re-encoded by ``portraits.portrait_of`` (照片); made from the uploaded bytes by the route only."""

    staff_id: UUID
    media_type: str
    content: bytes = Field(repr=False)
    digest: str


class RemovePortrait(Command):
    """Take a portrait away (移除照片)."""

    staff_id: UUID


class OpenStaffAccount(Command):
    """Give a staff member a log-in (开通账号). Roles other than none need the right to assign roles."""

    staff_id: UUID
    login: Login
    password: Password
    roles: Roles = []


class OpenHashedAccount(Command):
    """``OpenStaffAccount`` with its password judged and hashed; made by ``log_in`` only."""

    staff_id: UUID
    login: Login
    password_hash: str
    roles: Roles = []


class BeginSession(Command):
    """Sign in at a workstation (登录)."""

    login: TypedLogin
    password: Password
    totp: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] | None = None


class PasswordProven(Command):
    """A log-in whose password was verified against ``password_hash``; made by ``log_in`` only."""

    login: str
    password_hash: str
    totp: str | None = None


class ChangeRoles(Command):
    """Give a staff member these roles and no others (角色变更)."""

    staff_id: UUID
    roles: Roles


class DisableAccount(Command):
    """Close a staff member's log-in at once (停用账号)."""

    staff_id: UUID


class EnableAccount(Command):
    """Open a closed log-in again (启用账号)."""

    staff_id: UUID


class ChangeOwnPassword(Command):
    """Choose another password for oneself (修改密码)."""

    old_password: Password
    new_password: Password


class ReplacePassword(Command):
    """``ChangeOwnPassword`` with its passwords verified, judged and hashed; made by ``log_in`` only."""

    old_hash: str
    new_hash: str


class ResetTotp(Command):
    """Make a new secret for one-time codes (重置动态口令)."""

    staff_id: UUID
