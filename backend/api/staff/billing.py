"""Paying at the window (窗口缴费): open charges, bills, tenders, refunds, the card."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from backend.api.staff.base import Query, staff_routes
from backend.http.codes import svg_of
from backend.http.routing import Call, Owner
from hospital_core.chart.encounters.queries import places_of_bill, visits_of
from hospital_core.chart.encounters.views import VisitLabel
from hospital_core.finance.billing.commands import BillOpenCharges, UnbillInvoice
from hospital_core.finance.billing.errors import (
    AlreadyPerformed,
    ChargesNotBillable,
    InvoicePartlyPaid,
    NothingToRefund,
    RefundNotDivisible,
)
from hospital_core.finance.billing.queries import open_charges
from hospital_core.finance.billing.service import bill_open_charges
from hospital_core.finance.billing.views import InvoiceView, OpenChargesView
from hospital_core.finance.ledger.errors import AccountingDayClosed, CardBalanceTooLow
from hospital_core.finance.payments.commands import (
    CODE_CHARGED,
    AskReceipt,
    ChargeCode,
    OpenIntent,
    OpenTopUp,
    PayWithCard,
    PreviewRefund,
    RecordTender,
    RefundAtCounter,
    RefundCardAtCounter,
    ReleaseTenders,
    ShowCode,
    TakeCash,
    TakeCashTopUp,
)
from hospital_core.finance.payments.errors import (
    ChannelRefused,
    InvoiceNotPayable,
    MoreThanDue,
    NotPaid,
    PayingTimeOver,
    PaymentMismatch,
    RefundTooLarge,
    ShiftNotOpen,
    SlipRecorded,
    TenderTooSmall,
)
from hospital_core.finance.payments.outside import charge_payment_code, check_intent_now, prepare_payment
from hospital_core.finance.payments.queries import invoice_money, payment_intent
from hospital_core.finance.payments.service import (
    ask_receipt,
    open_intent,
    open_top_up_here,
    pay_with_card,
    record_bank_card,
    record_bank_card_top_up,
    record_insurance,
    refund_at_counter,
    refund_card_at_counter,
    release_tenders,
    take_apart,
    take_cash,
    take_cash_top_up,
)
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.finance.payments.top_up_commands import ChargeTopUp, RecordTopUp
from hospital_core.finance.payments.views import (
    BillBrief,
    CardAtWindow,
    CodeToScanView,
    InvoiceMoneyView,
    PaymentIntentView,
    ReceiptView,
    RefundPreview,
    RefundsView,
)
from hospital_core.finance.payments.window_queries import bill_numbered, bills_of, card_at_window, preview_refund
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class NumberQuery(Query):
    """The number on a receipt or a bill."""

    number: str = Field(min_length=1, max_length=40)


CODE_SHOWN = timedelta(minutes=10)
_TENDER = (NotFound, InvoiceNotPayable, MoreThanDue, AccountingDayClosed)


@routes.get(
    "/patients/{patient_id}/charges", view=OpenChargesView, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def charges_to_pay(call: Call[Any]) -> OpenChargesView:
    """What a patient still has to pay (待缴费)."""
    return await open_charges(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/patients/{patient_id}/invoices", view=InvoiceView, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    command=BillOpenCharges, idempotent=True, errors=(NotFound, ChargesNotBillable),
)  # fmt: skip
async def bill_charges(call: Call[BillOpenCharges]) -> InvoiceView:
    """Put open charges on one bill (合并缴费)."""
    return await run(call.ctx, bill_open_charges, call.command)


@routes.get(
    "/patients/{patient_id}/invoices", view=Page[BillBrief], permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def bills_of_patient(call: Call[Any]) -> Page[BillBrief]:
    """A person's bills (结算单), newest first."""
    return await bills_of(Reading(call.ctx), call.path["patient_id"])


