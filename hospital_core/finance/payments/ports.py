"""What payments need from outside: a channel that takes money from phones (支付渠道).

An adapter verifies every answer's signature, and turns "no answer, 5xx, system busy, too frequent" into
``GatewayUnknown`` (nothing is known, ask again) and a clear no into ``GatewayRefused``. Its calls never
run inside a transaction.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class GatewayUnknown(Exception):
    """No usable answer: the order may or may not have been acted upon. Query later, under the same number."""


class BillNotReady(Exception):
    """The channel has not made the bill of that day yet (账单未生成): ask again later."""


class GatewayRefused(Exception):
    """The channel said no, and did nothing. ``code`` is its own word (NOT_ENOUGH, PARAM_ERROR …)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Merchant:
    """Who is paid (商户): an order carries all of it, and so must every fact about it.

    ``sub_mchid`` is the special merchant (特约商户) where the hospital takes money through a service provider (服务商).
    """

    mchid: str
    appid: str
    sub_mchid: str | None = None


@dataclass(frozen=True)
class PrepayOrder:
    """What the channel is asked to take (下单). The same values are sent on every re-entry. Units: fen."""

    out_trade_no: str
    amount_fen: int
    description: str
    payer_openid: str
    pay_until: datetime
    sub_mchid: str | None = None


@dataclass(frozen=True)
class NativeOrder:
    """An order for whoever scans our code (扫码支付下单). The same values are sent on every re-entry. Units: fen."""

    out_trade_no: str
    amount_fen: int
    description: str
    pay_until: datetime
    sub_mchid: str | None = None


@dataclass(frozen=True)
class CodeOrder:
    """What is taken from a payment code that we scanned (付款码支付). ``place`` names our desk or kiosk. Units: fen."""

    out_trade_no: str
    amount_fen: int
    description: str
    place: str
    sub_mchid: str | None = None


class TradeState(StrEnum):
    """State of an order at the channel (交易状态); ``ABSENT``: it knows no such order."""

    NOTPAY = "NOTPAY"
    USERPAYING = "USERPAYING"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    PAYERROR = "PAYERROR"
    ABSENT = "ABSENT"

    @property
    def is_paid(self) -> bool:
        """Money arrived; REFUND only says that some of it was asked back since."""
        return self in (TradeState.SUCCESS, TradeState.REFUND)

    @property
    def is_over(self) -> bool:
        """No money arrived and none can arrive."""
        return self in (TradeState.CLOSED, TradeState.REVOKED)


@dataclass(frozen=True)
class ChannelOrder:
    """An order as the channel sees it (查单结果); the last five are known once it is paid."""

    out_trade_no: str
    state: TradeState
    mchid: str = ""
    appid: str | None = None
    amount_fen: int | None = None
    currency: str | None = None
    transaction_id: str | None = None
    payer_openid: str | None = None
    succeeded_at: datetime | None = None
    sub_mchid: str | None = None


class ReverseResult(StrEnum):
    """Answer to reversing a payment code's order (撤销结果): afterwards nothing was paid, or it is on its way back."""

    REVERSED = "reversed"
    ABSENT = "absent"


class CloseResult(StrEnum):
    """Answer to closing (关单结果)."""

    CLOSED = "closed"
    ALREADY_PAID = "already_paid"
    ABSENT = "absent"


@dataclass(frozen=True)
class RefundOrder:
    """What the channel is asked to give back (退款申请): the same number and values on every retry. Units: fen."""

    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    amount_fen: int
    total_fen: int
    reason: str
    sub_mchid: str | None = None


class ChannelRefundStatus(StrEnum):
    """State of a refund at the channel (退款状态); ``ABSENT``: it knows no such refund."""

    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"
    ABSENT = "ABSENT"


@dataclass(frozen=True)
class ChannelRefund:
    """A refund as the channel sees it (退款单); ``amount_fen`` is the refunded part of the order's total."""

    out_refund_no: str
    status: ChannelRefundStatus
    amount_fen: int | None = None
    refund_id: str | None = None
    succeeded_at: datetime | None = None


