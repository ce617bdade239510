"""What was paid and given back (缴费记录)."""

from datetime import date
from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.finance.payments.history_queries import money_month
from hospital_core.finance.payments.self_service_queries import own_payment, own_payment_row
from hospital_core.finance.payments.self_service_views import MoneyMonth, OwnPayment
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading
from miniapp_api.paying import intent_asked
from miniapp_api.routes.base import routes
from miniapp_api.views import MonthQuery


@routes.get(
    "/payments", view=MoneyMonth, owner=Owner.ACCOUNT, query=MonthQuery, errors=(NotFound, FieldProblem), etag=True
)
async def list_payments(call: Call[Any]) -> MoneyMonth:
    """Payments and refunds of a month, newest first (缴费记录)."""
    asked: MonthQuery = call.query
    month = date.fromisoformat(f"{asked.month}-01") if asked.month else None
    return await money_month(Reading(call.ctx), month, asked.patient_id, asked.cursor)


@routes.get("/payments/{payment_id}", view=OwnPayment, owner=Owner.PATIENT, errors=(NotFound,), etag=True)
async def get_payment(call: Call[Any]) -> OwnPayment:
    """One payment with the refunds of it (支付详情)."""
    return await own_payment(Reading(call.ctx), call.path["payment_id"])


@routes.post("/payments/{payment_id}/check", view=OwnPayment, owner=Owner.PATIENT, errors=(NotFound,), idempotent=True)
async def check_own_payment(call: Call[Any]) -> OwnPayment:
    """The phone is back from paying: ask WeChat, do not believe the phone (查询支付结果)."""
    await own_payment_row(Reading(call.ctx), call.path["payment_id"])
    await intent_asked(call.ctx, call.path["payment_id"])
    return await own_payment(Reading(call.ctx), call.path["payment_id"])
