"""WeChat Pay v3 (微信支付): the ``PaymentGateway`` port on the unmodified wechatpayv3, in public-key mode (公钥模式).

Mini program, native QR and payment codes, as an ordinary merchant or through a service provider (服务商).
Source: 微信支付 APIv3 签名与验签, JSAPI 下单, Native 下单, 付款码支付, 撤销订单, 查询订单, 关闭订单, 申请退款,
查询单笔退款, 发起异常退款, 申请交易账单.
"""

import secrets
import time
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from backend.settings import WechatSettings
from hospital_core.finance.payments.ports import (
    BillNotReady,
    BillRow,
    ChannelOrder,
    ChannelRefund,
    ChannelRefundStatus,
    CloseResult,
    CodeOrder,
    GatewayRefused,
    GatewayUnknown,
    Merchant,
    NativeOrder,
    PrepayOrder,
    RefundOrder,
    RefundRedirect,
    ReverseResult,
    TradeState,
)
from miniapp_api.wechat.answers import BillAddress, Native, Prepaid, Refund, Transaction, read
from miniapp_api.wechat.bills import rows_of
from miniapp_api.wechat.gateways import Gateways, is_one_of

PAY_NOTIFY_PATH = "/api/miniapp/v1/wechat/pay-notify"
REFUND_NOTIFY_PATH = "/api/miniapp/v1/wechat/refund-notify"

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_ABSENT = frozenset({"ORDERNOTEXIST", "ORDERNOTEXISTS", "RESOURCENOTEXISTS", "RESOURCENOTEXIST"})
_PAID = frozenset({"ORDERPAID"})
_CLOSED = frozenset({"ORDERCLOSED"})
# The charge stands and its state is worth asking for; neither is a no.
_ASK_FOR_IT = frozenset({"ORDERPAID", "USERPAYING"})
_BILL_LATER = frozenset({"STATEMENTCREATING"})
_BILL_EMPTY = frozenset({"NOSTATEMENTEXIST"})


