"""Bills (缴费): what is to be paid, putting it together, paying it, taking it apart again, its receipt."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.chart.encounters.queries import places_of_bill
from hospital_core.finance.billing.commands import BillOpenCharges
from hospital_core.finance.billing.errors import ChargesNotBillable, InvoicePartlyPaid
from hospital_core.finance.ledger.errors import AccountingDayClosed, CardBalanceTooLow
from hospital_core.finance.payments.commands import AskReceipt
from hospital_core.finance.payments.errors import (
    CardNeedsProof,
    ChannelRefused,
    InvoiceNotPayable,
    NotPaid,
    PayingTimeOver,
    RegistrationBill,
)
from hospital_core.finance.payments.outside import prepare_payment
from hospital_core.finance.payments.queries import payment_intent
from hospital_core.finance.payments.self_service_commands import CancelBill, PayBill
from hospital_core.finance.payments.self_service_queries import dues, own_bill, own_bill_row, own_receipt
from hospital_core.finance.payments.self_service_views import DueOfPatient, OwnReceipt
from hospital_core.finance.payments.service import ask_receipt, bill_own_charges, cancel_bill, pay_bill
from hospital_core.finance.payments.states import PaymentIntentStatus
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.bills import bill_page, open_money
from miniapp_api.paying import bill_checked, payment_started
from miniapp_api.routes.base import routes
from miniapp_api.views import BillPage, BillPaymentStarted, OpenMoney, PayBy

_NOT_PAYABLE = (NotFound, InvoiceNotPayable, RegistrationBill, AccountingDayClosed)


@routes.get("/bills", view=Page[DueOfPatient], owner=Owner.ACCOUNT, etag=True)
async def list_dues(call: Call[Any]) -> Page[DueOfPatient]:
    """How much each of the account's patients has to pay (待缴费提醒)."""
    return await dues(Reading(call.ctx))


@routes.get("/patients/{patient_id}/bills", view=OpenMoney, owner=Owner.PATIENT, errors=(NotFound,), etag=True)
async def list_bills(call: Call[Any]) -> OpenMoney:
    """What a patient has to pay (待缴费): charges by visit, and bills not paid in full."""
    return await open_money(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/patients/{patient_id}/bills", view=BillPage, owner=Owner.PATIENT, command=BillOpenCharges, idempotent=True,
    errors=(NotFound, ChargesNotBillable, RegistrationBill, AccountingDayClosed),
)  # fmt: skip
async def post_bill(call: Call[BillOpenCharges]) -> BillPage:
    """Put chosen charges, of whatever visits, on one bill (合并缴费)."""
    bill = await run(call.ctx, bill_own_charges, call.command)
    return await bill_page(Reading(call.ctx), bill.id)


@routes.get("/bills/{invoice_id}", view=BillPage, owner=Owner.PATIENT, errors=(NotFound,), etag=True)
async def get_bill(call: Call[Any]) -> BillPage:
    """A bill with items, payments and refunds (缴费单)."""
    return await bill_page(Reading(call.ctx), call.path["invoice_id"])


@routes.post(
    "/bills/{invoice_id}/pay", view=BillPaymentStarted, owner=Owner.PATIENT, command=PayBy, idempotent=True,
    errors=(*_NOT_PAYABLE, CardNeedsProof, CardBalanceTooLow, PayingTimeOver, ChannelRefused, FieldProblem,
            OutsideUnavailable),
)  # fmt: skip
async def post_bill_payment(call: Call[PayBy]) -> BillPaymentStarted:
    """Pay by WeChat, card balance, or both (缴费); tapped again, the same WeChat order is used."""
    reading, invoice_id = Reading(call.ctx), call.path["invoice_id"]
    await own_bill(reading, invoice_id)
    places = await places_of_bill(reading, invoice_id)
    wanted = PayBill(invoice_id=invoice_id, how=call.command.how, place_ids=places)
    paying = await run(call.ctx, pay_bill, wanted)
    payment = None
    if paying.intent_id is not None:
        # A repeated key answers with the intent of then; what became of it since decides.
        intent = await payment_intent(reading, paying.intent_id)
        if intent.status is PaymentIntentStatus.SUCCEEDED:
            raise InvoiceNotPayable()
        payment = payment_started(intent, await prepare_payment(call.ctx, intent))
    return BillPaymentStarted(card_fen=paying.card_fen, payment=payment, bill=await bill_page(reading, invoice_id))


@routes.post(
    "/bills/{invoice_id}/payment-check", view=BillPage, owner=Owner.PATIENT, errors=(NotFound,), idempotent=True
)
async def check_bill_payment(call: Call[Any]) -> BillPage:
    """The phone is back from paying: ask WeChat, do not believe the phone (查询支付结果)."""
    await own_bill_row(Reading(call.ctx), call.path["invoice_id"])
    await bill_checked(call.ctx, call.path["invoice_id"])
    return await bill_page(Reading(call.ctx), call.path["invoice_id"])


@routes.post(
    "/bills/{invoice_id}/cancel", view=OpenMoney, owner=Owner.PATIENT, command=CancelBill, idempotent=True,
    errors=(*_NOT_PAYABLE, InvoicePartlyPaid, StateConflict),
)  # fmt: skip
async def cancel_own_bill(call: Call[CancelBill]) -> OpenMoney:
    """Do not pay it now (取消缴费): its charges are open again, what was paid of it goes back."""
    bill = await run(call.ctx, cancel_bill, call.command)
    return await open_money(Reading(call.ctx), bill.patient_id)


@routes.post(
    "/bills/{invoice_id}/receipt", view=OwnReceipt, owner=Owner.PATIENT, command=AskReceipt, idempotent=True,
    errors=(NotFound, NotPaid),
)  # fmt: skip
async def post_receipt(call: Call[AskReceipt]) -> OwnReceipt:
    """Ask for the receipt of a paid bill (开具电子收据); the one that stands is given again."""
    await own_bill_row(Reading(call.ctx), call.command.invoice_id)
    await run(call.ctx, ask_receipt, call.command)
    return await own_receipt(Reading(call.ctx), call.command.invoice_id)


@routes.get("/bills/{invoice_id}/receipt", view=OwnReceipt, owner=Owner.PATIENT, errors=(NotFound,))
async def get_receipt(call: Call[Any]) -> OwnReceipt:
    """The receipt of a bill (电子收据), once it was asked for."""
    return await own_receipt(Reading(call.ctx), call.path["invoice_id"])
