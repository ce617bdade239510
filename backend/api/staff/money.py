"""Money that waits for a person (资金异常): the channel said something our books cannot settle by themselves."""

from typing import Any

from backend.api.staff.base import staff_routes
from backend.http.routing import Call
from hospital_core.finance.payments.commands import RetryRefund
from hospital_core.finance.payments.queries import payments_needing_a_person, refunds_needing_a_person
from hospital_core.finance.payments.service import retry_refund
from hospital_core.finance.payments.views import MismatchForAPerson, RefundForAPerson, RefundView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound, StateConflict
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


@routes.get("/payments/attention", view=Page[MismatchForAPerson], permission=Permission.REFUND_REQUEST)
async def payments(call: Call[Any]) -> Page[MismatchForAPerson]:
    """Payments that differ from our orders and were not taken (支付不符)."""
    return await payments_needing_a_person(Reading(call.ctx))
