"""A patient pays from their own phone (自助缴费): bills of several visits together, the card, its money back.

Every step is one of the house's ordinary ones; here stands only what a person may do by themselves.
"""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.commands import BillOpenCharges, UnbillInvoice
from hospital_core.finance.billing.errors import InvoicePartlyPaid
from hospital_core.finance.billing.service import bill_open_charges, hold_invoice, unbill
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.ledger.queries import card_balance
from hospital_core.finance.payments.commands import OpenIntent, OpenTopUp, PayWithCard, RefundTopUp, ReleaseTenders
from hospital_core.finance.payments.errors import RegistrationBill
from hospital_core.finance.payments.self_service_commands import CancelBill, PayBill, PayHow, TopUpCard, WithdrawCard
from hospital_core.finance.payments.self_service_queries import REGISTRATION, own_bill_row, proven_patient
from hospital_core.finance.payments.self_service_views import BillPaying
from hospital_core.finance.payments.service.intents import open_intent, open_top_up, part_of, withdraw_open
from hospital_core.finance.payments.service.refunds import refund_top_up
from hospital_core.finance.payments.service.tenders import pay_with_card, release_tenders
from hospital_core.finance.payments.views import PaymentIntentView, RefundsView
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.uow import UnitOfWork

TIME_TO_PAY = timedelta(minutes=15)

_OPENID = "SELECT openid FROM patient_account WHERE id = $1"
_OTHERS = "SELECT 1 FROM charge_item WHERE invoice_id = $1 AND source_kind <> $2 LIMIT 1"
_FEE_OF = "SELECT source_id FROM charge_item WHERE invoice_id = $1 AND source_kind = $2 ORDER BY id LIMIT 1"
# What a window took is given back at a window.
_AT_WINDOW = """
SELECT 1 FROM payment_intent WHERE invoice_id = $1 AND applied AND channel IN ('cash', 'bank_card', 'insurance')
LIMIT 1"""


async def bill_own_charges(uow: UnitOfWork, command: BillOpenCharges) -> InvoiceView:
    """Put open charges of a patient of the account on one bill (合并缴费), of whatever orders and visits.

    Raises: NotFound, ChargesNotBillable, RegistrationBill. Locks: the items.
    """
    bill = await bill_open_charges(uow, command)
    fee_of = await uow.fetch_value(_FEE_OF, bill.id, REGISTRATION)
    if fee_of is not None:
        raise RegistrationBill(appointment_id=str(fee_of))
    return bill


async def pay_bill(uow: UnitOfWork, command: PayBill) -> BillPaying:
    """Pay what is left of a bill (缴费): from the card, by WeChat, or from the card as far as it goes and WeChat.

    The card gives at once; for the rest a WeChat payment waits until ``TIME_TO_PAY`` from now, asked again the same.
    Raises: NotFound, InvoiceNotPayable, RegistrationBill, CardNeedsProof, CardBalanceTooLow, FieldProblem.
    Emits: PaymentSucceeded, InvoicePaid, PaymentCheckDue. Locks: the invoice, then the balances.
    """
    bill = await _held(uow, command.invoice_id)
    due_fen = part_of(bill, None)
    await _refuse_lone_registration(uow, bill.id)
    card_fen = await pay_from_card(uow, bill, command.how)
    if card_fen == due_fen:
        return BillPaying(invoice_id=bill.id, card_fen=card_fen, intent_id=None)
    intent = await open_intent(
        uow,
        OpenIntent(
            invoice_id=bill.id, account_id=uow.ctx.actor.id, payer_openid=await _openid(uow),
            description=f"门诊缴费 {bill.invoice_no}", pay_until=uow.now + TIME_TO_PAY, place_ids=command.place_ids,
        ),
    )  # fmt: skip
    return BillPaying(invoice_id=bill.id, card_fen=card_fen, intent_id=intent.id)


