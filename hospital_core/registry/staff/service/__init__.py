"""Writers of staff."""

from hospital_core.registry.staff.service.accounts import (
    change_roles,
    disable_account,
    enable_account,
    open_account,
    replace_password,
    reset_totp,
)
from hospital_core.registry.staff.service.people import (
    hire_staff,
    introduce_staff,
    keep_portrait,
    remove_portrait,
)
from hospital_core.registry.staff.service.sessions import begin_session, end_session

__all__ = [
    "begin_session",
    "change_roles",
    "disable_account",
    "enable_account",
    "end_session",
    "hire_staff",
    "introduce_staff",
    "keep_portrait",
    "open_account",
    "remove_portrait",
    "replace_password",
    "reset_totp",
]
