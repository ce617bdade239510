"""What payments are asked to do, and the verified facts that channels bring."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator
from typing_extensions import Self

from hospital_core.finance.payments.ports import ChannelRefundStatus
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.commands import Command
from hospital_core.kernel.money import Fen


class OpenIntent(Command):
    """Be ready to be paid for a bill (发起支付). Commas would break the channel's bill files."""

    invoice_id: UUID
    channel: PaymentChannel = PaymentChannel.WECHAT_JSAPI
    account_id: UUID | None = None
    payer_openid: str | None = Field(default=None, min_length=1, max_length=128)
    description: str = Field(min_length=1, max_length=127, pattern=r"^[^,\r\n]+$")
    pay_until: AwareDatetime

    @model_validator(mode="after")
    def _paid_by_a_known_person(self) -> Self:
        if self.channel is PaymentChannel.WECHAT_JSAPI and self.payer_openid is None:
            raise ValueError("a WeChat payment names its payer's openid")
        if self.channel is PaymentChannel.CASH:
            raise ValueError("cash is taken, not awaited: use take_cash")
        return self


class RecordPrepay(Command):
    """The channel knows the order now (预支付)."""

    intent_id: UUID
    prepay_id: str = Field(min_length=1, max_length=64)


class CloseIntent(Command):
    """The channel said that no money can arrive any more (关单)."""

    intent_id: UUID


class WithdrawIntents(Command):
    """Nobody should pay this bill any more: have its open intents closed at the channel now (停止支付)."""

    invoice_id: UUID


class ChannelSuccess(Command):
    """Money arrived (支付成功): a fact whose signature the adapter has verified. ``None``: the channel did not say."""

    out_trade_no: str = Field(min_length=1, max_length=32)
    transaction_id: str = Field(min_length=1, max_length=32)
    amount_fen: Fen
    currency: str
    mchid: str
    appid: str | None = None
    payer_openid: str | None = None
    succeeded_at: AwareDatetime
    source: Literal["callback", "query"]


class MismatchKind(StrEnum):
    """How a verified fact can differ from what we asked for (支付不符); the closed list that staff see."""

    ORDER = "mismatch_order"  # no such intent here
    AMOUNT = "mismatch_amount"
    CURRENCY = "mismatch_currency"
    MERCHANT = "mismatch_merchant"
    APP = "mismatch_app"
    PAYER = "mismatch_payer"
    TRANSACTION = "mismatch_transaction"  # another transaction settled this intent before


class NoteMismatch(Command):
    """Keep a refused fact where staff can see it (登记支付不符). ``amount_fen`` None: it was not in yuan."""

    kind: MismatchKind
    out_trade_no: str
    transaction_id: str
    amount_fen: Fen | None = None


class CheckMismatch(Command):
    """Ask the channel again about a payment that differed from our order (重新查单)."""

    notice_id: UUID


class SettleMismatch(Command):
    """Say what was done about a payment that differs from our order (登记处理结果)."""

    notice_id: UUID
    note: str = Field(min_length=2, max_length=200)


class TakeCash(Command):
    """Take cash for a bill (收现金)."""

    invoice_id: UUID
    tendered_fen: Fen


class RequestRefund(Command):
    """Give money back (申请退款) for a bill or one intent, once per source; ``amount_fen`` None = all that is left."""

    invoice_id: UUID | None = None
    intent_id: UUID | None = None
    amount_fen: int | None = Field(default=None, gt=0)
    reason: str = Field(min_length=1, max_length=80)
    source_kind: str = Field(min_length=1, max_length=30)
    source_id: UUID

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.invoice_id is None) == (self.intent_id is None):
            raise ValueError("name either invoice_id or intent_id")
        return self


class RetryRefund(Command):
    """Send an abnormal refund again under its own number (重新退款)."""

    refund_id: UUID


class CheckRefund(Command):
    """Ask the channel how a refund stands (查退款)."""

    refund_id: UUID


class ChannelRefundResult(Command):
    """What the channel says of a refund (退款结果): a fact whose signature the adapter has verified."""

    out_refund_no: str = Field(min_length=1, max_length=32)
    status: ChannelRefundStatus
    amount_fen: Fen
    refund_id: str | None = Field(default=None, max_length=64)
    mchid: str | None = None
    succeeded_at: AwareDatetime | None = None
    source: Literal["callback", "query"] = "query"


class RefundRefused(Command):
    """The channel refuses a refund outright (渠道拒绝退款); ``code`` is its own word for why."""

    refund_id: UUID
    code: str = Field(max_length=40)


class ScheduleCheck(Command):
    """Ask the channel again later (安排查询): ``step`` counts on the ladder."""

    object_id: UUID
    step: int = Field(ge=0)
