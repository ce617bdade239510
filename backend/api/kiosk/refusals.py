"""The house's refusals in the kiosk's words (自助机拒绝原因): the closed list the kiosk's page has plain words for."""

from collections.abc import Iterator
from contextlib import contextmanager

from hospital_core.access.scheduling.errors import (
    CheckInClosed,
    FeeDue,
    FeeOnBill,
    NotCheckInAble,
    NotPayable,
    OnlineVisit,
    PaymentOver,
    QrExpired,
    QrInvalid,
    SessionStopped,
)
from hospital_core.access.scheduling.states import AppointmentStatus
from hospital_core.finance.payments.errors import ChannelRefused
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.errors import Busy, DomainError, Kind, NotFound, OutsideUnavailable
from hospital_core.registry.accounts.errors import (
    IdentityCodeExpired,
    IdentityCodeInvalid,
    IdentityCodeUsed,
    LinkUnproven,
)
from hospital_core.registry.devices.errors import KioskProofRefused
from kiosk_agent.protocol import KioskRefusal as Word


class KioskRefused(DomainError):
    """Base of what a kiosk is told; ``cause`` is the house's own refusal, its fields are passed on."""

    code = "kiosk.refused"
    kind = Kind.CONFLICT
    title = "无法办理，请到人工窗口"


def _word(word: Word, kind: Kind, title: str) -> type[KioskRefused]:
    name = "".join(part.capitalize() for part in word.name.split("_"))
    return type(name, (KioskRefused,), {"code": word.value, "kind": kind, "title": title, "__doc__": title})


PatientNotFound = _word(Word.PATIENT_NOT_FOUND, Kind.NOT_FOUND, "未找到您的就诊档案，请到人工窗口办理")
TooManyTries = _word(Word.TOO_MANY_ATTEMPTS, Kind.TOO_MANY, "尝试次数过多，请稍后再试")
QrIsInvalid = _word(Word.QR_INVALID, Kind.INVALID, "二维码无效，请在手机上重新打开")
QrIsExpired = _word(Word.QR_EXPIRED, Kind.INVALID, "二维码已过期，请在手机上刷新")
QrIsUsed = _word(Word.QR_USED, Kind.CONFLICT, "二维码已使用，请在手机上刷新")
TooEarly = _word(Word.TOO_EARLY, Kind.CONFLICT, "还没到签到时间")
TooLate = _word(Word.TOO_LATE, Kind.CONFLICT, "已过签到时间，请到人工窗口")
NotPaid = _word(Word.NOT_PAID, Kind.CONFLICT, "该预约尚未支付")
FeeIsDue = _word(Word.FEE_DUE, Kind.CONFLICT, "请先缴纳挂号费，再签到取号")
PayAtWindow = _word(Word.PAY_AT_WINDOW, Kind.CONFLICT, "这笔费用请到收费窗口缴纳")
Cancelled = _word(Word.APPOINTMENT_CANCELLED, Kind.CONFLICT, "该预约已取消")
AlreadyCheckedIn = _word(Word.ALREADY_CHECKED_IN, Kind.CONFLICT, "您已签到")
AlreadySeen = _word(Word.ALREADY_SEEN, Kind.CONFLICT, "该预约已就诊")
OnlineOnly = _word(Word.ONLINE_VISIT, Kind.CONFLICT, "这是线上复诊，请在手机上签到候诊")
AppointmentNotFound = _word(Word.APPOINTMENT_NOT_FOUND, Kind.NOT_FOUND, "没有找到该预约")
ClinicStopped = _word(Word.CLINIC_STOPPED, Kind.CONFLICT, "今天这个门诊临时停诊")
CardNeeded = _word(Word.CARD_NEEDED, Kind.FORBIDDEN, "请刷身份证后再核验")
LinkIsUnproven = _word(Word.LINK_UNPROVEN, Kind.CONFLICT, "该就诊人尚未核验，请刷身份证")
AccountNotFound = _word(Word.ACCOUNT_NOT_FOUND, Kind.NOT_FOUND, "没有找到该关联")
PaymentCodeInvalid = _word(Word.PAYMENT_CODE_INVALID, Kind.INVALID, "付款码无效，请打开微信付款码再扫")
PaymentCodeExpired = _word(Word.PAYMENT_CODE_EXPIRED, Kind.INVALID, "付款码已过期，请刷新后再扫")
BalanceTooLow = _word(Word.BALANCE_TOO_LOW, Kind.CONFLICT, "余额不足，请在手机上换一种付款方式")
PaymentRefused = _word(Word.PAYMENT_REFUSED, Kind.CONFLICT, "这次没有付成，没有扣款，请再试一次")
TooBusy = _word(Word.BUSY, Kind.UNAVAILABLE, "系统繁忙，请稍候")