@routes.get(
    "/patients/{patient_id}/visits", view=Page[VisitLabel], permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def visits_of_patient(call: Call[Any]) -> Page[VisitLabel]:
    """A person's visits by name (就诊), to show what charges belong to."""
    return Page(items=await visits_of(Reading(call.ctx), call.path["patient_id"]))


@routes.get(
    "/invoices", view=InvoiceMoneyView, permission=Permission.CASH_TAKE, query=NumberQuery, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def bill_of_number(call: Call[Any]) -> InvoiceMoneyView:
    """The bill that a receipt's or a bill's number names (按票号查账单)."""
    return await bill_numbered(Reading(call.ctx), call.query.number)


@routes.get(
    "/invoices/{invoice_id}", view=InvoiceMoneyView, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def bill_in_full(call: Call[Any]) -> InvoiceMoneyView:
    """A bill with its items, tenders, refunds and receipts (账单与收退款)."""
    return await invoice_money(Reading(call.ctx), call.path["invoice_id"])


@routes.post(
    "/invoices/{invoice_id}/unbill", view=InvoiceView, permission=Permission.CASH_TAKE, command=UnbillInvoice,
    idempotent=True, errors=(NotFound, StateConflict, InvoicePartlyPaid),
)  # fmt: skip
async def unbill_invoice(call: Call[UnbillInvoice]) -> InvoiceView:
    """Take an unpaid bill back and keep its charges open (撤销结算)."""
    return await run(call.ctx, take_apart, call.command)


@routes.post(
    "/invoices/{invoice_id}/cash", view=PaymentIntentView, permission=Permission.CASH_TAKE, command=TakeCash,
    idempotent=True, errors=(*_TENDER, TenderTooSmall, ShiftNotOpen),
)  # fmt: skip
async def pay_in_cash(call: Call[TakeCash]) -> PaymentIntentView:
    """Take cash (收现金)."""
    return await run(call.ctx, take_cash, call.command)


@routes.post(
    "/invoices/{invoice_id}/card", view=PaymentIntentView, permission=Permission.CASH_TAKE, command=PayWithCard,
    idempotent=True, errors=(*_TENDER, CardBalanceTooLow),
)  # fmt: skip
async def pay_by_card(call: Call[PayWithCard]) -> PaymentIntentView:
    """Pay from the card balance (预存款支付)."""
    return await run(call.ctx, pay_with_card, call.command)


@routes.post(
    "/invoices/{invoice_id}/bank-card", view=PaymentIntentView, permission=Permission.CASH_TAKE, command=RecordTender,
    idempotent=True, errors=(*_TENDER, ShiftNotOpen, SlipRecorded),
)  # fmt: skip
async def pay_by_bank_card(call: Call[RecordTender]) -> PaymentIntentView:
    """Record what the bank's terminal took (登记银行卡支付)."""
    return await run(call.ctx, record_bank_card, call.command)


@routes.post(
    "/invoices/{invoice_id}/insurance", view=PaymentIntentView, permission=Permission.CASH_TAKE, command=RecordTender,
    idempotent=True, errors=(*_TENDER, SlipRecorded),
)  # fmt: skip
async def pay_by_insurance(call: Call[RecordTender]) -> PaymentIntentView:
    """Record what the insurance pays (登记医保支付)."""
    return await run(call.ctx, record_insurance, call.command)


@routes.post(
    "/invoices/{invoice_id}/code-to-scan", view=CodeToScanView, permission=Permission.CASH_TAKE, command=ShowCode,
    idempotent=True, errors=(*_TENDER, PayingTimeOver, ChannelRefused, OutsideUnavailable),
)  # fmt: skip
async def code_to_scan(call: Call[ShowCode]) -> CodeToScanView:
    """A code for the payer to scan (扫码支付)."""
    intent = await _open(call.ctx, call.command, PaymentChannel.WECHAT_NATIVE, CODE_SHOWN)
    found = await payment_intent(Reading(call.ctx), intent.id)
    prepared = await prepare_payment(call.ctx, found)
    return CodeToScanView(
        payment=found, code_url=prepared["code_url"], picture_svg=svg_of(prepared["code_url"]).decode()
    )


@routes.post(
    "/invoices/{invoice_id}/payment-code", view=PaymentIntentView, permission=Permission.CASH_TAKE, command=ChargeCode,
    idempotent=True, errors=(*_TENDER, PayingTimeOver, ChannelRefused, PaymentMismatch),
)  # fmt: skip
async def pay_by_code(call: Call[ChargeCode]) -> PaymentIntentView:
    """Charge the payment code that was scanned (付款码支付); while ``open``, ask ``/payments/{intent_id}/check``."""
    intent = await _open(call.ctx, call.command, PaymentChannel.WECHAT_CODEPAY, CODE_CHARGED)
    return await charge_payment_code(call.ctx, intent, call.command.auth_code, "counter")


async def _open(
    ctx: Context, command: ShowCode | ChargeCode, channel: PaymentChannel, lasts: timedelta
) -> PaymentIntentView:
    now = await Reading(ctx).fetch_value("SELECT hospital_now()")
    wanted = OpenIntent(
        invoice_id=command.invoice_id,
        amount_fen=command.amount_fen,
        channel=channel,
        description="门诊缴费",
        pay_until=now + lasts,
        place_ids=await places_of_bill(Reading(ctx), command.invoice_id),
    )
    return await run(ctx, open_intent, wanted)


@routes.post(
    "/payments/{intent_id}/check", view=PaymentIntentView, permission=Permission.CASH_TAKE,
    errors=(NotFound, PaymentMismatch),
)  # fmt: skip
async def ask_about_payment(call: Call[Any]) -> PaymentIntentView:
    """Ask the channel how a payment stands (查单)."""
    return await check_intent_now(call.ctx, call.path["intent_id"])


@routes.post(
    "/invoices/{invoice_id}/receipts", view=ReceiptView, permission=Permission.CASH_TAKE, command=AskReceipt,
    idempotent=True, errors=(NotFound, NotPaid),
)  # fmt: skip
async def receipt_of_invoice(call: Call[AskReceipt]) -> ReceiptView:
    """The receipt of a paid bill (开具收据)."""
    return await run(call.ctx, ask_receipt, call.command)


@routes.post(
    "/invoices/{invoice_id}/refund-preview", view=RefundPreview, permission=Permission.REFUND_REQUEST,
    command=PreviewRefund, errors=(NotFound, NotPaid, RefundTooLarge, AlreadyPerformed, NothingToRefund),
)  # fmt: skip
async def refund_preview(call: Call[PreviewRefund]) -> RefundPreview:
    """See what giving back these lines would do (退费试算); a read, with its lines in the body."""
    return await preview_refund(Reading(call.ctx), call.command)


@routes.post(
    "/invoices/{invoice_id}/refunds", view=RefundsView, permission=Permission.REFUND_REQUEST, command=RefundAtCounter,
    idempotent=True,
    errors=(NotFound, NotPaid, RefundTooLarge, AlreadyPerformed, NothingToRefund, RefundNotDivisible,
            AccountingDayClosed),
)  # fmt: skip
async def refund_invoice(call: Call[RefundAtCounter]) -> RefundsView:
    """Give back parts of a paid bill (窗口退费)."""
    return await run(call.ctx, refund_at_counter, call.command)


@routes.post(
    "/invoices/{invoice_id}/release", view=RefundsView, permission=Permission.REFUND_REQUEST, command=ReleaseTenders,
    idempotent=True, errors=(NotFound, InvoiceNotPayable, AccountingDayClosed),
)  # fmt: skip
async def release_paid(call: Call[ReleaseTenders]) -> RefundsView:
    """Give back what was paid of a bill that will not be paid in full (退回部分已付)."""
    return await run(call.ctx, release_tenders, call.command)


@routes.get(
    "/patients/{patient_id}/card", view=CardAtWindow, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    errors=(NotFound,),
)  # fmt: skip
async def card_of_patient(call: Call[Any]) -> CardAtWindow:
    """What a patient has paid ahead (预存款余额), and what this shift took of it."""
    return await card_at_window(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/patients/{patient_id}/card/cash", view=PaymentIntentView, permission=Permission.CASH_TAKE, owner=Owner.PATIENT,
    command=TakeCashTopUp, idempotent=True, errors=(NotFound, TenderTooSmall, ShiftNotOpen, AccountingDayClosed),
)  # fmt: skip
async def cash_ahead(call: Call[TakeCashTopUp]) -> PaymentIntentView:
    """Take cash ahead (现金充值)."""
    return await run(call.ctx, take_cash_top_up, call.command)


@routes.post(
    "/patients/{patient_id}/card/bank-card", view=PaymentIntentView, permission=Permission.CASH_TAKE,
    owner=Owner.PATIENT, command=RecordTopUp, idempotent=True,
    errors=(NotFound, ShiftNotOpen, SlipRecorded, AccountingDayClosed),
)  # fmt: skip
async def bank_card_ahead(call: Call[RecordTopUp]) -> PaymentIntentView:
    """Record what the terminal took ahead (银行卡充值)."""
    return await run(call.ctx, record_bank_card_top_up, call.command)


@routes.post(
    "/patients/{patient_id}/card/payment-code", view=PaymentIntentView, permission=Permission.CASH_TAKE,
    owner=Owner.PATIENT, command=ChargeTopUp, idempotent=True,
    errors=(NotFound, ShiftNotOpen, AccountingDayClosed, PayingTimeOver, ChannelRefused, PaymentMismatch),
)  # fmt: skip
async def code_ahead(call: Call[ChargeTopUp]) -> PaymentIntentView:
    """Charge a payment code for the card (付款码充值); while ``open``, ask ``/payments/{intent_id}/check``."""
    asked: ChargeTopUp = call.command
    now = await Reading(call.ctx).fetch_value("SELECT hospital_now()")
    wanted = OpenTopUp(
        patient_id=asked.patient_id, amount_fen=asked.amount_fen, channel=PaymentChannel.WECHAT_CODEPAY,
        pay_until=now + CODE_CHARGED,
    )  # fmt: skip
    intent = await run(call.ctx, open_top_up_here, wanted)
    return await charge_payment_code(call.ctx, intent, asked.auth_code, "counter")


@routes.post(
    "/patients/{patient_id}/card/refunds", view=RefundsView, permission=Permission.REFUND_REQUEST, owner=Owner.PATIENT,
    command=RefundCardAtCounter, idempotent=True, errors=(NotFound, CardBalanceTooLow, AccountingDayClosed),
)  # fmt: skip
async def refund_card(call: Call[RefundCardAtCounter]) -> RefundsView:
    """Give back what was paid ahead (预存款退款)."""
    return await run(call.ctx, refund_card_at_counter, call.command)
