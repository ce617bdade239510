"""Money that waits for a person (资金异常): the channel said something our books cannot settle by themselves."""

from typing import Any

from backend.api.staff.base import staff_routes
from backend.http.routing import SLOW, Call
from hospital_core.finance.payments.commands import (
    CheckMismatch,
    CheckRefund,
    RedirectRefund,
    RetryRefund,
    SettleMismatch,
)
from hospital_core.finance.payments.errors import BeingReversed, MismatchSettled, RefundMismatch, RefundNotRedirected
from hospital_core.finance.payments.outside import check_mismatch_now, check_refund_now, redirect_refund_now
from hospital_core.finance.payments.queries import payments_needing_a_person, refunds_needing_a_person
from hospital_core.finance.payments.service import retry_refund, settle_mismatch
from hospital_core.finance.payments.views import MismatchChecked, MismatchForAPerson, RefundForAPerson, RefundView
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.errors import NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


@routes.get("/refunds/attention", view=Page[RefundForAPerson], permission=Permission.REFUND_REQUEST)
async def refunds(call: Call[Any]) -> Page[RefundForAPerson]:
    """Refunds that the channel could not do (异常退款)."""
    return await refunds_needing_a_person(Reading(call.ctx))


@routes.post(
    "/refunds/{refund_id}/retry", view=RefundView, permission=Permission.REFUND_REQUEST, command=RetryRefund,
    idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def retry(call: Call[RetryRefund]) -> RefundView:
    """Send an abnormal refund again under its own number (重新退款)."""
    return await run(call.ctx, retry_refund, call.command)


@routes.post(
    "/refunds/{refund_id}/check", view=RefundView, permission=Permission.REFUND_REQUEST, command=CheckRefund,
    idempotent=True, limit=SLOW, errors=(NotFound, RefundMismatch),
)  # fmt: skip
async def check_refund(call: Call[CheckRefund]) -> RefundView:
    """Ask the channel how a refund stands (查退款), e.g. after it was done on the channel's own page."""
    return await check_refund_now(call.ctx, call.command.refund_id)


@routes.post(
    "/refunds/{refund_id}/redirect", view=RefundView, permission=Permission.REFUND_REQUEST, command=RedirectRefund,
    idempotent=True, limit=SLOW, errors=(NotFound, RefundNotRedirected, OutsideUnavailable),
)  # fmt: skip
async def redirect_refund(call: Call[RedirectRefund]) -> RefundView:
    """Send an abnormal refund to the payer's bank card (异常退款改退); card and name go to the channel only."""
    return await redirect_refund_now(call.ctx, call.command)


@routes.get("/payments/attention", view=Page[MismatchForAPerson], permission=Permission.REFUND_REQUEST)
async def payments(call: Call[Any]) -> Page[MismatchForAPerson]:
    """Payments that differ from our orders and were not taken (支付不符)."""
    return await payments_needing_a_person(Reading(call.ctx))


@routes.post(
    "/payments/attention/{notice_id}/check", view=MismatchChecked, permission=Permission.REFUND_REQUEST,
    command=CheckMismatch, idempotent=True, limit=SLOW, errors=(NotFound, BeingReversed, OutsideUnavailable),
)  # fmt: skip
async def check_payment(call: Call[CheckMismatch]) -> MismatchChecked:
    """Ask the channel again about a payment that differed (重新查单); taken in if it fits by now."""
    return await check_mismatch_now(call.ctx, call.command)


@routes.post(
    "/payments/attention/{notice_id}/settle", view=Done, permission=Permission.REFUND_REQUEST, command=SettleMismatch,
    idempotent=True, errors=(NotFound, MismatchSettled),
)  # fmt: skip
async def settle_payment(call: Call[SettleMismatch]) -> Done:
    """Write down what was done about a payment that differed (登记处理结果)."""
    return await run(call.ctx, settle_mismatch, call.command)
