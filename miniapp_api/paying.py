"""The phone comes back from WeChat's payment sheet (支付返回)."""

import asyncio
import logging
from collections.abc import Mapping
from uuid import UUID

from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.service import SOURCE
from hospital_core.access.scheduling.states import AppointmentPayment
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.payments.errors import PaymentMismatch
from hospital_core.finance.payments.outside import check_intent_now
from hospital_core.finance.payments.queries import intents_of, payment_intent
from hospital_core.finance.payments.self_service_queries import open_jsapi_intents
from hospital_core.finance.payments.self_service_views import WayBack
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.finance.payments.views import PaymentIntentView, RefundsView
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from miniapp_api.views import MoneyBack, PaymentStarted, PayParameters

log = logging.getLogger(__name__)

_LOOKS = 10
_LOOK_S = 0.15


async def payment_checked(ctx: Context, appointment_id: UUID) -> AppointmentView:
    """The appointment after asking the channel about its payment (查询支付结果).

    ``requestPayment`` succeeding on the phone proves nothing. Money confirms a place by an event a moment later, so a
    paid one is looked at for up to a second and a half before the phone is told to look again itself.
    Raises: NotFound, PaymentMismatch.
    """
    reading = Reading(ctx)
    found = await appointment(reading, appointment_id)
    if found.payment_status is not AppointmentPayment.UNPAID or not await _paid(ctx, appointment_id):
        return found
    for _ in range(_LOOKS):
        found = await appointment(reading, appointment_id)
        if found.payment_status is not AppointmentPayment.UNPAID:
            break
        await asyncio.sleep(_LOOK_S)
    return found


async def _paid(ctx: Context, appointment_id: UUID) -> bool:
    reading = Reading(ctx)
    bill = await invoice_of_charge(reading, SOURCE, appointment_id)
    if bill is None:
        return False
    intents = [i for i in await intents_of(reading, bill.id) if i.channel is PaymentChannel.WECHAT_JSAPI]
    return any([_is_paid(await check_intent_now(ctx, intent.id)) for intent in reversed(intents)])


def payment_started(intent: PaymentIntentView, sheet: Mapping[str, str]) -> PaymentStarted:
    """An open payment with the sheet that pays it (调起支付)."""
    return PaymentStarted(
        intent_id=intent.id,
        amount_fen=intent.amount_fen,
        pay_until=intent.pay_until,
        wechat=PayParameters.model_validate(sheet),
    )


async def bill_checked(ctx: Context, invoice_id: UUID) -> None:
    """Ask the channel about a bill's WeChat payments that may have been paid without our knowing (查询支付结果).

    One that differs from our order is for the desk to see: to the phone the bill is as unpaid as before.
    """
    for intent_id in await open_jsapi_intents(Reading(ctx), invoice_id):
        await intent_asked(ctx, intent_id)


async def intent_asked(ctx: Context, intent_id: UUID) -> None:
    """Ask the channel about one payment (查询支付结果); as ``bill_checked``."""
    try:
        await check_intent_now(ctx, intent_id)
    except PaymentMismatch as refusal:
        log.warning("payment differs", extra={"intent_id": str(intent_id), "mismatch": refusal.mismatch.value})


async def money_back(reading: Reading, refunds: RefundsView) -> MoneyBack:
    """What goes back, and where to (退款去向)."""
    channels = [(await payment_intent(reading, one.intent_id)).channel for one in refunds.refunds]
    ways: dict[PaymentChannel, int] = {}
    for channel, one in zip(channels, refunds.refunds, strict=True):
        ways[channel] = ways.get(channel, 0) + one.amount_fen
    return MoneyBack(
        amount_fen=refunds.amount_fen, ways=[WayBack(channel=channel, amount_fen=fen) for channel, fen in ways.items()]
    )


def _is_paid(intent: PaymentIntentView) -> bool:
    return intent.status is PaymentIntentStatus.SUCCEEDED
