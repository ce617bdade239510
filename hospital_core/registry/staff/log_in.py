"""Where a password is involved (口令相关流程): hash or verify in a thread first, then one unit of work.

Call these with a context, not through ``kernel.run``: argon2 takes tens of milliseconds and no connection waits for it.
"""

from pydantic import SecretStr

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Done
from hospital_core.kernel.context import ActorKind, Context
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import keyring, run
from hospital_core.registry.staff import passwords
from hospital_core.registry.staff.commands import (
    BeginSession,
    ChangeOwnPassword,
    OpenHashedAccount,
    OpenStaffAccount,
    PasswordProven,
    ReplacePassword,
)
from hospital_core.registry.staff.errors import OldPasswordWrong, PasswordWeak, SignInRefused
from hospital_core.registry.staff.service import begin_session, open_account, replace_password
from hospital_core.registry.staff.views import SessionOpened, StaffAccountView

STAFF_LOGIN = Purpose("staff_login")
OWN_PASSWORD = Purpose("staff_own_password")


async def log_in(ctx: Context, command: BeginSession) -> SessionOpened:
    """Sign a staff member in (登录).

    Unknown logins take as long and are locked as soon as known ones: five failures, fifteen minutes.

    Raises: SignInRefused, TotpNeeded (password right, code missing), TooManyAttempts.
    """
    login = command.login
    # Hashed, because people do type their password into the first field.
    subject = keyring().index(login, "attempt_limit.staff_login").hex()
    await attempts.guard(STAFF_LOGIN, subject)
    kept: str | None = await Reading(ctx).fetch_value(
        "SELECT a.password_hash FROM staff_account a JOIN staff_member s ON s.id = a.staff_id "
        "WHERE a.login = $1 AND a.active AND s.active",
        login,
    )
    if not await passwords.matches(kept, _text(command.password)) or kept is None:
        await attempts.failed(STAFF_LOGIN, subject, ctx)
        raise SignInRefused()
    # Five parallel guesses may have failed meanwhile; then this right one is refused like a sixth.
    await attempts.guard(STAFF_LOGIN, subject)
    try:
        opened = await run(ctx, begin_session, PasswordProven(login=login, password_hash=kept, totp=command.totp))
    except SignInRefused:
        await attempts.failed(STAFF_LOGIN, subject, ctx)
        raise
    await attempts.succeeded(STAFF_LOGIN, subject)
    return opened


async def open_staff_account(ctx: Context, command: OpenStaffAccount) -> StaffAccountView:
    """Give a staff member a log-in with a first password (开通账号).

    Raises: PasswordWeak, and what ``open_account`` raises.
    """
    password = _text(command.password)
    passwords.check_password(password, command.login)
    password_hash = await passwords.hashed(password)
    opening = OpenHashedAccount(
        staff_id=command.staff_id, login=command.login, password_hash=password_hash, roles=command.roles
    )
    return await run(ctx, open_account, opening)


async def change_own_password(ctx: Context, command: ChangeOwnPassword) -> Done:
    """Choose another password for oneself (修改密码): the old one proves who asks; all other sessions end.

    Guessing is limited as at log-in, by the account: an unlocked workstation gives nobody more tries.

    Raises: Unauthenticated, OldPasswordWrong, PasswordWeak, TooManyAttempts.
    """
    staff_id = ctx.actor.id
    if ctx.actor.kind is not ActorKind.STAFF or staff_id is None:
        raise Unauthenticated()
    await attempts.guard(OWN_PASSWORD, staff_id)
    account = await Reading(ctx).fetch_row(
        "SELECT login, password_hash FROM staff_account WHERE staff_id = $1 AND active", staff_id
    )
    old, new = _text(command.old_password), _text(command.new_password)
    if account is None or not await passwords.matches(account["password_hash"], old):
        await attempts.failed(OWN_PASSWORD, staff_id, ctx)
        raise OldPasswordWrong()
    await attempts.guard(OWN_PASSWORD, staff_id)
    passwords.check_password(new, account["login"])
    if new == old:
        raise PasswordWeak("新密码不能与原密码相同")
    replacing = ReplacePassword(old_hash=account["password_hash"], new_hash=await passwords.hashed(new))
    done = await run(ctx, replace_password, replacing)
    await attempts.succeeded(OWN_PASSWORD, staff_id)
    return done


def _text(password: SecretStr) -> str:
    return password.get_secret_value()
