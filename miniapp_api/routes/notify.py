"""Where WeChat Pay tells us what happened (支付与退款回调).

An answer of 2xx ends its retries, anything else makes it come again: so 204 only after the fact has been committed.
WeChat waits five seconds.
"""

import asyncio
import logging
from dataclasses import replace
from typing import TypeVar

import orjson

from backend.http.routing import CHANNEL, Audience, Call, Raw
from hospital_core.finance.payments.commands import ChannelRefundResult, ChannelSuccess
from hospital_core.finance.payments.errors import BeingReversed, PaymentMismatch, RefundMismatch
from hospital_core.finance.payments.outside import take_in_success
from hospital_core.finance.payments.service import record_refund_result
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import OutsideUnavailable
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes, wechat
from miniapp_api.views import WechatNotice
from miniapp_api.wechat.errors import NoticeRefused

log = logging.getLogger(__name__)

_ANSWER_WITHIN_S = 4.5

Fact = TypeVar("Fact", ChannelSuccess, ChannelRefundResult)


@routes.post(
    "/wechat/pay-notify",
    view=None,
    audience=Audience.OPEN,
    command=WechatNotice,
    status=204,
    errors=(BeingReversed, PaymentMismatch, OutsideUnavailable),
    limit=CHANNEL,
)
async def pay_notify(call: Call[WechatNotice]) -> Raw:
    """Money arrived, says WeChat Pay (支付通知)."""
    try:
        fact = await _verified(call, ChannelSuccess)
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await take_in_success(_by_channel(call.ctx), fact)
    except NoticeRefused as error:
        return _refused(error)
    except PaymentMismatch:
        return _failed(400, "与订单不符")
    except TimeoutError:
        return _failed(503, "请稍后重试")
    return _taken()


@routes.post(
    "/wechat/refund-notify",
    view=None,
    audience=Audience.OPEN,
    command=WechatNotice,
    status=204,
    errors=(RefundMismatch, OutsideUnavailable),
    limit=CHANNEL,
)
async def refund_notify(call: Call[WechatNotice]) -> Raw:
    """A refund is through, or not, says WeChat Pay (退款通知)."""
    try:
        fact = await _verified(call, ChannelRefundResult)
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await run(_by_channel(call.ctx), record_refund_result, fact)
    except NoticeRefused as error:
        return _refused(error)
    except RefundMismatch:
        return _failed(400, "与退款单不符")
    except TimeoutError:
        return _failed(503, "请稍后重试")
    return _taken()


async def _verified(call: Call[WechatNotice], kind: type[Fact]) -> Fact:
    fact = await wechat().notices.verify_notice(call.request.headers, call.request.body)
    if not isinstance(fact, kind):
        raise NoticeRefused("a notice for the other address")
    return fact


def _by_channel(ctx: Context) -> Context:
    """Nobody is signed in: what speaks is the signature, and the audit line says so."""
    return replace(ctx, proof="wechat_signature")


def _taken() -> Raw:
    return Raw(b"", "application/json", status=204)


def _refused(error: NoticeRefused) -> Raw:
    log.warning("wechat notice refused", extra={"reason": str(error)})
    return _failed(401, "签名验证失败")


def _failed(status: int, message: str) -> Raw:
    return Raw(orjson.dumps({"code": "FAIL", "message": message}), "application/json", status=status)
