"""Paying the fee of an appointment at the kiosk (自助机缴费取号): a code for the patient's own phone to scan."""

from datetime import datetime
from uuid import UUID

from backend.api.kiosk.refusals import PAYING_WORDS, kiosk_words
from backend.http.codes import svg_of
from backend.http.routing import Audience, Call, Owner, Routes
from hospital_core.access.scheduling.commands import ShowFeeCode
from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.service import SOURCE, show_fee_code
from hospital_core.access.scheduling.states import AppointmentPayment
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.errors import PaymentMismatch
from hospital_core.finance.payments.outside import check_intent_now, prepare_payment
from hospital_core.finance.payments.queries import intents_of, payment_intent
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.kernel.commands import Empty, View
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.errors import KioskSessionEnded

routes = Routes("kiosk", "/api/kiosk/v1", Audience.KIOSK_SESSION)


class FeeCode(View):
    """What a kiosk shows for a fee to be paid (扫码缴挂号费): a code, until ``pay_until``."""

    amount_fen: int
    pay_until: datetime
    picture_svg: str


class FeePaid(View):
    """Whether the fee has been paid (挂号费到账)."""

    paid: bool


@routes.post(
    "/appointments/{appointment_id}/payment", view=FeeCode, owner=Owner.PATIENT, idempotent=True,
    errors=(KioskSessionEnded, *PAYING_WORDS),
)  # fmt: skip
async def pay_here(call: Call[Empty]) -> FeeCode:
    """Show the code that pays the fee (自助机缴费); asked again, the same code as long as it lives."""
    with kiosk_words():
        wanted = await run(call.ctx, show_fee_code, ShowFeeCode(appointment_id=call.path["appointment_id"]))
        intent = await payment_intent(Reading(call.ctx), wanted.id)
        prepared = await prepare_payment(call.ctx, intent)
    picture = svg_of(prepared["code_url"]).decode()
    return FeeCode(amount_fen=intent.amount_fen, pay_until=intent.pay_until, picture_svg=picture)


@routes.post(
    "/appointments/{appointment_id}/payment-check", view=FeePaid, owner=Owner.PATIENT,
    errors=(KioskSessionEnded, *PAYING_WORDS),
)  # fmt: skip
async def ask_here(call: Call[Empty]) -> FeePaid:
    """Ask the channel whether the fee has been paid (查询到账); while it has not, the kiosk asks again."""
    with kiosk_words():
        return FeePaid(paid=await _is_paid(call.ctx, call.path["appointment_id"]))


async def _is_paid(ctx: Context, appointment_id: UUID) -> bool:
    reading = Reading(ctx)
    if (await appointment(reading, appointment_id)).payment_status is not AppointmentPayment.UNPAID:
        return True
    bill = await invoice_of_charge(reading, SOURCE, appointment_id)
    if bill is None:
        return False
    for intent in await intents_of(reading, bill.id):
        if intent.channel is PaymentChannel.WECHAT_NATIVE and intent.status is PaymentIntentStatus.OPEN:
            await _ask(ctx, intent.id)
    # Money that has arrived lets its patient in, whether or not scheduling has heard of it.
    after = await invoice_of_charge(reading, SOURCE, appointment_id)
    return after is not None and after.status is InvoiceStatus.BALANCED


async def _ask(ctx: Context, intent_id: UUID) -> None:
    try:
        await check_intent_now(ctx, intent_id)
    except PaymentMismatch:
        # Noted for the desk, which settles it: here it is as unpaid as before.
        return
