"""Signing in and out, and the account's own phone number (登录)."""

from backend.http.routing import SLOW, Audience, Call, Owner
from backend.http.tokens import LIFETIME_S, Tokens
from backend.settings import Settings
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.errors import FieldProblem, OutsideUnavailable
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.commands import BindPhone, RotateRefresh, SignIn
from hospital_core.registry.accounts.errors import AccountDisabled, SessionEnded
from hospital_core.registry.accounts.service import bind_phone, rotate, sign_in, sign_out
from hospital_core.registry.accounts.views import PhoneBound, Rotated, SignedIn
from miniapp_api.routes.base import routes, wechat
from miniapp_api.views import Entry, PhoneCode, Session, SignInByCode
from miniapp_api.wechat.errors import AccountAtRisk, LoginCodeWrong, PhoneCodeWrong, TooOften


@routes.get("/entry", view=Entry, audience=Audience.OPEN, errors=(OutsideUnavailable,))
async def entry(call: Call[Empty]) -> Entry:
    """How to reach WeChat's log-in and payment sheets (H5 入口)."""
    settings = wechat().settings
    return Entry(
        hospital_name=ports.use(Settings).hospital_name,
        appid=settings.appid,
        login_url=settings.h5_login_url,
        pay_url=settings.h5_pay_url,
        templates=settings.templates,
    )


@routes.post(
    "/sessions",
    view=Session,
    audience=Audience.OPEN,
    command=SignInByCode,
    errors=(LoginCodeWrong, AccountAtRisk, TooOften, AccountDisabled, OutsideUnavailable),
)
async def begin_session(call: Call[SignInByCode]) -> Session:
    """Sign in with WeChat (微信登录)."""
    person = await wechat().login.exchange(call.command.code)
    known = SignIn(appid=person.appid, openid=person.openid, unionid=person.unionid)
    return _session_of(await run(call.ctx, sign_in, known))


@routes.post("/sessions/refresh", view=Session, audience=Audience.OPEN, command=RotateRefresh, errors=(SessionEnded,))
async def refresh_session(call: Call[RotateRefresh]) -> Session:
    """Trade a refresh token for new tokens (续期)."""
    return _session_of(await run(call.ctx, rotate, call.command))


@routes.post("/sessions/end", view=Done, owner=Owner.ACCOUNT)
async def end_session(call: Call[Empty]) -> Done:
    """Sign out (退出登录)."""
    return await run(call.ctx, sign_out, call.command)


@routes.post(
    "/phone",
    view=PhoneBound,
    owner=Owner.ACCOUNT,
    command=PhoneCode,
    errors=(PhoneCodeWrong, TooOften, FieldProblem, OutsideUnavailable),
    idempotent=True,
    limit=SLOW,
)
async def put_phone(call: Call[PhoneCode]) -> PhoneBound:
    """Keep the phone number that WeChat has verified (绑定手机号)."""
    try:
        number = await wechat().phone.number_of(call.command.code)
    except PhoneCodeWrong:
        # The code works once, so a repeated tap finds it spent: under the same key the first answer stands.
        return await run(call.ctx, _refuse_phone_code, Empty())
    return await run(call.ctx, bind_phone, BindPhone(phone=number))


async def _refuse_phone_code(uow: UnitOfWork, _: Empty) -> PhoneBound:
    """Only reached where there is no first answer. Raises: PhoneCodeWrong."""
    raise PhoneCodeWrong()


def _session_of(signed: SignedIn | Rotated) -> Session:
    token = ports.use(Tokens).issue(sub=signed.account_id, sid=signed.session_id, audience="miniapp")
    return Session.of(signed, token, LIFETIME_S)
