"""Paying for a place (支付挂号费): one that is held until then, or one whose fee is paid at the hospital (到院缴费)."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import BillFee, ChargeFeeCode, PayAppointment, PayFee, ShowFeeCode
from hospital_core.access.scheduling.errors import FeeDue, FeeOnBill, NotPayable, PaymentOver, SessionStopped
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.access.scheduling.service.hold import SOURCE, confirm_paid, hold_place, take_arrived_fee
from hospital_core.access.scheduling.states import AppointmentPayment, AppointmentStatus, SlotStatus
from hospital_core.access.scheduling.views import FeePaying
from hospital_core.finance.billing.commands import Charge, IssueInvoice
from hospital_core.finance.billing.errors import ChargesNotBillable
from hospital_core.finance.billing.queries import invoice_of_charge
from hospital_core.finance.billing.service import charge_by_rule, hold_invoice, issue_invoice
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.payments.commands import CODE_CHARGED, OpenIntent
from hospital_core.finance.payments.service import open_intent, pay_from_card
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

# One payment of a fee that can be paid for days: the channel keeps an order for a while only.
TIME_TO_PAY = timedelta(minutes=15)

_LOCK = """
SELECT a.status, a.payment_status, slot.status AS place FROM appointment a JOIN slot ON slot.id = a.slot_id
WHERE a.id = $1 FOR UPDATE OF a"""
_OPENID = "SELECT openid FROM patient_account WHERE id = $1"
_PAYABLE = (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)


async def pay_appointment(uow: UnitOfWork, command: PayAppointment) -> PaymentIntentView:
    """Charge the copied fee, bill it and open a payment until ``pay_until`` (去支付); asking again answers the same.

    Raises: NotFound, NotPayable, SessionStopped, PaymentOver, FeeOnBill.
    Locks: the appointment, so that two taps make one bill.
    """
    row = await _payable(uow, command.appointment_id)
    invoice_id = await _own_bill(uow, row)
    actor = uow.ctx.actor
    account_id = actor.id if actor.kind is ActorKind.ACCOUNT else None
    openid = command.payer_openid or await uow.fetch_value(_OPENID, account_id)
    if openid is None:
        raise FieldProblem("/payer_openid", "请在微信中支付")
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    return await open_intent(
        uow,
        OpenIntent(
            invoice_id=invoice_id,
            channel=PaymentChannel.WECHAT_JSAPI,
            account_id=account_id,
            payer_openid=openid,
            description=f"{row['department']} 挂号费",
            pay_until=_pay_until(uow, row),
            place_ids=(row["department_id"], row["campus_id"]),
        ),
    )


async def pay_fee(uow: UnitOfWork, command: PayFee) -> FeePaying:
    """Pay a fee by WeChat, from the card, or from the card as far as it goes and WeChat (支付挂号费).

    What the card pays in full is the patient's in this transaction. A part of it lies on the bill until WeChat pays the
    rest; a place that ends before gives it back, see ``settle_unpaid``.
    Raises: as ``pay_appointment``; CardNeedsProof, CardBalanceTooLow. Emits: as ``confirm_paid``, PaymentSucceeded.
    Locks: with the card the place, the appointment, the bill, the balances.
    """
    card_fen, is_paid = await _pay_from_card(uow, command) if command.how.takes_card else (0, False)
    intent = None if is_paid else await pay_appointment(uow, PayAppointment(appointment_id=command.appointment_id))
    return FeePaying(appointment_id=command.appointment_id, card_fen=card_fen, intent_id=intent.id if intent else None)


async def _pay_from_card(uow: UnitOfWork, command: PayFee) -> tuple[int, bool]:
    """How much the card gave, and whether nothing is left to pay."""
    seen = await permitted_appointment(uow, command.appointment_id)
    # Money and the end of a hold meet on the place: whoever comes second sees what the first has done.
    await hold_place(uow, seen["id"])
    row = await _payable(uow, seen["id"])
    fee = await hold_invoice(uow, await _own_bill(uow, row))
    card_fen = await pay_from_card(uow, fee, command.how)
    is_paid = fee.paid_fen + card_fen == fee.total_fen
    if is_paid:
        await confirm_paid(uow, row["id"], fee.id)
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    return card_fen, is_paid


async def show_fee_code(uow: UnitOfWork, command: ShowFeeCode) -> PaymentIntentView:
    """Open a payment of an appointment's fee for whoever scans its code (扫码缴挂号费); asked again, the same.

    Raises, Locks: as ``pay_appointment``.
    """
    return await _await_anybody(uow, command.appointment_id, PaymentChannel.WECHAT_NATIVE, TIME_TO_PAY)


async def charge_fee_code(uow: UnitOfWork, command: ChargeFeeCode) -> PaymentIntentView:
    """Open a payment of an appointment's fee by a code that was scanned (付款码缴挂号费); while it lives, the same.

    Raises, Locks: as ``pay_appointment``.
    """
    return await _await_anybody(uow, command.appointment_id, PaymentChannel.WECHAT_CODEPAY, CODE_CHARGED)


async def _await_anybody(
    uow: UnitOfWork, appointment_id: UUID, channel: PaymentChannel, lasts: timedelta
) -> PaymentIntentView:
    row = await _payable(uow, appointment_id)
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    return await open_intent(
        uow,
        OpenIntent(
            invoice_id=await _own_bill(uow, row),
            channel=channel,
            description=f"{row['department']} 挂号费",
            pay_until=min(_pay_until(uow, row), uow.now + lasts),
            place_ids=(row["department_id"], row["campus_id"]),
        ),
    )


async def bill_fee(uow: UnitOfWork, command: BillFee) -> InvoiceView:
    """The bill of an appointment's fee, for the window to take money for (窗口缴挂号费).

    Where the fee stands together with other charges, that bill. Raises: Forbidden, NotFound, NotPayable,
    SessionStopped, PaymentOver. Locks: the appointment.
    """
    require(uow.ctx, Permission.CASH_TAKE)
    row = await _payable(uow, command.appointment_id)
    uow.audited("appointment", row["id"], patient_id=row["patient_id"])
    merged = await invoice_of_charge(uow, SOURCE, row["id"])
    if merged is None:
        await bill(uow, row)
        merged = await invoice_of_charge(uow, SOURCE, row["id"])
    assert merged is not None
    return merged


async def require_fee_paid(uow: UnitOfWork, row: Record) -> None:
    """A fee that is paid at the hospital must be (到院缴费); money that has arrived counts before its news has.

    Raises: FeeDue.
    """
    if (await take_arrived_fee(uow, row))["payment_status"] == AppointmentPayment.UNPAID:
        raise FeeDue(appointment_id=str(row["id"]), fee_fen=row["fee_fen"])


async def _payable(uow: UnitOfWork, appointment_id: UUID) -> Record:
    """An appointment whose fee can be paid now, locked."""
    row = await permitted_appointment(uow, appointment_id)
    now = await uow.fetch_row(_LOCK, row["id"])
    assert now is not None
    if now["status"] not in _PAYABLE or now["payment_status"] != AppointmentPayment.UNPAID:
        raise NotPayable(status=now["status"], payment_status=now["payment_status"])
    if now["place"] == SlotStatus.CLOSED:
        raise SessionStopped()
    if uow.now >= row["pay_until"]:
        raise PaymentOver()
    return row


def _pay_until(uow: UnitOfWork, row: Record) -> datetime:
    until: datetime = row["pay_until"]
    return until if row["status"] == AppointmentStatus.PENDING else min(until, uow.now + TIME_TO_PAY)


async def _own_bill(uow: UnitOfWork, row: Record) -> UUID:
    """The bill that a fee stands on alone, also one that a window made of it. Raises: FeeOnBill."""
    try:
        return await bill(uow, row)
    except ChargesNotBillable as refused:
        merged = await invoice_of_charge(uow, SOURCE, row["id"])
        if merged is None:
            raise
        if merged.total_fen == row["fee_fen"]:
            return merged.id
        raise FeeOnBill(invoice_id=str(merged.id)) from refused


async def bill(uow: UnitOfWork, row: Record) -> UUID:
    """The bill of an appointment's fee, made on first asking."""
    item = await charge_by_rule(
        uow,
        Charge(
            patient_id=row["patient_id"],
            encounter_id=row["encounter_id"],
            price_item_id=row["price_item_id"],
            quantity=Decimal(1),
            source_kind=SOURCE,
            source_id=row["id"],
            unit_price=Decimal(row["fee_fen"]) / 100,
        ),
    )
    invoice = await issue_invoice(
        uow, IssueInvoice(patient_id=row["patient_id"], encounter_id=row["encounter_id"], charge_item_ids=[item.id])
    )
    return invoice.id
