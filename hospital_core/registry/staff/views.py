"""What readers see of staff."""

import hmac
from datetime import datetime
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.tokens import token_hash
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.states import Profession, StaffRole


class StaffView(View):
    """A staff member (职工) as colleagues see them. ``photo_version`` changes with the photo; None: there is none."""

    id: UUID
    staff_no: str
    name: str
    title: str
    profession: Profession
    department_id: UUID
    department: str
    specialty: str
    introduction: str
    photo_version: str | None
    active: bool
    version: int
    login: str | None = None
    roles: list[StaffRole] = []
    account_active: bool = False


class TotpEnrolment(View):
    """The secret of a second factor (动态口令密钥), shown once; ``uri`` is what an authenticator app scans."""

    secret: str
    uri: str


class StaffAccountView(View):
    """A log-in (账号). ``totp`` is there only in the answer that made a new secret."""

    account_id: UUID
    staff_id: UUID
    login: str
    roles: list[StaffRole]
    active: bool
    totp: TotpEnrolment | None = None


class SessionOpened(View):
    """A session begins (登录成功): the only time its tokens are seen."""

    session_id: UUID
    token: str = Field(repr=False)
    csrf_token: str = Field(repr=False)
    expires_at: datetime
    staff_id: UUID
    name: str
    title: str
    department_id: UUID
    department: str
    roles: list[StaffRole]
    permissions: list[Permission]
    must_change_password: bool


class StaffSessionView(View):
    """A live session (会话) and what its owner may do now."""

    session_id: UUID
    account_id: UUID
    staff_id: UUID
    name: str
    title: str
    department_id: UUID
    department: str
    roles: list[StaffRole]
    permissions: list[Permission]
    must_change_password: bool
    last_seen_at: datetime
    expires_at: datetime
    csrf_hash: bytes = Field(exclude=True, repr=False)

    def csrf_matches(self, token: str) -> bool:
        """Whether an X-CSRF-Token header belongs to this session."""
        return hmac.compare_digest(token_hash(token), self.csrf_hash)

    def actor(self) -> Actor:
        """The actor that requests with this session act as."""
        return Actor(
            ActorKind.STAFF, self.staff_id, permissions=frozenset(self.permissions), session_id=self.session_id
        )
