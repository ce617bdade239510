"""Who is calling (身份认证): each audience proves it in its own way, all end in an ``Actor``."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from sanic import Request

from backend.http.problems import CsrfFailed
from backend.http.revocation import Revocations
from backend.http.routing import Audience
from backend.http.tokens import TokenInvalid, Tokens
from hospital_core.kernel.context import ANONYMOUS, Actor, ActorKind, Context
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.revocations import SubjectKind
from hospital_core.registry.devices.errors import KioskSessionEnded
from hospital_core.registry.devices.queries import touch_kiosk_session
from hospital_core.registry.staff.queries import session_of
from hospital_core.registry.staff.views import StaffSessionView

SESSION_HEADER = "x-kiosk-session"
CSRF_HEADER = "x-csrf-token"


def session_cookie(secure: bool) -> str:
    """Name of the staff cookie: ``__Host-`` binds it to this host over TLS; plain HTTP on loopback cannot have that."""
    return "__Host-hospital" if secure else "hospital"


class Authentication:
    """Turns a request into an actor."""

    def __init__(self, tokens: Tokens, revocations: Revocations, origins: frozenset[str], *, secure: bool) -> None:
        self._tokens = tokens
        self._revocations = revocations
        self._origins = origins
        self.cookie = session_cookie(secure)
        self._ways: dict[Audience, Callable[[Request], Awaitable[Actor]]] = {
            Audience.OPEN: self._anonymous,
            Audience.PATIENT: self._patient,
            Audience.STAFF: self._staff,
            Audience.KIOSK: self._kiosk,
            Audience.KIOSK_SESSION: self._kiosk_session,
            Audience.DISPLAY: self._display,
        }

    async def actor(self, request: Request, audience: Audience) -> Actor:
        """The caller. Raises TokenInvalid, Unauthenticated, CsrfFailed."""
        return await self._ways[audience](request)

    async def _anonymous(self, request: Request) -> Actor:
        return ANONYMOUS

    async def _patient(self, request: Request) -> Actor:
        return await self.patient_by_token(_bearer(request))

    async def patient_by_token(self, token: str) -> Actor:
        """The account an access token names."""
        claims = self._tokens.verify(token, "miniapp")
        if await self._revocations.refuse_revoked((SubjectKind.ACCOUNT_SESSION, claims.sid)):
            raise TokenInvalid()
        return Actor(ActorKind.ACCOUNT, claims.sub, session_id=claims.sid)

    async def _staff(self, request: Request) -> Actor:
        session = await self.staff_session(request)
        if request.method not in ("GET", "HEAD"):
            self._check_csrf(request, session)
        return session.actor()

    async def staff_session(self, request: Request, *, touch: bool = True) -> StaffSessionView:
        """The signed-in staff session of the cookie; ``touch=False`` does not keep it awake. Raises Unauthenticated."""
        token = request.cookies.get(self.cookie)
        session = await session_of(Reading(Context(ANONYMOUS)), token, touch=touch) if token else None
        if session is None:
            raise Unauthenticated()
        return session

    def _check_csrf(self, request: Request, session: StaffSessionView) -> None:
        self.check_origin(request)
        if not session.csrf_matches(request.headers.get(CSRF_HEADER, "")):
            raise CsrfFailed()

    def check_origin(self, request: Request) -> None:
        """Refuse a browser that comes from somebody else's page; programs send no Origin."""
        origin = request.headers.get("origin")
        if origin is None or origin in self._origins:
            return
        if urlsplit(origin).netloc != request.headers.get("host"):
            raise CsrfFailed()

    async def _kiosk(self, request: Request) -> Actor:
        return await self.device_by_token(_bearer(request), "kiosk")

    async def _display(self, request: Request) -> Actor:
        return await self.device_by_token(_bearer(request), "display")

    async def device_by_token(self, token: str, audience: str) -> Actor:
        """The device a device token names."""
        claims = self._tokens.verify(token, audience)
        if await self._revocations.refuse_revoked((SubjectKind.DEVICE, claims.sub)):
            raise TokenInvalid()
        return Actor(ActorKind.DEVICE, claims.sub, device_id=claims.sub)

    async def _kiosk_session(self, request: Request) -> Actor:
        device = await self._kiosk(request)
        token = request.headers.get(SESSION_HEADER)
        session = await touch_kiosk_session(Reading(Context(device)), token) if token else None
        if session is None or session.device_id != device.id:
            raise KioskSessionEnded()
        request.ctx.proof = session.proof.value
        return session.actor()


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated()
    return token.strip()