_BY_STATUS: dict[str, type[KioskRefused]] = {
    AppointmentStatus.PENDING: NotPaid,
    AppointmentStatus.BOOKED: TooBusy,
    AppointmentStatus.CHECKED_IN: AlreadyCheckedIn,
    AppointmentStatus.FULFILLED: AlreadySeen,
    AppointmentStatus.CANCELLED: Cancelled,
    AppointmentStatus.NO_SHOW: TooLate,
    AppointmentStatus.ENTERED_IN_ERROR: Cancelled,
}

SIGN_IN_WORDS = (
    PatientNotFound, TooManyTries, QrIsInvalid, QrIsExpired, QrIsUsed, LinkIsUnproven,
    *dict.fromkeys(_BY_STATUS.values()),
)  # fmt: skip
CHECK_IN_WORDS = (
    AppointmentNotFound, TooEarly, TooLate, ClinicStopped, OnlineOnly, FeeIsDue, *dict.fromkeys(_BY_STATUS.values()),
)  # fmt: skip
PAYING_WORDS = (
    AppointmentNotFound, TooLate, ClinicStopped, PayAtWindow, *dict.fromkeys(_BY_STATUS.values()),
)  # fmt: skip
CODE_WORDS = (TooManyTries, PaymentCodeInvalid, PaymentCodeExpired, BalanceTooLow, PaymentRefused)
PROVING_WORDS = (CardNeeded, AccountNotFound)


# WeChat's words, without what differs between generations of its documents.
_BY_CHANNEL_CODE = {
    "AUTHCODEINVALID": PaymentCodeInvalid,
    "AUTHCODEERROR": PaymentCodeInvalid,
    "AUTHCODEEXPIRED": PaymentCodeExpired,
    "AUTHCODEEXPIRE": PaymentCodeExpired,
    "NOTENOUGH": BalanceTooLow,
}


def code_refused(error: ChannelRefused) -> KioskRefused:
    """Why a payment code did not pay (付款码被拒), in the kiosk's words."""
    code = str(error.fields.get("channel_code")).replace("_", "").upper()
    return _BY_CHANNEL_CODE.get(code, PaymentRefused)(error.detail)


@contextmanager
def kiosk_words() -> Iterator[None]:
    """Say the house's refusals in the kiosk's words; what has none (a missing session) stays as it is."""
    try:
        yield
    except DomainError as error:
        word = _word_for(error)
        if word is None:
            raise
        raise word(error.detail, **error.fields) from error


def _word_for(error: DomainError) -> type[KioskRefused] | None:
    if isinstance(error, NotCheckInAble | NotPayable):
        return _BY_STATUS.get(str(error.fields.get("status")), KioskRefused)
    if isinstance(error, CheckInClosed):
        return TooEarly if error.fields.get("early") else TooLate
    return next((word for known, word in _WORDS.items() if isinstance(error, known)), None)


_WORDS: dict[type[DomainError], type[KioskRefused]] = {
    KioskProofRefused: PatientNotFound,
    TooManyAttempts: TooManyTries,
    QrInvalid: QrIsInvalid,
    QrExpired: QrIsExpired,
    SessionStopped: ClinicStopped,
    FeeDue: FeeIsDue,
    FeeOnBill: PayAtWindow,
    ChannelRefused: PayAtWindow,
    OutsideUnavailable: PayAtWindow,
    PaymentOver: TooLate,
    OnlineVisit: OnlineOnly,
    IdentityCodeInvalid: QrIsInvalid,
    IdentityCodeExpired: QrIsExpired,
    IdentityCodeUsed: QrIsUsed,
    LinkUnproven: LinkIsUnproven,
    NotFound: AppointmentNotFound,
    Busy: TooBusy,
}