class WechatPay:
    """The hospital's channel at WeChat (微信支付渠道); one per worker, between ``connect`` and ``disconnect``."""

    def __init__(self, settings: WechatSettings) -> None:
        self._settings = settings
        self._gateways = Gateways(settings)
        self._merchant = Merchant(settings.mchid, settings.appid, settings.sub_mchid)
        self._pay_notify_url = settings.notify_origin.rstrip("/") + PAY_NOTIFY_PATH
        self._refund_notify_url = settings.notify_origin.rstrip("/") + REFUND_NOTIFY_PATH

    @property
    def client(self) -> AsyncWeChatPay:
        """The client whose keys open notices."""
        return self._gateways.first

    async def connect(self) -> None:
        """Make the connection pools of this worker; without them no call works."""
        await self._gateways.connect()

    async def disconnect(self) -> None:
        """Drop the connections."""
        await self._gateways.disconnect()

    @property
    def merchant(self) -> Merchant:
        """Who is paid."""
        return self._merchant

    def merchant_of(self, *place_ids: UUID) -> Merchant:
        """Who is paid at a department or campus."""
        known = (self._settings.sub_mchids.get(str(place_id)) for place_id in place_ids)
        sub_mchid = next(filter(None, known), self._settings.sub_mchid)
        return Merchant(self._settings.mchid, self._settings.appid, sub_mchid)

    async def prepay(self, order: PrepayOrder) -> str:
        """Place a JSAPI order (下单). A re-entry must repeat every byte, so all of it follows from ``order``."""
        payer = {"sub_openid" if self._settings.sp_appid else "openid": order.payer_openid}
        wanted = self._order(order) | self._awaited(order.pay_until) | {"payer": payer}
        answer = await self._gateways.ask("prepay", lambda client: client.pay(**wanted))
        return read(Prepaid, answer).prepay_id

    async def pay_parameters(self, prepay_id: str) -> dict[str, str]:
        """The arguments of ``wx.requestPayment`` (调起支付), signed with the merchant's key."""
        stamp, nonce, package = str(int(time.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        return {
            "appId": self._merchant.appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.client.sign([self._merchant.appid, stamp, nonce, package]),
        }

    async def native(self, order: NativeOrder) -> str:
        """Place a native order (扫码支付下单); the code before this one dies."""
        wanted = self._order(order) | self._awaited(order.pay_until) | {"pay_type": WeChatPayType.NATIVE}
        answer = await self._gateways.ask("native", lambda client: client.pay(**wanted))
        return read(Native, answer).code_url

    async def charge_code(self, order: CodeOrder, auth_code: str) -> ChannelOrder:
        """Take money from a scanned code (付款码支付): never sent to a second host, it may have acted."""
        wanted = self._order(order) | {
            "payer": {"auth_code": auth_code},
            "scene_info": {"device_id": order.place, "store_info": {"out_id": order.place}},
            "pay_type": WeChatPayType.CODEPAY,
        }
        try:
            answer = await self._gateways.ask("charge_code", lambda client: client.pay(**wanted), repeatable=False)
        except GatewayRefused as refusal:
            if is_one_of(refusal, _ASK_FOR_IT):
                return await self.query(order.out_trade_no, order.sub_mchid)
            raise
        return _transaction(answer, order.out_trade_no).as_order()

    async def reverse(self, out_trade_no: str, sub_mchid: str | None = None) -> ReverseResult:
        """Reverse a payment code's order (撤销); repeating it is the same."""
        try:
            await self._gateways.ask(
                "reverse", lambda client: client.codepay_reverse(out_trade_no, **self._whose(sub_mchid))
            )
        except GatewayRefused as refusal:
            if is_one_of(refusal, _ABSENT):
                return ReverseResult.ABSENT
            raise
        return ReverseResult.REVERSED

    async def query(self, out_trade_no: str, sub_mchid: str | None = None) -> ChannelOrder:
        """Ask for an order (查单)."""
        try:
            answer = await self._gateways.ask(
                "query", lambda client: client.query(out_trade_no=out_trade_no, **self._whose(sub_mchid))
            )
        except GatewayRefused as refusal:
            if is_one_of(refusal, _ABSENT):
                return ChannelOrder(out_trade_no, TradeState.ABSENT)
            raise
        return _transaction(answer, out_trade_no).as_order()

    async def close(self, out_trade_no: str, sub_mchid: str | None = None) -> CloseResult:
        """Close an unpaid order (关单); closing again is the same."""
        try:
            await self._gateways.ask("close", lambda client: client.close(out_trade_no, **self._whose(sub_mchid)))
        except GatewayRefused as refusal:
            if is_one_of(refusal, _PAID):
                return CloseResult.ALREADY_PAID
            if is_one_of(refusal, _ABSENT):
                return CloseResult.ABSENT
            if not is_one_of(refusal, _CLOSED):
                raise
        return CloseResult.CLOSED

    async def refund(self, order: RefundOrder) -> ChannelRefund:
        """Ask to give money back (申请退款); accepted is not yet given back."""
        answer = await self._gateways.ask(
            "refund",
            lambda client: client.refund(
                out_refund_no=order.out_refund_no,
                amount={"refund": order.amount_fen, "total": order.total_fen, "currency": "CNY"},
                transaction_id=order.transaction_id,
                reason=order.reason,
                notify_url=self._refund_notify_url,
                **self._whose(order.sub_mchid),
            ),
        )
        return _refund_of(answer, order.out_refund_no)

    async def query_refund(self, out_refund_no: str, sub_mchid: str | None = None) -> ChannelRefund:
        """Ask for a refund (查退款)."""
        try:
            answer = await self._gateways.ask(
                "query_refund", lambda client: client.query_refund(out_refund_no, **self._whose(sub_mchid))
            )
        except GatewayRefused as refusal:
            if is_one_of(refusal, _ABSENT):
                return ChannelRefund(out_refund_no, ChannelRefundStatus.ABSENT)
            raise
        return _refund_of(answer, out_refund_no)

    async def redirect_refund(self, redirect: RefundRedirect) -> ChannelRefund:
        """Send an ABNORMAL refund to the payer's bank card (发起异常退款); account and name travel encrypted.

        The same number asked twice is redirected once, so another host may be asked.
        """
        answer = await self._gateways.ask(
            "redirect_refund",
            lambda client: client.abnormal_refund(
                redirect.refund_id,
                redirect.out_refund_no,
                "USER_BANK_CARD",
                bank_type=redirect.bank_type,
                bank_account=redirect.bank_account,
                real_name=redirect.real_name,
                **self._whose(redirect.sub_mchid),
            ),
        )
        return _refund_of(answer, redirect.out_refund_no)

    async def bill(self, day: date, sub_mchid: str | None = None) -> AsyncIterator[BillRow]:
        """The bill of a day (交易账单). A service provider's holds all its merchants unless one is named."""
        whose = {"sub_mchid": sub_mchid} if sub_mchid else {}
        try:
            answer, client = await self._gateways.ask_whom(
                "bill", lambda client: client.trade_bill(day.isoformat(), **whose)
            )
        except GatewayRefused as refusal:
            if is_one_of(refusal, _BILL_EMPTY):
                return
            if is_one_of(refusal, _BILL_LATER):
                raise BillNotReady() from refusal
            raise
        async for row in rows_of(client, read(BillAddress, answer)):
            yield row

    def _order(self, order: PrepayOrder | NativeOrder | CodeOrder) -> dict[str, Any]:
        """What every way of paying tells of an order."""
        wanted = {
            "description": order.description,
            "out_trade_no": order.out_trade_no,
            "amount": {"total": order.amount_fen, "currency": "CNY"},
            **self._whose(order.sub_mchid),
        }
        return wanted | {"sub_appid": self._settings.appid} if self._settings.sp_appid else wanted

    def _awaited(self, pay_until: datetime) -> dict[str, Any]:
        return {
            "time_expire": pay_until.astimezone(_SHANGHAI).isoformat(timespec="seconds"),
            "notify_url": self._pay_notify_url,
        }

    def _whose(self, sub_mchid: str | None) -> dict[str, str]:
        """Whose order it is; an order of before the service provider's time is the default merchant's."""
        chosen = sub_mchid or self._settings.sub_mchid
        return {"sub_mchid": chosen} if self._settings.sp_appid and chosen else {}


def _transaction(answer: dict[str, Any], out_trade_no: str) -> Transaction:
    transaction = read(Transaction, answer)
    if transaction.out_trade_no != out_trade_no:
        raise GatewayUnknown("the answer is about another order")
    return transaction


def _refund_of(answer: dict[str, Any], out_refund_no: str) -> ChannelRefund:
    refund = read(Refund, answer)
    if refund.out_refund_no != out_refund_no:
        raise GatewayUnknown("the answer is about another refund")
    return ChannelRefund(out_refund_no, refund.status, refund.amount.refund, refund.refund_id, refund.success_time)
