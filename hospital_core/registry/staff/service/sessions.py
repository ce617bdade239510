"""Sessions of staff at workstations."""

from datetime import timedelta

from asyncpg import Record

from hospital_core.kernel import revocations
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import keyring
from hospital_core.kernel.tokens import new_token, token_hash
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff import totp
from hospital_core.registry.staff.commands import PasswordProven
from hospital_core.registry.staff.csrf import csrf_token_of
from hospital_core.registry.staff.errors import SignInRefused, TotpNeeded
from hospital_core.registry.staff.permissions import needs_totp, permissions_of
from hospital_core.registry.staff.service.accounts import TOTP_COLUMN
from hospital_core.registry.staff.states import StaffRole
from hospital_core.registry.staff.views import SessionOpened

IDLE = timedelta(minutes=30)
LIFETIME = timedelta(hours=12)

# The lock waits for a change of roles under way, and holds a later one back until the session can be seen and ended.
_ACCOUNT = """
SELECT a.id, a.roles, a.totp_secret, a.provisional_since, s.id AS staff_id, s.name, s.title, s.department_id,
       d.name AS department
FROM staff_account a JOIN staff_member s ON s.id = a.staff_id JOIN department d ON d.id = s.department_id
WHERE a.login = $1 AND a.password_hash = $2 AND a.active AND s.active FOR NO KEY UPDATE OF a"""

_INSERT = """
INSERT INTO staff_session (id, account_id, token_hash, csrf_hash, created_at, last_seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $5, $6)"""


async def begin_session(uow: UnitOfWork, command: PasswordProven) -> SessionOpened:
    """Open a session (登录) for a password that ``log_in`` has verified; call ``log_in.log_in``, not this.

    Raises: SignInRefused, TotpNeeded.
    """
    account = await uow.fetch_row(_ACCOUNT, command.login, command.password_hash)
    if account is None:  # disabled, or given another password, since it was verified
        raise SignInRefused()
    roles = [StaffRole(role) for role in account["roles"]]
    await _second_factor(uow, account, roles, command.totp)
    session_id, token, expires_at = new_id(), new_token(), uow.now + LIFETIME
    csrf_token = csrf_token_of(token)
    await uow.execute(
        _INSERT, session_id, account["id"], token_hash(token), token_hash(csrf_token), uow.now, expires_at
    )
    uow.audited("staff_account", account["id"])
    is_provisional = account["provisional_since"] is not None
    return SessionOpened(
        session_id=session_id, token=token, csrf_token=csrf_token, expires_at=expires_at,
        staff_id=account["staff_id"], name=account["name"], title=account["title"],
        department_id=account["department_id"], department=account["department"],
        roles=roles, permissions=[] if is_provisional else sorted(permissions_of(roles)),
        must_change_password=is_provisional,
    )  # fmt: skip


async def _second_factor(uow: UnitOfWork, account: Record, roles: list[StaffRole], code: str | None) -> None:
    """Each time step opens one session: the update of the last step used is what decides."""
    sealed = account["totp_secret"]
    if sealed is None:
        if needs_totp(roles):  # cannot happen: giving the role makes the secret
            raise SignInRefused()
        return
    if code is None:
        raise TotpNeeded()
    step = totp.matching_step(keyring().open(bytes(sealed), TOTP_COLUMN), code)
    used = step is not None and await uow.execute(
        "UPDATE staff_account SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2", account["id"], step
    )
    if not used:
        raise SignInRefused()


async def end_session(uow: UnitOfWork, _: Empty) -> Done:
    """End the actor's own session (退出登录). Raises Unauthenticated."""
    session_id = uow.ctx.actor.session_id
    if session_id is None:
        raise Unauthenticated()
    await uow.execute("UPDATE staff_session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", session_id, uow.now)
    await revocations.revoke(uow, revocations.SubjectKind.STAFF_SESSION, session_id)
    uow.audited("staff_session", session_id)
    return Done()
