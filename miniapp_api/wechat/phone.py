"""A person's phone number, verified by WeChat (手机号快速验证)."""

from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat.access_token import AccessTokens
from miniapp_api.wechat.client import MiniProgram, Refusal, misconfigured
from miniapp_api.wechat.errors import PhoneCodeWrong, TooOften

_CODE_WRONG = frozenset({40029, 40163, 41008})
_TOO_OFTEN = 45011
_MAINLAND = "86"


class PhoneNumbers:
    """Trades codes of the phone-number button; not those of ``wx.login``."""

    def __init__(self, program: MiniProgram, tokens: AccessTokens) -> None:
        self._program = program
        self._tokens = tokens

    async def number_of(self, code: str) -> str:
        """The number of a code, with ``+`` and country code when it is not of the mainland; a code works once.

        Raises: PhoneCodeWrong, TooOften, OutsideUnavailable.
        """
        try:
            answer = await self._tokens.used_in(lambda token: self._program.phone_number(token, code))
        except Refusal as refusal:
            if refusal.errcode in _CODE_WRONG:
                raise PhoneCodeWrong() from refusal
            if refusal.errcode == _TOO_OFTEN:
                raise TooOften() from refusal
            raise misconfigured(refusal, "getuserphonenumber") from refusal
        return self._number(answer)

    def _number(self, answer: dict[str, object]) -> str:
        info = answer.get("phone_info")
        if not isinstance(info, dict) or not info.get("purePhoneNumber"):
            raise OutsideUnavailable()
        mark = info.get("watermark")
        if not isinstance(mark, dict) or mark.get("appid") != self._program.appid:
            raise PhoneCodeWrong()
        pure, country = str(info["purePhoneNumber"]), str(info.get("countryCode") or _MAINLAND)
        return pure if country == _MAINLAND else f"+{country}{pure}"
