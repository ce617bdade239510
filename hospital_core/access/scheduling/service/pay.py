"""Paying for a held place (支付挂号费)."""

from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.commands import PayAppointment
from hospital_core.access.scheduling.errors import NotPayable, PaymentOver
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.access.scheduling.service.hold import SOURCE
from hospital_core.access.scheduling.states import AppointmentPayment, AppointmentStatus
from hospital_core.finance.billing.commands import Charge, IssueInvoice
from hospital_core.finance.billing.service import charge_by_rule, issue_invoice
from hospital_core.finance.payments.commands import OpenIntent
from hospital_core.finance.payments.service import open_intent
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.finance.payments.views import PaymentIntentView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.uow import UnitOfWork

_LOCK = "SELECT status, payment_status FROM appointment WHERE id = $1 FOR UPDATE"
_OPENID = "SELECT openid FROM patient_account WHERE id = $1"


async def pay_appointment(uow: UnitOfWork, command: PayAppointment) -> PaymentIntentView:
    """Charge the copied fee, bill it and open a payment until ``pay_until`` (去支付); asking again answers the same.

    Raises: NotFound, NotPayable, PaymentOver. Locks: the appointment, so that two taps make one bill.
    """
    row = await permitted_appointment(uow, command.appointment_id)
    now = await uow.fetch_row(_LOCK, row["id"])
    assert now is not None
    if (now["status"], now["payment_status"]) != (AppointmentStatus.PENDING, AppointmentPayment.UNPAID):
        raise NotPayable(status=now["status"], payment_status=now["payment_status"])
    if uow.now >= row["pay_until"]:
        raise PaymentOver()
    invoice_id = await bill(uow, row)
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
            pay_until=row["pay_until"],
            place_ids=(row["department_id"], row["campus_id"]),
        ),
    )


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
