"""Telling patients what happened."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.examinations.events import ExaminationCancelled
from hospital_core.access.queueing.events import TicketCalled
from hospital_core.access.queueing.queries import ticket_to_remind
from hospital_core.access.scheduling.events import (
    AddOnGiven,
    AppealAnswered,
    AppointmentConfirmed,
    AppointmentFeePaid,
    AppointmentMoved,
    AppointmentRefunded,
    BanEvent,
    BanLifted,
    ClinicStopped,
    DisruptionEvent,
    DoctorSubstituted,
    HoldStopped,
    PatientBanned,
    VisitReminderDue,
    WaitlistEnded,
    WaitlistEvent,
    WaitlistOffered,
)
from hospital_core.access.scheduling.service.reminding import remind_later
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.exchange.notifications.commands import BeginDelivery, RecordDelivery
from hospital_core.exchange.notifications.events import NotificationWaiting
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import MessageRefused, Messenger
from hospital_core.exchange.notifications.queries import WaitingMessage, message
from hospital_core.exchange.notifications.service import begin_delivery, notify, notify_all, record_delivery
from hospital_core.exchange.notifications.states import DeliveryResult
from hospital_core.exchange.notifications.wording import NEAR_AHEAD
from hospital_core.finance.billing.queries import as_old_as
from hospital_core.finance.einvoicing.events import EInvoiceIssued
from hospital_core.finance.payments.events import CardToppedUp, PaymentSucceeded, RefundSucceeded
from hospital_core.kernel import ports
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import OutsideUnavailable, StateConflict
from hospital_core.kernel.events import handles, performs
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork

_PAYER = "SELECT patient_id, account_id FROM payment_intent WHERE id = $1"
# Who pays at a kiosk is no account of ours, and may have left before the money came: whoever booked is told.
_FEE_PAYER = """
SELECT i.patient_id, coalesce(i.account_id, (
    SELECT a.account_id FROM charge_item c JOIN appointment a ON a.id = c.source_id AND c.source_kind = 'appointment'
    WHERE c.invoice_id = i.invoice_id AND i.device_id IS NOT NULL ORDER BY c.id LIMIT 1)) AS account_id
FROM payment_intent i WHERE i.id = $1"""
# Who paid on a phone is told; of a bill paid at a window, whoever may act for the patient.
_PAYERS = """
SELECT DISTINCT account_id FROM payment_intent WHERE invoice_id = $1 AND applied AND account_id IS NOT NULL"""
_BOOKER = "SELECT patient_id, account_id, created_at FROM appointment WHERE id = $1"
_UPCOMING = """
SELECT patient_id, starts_at, created_at FROM appointment WHERE id = $1 AND status = 'booked' AND starts_at > $2"""
_BAN = "SELECT patient_id, made_at FROM booking_ban WHERE id = $1"
# How old an e-invoice is: as old as what was charged.
_CHARGED = f"SELECT {as_old_as('e.requested_at', 'e.invoice_id')} FROM e_invoice e WHERE e.id = $1"
# A booking's own fee is told with the booking; ``source_kind`` is written by scheduling.
_OTHER_THAN_FEES = """
SELECT i.patient_id, i.account_id FROM payment_intent i
WHERE i.id = $1 AND (i.invoice_id IS NULL OR EXISTS (
    SELECT 1 FROM charge_item c WHERE c.invoice_id = i.invoice_id AND c.source_kind <> 'appointment'))"""
# Of several tenders the one that settled the bill.
_FEE_PAID_BY = """
SELECT i.id FROM charge_item c JOIN payment_intent i ON i.invoice_id = c.invoice_id AND i.applied
WHERE c.source_kind = 'appointment' AND c.source_id = $1 AND c.status = 'billed' AND NOT EXISTS (
    SELECT 1 FROM charge_item o WHERE o.invoice_id = c.invoice_id AND o.source_kind <> 'appointment')
ORDER BY i.succeeded_at DESC, i.id DESC LIMIT 1"""


@handles(AppointmentConfirmed)
async def tell_confirmed(uow: UnitOfWork, event: AppointmentConfirmed) -> None:
    """预约成功; of an examination with how one prepares for it."""
    kind = await _of_its_sort(uow, event.appointment_id, NotificationKind.EXAMINATION_BOOKED)
    kind = kind or NotificationKind.APPOINTMENT_CONFIRMED
    await _to_the_booker(uow, kind, event.appointment_id, event.appointment_id)


@handles(ExaminationCancelled)
async def tell_examination_cancelled(uow: UnitOfWork, event: ExaminationCancelled) -> None:
    """检查预约取消: whoever may act for the patient, because nobody's phone asked for it."""
    row = await uow.fetch_row(_BOOKER, event.appointment_id)
    if row is not None:
        await _to_all(uow, NotificationKind.EXAMINATION_CANCELLED, event.appointment_id, row)


@handles(AddOnGiven)
async def tell_added(uow: UnitOfWork, event: AddOnGiven) -> None:
    """加号: nobody's phone asked for it, so whoever may act for the patient hears of it."""
    row = await uow.fetch_row(_BOOKER, event.appointment_id)
    if row is not None:
        await _to_all(uow, NotificationKind.ADD_ON_GIVEN, event.appointment_id, row)


