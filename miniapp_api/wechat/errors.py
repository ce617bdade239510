"""What WeChat can refuse a person, in the hospital's words."""

from hospital_core.kernel.errors import DomainError, Kind


class LoginCodeWrong(DomainError):
    """The code of ``wx.login`` is unknown, spent or older than five minutes."""

    code = "wechat.login_code_wrong"
    kind = Kind.UNAUTHENTICATED
    title = "微信登录已失效，请重新登录"


class AccountAtRisk(DomainError):
    """WeChat blocks this person for the moment (errcode 40226)."""

    code = "wechat.account_at_risk"
    kind = Kind.FORBIDDEN
    title = "微信提示该账号存在风险，暂时无法登录"


class PhoneCodeWrong(DomainError):
    """The code of the phone-number button is unknown, spent or older than five minutes."""

    code = "wechat.phone_code_wrong"
    kind = Kind.INVALID
    title = "手机号授权已失效，请重新点击授权"


class TooOften(DomainError):
    """WeChat limits how often one person may ask (errcode 45011)."""

    code = "wechat.too_often"
    kind = Kind.TOO_MANY
    title = "操作过于频繁，请稍后再试"


class NoticeRefused(Exception):
    """A message to our notify address that WeChat did not write, or not to us. The text is for the log only."""


class PushRefused(Exception):
    """A push to our address that WeChat did not write, or not to us. The text is for the log only."""
