"""Telling patients what happened."""

from hospital_core.access.queueing.events import TicketCalled
from hospital_core.access.scheduling.events import AppointmentConfirmed, AppointmentRefunded
from hospital_core.exchange.notifications.commands import RecordDelivery
from hospital_core.exchange.notifications.events import NotificationWaiting
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import MessageRefused, Messenger
from hospital_core.exchange.notifications.queries import message, words_of
from hospital_core.exchange.notifications.service import notify, record_delivery
from hospital_core.exchange.notifications.states import NotificationStatus
from hospital_core.kernel import ports
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.events import handles, performs
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork


@handles(AppointmentConfirmed)
async def tell_confirmed(uow: UnitOfWork, event: AppointmentConfirmed) -> None:
    """预约成功."""
    await notify(uow, NotificationKind.APPOINTMENT_CONFIRMED, event.appointment_id, event.appointment_id)


@handles(AppointmentRefunded)
async def tell_refunded(uow: UnitOfWork, event: AppointmentRefunded) -> None:
    """退费到账."""
    await notify(uow, NotificationKind.APPOINTMENT_REFUNDED, event.appointment_id, event.appointment_id)


@handles(TicketCalled)
async def tell_called(uow: UnitOfWork, event: TicketCalled) -> None:
    """叫号提醒: once per ticket, however often it is called."""
    if event.appointment_id is not None:
        await notify(uow, NotificationKind.TICKET_CALLED, event.ticket_id, event.appointment_id)


@performs(NotificationWaiting)
async def send(ctx: Context, event: NotificationWaiting) -> None:
    """Hand a waiting message to its channel. At least once: a twin of a delivered message is not sent again."""
    row = await message(Reading(ctx), event.notification_id)
    if row is None or row["status"] != NotificationStatus.WAITING:
        return
    page = f"pages/appointment/index?id={row['appointment_id']}"
    try:
        await ports.use(Messenger).send_subscribe(row["openid"], row["kind"], page, words_of(row))
        delivered = True
    except MessageRefused:
        delivered = False
    try:
        await run(ctx, record_delivery, RecordDelivery(notification_id=row["id"], delivered=delivered))
    except StateConflict:
        return  # a twin was faster; its answer stands
