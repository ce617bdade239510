"""Refusals about staff and their log-ins."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class SignInRefused(DomainError):
    """Login, password or code is wrong, or the account is disabled: nobody is told which."""

    code = "staff.sign_in_refused"
    kind = Kind.UNAUTHENTICATED
    title = "用户名、密码或动态口令不正确"


class TotpNeeded(DomainError):
    """The password was right; the account also needs its one-time code."""

    code = "auth.totp_required"
    kind = Kind.UNAUTHENTICATED
    title = "请输入动态口令"


class PasswordWeak(DomainError):
    """The password is too short, too common or the login itself."""

    code = "staff.password_weak"
    kind = Kind.INVALID
    title = "密码不符合要求"


class OldPasswordWrong(DomainError):
    """The present password was not typed right; the session goes on."""

    code = "staff.old_password_wrong"
    kind = Kind.INVALID
    title = "原密码不正确"


class StaffNoTaken(DomainError):
    """Another staff member has this number."""

    code = "staff.staff_no_taken"
    kind = Kind.CONFLICT
    title = "工号已被使用"


class LoginTaken(DomainError):
    """Another account has this login."""

    code = "staff.login_taken"
    kind = Kind.CONFLICT
    title = "登录名已被使用"


class AccountExists(DomainError):
    """The staff member has an account already."""

    code = "staff.account_exists"
    kind = Kind.CONFLICT
    title = "该职工已有账号"


class OwnAccount(DomainError):
    """Nobody changes their own roles or disables themselves."""

    code = "staff.own_account"
    kind = Kind.FORBIDDEN
    title = "不能修改自己的账号权限"


class RolesNotSeparated(DomainError):
    """One account may hold one of the three administrators at most."""

    code = "staff.roles_not_separated"
    kind = Kind.CONFLICT
    title = "系统管理员、安全管理员、审计管理员不能由同一账号兼任"


class PhotoUnusable(DomainError):
    """The uploaded bytes make no portrait: no picture, too large, too small."""

    code = "staff.photo_unusable"
    kind = Kind.INVALID
    title = "照片无法使用"


means("staff_administrators_separated", RolesNotSeparated)
means("staff_member_staff_no_key", StaffNoTaken)
means("staff_account_login_key", LoginTaken)
means("staff_account_one_each", AccountExists)
