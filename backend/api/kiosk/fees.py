"""Paying the fee of an appointment at the kiosk (自助机缴费取号): a phone scans our code, or we scan the phone's.

Who leaves in the middle loses nothing: what is under way is settled by the ladder, and the fee is paid or is not.
"""

from datetime import datetime, timedelta
from uuid import UUID

from backend.api.kiosk.refusals import CODE_WORDS, PAYING_WORDS, code_refused, kiosk_words
from backend.http.codes import svg_of
from backend.http.routing import SLOW, Audience, Call, Owner, Routes
from hospital_core.access.scheduling.commands import ChargeFeeCode, ShowFeeCode
from hospital_core.access.scheduling.queries import appointment
from hospital_core.access.scheduling.service import SOURCE, charge_fee_code, show_fee_code
from hospital_core.access.scheduling.states import AppointmentPayment
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.commands import AuthCode
from hospital_core.finance.payments.errors import ChannelRefused, PaymentMismatch
from hospital_core.finance.payments.outside import charge_payment_code, check_intent_now, prepare_payment
from hospital_core.finance.payments.queries import intents_of, payment_intent
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Command, Empty, View
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.devices.errors import KioskSessionEnded

routes = Routes("kiosk", "/api/kiosk/v1", Audience.KIOSK_SESSION)

# A code that was let lie for a minute is an honest failure; so many at one kiosk are somebody trying.
_CODES = Purpose("kiosk_payment_code", failures_max=20, window=timedelta(minutes=10), lock=timedelta(minutes=5))
_OURS = (PaymentChannel.WECHAT_NATIVE, PaymentChannel.WECHAT_CODEPAY)


class FeeCode(View):
    """What a kiosk shows for a fee to be paid (扫码缴挂号费): a code, until ``pay_until``."""

    amount_fen: int
    pay_until: datetime
    picture_svg: str


class ScannedCode(Command):
    """The payment code that a phone shows (付款码)."""

    auth_code: AuthCode


class FeePaid(View):
    """Whether the fee has been paid (挂号费到账).

    ``awaited_fen``: not known yet; the holder of a payment code that was scanned is to confirm so much on the phone.
    """

    paid: bool
    awaited_fen: int | None


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
    "/appointments/{appointment_id}/payment-code", view=FeePaid, owner=Owner.PATIENT, command=ScannedCode,
    idempotent=True, limit=SLOW, errors=(KioskSessionEnded, *PAYING_WORDS, *CODE_WORDS),
)  # fmt: skip
async def charge_here(call: Call[ScannedCode]) -> FeePaid:
    """Charge the payment code that was scanned (付款码缴费); while ``awaited_fen``, ask ``…/payment-check``.

    The code that was shown is withdrawn first. A second code while the first is awaited charges nothing.
    """
    device_id, appointment_id = call.ctx.actor.device_id, call.path["appointment_id"]
    assert device_id is not None
    with kiosk_words():
        known = await _standing(call.ctx, appointment_id)
        if known.paid:
            return known
        await attempts.guard(_CODES, device_id)
        intent = await run(call.ctx, charge_fee_code, ChargeFeeCode(appointment_id=appointment_id))
        await _settle_others(call.ctx, intent)
        known = await _standing(call.ctx, appointment_id)
        if known.paid:
            return known
        await _charge(call.ctx, intent, call.command.auth_code, device_id)
        return await _standing(call.ctx, appointment_id)


@routes.post(
    "/appointments/{appointment_id}/payment-check", view=FeePaid, owner=Owner.PATIENT,
    errors=(KioskSessionEnded, *PAYING_WORDS),
)  # fmt: skip
async def ask_here(call: Call[Empty]) -> FeePaid:
    """Ask the channel whether the fee has been paid (查询到账); while it has not, the kiosk asks again."""
    with kiosk_words():
        known = await _standing(call.ctx, call.path["appointment_id"])
        if known.paid:
            return known
        for intent in await _open_ones(call.ctx, call.path["appointment_id"]):
            if intent.channel in _OURS:
                await _ask(call.ctx, intent.id)
        return await _standing(call.ctx, call.path["appointment_id"])


async def _standing(ctx: Context, appointment_id: UUID) -> FeePaid:
    """What is known here; money that has arrived lets its patient in, whether or not scheduling has heard of it."""
    reading = Reading(ctx)
    if (await appointment(reading, appointment_id)).payment_status is not AppointmentPayment.UNPAID:
        return FeePaid(paid=True, awaited_fen=None)
    bill = await invoice_of_charge(reading, SOURCE, appointment_id)
    if bill is not None and bill.status is InvoiceStatus.BALANCED:
        return FeePaid(paid=True, awaited_fen=None)
    open_ones = await _open_ones(ctx, appointment_id)
    charged = [intent.amount_fen for intent in open_ones if intent.channel is PaymentChannel.WECHAT_CODEPAY]
    return FeePaid(paid=False, awaited_fen=charged[0] if charged else None)


async def _open_ones(ctx: Context, appointment_id: UUID) -> list[PaymentIntentView]:
    bill = await invoice_of_charge(Reading(ctx), SOURCE, appointment_id)
    found = await intents_of(Reading(ctx), bill.id) if bill is not None else []
    return [intent for intent in found if intent.status is PaymentIntentStatus.OPEN]


async def _settle_others(ctx: Context, charged: PaymentIntentView) -> None:
    """Close what the payment code has taken the place of, or take in what was paid there: never both are paid."""
    assert charged.invoice_id is not None
    for intent in await intents_of(Reading(ctx), charged.invoice_id):
        if intent.id != charged.id and intent.status is PaymentIntentStatus.OPEN:
            await _ask(ctx, intent.id)


async def _charge(ctx: Context, intent: PaymentIntentView, auth_code: str, device_id: UUID) -> None:
    try:
        await charge_payment_code(ctx, intent, auth_code, device_id.hex)
    except ChannelRefused as refused:
        await attempts.failed(_CODES, device_id, ctx)
        raise code_refused(refused) from refused
    except PaymentMismatch:
        # Noted for the desk, which settles it: here it is as unpaid as before.
        return


async def _ask(ctx: Context, intent_id: UUID) -> None:
    try:
        await check_intent_now(ctx, intent_id)
    except PaymentMismatch:
        # Noted for the desk, which settles it: here it is as unpaid as before.
        return
