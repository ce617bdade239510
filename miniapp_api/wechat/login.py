"""Log-in by WeChat (微信登录): a one-time code of ``wx.login`` for the person's openid."""

from dataclasses import dataclass

from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat.client import MiniProgram, Refusal, misconfigured
from miniapp_api.wechat.errors import AccountAtRisk, LoginCodeWrong, TooOften

_CODE_WRONG = frozenset({40029, 40163, 41008})
_AT_RISK = 40226
_TOO_OFTEN = 45011


@dataclass(frozen=True)
class WechatPerson:
    """Who WeChat says it is. ``unionid`` only where the mini program is bound to an Open Platform account."""

    appid: str
    openid: str
    unionid: str | None


class Login:
    """Trades log-in codes. The ``session_key`` that comes along is dropped: nothing here needs it."""

    def __init__(self, program: MiniProgram) -> None:
        self._program = program

    async def exchange(self, code: str) -> WechatPerson:
        """The person of a code; a code works once.

        Raises: LoginCodeWrong, AccountAtRisk, TooOften, OutsideUnavailable.
        """
        try:
            answer = await self._program.code_to_session(code)
        except Refusal as refusal:
            if refusal.errcode in _CODE_WRONG:
                raise LoginCodeWrong() from refusal
            if refusal.errcode == _AT_RISK:
                raise AccountAtRisk() from refusal
            if refusal.errcode == _TOO_OFTEN:
                raise TooOften() from refusal
            raise misconfigured(refusal, "code2session") from refusal
        openid = answer.get("openid")
        if not isinstance(openid, str) or not openid:
            raise OutsideUnavailable()
        return WechatPerson(self._program.appid, openid, answer.get("unionid") or None)
