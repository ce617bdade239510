"""What payments need from outside: a channel that takes money from phones (支付渠道).

An adapter verifies every answer's signature, and turns "no answer, 5xx, system busy, too frequent" into
``GatewayUnknown`` (nothing is known, ask again) and a clear no into ``GatewayRefused``. Its calls never
run inside a transaction.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class GatewayUnknown(Exception):
    """No usable answer: the order may or may not have been acted upon. Query later, under the same number."""


class GatewayRefused(Exception):
    """The channel said no, and did nothing. ``code`` is its own word (NOT_ENOUGH, PARAM_ERROR …)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Merchant:
    """Who is paid (商户): an order carries both, and so must every fact about it."""

    mchid: str
    appid: str


@dataclass(frozen=True)
class PrepayOrder:
    """What the channel is asked to take (下单). The same values are sent on every re-entry. Units: fen."""

    out_trade_no: str
    amount_fen: int
    description: str
    payer_openid: str
    pay_until: datetime


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


class PaymentGateway(Protocol):
    """A channel that takes and gives back money (支付网关)."""

    @property
    def merchant(self) -> Merchant:
        """Who is paid; known without asking anybody, so it may be read inside a transaction."""
        ...

    async def prepay(self, order: PrepayOrder) -> str:
        """Place an order and return its ``prepay_id``. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def pay_parameters(self, prepay_id: str) -> dict[str, str]:
        """What the phone needs to show the payment sheet (调起支付参数)."""
        ...

    async def query(self, out_trade_no: str) -> ChannelOrder:
        """Ask for an order. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def close(self, out_trade_no: str) -> CloseResult:
        """Let no money arrive any more. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def refund(self, order: RefundOrder) -> ChannelRefund:
        """Ask to give money back. Raises GatewayUnknown, GatewayRefused."""
        ...

    async def query_refund(self, out_refund_no: str) -> ChannelRefund:
        """Ask for a refund. Raises GatewayUnknown, GatewayRefused."""
        ...
