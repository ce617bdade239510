"""Notices of WeChat Pay (支付通知、退款通知): from raw bytes to a verified fact, or refused.

Source: 微信支付 APIv3 支付成功回调通知, 退款结果通知, 微信支付公钥切换.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, AwareDatetime, BaseModel, Field, StrictInt, ValidationError
from wechatpayv3.async_ import AsyncWeChatPay

from hospital_core.finance.payments.commands import ChannelRefundResult, ChannelSuccess
from hospital_core.finance.payments.ports import TradeState
from miniapp_api.wechat.answers import RefundStatusText, Transaction
from miniapp_api.wechat.errors import NoticeRefused

log = logging.getLogger(__name__)

WINDOW_S = 300
_HEADERS = tuple(
    f"wechatpay-{name}" for name in ("signature", "timestamp", "nonce", "serial", "signature-type")
)  # fmt: skip
_PUBLIC_KEY_SERIAL = "PUB_KEY_ID_"
_REFRESH_S = 60.0

PAID = "TRANSACTION.SUCCESS"
REFUND_EVENTS = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})


class _RefundAmount(BaseModel):
    refund: StrictInt


class _RefundNotice(BaseModel):
    """A service provider's notice names the provider as ``sp_mchid``."""

    mchid: str = Field(validation_alias=AliasChoices("mchid", "sp_mchid"))
    sub_mchid: str | None = None
    out_refund_no: str
    refund_status: RefundStatusText
    refund_id: str
    amount: _RefundAmount
    success_time: AwareDatetime | None = None


class Notices:
    """Verifies and opens notices with the merchant's keys."""

    def __init__(self, client: AsyncWeChatPay) -> None:
        self._client = client
        self._refreshed_at = -_REFRESH_S
        self._refreshing = asyncio.Lock()

    async def verify_notice(self, headers: Mapping[str, str], body: bytes) -> ChannelSuccess | ChannelRefundResult:
        """The fact a notice brings. Raises: NoticeRefused, whatever is wrong with it."""
        proof = {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}
        if len(proof) != len(_HEADERS):
            raise NoticeRefused("a header is missing")
        _check_age(proof["wechatpay-timestamp"])
        _check_spelling(proof["wechatpay-signature"])
        notice = self._opened(proof, body)
        if notice is None and await self._learnt_certificate(proof["wechatpay-serial"]):
            notice = self._opened(proof, body)
        if notice is None:
            raise NoticeRefused("signature or key")
        try:
            return _fact_of(notice)
        except (ValidationError, KeyError, TypeError) as error:
            raise NoticeRefused("unreadable content") from error

    def _opened(self, proof: dict[str, str], body: bytes) -> dict[str, Any] | None:
        """None for a bad signature, an unknown serial and a wrong APIv3 key alike, as the library tells it.

        For anything odder it raises whatever came to hand: bare Exception, ValueError of a serial that is no number,
        KeyError, InvalidTag. All of it means: not a notice for us.
        """
        try:
            opened = self._client.callback(proof, body)
        except Exception as error:
            raise NoticeRefused(type(error).__name__) from error
        return opened if isinstance(opened, dict) else None

    async def _learnt_certificate(self, serial: str) -> bool:
        """While a merchant moves from certificates to the public key, notices come signed with either for a week.

        The library's callback cannot load certificates by itself. At most once a minute, or a stranger with invented
        serials would have us ask all day.
        """
        if serial.startswith(_PUBLIC_KEY_SERIAL):
            return False
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at < _REFRESH_S:
                return False
            self._refreshed_at = time.monotonic()
            try:
                await self._client._core._update_certificates()
            except Exception as error:  # as above: whatever came to hand
                log.warning("platform certificates not loaded", extra={"error": type(error).__name__})
                return False
            return bool(self._client._core._certificates)


def _check_age(stamp: str) -> None:
    """The signature covers the timestamp, but nobody checks it for us: an old notice could be played again."""
    if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp[:15])) > WINDOW_S:
        raise NoticeRefused("timestamp outside the window")


def _check_spelling(signature: str) -> None:
    """The library's decoder reads past what does not belong into base64: one signature, one way to write it."""
    try:
        exact = base64.b64encode(base64.b64decode(signature, validate=True)).decode() == signature
    except ValueError:
        exact = False
    if not exact:
        raise NoticeRefused("signature is not base64")


def _fact_of(notice: dict[str, Any]) -> ChannelSuccess | ChannelRefundResult:
    event, resource = notice["event_type"], notice["resource"]
    if event == PAID:
        return _success_of(Transaction.model_validate(resource))
    if event in REFUND_EVENTS:
        return _refund_result_of(_RefundNotice.model_validate(resource))
    raise NoticeRefused("an event we did not subscribe to")


def _success_of(transaction: Transaction) -> ChannelSuccess:
    if transaction.trade_state is not TradeState.SUCCESS or transaction.amount is None:
        raise NoticeRefused("not a success")
    return ChannelSuccess.model_validate(
        {
            "out_trade_no": transaction.out_trade_no,
            "transaction_id": transaction.transaction_id,
            "amount_fen": transaction.amount.total,
            "currency": transaction.amount.currency,
            "mchid": transaction.mchid,
            "appid": transaction.appid,
            "sub_mchid": transaction.sub_mchid,
            "payer_openid": transaction.payer.openid if transaction.payer else None,
            "succeeded_at": transaction.success_time,
            "source": "callback",
        }
    )


def _refund_result_of(notice: _RefundNotice) -> ChannelRefundResult:
    return ChannelRefundResult(
        out_refund_no=notice.out_refund_no,
        status=notice.refund_status,
        amount_fen=notice.amount.refund,
        refund_id=notice.refund_id,
        mchid=notice.mchid,
        sub_mchid=notice.sub_mchid,
        succeeded_at=notice.success_time,
        source="callback",
    )