async def pay_from_card(uow: UnitOfWork, bill: InvoiceView, how: PayHow) -> int:
    """Pay of a held bill what ``how`` lets the card give (预存款支付部分); answers how much.

    Units: fen. Raises: NotFound, InvoiceNotPayable, CardNeedsProof, CardBalanceTooLow.
    Emits: PaymentSucceeded, InvoicePaid. Locks: the balances.
    """
    due_fen = part_of(bill, None)
    if not how.takes_card:
        return 0
    await proven_patient(uow, bill.patient_id)
    there_fen = (await card_balance(uow, bill.patient_id)).balance_fen
    card_fen = due_fen if how is PayHow.CARD else min(there_fen, due_fen)
    if card_fen:
        await pay_with_card(uow, PayWithCard(invoice_id=bill.id, amount_fen=card_fen))
    return card_fen


async def cancel_bill(uow: UnitOfWork, command: CancelBill) -> InvoiceView:
    """Take an unpaid bill apart again (取消缴费): its charges stay open, what was paid of it goes back by itself.

    Raises: NotFound, InvoiceNotPayable, RegistrationBill, InvoicePartlyPaid (a window took something).
    Emits: RefundRequested, RefundSucceeded. Locks: the invoice, its tenders, its items.
    """
    bill = await _held(uow, command.invoice_id)
    part_of(bill, None)
    fee_of = await uow.fetch_value(_FEE_OF, bill.id, REGISTRATION)
    if fee_of is not None:
        raise RegistrationBill(appointment_id=str(fee_of))
    if await uow.fetch_value(_AT_WINDOW, bill.id):
        raise InvoicePartlyPaid("窗口已收部分费用，请到窗口办理")
    if bill.paid_fen:
        await release_tenders(uow, ReleaseTenders(invoice_id=bill.id, reason="患者取消缴费"))
    else:
        await withdraw_open(uow, bill.id)
    return await unbill(uow, UnbillInvoice(invoice_id=bill.id))


async def top_up_by_phone(uow: UnitOfWork, command: TopUpCard) -> PaymentIntentView:
    """Be ready to put money on a patient's card (预存款充值). Raises: NotFound, CardNeedsProof, FieldProblem."""
    await proven_patient(uow, command.patient_id)
    return await open_top_up(
        uow,
        OpenTopUp(
            patient_id=command.patient_id, amount_fen=command.amount_fen, account_id=uow.ctx.actor.id,
            payer_openid=await _openid(uow), pay_until=uow.now + TIME_TO_PAY,
        ),
    )  # fmt: skip


async def withdraw_card(uow: UnitOfWork, command: WithdrawCard) -> RefundsView:
    """Have the card's money back the way it came (预存款退款); what a window took waits at the window.

    Raises: NotFound, CardNeedsProof, CardBalanceTooLow. Emits: RefundRequested. Locks: the top-ups, the balance.
    """
    await proven_patient(uow, command.patient_id)
    wanted = RefundTopUp(patient_id=command.patient_id, amount_fen=command.amount_fen, reason="患者自助退预存款")
    return await refund_top_up(uow, wanted)


async def _held(uow: UnitOfWork, invoice_id: UUID) -> InvoiceView:
    row: Record = await own_bill_row(uow, invoice_id)
    return await hold_invoice(uow, row["id"])


async def _refuse_lone_registration(uow: UnitOfWork, invoice_id: UUID) -> None:
    """A fee alone is paid with its appointment, which knows until when; on a window's merged bill it is one of many."""
    fee_of = await uow.fetch_value(_FEE_OF, invoice_id, REGISTRATION)
    if fee_of is not None and await uow.fetch_value(_OTHERS, invoice_id, REGISTRATION) is None:
        raise RegistrationBill(appointment_id=str(fee_of))


async def _openid(uow: UnitOfWork) -> str:
    openid: str | None = await uow.fetch_value(_OPENID, uow.ctx.actor.id)
    if openid is None:
        raise FieldProblem("/payer_openid", "请在微信中支付")
    return openid
