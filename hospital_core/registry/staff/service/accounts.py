"""Log-ins of staff: opening, roles, closing, second factor."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel import revocations
from hospital_core.kernel.commands import Done
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import keyring
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff import totp
from hospital_core.registry.staff.commands import (
    ChangeRoles,
    DisableAccount,
    EnableAccount,
    OpenHashedAccount,
    ReplacePassword,
    ResetTotp,
)
from hospital_core.registry.staff.errors import OldPasswordWrong, OwnAccount, RolesNotSeparated
from hospital_core.registry.staff.permissions import Permission, needs_totp, require
from hospital_core.registry.staff.queries import staff_member
from hospital_core.registry.staff.states import SEPARATED, StaffRole
from hospital_core.registry.staff.views import StaffAccountView, TotpEnrolment

TOTP_COLUMN = "staff_account.totp_secret"

_INSERT = """
INSERT INTO staff_account (id, version, staff_id, login, password_hash, totp_secret, totp_last_step, roles, active,
                           provisional_since)
VALUES ($1, 0, $2, $3, $4, $5, 0, $6, true, $7)"""

_END_SESSIONS = """
UPDATE staff_session SET ended_at = $2
WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND id IS DISTINCT FROM $3 RETURNING id"""

# Its owner chose it: nothing is provisional any more. The row's lock keeps sign-ins with the old one out.
_REPLACE = """
UPDATE staff_account SET password_hash = $3, provisional_since = NULL, version = version + 1
WHERE staff_id = $1 AND password_hash = $2 AND active RETURNING id"""


async def open_account(uow: UnitOfWork, command: OpenHashedAccount) -> StaffAccountView:
    """Give a staff member a log-in (开通账号); ``log_in.open_staff_account`` hashes the password and calls this.

    The system administrator opens accounts without roles; the security administrator gives the roles afterwards.
    A privileged role makes the secret of its second factor, which only this answer shows. A password that a colleague
    chose is good for one thing: choosing another.

    Raises: Forbidden, NotFound, LoginTaken, AccountExists, RolesNotSeparated.
    """
    require(uow.ctx, Permission.STAFF_MANAGE)
    if command.roles:
        require(uow.ctx, Permission.ROLES_ASSIGN)
    await staff_member(uow, command.staff_id)
    account_id, roles = new_id(), _ordered(command.roles)
    enrolment = _new_totp(command.login) if needs_totp(roles) else None
    by_colleague = uow.ctx.actor.kind is ActorKind.STAFF
    await uow.execute(
        _INSERT, account_id, command.staff_id, command.login, command.password_hash, _sealed(enrolment), roles,
        uow.now if by_colleague else None,
    )  # fmt: skip
    uow.audited("staff_account", account_id)
    uow.audits[0].detail = {"roles": [role.value for role in roles]}
    return StaffAccountView(
        account_id=account_id, staff_id=command.staff_id, login=command.login, roles=roles, active=True, totp=enrolment
    )


async def change_roles(uow: UnitOfWork, command: ChangeRoles) -> StaffAccountView:
    """Give a staff member these roles and no others (角色变更); all their sessions end at once.

    Raises: Forbidden, OwnAccount, NotFound, RolesNotSeparated.
    """
    require(uow.ctx, Permission.ROLES_ASSIGN)
    _refuse_own(uow, command.staff_id)
    account = await _locked(uow, command.staff_id)
    roles = _ordered(command.roles)
    enrolment = None
    if needs_totp(roles) and account["totp_secret"] is None:
        enrolment = _new_totp(account["login"])
        await _set_totp(uow, account["id"], enrolment)
    await uow.execute("UPDATE staff_account SET roles = $2, version = version + 1 WHERE id = $1", account["id"], roles)
    await end_sessions(uow, account["id"])
    uow.audited("staff_account", account["id"])
    uow.audits[0].detail = {"before": list(account["roles"]), "after": [role.value for role in roles]}
    return _view(account, roles, account["active"], enrolment)


async def disable_account(uow: UnitOfWork, command: DisableAccount) -> Done:
    """Close a staff member's log-in (停用账号); all their sessions end at once. Closing it twice is no error.

    Raises: Forbidden, OwnAccount, NotFound.
    """
    require(uow.ctx, Permission.ACCOUNT_DISABLE)
    _refuse_own(uow, command.staff_id)
    account = await _locked(uow, command.staff_id)
    await uow.execute("UPDATE staff_account SET active = false, version = version + 1 WHERE id = $1", account["id"])
    await end_sessions(uow, account["id"])
    uow.audited("staff_account", account["id"])
    return Done()


async def enable_account(uow: UnitOfWork, command: EnableAccount) -> Done:
    """Open a closed log-in again (启用账号), with the password and roles it had. Opening it twice is no error.

    Raises: Forbidden, OwnAccount, NotFound.
    """
    require(uow.ctx, Permission.ACCOUNT_DISABLE)
    _refuse_own(uow, command.staff_id)
    account = await _locked(uow, command.staff_id)
    await uow.execute("UPDATE staff_account SET active = true, version = version + 1 WHERE id = $1", account["id"])
    uow.audited("staff_account", account["id"])
    return Done()


async def replace_password(uow: UnitOfWork, command: ReplacePassword) -> Done:
    """Keep the actor's new password (修改密码) and end their other sessions; call ``log_in.change_own_password``.

    Raises: Unauthenticated, OldPasswordWrong (changed by somebody else since it was verified).
    """
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise Unauthenticated()
    account_id = await uow.fetch_value(_REPLACE, actor.id, command.old_hash, command.new_hash)
    if account_id is None:
        raise OldPasswordWrong()
    await end_sessions(uow, account_id, but=actor.session_id)
    uow.audited("staff_account", account_id)
    return Done()


async def reset_totp(uow: UnitOfWork, command: ResetTotp) -> TotpEnrolment:
    """Make a new secret for one-time codes (重置动态口令), shown once; sessions opened with the old one end.

    Raises: Forbidden, OwnAccount (somebody else has to see that it is really you), NotFound.
    """
    require(uow.ctx, Permission.ROLES_ASSIGN)
    _refuse_own(uow, command.staff_id)
    account = await _locked(uow, command.staff_id)
    enrolment = _new_totp(account["login"])
    await _set_totp(uow, account["id"], enrolment)
    await end_sessions(uow, account["id"])
    uow.audited("staff_account", account["id"])
    return enrolment


async def end_sessions(uow: UnitOfWork, account_id: UUID, *, but: UUID | None = None) -> None:
    """End and revoke every open session of an account, ``but`` one."""
    rows = await uow.fetch(_END_SESSIONS, account_id, uow.now, but)
    await revocations.revoke_all(uow, revocations.SubjectKind.STAFF_SESSION, [row["id"] for row in rows])


async def _locked(uow: UnitOfWork, staff_id: UUID) -> Record:
    """The account, locked: sign-ins wait here, so that no session begins beside the change and survives it."""
    row = await uow.fetch_row("SELECT * FROM staff_account WHERE staff_id = $1 FOR UPDATE", staff_id)
    if row is None:
        raise NotFound()
    return row


def _refuse_own(uow: UnitOfWork, staff_id: UUID) -> None:
    if uow.ctx.actor.kind is ActorKind.STAFF and uow.ctx.actor.id == staff_id:
        raise OwnAccount()


def _ordered(roles: Sequence[StaffRole]) -> list[StaffRole]:
    if len(SEPARATED.intersection(roles)) > 1:
        raise RolesNotSeparated()
    return [role for role in StaffRole if role in roles]


def _new_totp(login: str) -> TotpEnrolment:
    secret = totp.new_secret()
    return TotpEnrolment(secret=secret, uri=totp.provisioning_uri(secret, login))


def _sealed(enrolment: TotpEnrolment | None) -> bytes | None:
    return keyring().seal(enrolment.secret, TOTP_COLUMN) if enrolment else None


async def _set_totp(uow: UnitOfWork, account_id: UUID, enrolment: TotpEnrolment) -> None:
    await uow.execute(
        "UPDATE staff_account SET totp_secret = $2, totp_last_step = 0, version = version + 1 WHERE id = $1",
        account_id,
        _sealed(enrolment),
    )


def _view(account: Record, roles: list[StaffRole], active: bool, enrolment: TotpEnrolment | None) -> StaffAccountView:
    return StaffAccountView(
        account_id=account["id"], staff_id=account["staff_id"], login=account["login"], roles=roles, active=active,
        totp=enrolment,
    )  # fmt: skip