@handles(VisitReminderDue)
async def remind(uow: UnitOfWork, event: VisitReminderDue) -> None:
    """就诊提醒: of the visit as it stands now; one that was moved to a later day is told of then."""
    row = await uow.fetch_row(_UPCOMING, event.appointment_id, uow.now)
    if row is not None and not await remind_later(uow, event.appointment_id, row["starts_at"]):
        kind = await _of_its_sort(uow, event.appointment_id, NotificationKind.EXAMINATION_REMINDER)
        kind = kind or NotificationKind.VISIT_REMINDER
        await _to_all(uow, kind, event.appointment_id, row)


@handles(AppointmentRefunded)
async def tell_refunded(uow: UnitOfWork, event: AppointmentRefunded) -> None:
    """挂号费退回."""
    await _to_the_booker(uow, NotificationKind.APPOINTMENT_REFUNDED, event.appointment_id, event.appointment_id)


@handles(ClinicStopped)
async def tell_stopped(uow: UnitOfWork, event: ClinicStopped) -> None:
    """停诊: whoever may act for the patient, wherever it was booked."""
    await _to_everybody(uow, NotificationKind.CLINIC_STOPPED, event)


@handles(HoldStopped)
async def tell_hold_stopped(uow: UnitOfWork, event: HoldStopped) -> None:
    """停诊 before the fee was paid: whoever is about to pay."""
    await _to_the_booker(uow, NotificationKind.CLINIC_STOPPED, event.appointment_id, event.appointment_id)


@handles(DoctorSubstituted)
async def tell_substituted(uow: UnitOfWork, event: DoctorSubstituted) -> None:
    """替诊: as for a stopped clinic."""
    await _to_everybody(uow, NotificationKind.DOCTOR_SUBSTITUTED, event)


@handles(AppointmentMoved)
async def tell_moved(uow: UnitOfWork, event: AppointmentMoved) -> None:
    """改约成功."""
    await _to_everybody(uow, NotificationKind.APPOINTMENT_MOVED, event)


@handles(WaitlistOffered)
async def tell_offered(uow: UnitOfWork, event: WaitlistOffered) -> None:
    """候补到号: to the account that waits."""
    await _to_who_waits(uow, NotificationKind.WAITLIST_OFFERED, event)


@handles(WaitlistEnded)
async def tell_waited(uow: UnitOfWork, event: WaitlistEnded) -> None:
    """候补未成功."""
    await _to_who_waits(uow, NotificationKind.WAITLIST_ENDED, event)


@handles(PatientBanned)
async def tell_banned(uow: UnitOfWork, event: PatientBanned) -> None:
    """限约: to whoever books for the patient."""
    await _about_a_ban(uow, NotificationKind.BOOKING_BANNED, event)


@handles(BanLifted)
async def tell_lifted(uow: UnitOfWork, event: BanLifted) -> None:
    """解除限约."""
    await _about_a_ban(uow, NotificationKind.BAN_LIFTED, event)


@handles(AppealAnswered)
async def tell_appeal(uow: UnitOfWork, event: AppealAnswered) -> None:
    """申诉结果."""
    await _about_a_ban(uow, NotificationKind.APPEAL_ANSWERED, event)


@handles(TicketCalled)
async def tell_called(uow: UnitOfWork, event: TicketCalled) -> None:
    """叫号提醒: once per ticket, however often it is called."""
    if event.appointment_id is not None:
        await _to_the_booker(uow, NotificationKind.TICKET_CALLED, event.ticket_id, event.appointment_id)


@handles(TicketCalled)
async def tell_near(uow: UnitOfWork, event: TicketCalled) -> None:
    """即将叫号: whoever now has two before them in the same line, once."""
    near = await ticket_to_remind(uow, event.ticket_id, NEAR_AHEAD)
    if near is not None:
        await _to_the_booker(uow, NotificationKind.TICKET_NEAR, near.ticket_id, near.appointment_id)


@handles(PaymentSucceeded)
async def tell_paid(uow: UnitOfWork, event: PaymentSucceeded) -> None:
    """缴费成功: the tender that settled a bill of more than a booking's fee."""
    if event.settled:
        await _to_the_payer(uow, NotificationKind.PAYMENT_RECEIVED, event.intent_id, event.intent_id)


@handles(AppointmentFeePaid)
async def tell_fee_paid(uow: UnitOfWork, event: AppointmentFeePaid) -> None:
    """缴费成功: of a fee that was paid after its booking had been told; a bill with more on it tells by itself."""
    intent_id = await uow.fetch_value(_FEE_PAID_BY, event.appointment_id)
    if intent_id is not None:
        await _to_the_payer(uow, NotificationKind.PAYMENT_RECEIVED, intent_id, intent_id, _FEE_PAYER)


@handles(CardToppedUp)
async def tell_topped_up(uow: UnitOfWork, event: CardToppedUp) -> None:
    """预存款到账."""
    await _to_the_payer(uow, NotificationKind.PAYMENT_RECEIVED, event.intent_id, event.intent_id)


