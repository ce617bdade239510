"""What payments are asked to do, and the verified facts that channels bring."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator
from typing_extensions import Self

from hospital_core.finance.billing.commands import RefundLineWanted
from hospital_core.finance.payments.ports import ChannelRefundStatus
from hospital_core.finance.payments.states import DrawerKind, PaymentChannel
from hospital_core.kernel.commands import Command
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.money import Fen

MAX_TOP_UP_FEN = 5_000_000
CODE_CHARGED = timedelta(seconds=45)  # a payer types a password for so long at most
# Source: 18 digits that begin with 10 to 15. It pays for a minute: never written down, never shown.
AuthCode = Annotated[str, Field(pattern=r"^1[0-5][0-9]{16}$", repr=False)]


class OpenIntent(Command):
    """Be ready to be paid for a bill (发起支付), for all that is left or a part. Commas would break the bill files.

    ``place_ids``: department and campus, the nearer first; the first with a merchant of its own is paid.
    """

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    channel: PaymentChannel = PaymentChannel.WECHAT_JSAPI
    account_id: UUID | None = None
    payer_openid: str | None = Field(default=None, min_length=1, max_length=128)
    description: str = Field(min_length=1, max_length=127, pattern=r"^[^,\r\n]+$")
    pay_until: AwareDatetime
    place_ids: tuple[UUID, ...] = ()

    @model_validator(mode="after")
    def _paid_by_a_known_person(self) -> Self:
        _awaited_from_somebody(self.channel, self.payer_openid)
        return self


def _awaited_from_somebody(channel: PaymentChannel, payer_openid: str | None) -> None:
    if channel is PaymentChannel.WECHAT_JSAPI and payer_openid is None:
        raise ValueError("a WeChat payment names its payer's openid")
    if not channel.is_wechat:
        raise ValueError("only WeChat is awaited; other tenders are taken or recorded")


class OpenTopUp(Command):
    """Be ready to be paid ahead (发起预存款充值)."""

    patient_id: UUID
    amount_fen: int = Field(gt=0, le=MAX_TOP_UP_FEN)
    channel: PaymentChannel = PaymentChannel.WECHAT_JSAPI
    account_id: UUID | None = None
    payer_openid: str | None = Field(default=None, min_length=1, max_length=128)
    description: str = Field(default="预存款充值", min_length=1, max_length=127, pattern=r"^[^,\r\n]+$")
    pay_until: AwareDatetime

    @model_validator(mode="after")
    def _paid_by_a_known_person(self) -> Self:
        _awaited_from_somebody(self.channel, self.payer_openid)
        return self


class RecordPrepay(Command):
    """The channel knows the order now (预支付): its name for it, or the code to show."""

    intent_id: UUID
    prepay_id: str | None = Field(default=None, min_length=1, max_length=64)
    code_url: str | None = Field(default=None, min_length=1, max_length=512)


class BeginCharge(Command):
    """A payment code is about to be charged under this intent's number (付款码扣款前登记)."""

    intent_id: UUID


class Reversal(Command):
    """This intent's payment code is about to be reversed at the channel, or the channel refused to (撤销登记)."""

    intent_id: UUID


class ShowCode(Command):
    """Let somebody scan our code to pay a bill (扫码支付); all that is left unless an amount is named."""

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)


class ChargeCode(Command):
    """Charge the payment code that was scanned (付款码支付)."""

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    auth_code: AuthCode


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
    sub_mchid: str | None = None
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
    NO_ANSWER = "no_answer"  # still open an hour past its time: the channel does not say what became of it


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
    """Take cash for a bill (收现金): ``amount_fen`` of it, all that is left unless named."""

    invoice_id: UUID
    tendered_fen: Fen
    amount_fen: int | None = Field(default=None, gt=0)


class PayWithCard(Command):
    """Pay from the patient's card balance (预存款支付); all that is left unless an amount is named."""

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)


class RecordTender(Command):
    """Record what a bank card's terminal or the insurance paid (登记银行卡或医保支付), under its own number."""

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    reference: str = Field(min_length=1, max_length=64)


class ReleaseTenders(Command):
    """Give back what was paid of a bill that will not be paid in full (退回部分已付)."""

    invoice_id: UUID
    reason: str = Field(min_length=1, max_length=80)


class TakeCashTopUp(Command):
    """Take cash ahead (现金充值)."""

    patient_id: UUID
    amount_fen: int = Field(gt=0, le=MAX_TOP_UP_FEN)
    tendered_fen: Fen


class RefundTopUp(Command):
    """Give back what was paid ahead (预存款退款), all of it unless an amount is named; once per source."""

    patient_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    reason: str = Field(min_length=1, max_length=80)
    source_kind: str = Field(default="card", min_length=1, max_length=30)
    source_id: UUID = Field(default_factory=new_id)


