"""What WeChat Pay answers (应答报文), of the ordinary merchant and of the service provider (服务商) alike."""

from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, StrictInt, ValidationError, model_validator
from typing_extensions import Annotated

from hospital_core.finance.payments.ports import ChannelOrder, ChannelRefundStatus, GatewayUnknown, TradeState

Answer = TypeVar("Answer", bound=BaseModel)


class Prepaid(BaseModel):
    """Answer to a JSAPI order."""

    prepay_id: str


class Native(BaseModel):
    """Answer to a native order."""

    code_url: str


class Amount(BaseModel):
    """``total`` is what was asked for; what the payer's coupons took off is between the payer and WeChat."""

    total: StrictInt
    currency: str = "CNY"


class Payer(BaseModel):
    """Who paid, in the app that the person used."""

    openid: str | None = None


class Transaction(BaseModel):
    """The transaction object (支付订单) of queries and notices.

    A service provider's carries ``sp_`` and ``sub_`` names: its merchant is the provider with a special merchant beside
    it, its app and payer those of the special merchant's mini program where the order named one.
    """

    out_trade_no: str
    trade_state: TradeState
    mchid: str
    appid: str
    sub_mchid: str | None = None
    amount: Amount | None = None
    transaction_id: str | None = None
    success_time: AwareDatetime | None = None
    payer: Payer | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_a_provider(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "sp_mchid" not in data:
            return data
        payer = data.get("payer") if isinstance(data.get("payer"), dict) else {}
        own_app = data.get("sub_appid")
        return {
            **data,
            "mchid": data["sp_mchid"],
            "appid": own_app or data.get("sp_appid"),
            "payer": {"openid": payer.get("sub_openid") if own_app else payer.get("sp_openid")},
        }

    def as_order(self) -> ChannelOrder:
        """What the port tells of it."""
        return ChannelOrder(
            out_trade_no=self.out_trade_no,
            state=self.trade_state,
            mchid=self.mchid,
            appid=self.appid,
            amount_fen=self.amount.total if self.amount else None,
            currency=self.amount.currency if self.amount else None,
            transaction_id=self.transaction_id,
            payer_openid=self.payer.openid if self.payer else None,
            succeeded_at=self.success_time,
            sub_mchid=self.sub_mchid,
        )


class RefundAmount(BaseModel):
    """The refunded part of the order's total."""

    refund: StrictInt


# One document spells it CLOSE, the other CLOSED.
RefundStatusText = Annotated[ChannelRefundStatus, BeforeValidator(lambda text: "CLOSED" if text == "CLOSE" else text)]


class Refund(BaseModel):
    """The refund object (退款单)."""

    out_refund_no: str
    status: RefundStatusText
    amount: RefundAmount
    refund_id: str | None = None
    success_time: AwareDatetime | None = None


class BillAddress(BaseModel):
    """Where a bill lies for 30 seconds, and the hash of its text."""

    hash_type: str
    hash_value: str
    download_url: str


def read(shape: type[Answer], body: dict[str, Any]) -> Answer:
    """A signed answer in the documented shape; anything else is nothing we may act on. Raises GatewayUnknown."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise GatewayUnknown(f"unreadable {shape.__name__}") from error
