"""Booking, paying and giving back (预约、支付、退号)."""

from backend.http.routing import Call, Owner
from hospital_core.access.examinations.errors import ExaminationElsewhere, ExaminationTooSoon
from hospital_core.access.examinations.service import reschedule as reschedule_any
from hospital_core.access.queueing.queries import with_ticket
from hospital_core.access.scheduling.commands import (
    BookAppointment,
    CancelAppointment,
    PayFee,
    RescheduleAppointment,
)
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    BookingBanned,
    FeeOnBill,
    MoveElsewhere,
    NotCancellable,
    NotPayable,
    NotReleased,
    OnlineAccountNeeded,
    OnlineFirstVisit,
    PaidExaminationOnly,
    PaymentOver,
    ProofNeeded,
    RealNameRequired,
    RescheduleDearer,
    ReschedulePaidFirst,
    ReschedulesUsedUp,
    SessionOver,
    SessionStopped,
    SlotBegun,
    SlotFull,
    SlotTaken,
    TooLateToCancel,
    TooManyBookings,
    WindowOnly,
)
from hospital_core.access.scheduling.queries import appointment, fee_to_pay
from hospital_core.access.scheduling.service import (
    book_in_rush,
    cancel_appointment,
    pay_fee,
)
from hospital_core.access.scheduling.views import AppointmentView, FeeToPay
from hospital_core.finance.ledger.errors import AccountingDayClosed, CardBalanceTooLow
from hospital_core.finance.payments.errors import (
    CardNeedsProof,
    ChannelRefused,
    InvoiceNotPayable,
    PayingTimeOver,
    PaymentMismatch,
)
from hospital_core.finance.payments.outside import prepare_payment
from hospital_core.finance.payments.queries import payment_intent
from hospital_core.finance.payments.states import PaymentIntentStatus
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.errors import NotFound, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.patients.errors import PatientMerged
from miniapp_api.paying import payment_checked, payment_started
from miniapp_api.routes.base import routes
from miniapp_api.views import FeePaymentStarted, PayBy

_WHY_NOT = (
    NotFound,
    SlotFull,
    SlotTaken,
    SlotBegun,
    SessionOver,
    SessionStopped,
    WindowOnly,
    PaidExaminationOnly,
    NotReleased,
    AlreadyBooked,
    RealNameRequired,
    BookingBanned,
    TooManyBookings,
    OnlineFirstVisit,
    OnlineAccountNeeded,
    PatientMerged,
)


@routes.post(
    "/appointments",
    view=AppointmentView,
    owner=Owner.PATIENT,
    command=BookAppointment,
    errors=_WHY_NOT,
    idempotent=True,
)
async def post_appointment(call: Call[BookAppointment]) -> AppointmentView:
    """Hold a place until it is paid (预约挂号)."""
    return await book_in_rush(call.ctx, call.command)


@routes.post(
    "/appointments/{appointment_id}/pay",
    view=FeePaymentStarted,
    owner=Owner.PATIENT,
    command=PayBy,
    errors=(
        NotPayable,
        SessionStopped,
        PaymentOver,
        FeeOnBill,
        CardNeedsProof,
        CardBalanceTooLow,
        InvoiceNotPayable,
        AccountingDayClosed,
        PayingTimeOver,
        ChannelRefused,
        OutsideUnavailable,
    ),
    idempotent=True,
)
async def pay(call: Call[PayBy]) -> FeePaymentStarted:
    """Pay by WeChat, card balance, or both (去支付); tapped again, the same WeChat order is used."""
    reading, appointment_id = Reading(call.ctx), call.path["appointment_id"]
    paying = await run(call.ctx, pay_fee, PayFee(appointment_id=appointment_id, how=call.command.how))
    payment = None
    if paying.intent_id is not None:
        # A repeated key answers with the intent as it was; what became of it since decides.
        intent = await payment_intent(reading, paying.intent_id)
        if intent.status is PaymentIntentStatus.SUCCEEDED:
            raise NotPayable()
        payment = payment_started(intent, await prepare_payment(call.ctx, intent))
    return FeePaymentStarted(
        card_fen=paying.card_fen, payment=payment, appointment=await appointment(reading, appointment_id)
    )


@routes.get("/appointments/{appointment_id}/fee", view=FeeToPay, owner=Owner.PATIENT, errors=(NotFound,))
async def get_fee(call: Call[Empty]) -> FeeToPay:
    """What of the fee is left to pay, and what the card has for it (挂号费应付)."""
    return await fee_to_pay(Reading(call.ctx), call.path["appointment_id"])


@routes.post(
    "/appointments/{appointment_id}/payment-check",
    view=AppointmentView,
    owner=Owner.PATIENT,
    errors=(NotFound, PaymentMismatch),
    idempotent=True,
)
async def check_payment(call: Call[Empty]) -> AppointmentView:
    """The phone is back from paying: ask WeChat, do not believe the phone (查询支付结果)."""
    reading = Reading(call.ctx)
    return await with_ticket(reading, await payment_checked(call.ctx, call.path["appointment_id"]))


@routes.post(
    "/appointments/{appointment_id}/cancel",
    view=AppointmentView,
    owner=Owner.PATIENT,
    command=CancelAppointment,
    errors=(ProofNeeded, NotCancellable, TooLateToCancel),
    idempotent=True,
)
async def cancel(call: Call[CancelAppointment]) -> AppointmentView:
    """Give the place back (取消预约); a paid fee goes back the way it came."""
    return await run(call.ctx, cancel_appointment, call.command)


@routes.post(
    "/appointments/{appointment_id}/reschedule",
    view=AppointmentView,
    owner=Owner.PATIENT,
    command=RescheduleAppointment,
    errors=(
        *_WHY_NOT,
        ProofNeeded,
        NotCancellable,
        TooLateToCancel,
        PaymentOver,
        ReschedulesUsedUp,
        RescheduleDearer,
        ReschedulePaidFirst,
        MoveElsewhere,
        ExaminationElsewhere,
        ExaminationTooSoon,
    ),
    idempotent=True,
)
async def reschedule(call: Call[RescheduleAppointment]) -> AppointmentView:
    """Have another place instead (改约); the payment moves with it, what it costs less goes back."""
    return await run(call.ctx, reschedule_any, call.command)


@routes.get("/appointments/{appointment_id}", view=AppointmentView, owner=Owner.PATIENT)
async def get_appointment(call: Call[Empty]) -> AppointmentView:
    """One appointment (预约单)."""
    reading = Reading(call.ctx)
    return await with_ticket(reading, await appointment(reading, call.path["appointment_id"]))
