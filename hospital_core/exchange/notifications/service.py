"""Writing messages and what became of them (消息通知)."""

from uuid import UUID

from hospital_core.exchange.notifications.commands import ReadMessage, RecordDelivery
from hospital_core.exchange.notifications.events import NotificationWaiting
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.states import NOTIFICATION, NotificationStatus
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

# The account that booked, as long as it may act for the patient; bookings at the window have none.
_INSERT = f"""
INSERT INTO notification (id, version, account_id, patient_id, kind, source_id, status, created_at)
SELECT $1, 0, a.account_id, a.patient_id, $2, $3, '{NotificationStatus.WAITING.value}', $4
FROM appointment a
WHERE a.id = $5 AND EXISTS (SELECT 1 FROM account_link l WHERE l.account_id = a.account_id AND l.status = 'active'
                              AND l.patient_id IN (SELECT person_ids(a.patient_id)))
ON CONFLICT (kind, source_id, account_id) DO NOTHING"""


async def notify(uow: UnitOfWork, kind: NotificationKind, source_id: UUID, appointment_id: UUID) -> None:
    """Write a message about one thing, once (生成通知). Emits: NotificationWaiting."""
    notification_id = new_id()
    if await uow.execute(_INSERT, notification_id, kind.value, source_id, uow.now, appointment_id):
        uow.record(NotificationWaiting(notification_id=notification_id))


async def record_delivery(uow: UnitOfWork, command: RecordDelivery) -> Done:
    """Keep the channel's answer (发送结果). Raises: NotFound, StateConflict (told before)."""
    move = "send" if command.delivered else "refuse"
    await transition(uow, NOTIFICATION, move, command.notification_id, sent_at=uow.now if command.delivered else None)
    uow.audited("notification", command.notification_id)
    return Done()


async def read_message(uow: UnitOfWork, command: ReadMessage) -> Done:
    """The person opened a message of their own account (已读). Raises: NotFound."""
    changed = await uow.execute(
        "UPDATE notification SET read_at = coalesce(read_at, $3) WHERE id = $1 AND account_id = $2",
        command.notification_id,
        uow.ctx.actor.id,
        uow.now,
    )
    if not changed:
        raise NotFound()
    uow.audited("notification", command.notification_id)
    return Done()