class RefundCardAtCounter(Command):
    """Give back over the counter what was paid ahead (窗口退预存款), all of it unless an amount is named."""

    patient_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    reason: str = Field(min_length=1, max_length=80)


class RefundAtCounter(Command):
    """Give back parts of a paid bill over the counter (窗口退费): named items, or an amount, or all that is left."""

    invoice_id: UUID
    amount_fen: int | None = Field(default=None, gt=0)
    lines: list[RefundLineWanted] | None = Field(default=None, min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=80)

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.lines is not None and self.amount_fen is not None:
            raise ValueError("lines stand instead of an amount")
        _each_once(self.lines)
        return self


def _each_once(lines: list[RefundLineWanted] | None) -> None:
    if lines is not None and len({line.charge_item_id for line in lines}) != len(lines):
        raise ValueError("name each item once")


class PreviewRefund(Command):
    """See what giving back these lines would do (退费试算)."""

    invoice_id: UUID
    lines: list[RefundLineWanted] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _once(self) -> Self:
        _each_once(self.lines)
        return self


class PayOutRefund(Command):
    """Give a promised refund over the counter (窗口退付): cash, or what a terminal gave back under its number."""

    refund_id: UUID
    reference: str | None = Field(default=None, min_length=1, max_length=64)


class RequestRefund(Command):
    """Give money back (申请退款) for a bill or one intent, once per source.

    ``lines`` name items and quantities; else ``amount_fen``, None being all that is left.
    """

    invoice_id: UUID | None = None
    intent_id: UUID | None = None
    amount_fen: int | None = Field(default=None, gt=0)
    lines: list[RefundLineWanted] | None = Field(default=None, min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=80)
    source_kind: str = Field(min_length=1, max_length=30)
    source_id: UUID

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.invoice_id is None) == (self.intent_id is None):
            raise ValueError("name either invoice_id or intent_id")
        if self.lines is not None and (self.amount_fen is not None or self.invoice_id is None):
            raise ValueError("lines stand instead of an amount, and on a bill")
        _each_once(self.lines)
        return self


class RetryRefund(Command):
    """Send an abnormal refund again under its own number (重新退款)."""

    refund_id: UUID


class RedirectRefund(Command):
    """Let a refund whose payer's account takes no money reach a bank card of theirs (异常退款改退); kept nowhere."""

    refund_id: UUID
    bank_type: str = Field(pattern=r"^[A-Z0-9]{2,10}_(DEBIT|CREDIT)$")
    bank_account: str = Field(pattern=r"^[0-9]{12,19}$", repr=False)
    real_name: str = Field(min_length=2, max_length=40, repr=False)


class RefundRedirected(Command):
    """The channel sends an abnormal refund to a bank card now (登记改退)."""

    refund_id: UUID
    channel_refund_id: str = Field(max_length=64)


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
    sub_mchid: str | None = None
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


class SaveDrawer(Command):
    """Create or change a place where money is taken (收款点); its code begins the numbers of its receipts."""

    drawer_id: UUID | None = None
    code: str = Field(min_length=1, max_length=10, pattern=r"^[A-Z0-9]+$")
    name: str = Field(min_length=1, max_length=60)
    kind: DrawerKind = DrawerKind.WINDOW
    location_id: UUID | None = None
    active: bool = True


class OpenShift(Command):
    """Begin to work at a drawer (开班) with what was counted in it."""

    drawer_id: UUID
    opening_fen: Fen


class NoteCount(Command):
    """How many notes or coins of one value were counted (券别张数). Units: fen each."""

    value_fen: Literal[10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10]
    count: int = Field(ge=0, le=99_999)


class CloseShift(Command):
    """End one's work at a drawer (结班) with what was counted in it; a difference says why.

    ``notes``: the count by denominations (券别), which then add up to it.
    """

    shift_id: UUID
    counted_fen: Fen
    notes: list[NoteCount] = Field(default_factory=list, max_length=10)
    note: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.notes and sum(note.value_fen * note.count for note in self.notes) != self.counted_fen:
            raise ValueError("the denominations must add up to what was counted")
        return self


class DepositCash(Command):
    """Take cash out of the drawer to the bank (缴款)."""

    amount_fen: int = Field(gt=0)


class AskReceipt(Command):
    """Draw the receipt of a bill that is paid (开具收据); the one that stands is answered again."""

    invoice_id: UUID


class VoidReceipt(Command):
    """Make a receipt void (作废收据); its number stays and says why."""

    receipt_id: UUID
    reason: str = Field(min_length=1, max_length=100)