@dataclass(frozen=True)
class RefundRedirect:
    """An abnormal refund that is to reach the payer's bank card instead (异常退款改退). Never written down or logged.

    ``refund_id`` is the channel's own number of the refund; ``bank_type`` its word for the bank (ICBC_DEBIT …).
    """

    refund_id: str
    out_refund_no: str
    bank_type: str
    bank_account: str = field(repr=False)
    real_name: str = field(repr=False)
    sub_mchid: str | None = None


class BillRowKind(StrEnum):
    """What a line of the channel's bill tells (账单行): money that came, money that went back, a reversed payment."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class BillRow:
    """One line of the channel's bill of a day (对账单明细). Units: fen; ``fee_millifen`` thousandths of a fen.

    ``amount_fen`` is the order's total, or what was asked to go back; ``settled_fen`` what the channel moves for it
    (less than the amount where it gave the payer a coupon). A refund's ``status`` is that of the moment the bill was
    made. A reversal carries no refund number of ours.
    """

    kind: BillRowKind
    at: datetime
    mchid: str
    appid: str
    sub_mchid: str | None
    transaction_id: str
    out_trade_no: str
    payer_openid: str
    trade_type: str
    amount_fen: int
    settled_fen: int
    fee_millifen: int
    refund_id: str | None = None
    out_refund_no: str | None = None
    status: str = ""


class PaymentGateway(Protocol):
    """A channel that takes and gives back money (支付网关).

    Everything is safe to repeat under the same number, except ``charge_code``: without an answer ask by ``query``, then
    ``reverse``. ``sub_mchid`` is the one that the order was placed with.
    """

    @property
    def merchant(self) -> Merchant:
        """Who is paid; known without asking anybody, so it may be read inside a transaction."""
        ...

    def merchant_of(self, *place_ids: UUID) -> Merchant:
        """Who is paid at a department or campus: the first of ``place_ids`` that has its own merchant, else all's."""
        ...

    async def prepay(self, order: PrepayOrder) -> str:
        """Place an order and return its ``prepay_id``. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def pay_parameters(self, prepay_id: str) -> dict[str, str]:
        """What the phone needs to show the payment sheet (调起支付参数)."""
        ...

    async def native(self, order: NativeOrder) -> str:
        """Place an order and return the ``code_url`` to show as a QR code; asked again, only the newest works.

        Raises GatewayUnknown, GatewayRefused.
        """
        ...

    async def charge_code(self, order: CodeOrder, auth_code: str) -> ChannelOrder:
        """Take money from a scanned payment code (付款码): SUCCESS, or USERPAYING while the payer types a password.

        No notice ever comes: poll ``query`` for at most 45 s, then ``reverse`` until it answers.
        Raises GatewayUnknown (maybe taken: query), GatewayRefused (nothing taken; ``code`` says why).
        """
        ...

    async def reverse(self, out_trade_no: str, sub_mchid: str | None = None) -> ReverseResult:
        """Let nothing be paid by a payment code, or give it back (撤销); the channel wants 15 s after the charge.

        Raises GatewayUnknown (repeat), GatewayRefused.
        """
        ...

    async def query(self, out_trade_no: str, sub_mchid: str | None = None) -> ChannelOrder:
        """Ask for an order. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def close(self, out_trade_no: str, sub_mchid: str | None = None) -> CloseResult:
        """Let no money arrive any more. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def refund(self, order: RefundOrder) -> ChannelRefund:
        """Ask to give money back. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def query_refund(self, out_refund_no: str, sub_mchid: str | None = None) -> ChannelRefund:
        """Ask for a refund. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def redirect_refund(self, redirect: RefundRedirect) -> ChannelRefund:
        """Send a refund that is ABNORMAL to a bank card of the payer. Raises GatewayUnknown, GatewayRefused."""
        ...

    def bill(self, day: date, sub_mchid: str | None = None) -> AsyncIterator[BillRow]:
        """The channel's bill of a day (交易账单), once its hash was found right; nothing for a day without trade.

        Raises GatewayUnknown (also when the hash is wrong), GatewayRefused, BillNotReady (before 10 o'clock).
        """
        ...
