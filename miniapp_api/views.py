"""Shapes that only the phone sees, and the bodies it alone sends."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.payments.self_service_commands import PayHow
from hospital_core.finance.payments.self_service_views import BillItem, OwnBill, WayBack
from hospital_core.kernel.commands import Command, Day, View
from hospital_core.registry.accounts.views import Rotated, SignedIn


class SignInByCode(Command):
    """The code that ``wx.login`` has just given (登录凭证)."""

    code: str = Field(min_length=1, max_length=200, repr=False)


class PhoneCode(Command):
    """The code that the phone-number button has just given (手机号凭证)."""

    code: str = Field(min_length=1, max_length=200, repr=False)


class DayQuery(BaseModel):
    """A day of the calendar (日期); today when left out."""

    model_config = ConfigDict(extra="forbid")
    day: Day | None = None


class SearchQuery(BaseModel):
    """What was typed into a search box (检索); it may be anything."""

    model_config = ConfigDict(extra="forbid")
    q: str = Field(default="", max_length=200)


class PartQuery(BaseModel):
    """A part of the body (部位)."""

    model_config = ConfigDict(extra="forbid")
    part: str = Field(min_length=1, max_length=20, pattern=r"^[^\x00]+$")


class CursorQuery(BaseModel):
    """Where the page before ended (翻页)."""

    model_config = ConfigDict(extra="forbid")
    cursor: str | None = Field(default=None, max_length=100)


class MonthQuery(CursorQuery):
    """A month of the record of payments (月份), and whose; this month and everybody's when left out."""

    month: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")] | None = None
    patient_id: UUID | None = None


class PayBy(Command):
    """With what a bill or a registration fee is paid (支付方式)."""

    how: PayHow = PayHow.WECHAT


class AccountBrief(View):
    """The signed-in account (账户)."""

    id: UUID
    phone_masked: str | None


class Session(View):
    """A signed-in phone (登录会话): a short access token, and the refresh token for the next one."""

    access_token: str = Field(repr=False)
    expires_in: int
    refresh_token: str = Field(repr=False)
    account: AccountBrief

    @classmethod
    def of(cls, signed: SignedIn | Rotated, access_token: str, expires_in: int) -> "Session":
        """A session with its access token."""
        account = AccountBrief(id=signed.account_id, phone_masked=signed.phone_masked)
        tokens = {"access_token": access_token, "refresh_token": signed.refresh_token}
        return cls(expires_in=expires_in, account=account, **tokens)


class PayParameters(View):
    """The arguments of ``wx.requestPayment`` (调起支付参数), named as WeChat names them."""

    appId: str
    timeStamp: str
    nonceStr: str
    package: str
    signType: str
    paySign: str


class PaymentStarted(View):
    """What the phone needs to pay (待支付)."""

    intent_id: UUID
    amount_fen: int
    pay_until: datetime
    wechat: PayParameters


class VisitCharges(View):
    """What one visit left to pay (就诊待缴费); ``department`` None: the visit is not known any more."""

    encounter_id: UUID
    department: str | None
    doctor: str | None
    at: datetime
    amount_fen: int
    items: list[BillItem]


class OpenMoney(View):
    """What a patient has to pay (待缴费): charges by visit, on no bill yet, and bills not paid in full."""

    patient_id: UUID
    patient_name_masked: str
    due_fen: int
    visits: list[VisitCharges]
    bills: list[OwnBill]


class BillPage(OwnBill):
    """A bill with its items by visit (缴费单)."""

    visits: list[VisitCharges]


class BillPaymentStarted(View):
    """A bill is being paid (缴费): what the card gave; ``payment`` None when nothing is left for WeChat."""

    card_fen: int
    payment: PaymentStarted | None
    bill: BillPage


class FeePaymentStarted(View):
    """A fee is being paid (支付挂号费): what the card gave; ``payment`` None when nothing is left for WeChat."""

    card_fen: int
    payment: PaymentStarted | None
    appointment: AppointmentView


class MoneyBack(View):
    """Money on its way back to where it came from (退款)."""

    amount_fen: int
    ways: list[WayBack]


class Entry(View):
    """How the H5 phone reaches WeChat's sheets (H5 入口); inside a mini program the addresses are not needed."""

    hospital_name: str
    appid: str
    login_url: str | None
    pay_url: str | None
    templates: dict[str, str]


class WechatNotice(Command):
    """The envelope of a WeChat Pay notice (支付通知); only its raw bytes count, because they are what is signed."""

    model_config = ConfigDict(extra="ignore", str_max_length=None)

    event_type: str
    resource: dict[str, object] = Field(repr=False)
