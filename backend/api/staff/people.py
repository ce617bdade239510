"""Staff members, what patients read of them, their accounts and roles (人员与权限)."""

import asyncio
from typing import Any
from uuid import UUID

from pydantic import Field

from backend.api.staff.base import Query, staff_routes
from backend.http.pictures import picture
from backend.http.routing import SLOW, Call, Raw
from hospital_core.kernel.commands import Done, Empty, Page
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.commands import (
    ChangeRoles,
    DisableAccount,
    EnableAccount,
    HireStaff,
    IntroduceStaff,
    KeepPortrait,
    OpenStaffAccount,
    RemovePortrait,
    ResetTotp,
)
from hospital_core.registry.staff.errors import (
    AccountExists,
    LoginTaken,
    OwnAccount,
    PasswordWeak,
    PhotoUnusable,
    RolesNotSeparated,
    StaffNoTaken,
)
from hospital_core.registry.staff.log_in import open_staff_account
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.portraits import portrait_of
from hospital_core.registry.staff.queries import portrait, staff_members
from hospital_core.registry.staff.service import (
    change_roles,
    disable_account,
    enable_account,
    hire_staff,
    introduce_staff,
    keep_portrait,
    remove_portrait,
    reset_totp,
)
from hospital_core.registry.staff.views import StaffAccountView, StaffView, TotpEnrolment

routes = staff_routes()


class StaffSearch(Query):
    """Number, name or initials; of a department when it is given."""

    q: str = Field(default="", max_length=60)
    department_id: UUID | None = None
    cursor: str | None = Field(default=None, max_length=20)


@routes.get("/staff", view=Page[StaffView], permission=Permission.STAFF_READ, query=StaffSearch)
async def staff(call: Call[Any]) -> Page[StaffView]:
    """Staff in the order of their numbers (职工名册)."""
    query = call.query
    return await staff_members(Reading(call.ctx), query.q, query.department_id, query.cursor)


@routes.post(
    "/staff", view=StaffView, permission=Permission.STAFF_MANAGE, command=HireStaff, idempotent=True,
    errors=(NotFound, StaffNoTaken),
)  # fmt: skip
async def hire(call: Call[HireStaff]) -> StaffView:
    """Enter a staff member (职工入职)."""
    return await run(call.ctx, hire_staff, call.command)


@routes.post(
    "/staff/{staff_id}/introduction", view=StaffView, permission=Permission.STAFF_MANAGE, command=IntroduceStaff,
    idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def introduce(call: Call[IntroduceStaff]) -> StaffView:
    """Title, skills and introduction as patients read them (职称、擅长与简介)."""
    return await run(call.ctx, introduce_staff, call.command)


@routes.get(
    "/staff/{staff_id}/photo", view=None, permission=Permission.STAFF_READ, media="image/*", errors=(NotFound,)
)  # fmt: skip
async def photo(call: Call[Empty]) -> Raw:
    """A colleague's photo, or the surname drawn (职工照片)."""
    found = await portrait(Reading(call.ctx), call.path["staff_id"], for_colleagues=True)
    return picture(call.request, found.media_type, found.content, found.digest, "private, no-cache")


@routes.post(
    "/staff/{staff_id}/photo", view=StaffView, permission=Permission.STAFF_MANAGE, raw_body=True, idempotent=True,
    limit=SLOW, errors=(NotFound, PhotoUnusable),
)  # fmt: skip
async def upload_photo(call: Call[Empty]) -> StaffView:
    """Keep the picture that is the request's body (上传照片): JPEG, PNG or WebP of 200 KB at most."""
    made = await asyncio.to_thread(portrait_of, call.request.body)
    command = KeepPortrait(
        staff_id=call.path["staff_id"], media_type=made.media_type, content=made.content, digest=made.digest
    )
    return await run(call.ctx, keep_portrait, command)


@routes.post(
    "/staff/{staff_id}/photo/remove", view=Done, permission=Permission.STAFF_MANAGE, command=RemovePortrait,
    idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def take_photo_away(call: Call[RemovePortrait]) -> Done:
    """Show the drawn surname again (移除照片)."""
    return await run(call.ctx, remove_portrait, call.command)


# No Idempotency-Key: the account is unique, and nothing derived from a password is kept beside its hash.
@routes.post(
    "/staff/{staff_id}/account", view=StaffAccountView, permission=Permission.STAFF_MANAGE, command=OpenStaffAccount,
    limit=SLOW, errors=(Forbidden, NotFound, PasswordWeak, LoginTaken, AccountExists, RolesNotSeparated),
)  # fmt: skip
async def open_account(call: Call[OpenStaffAccount]) -> StaffAccountView:
    """Give a staff member a log-in (开通账号)."""
    return await open_staff_account(call.ctx, call.command)


@routes.post(
    "/staff/{staff_id}/roles", view=StaffAccountView, permission=Permission.ROLES_ASSIGN, command=ChangeRoles,
    idempotent=True, errors=(NotFound, OwnAccount, RolesNotSeparated),
)  # fmt: skip
async def assign_roles(call: Call[ChangeRoles]) -> StaffAccountView:
    """Give a staff member these roles and no others (角色变更)."""
    return await run(call.ctx, change_roles, call.command)


@routes.post(
    "/staff/{staff_id}/disable", view=Done, permission=Permission.ACCOUNT_DISABLE, command=DisableAccount,
    idempotent=True, errors=(NotFound, OwnAccount),
)  # fmt: skip
async def disable(call: Call[DisableAccount]) -> Done:
    """Close a staff member's log-in at once (停用账号)."""
    return await run(call.ctx, disable_account, call.command)


@routes.post(
    "/staff/{staff_id}/enable", view=Done, permission=Permission.ACCOUNT_DISABLE, command=EnableAccount,
    idempotent=True, errors=(NotFound, OwnAccount),
)  # fmt: skip
async def enable(call: Call[EnableAccount]) -> Done:
    """Open a closed log-in again (启用账号)."""
    return await run(call.ctx, enable_account, call.command)


@routes.post(
    "/staff/{staff_id}/reset-totp", view=TotpEnrolment, permission=Permission.ROLES_ASSIGN, command=ResetTotp,
    idempotent=True, errors=(NotFound, OwnAccount),
)  # fmt: skip
async def reset_second_factor(call: Call[ResetTotp]) -> TotpEnrolment:
    """Make a new secret for one-time codes, shown once (重置动态口令)."""
    return await run(call.ctx, reset_totp, call.command)