@handles(RefundSucceeded)
async def tell_money_back(uow: UnitOfWork, event: RefundSucceeded) -> None:
    """退费到账: to the payer, who need not be the patient; money that was too much is told even for a booking's fee."""
    wanted = _PAYER if event.source_kind == "surplus" else _OTHER_THAN_FEES
    await _to_the_payer(uow, NotificationKind.REFUND_FINISHED, event.refund_id, event.intent_id, wanted)


@handles(EInvoiceIssued)
async def tell_e_invoice(uow: UnitOfWork, event: EInvoiceIssued) -> None:
    """电子票据已开具: its link, to whoever paid the bill."""
    payers = [row["account_id"] for row in await uow.fetch(_PAYERS, event.invoice_id)]
    kind, source = NotificationKind.E_INVOICE_ISSUED, event.e_invoice_id
    if not payers:
        since = await uow.fetch_value(_CHARGED, source)
        await notify_all(uow, kind, source, patient_id=event.patient_id, since=since)
    for account_id in payers:
        await notify(uow, kind, source, patient_id=event.patient_id, account_id=account_id)


async def _to_the_booker(uow: UnitOfWork, kind: NotificationKind, source_id: UUID, appointment_id: UUID) -> None:
    row = await uow.fetch_row(_BOOKER, appointment_id)
    if row is not None:
        await notify(uow, kind, source_id, patient_id=row["patient_id"], account_id=row["account_id"])


async def _of_its_sort(uow: UnitOfWork, appointment_id: UUID, examination: NotificationKind) -> NotificationKind | None:
    """The kind for an examination, when it is one."""
    kind = await uow.fetch_value("SELECT service_kind FROM appointment WHERE id = $1", appointment_id)
    return examination if kind == ServiceKind.EXAMINATION else None


async def _to_who_waits(uow: UnitOfWork, kind: NotificationKind, event: WaitlistEvent) -> None:
    row = await uow.fetch_row("SELECT patient_id, account_id FROM waitlist_entry WHERE id = $1", event.entry_id)
    if row is not None:
        await notify(uow, kind, event.entry_id, patient_id=row["patient_id"], account_id=row["account_id"])


async def _about_a_ban(uow: UnitOfWork, kind: NotificationKind, event: BanEvent) -> None:
    row = await uow.fetch_row(_BAN, event.ban_id)
    if row is not None:
        await notify_all(uow, kind, event.ban_id, patient_id=row["patient_id"], since=row["made_at"])


async def _to_everybody(uow: UnitOfWork, kind: NotificationKind, event: DisruptionEvent) -> None:
    row = await uow.fetch_row(_BOOKER, event.appointment_id)
    if row is not None:
        await _to_all(uow, kind, event.disruption_id, row)


async def _to_all(uow: UnitOfWork, kind: NotificationKind, source_id: UUID, appointment: Record) -> None:
    """About an appointment, to whoever may see it."""
    patient_id, since = appointment["patient_id"], appointment["created_at"]
    await notify_all(uow, kind, source_id, patient_id=patient_id, since=since)


async def _to_the_payer(
    uow: UnitOfWork, kind: NotificationKind, source_id: UUID, intent_id: UUID, wanted: str = _OTHER_THAN_FEES
) -> None:
    row = await uow.fetch_row(wanted, intent_id)
    if row is not None:
        await notify(uow, kind, source_id, patient_id=row["patient_id"], account_id=row["account_id"])


@performs(NotificationWaiting)
async def send(ctx: Context, event: NotificationWaiting) -> None:
    """Hand a waiting message to its channel; without an answer again, each time later, while it is of use.

    At least once: a twin of a delivered message is not sent again.
    """
    waiting = await message(Reading(ctx), event.notification_id)
    if waiting is None:
        return
    messenger = ports.use(Messenger)
    template = messenger.template_of(waiting.kind)
    begin = BeginDelivery(
        notification_id=waiting.id, template=template.key if template else None, counted=messenger.counts_consents
    )
    started = await run(ctx, begin_delivery, begin)
    if started.attempt_id is not None:
        await _try(ctx, messenger, waiting, started.attempt_id)


async def _try(ctx: Context, messenger: Messenger, waiting: WaitingMessage, attempt_id: UUID) -> None:
    page = f"pages/appointment/index?id={waiting.appointment_id}" if waiting.appointment_id else "pages/messages/index"
    result, errcode, bug = DeliveryResult.SENT, None, None
    try:
        await messenger.send_subscribe(waiting.openid, waiting.kind, page, waiting.words)
    except MessageRefused as refusal:
        result, errcode = refusal.result, refusal.errcode
    except OutsideUnavailable:
        result = DeliveryResult.UNAVAILABLE
    except Exception as error:  # the relay comes back a few times, then parks it where people look
        result, bug = DeliveryResult.UNAVAILABLE, error
    told = RecordDelivery(attempt_id=attempt_id, result=result, errcode=errcode, again=bug is None)
    try:
        await run(ctx, record_delivery, told)
    except StateConflict:
        return  # a twin was faster; its answer stands
    if bug is not None:
        raise bug
