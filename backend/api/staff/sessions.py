"""Signing in and out (登录)."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import staff_routes
from backend.http.authentication import session_cookie
from backend.http.routing import SLOW, Audience, Call, Cookie, Owner, Reply
from backend.settings import Settings
from hospital_core.kernel import ports
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Done, Empty, View
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.commands import BeginSession, ChangeOwnPassword
from hospital_core.registry.staff.csrf import csrf_token_of
from hospital_core.registry.staff.errors import OldPasswordWrong, PasswordWeak, SignInRefused, TotpNeeded
from hospital_core.registry.staff.log_in import change_own_password, log_in
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.queries import session_of
from hospital_core.registry.staff.service import end_session
from hospital_core.registry.staff.service.sessions import LIFETIME
from hospital_core.registry.staff.states import StaffRole
from hospital_core.registry.staff.views import SessionOpened, StaffSessionView

routes = staff_routes()


class WhoIsHere(View):
    """The person at the workstation."""

    id: UUID
    name: str
    title: str
    department_id: UUID
    department: str


class SessionAnswer(View):
    """The session of this browser (当前会话); everything else is absent while nobody is signed in.

    ``must_change_password``: a colleague chose the present one; nothing is permitted before another is chosen.
    ``hospital_name`` is printed on receipts and reports.
    """

    signed_in: bool
    hospital_name: str = ""
    staff: WhoIsHere | None = None
    roles: list[StaffRole] = []
    permissions: list[Permission] = []
    csrf_token: str | None = None
    must_change_password: bool = False


def session_answer(session: SessionOpened | StaffSessionView, token: str) -> SessionAnswer:
    """What the console knows of its session."""
    return SessionAnswer(
        signed_in=True,
        hospital_name=ports.use(Settings).hospital_name,
        staff=WhoIsHere(
            id=session.staff_id, name=session.name, title=session.title, department_id=session.department_id,
            department=session.department,
        ),
        roles=session.roles,
        permissions=session.permissions,
        csrf_token=csrf_token_of(token),
        must_change_password=session.must_change_password,
    )  # fmt: skip


async def answer_of(call: Call[Any]) -> SessionAnswer:
    """The session that the request's cookie opens."""
    token = call.request.cookies.get(cookie_name())
    known = await session_of(Reading(call.ctx), token) if token else None
    return session_answer(known, token) if known is not None and token else SessionAnswer(signed_in=False)


def cookie_name() -> str:
    """Name of the session cookie of this server."""
    return session_cookie(ports.use(Settings).public_origin.startswith("https://"))


@routes.post(
    "/sessions", view=SessionAnswer, audience=Audience.OPEN, command=BeginSession, limit=SLOW,
    errors=(SignInRefused, TotpNeeded, TooManyAttempts),
)  # fmt: skip
async def begin(call: Call[BeginSession]) -> Reply:
    """Sign in (登录); the session is a cookie, its CSRF token is in the answer."""
    opened = await log_in(call.ctx, call.command)
    cookie = Cookie(cookie_name(), opened.token, int(LIFETIME.total_seconds()))
    return Reply(session_answer(opened, opened.token), cookies=(cookie,))


@routes.get("/session", view=SessionAnswer, audience=Audience.OPEN)
async def session(call: Call[Any]) -> SessionAnswer:
    """Who is signed in here (当前会话); nobody is an answer, not an error."""
    return await answer_of(call)


# No Idempotency-Key: nothing derived from a password is kept beside its hash, and the old one is right only once.
@routes.post(
    "/session/password", view=SessionAnswer, command=ChangeOwnPassword, owner=Owner.ACCOUNT, limit=SLOW,
    errors=(OldPasswordWrong, PasswordWeak, TooManyAttempts),
)  # fmt: skip
async def change_password(call: Call[ChangeOwnPassword]) -> SessionAnswer:
    """Choose another password for oneself (修改密码); this session goes on, all others end."""
    await change_own_password(call.ctx, call.command)
    return await answer_of(call)


@routes.post("/session/end", view=Done, command=Empty, owner=Owner.ACCOUNT)
async def end(call: Call[Empty]) -> Reply:
    """Sign out (退出登录); the cookie is worthless from now on."""
    done = await run(call.ctx, end_session, call.command)
    return Reply(done, cookies=(Cookie(cookie_name(), None, 0),))
