"""Where a password is involved (口令相关流程): hash or verify in a thread first, then one unit of work.

Call these with a context, not through ``kernel.run``: argon2 takes tens of milliseconds and no connection waits for it.
"""

from pydantic import SecretStr

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import keyring, run
from hospital_core.registry.staff import passwords
from hospital_core.registry.staff.commands import BeginSession, OpenHashedAccount, OpenStaffAccount, PasswordProven
from hospital_core.registry.staff.errors import SignInRefused
from hospital_core.registry.staff.service import begin_session, open_account
from hospital_core.registry.staff.views import SessionOpened, StaffAccountView

STAFF_LOGIN = Purpose("staff_login")


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


def _text(password: SecretStr) -> str:
    return password.get_secret_value()
