"""Writing messages, the permissions to send them, and what became of them (消息通知)."""

from datetime import datetime
from uuid import UUID

from hospital_core.exchange.notifications.commands import BeginDelivery, ReadMessage, RecordConsent, RecordDelivery
from hospital_core.exchange.notifications.events import NotificationWaiting
from hospital_core.exchange.notifications.kinds import NotificationKind, next_try_after, useful_for
from hospital_core.exchange.notifications.states import NOTIFICATION, Consent, DeliveryResult, NotificationStatus
from hospital_core.exchange.notifications.views import DeliveryStart, MessagesRead
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.queries import accounts_acting

# Only an account that may act for the patient is told about them. 4 patient, 5 account: None = all who may act
_INSERT = f"""
INSERT INTO notification (id, version, account_id, patient_id, kind, source_id, status, spent, created_at)
SELECT $1, 0, $5, $4, $2, $3, '{NotificationStatus.WAITING.value}', false, $6
WHERE $5::uuid IN ({accounts_acting("$4")})
ON CONFLICT (kind, source_id, account_id) DO NOTHING"""

_FOLLOWERS = f"""
SELECT DISTINCT acting.account_id FROM ({accounts_acting("$1", since="$2")}) AS acting ORDER BY acting.account_id"""

_SPEND = """
UPDATE subscribe_quota SET remaining = remaining - CASE WHEN standing THEN 0 ELSE 1 END, changed_at = $3
WHERE account_id = $1 AND template = $2 AND (standing OR remaining > 0)"""

# Spent on a message that never went out. If it did after all, the channel says so by 43101 when nothing is left.
_GIVE_BACK = """
WITH unspent AS (UPDATE notification SET spent = false WHERE id = $1 AND spent RETURNING account_id)
UPDATE subscribe_quota q SET remaining = q.remaining + CASE WHEN q.standing THEN 0 ELSE 1 END, changed_at = $3
FROM unspent u WHERE q.account_id = u.account_id AND q.template = $2"""

# Whoever stopped acting for the patient since it was written hears nothing any more.
_HELD = f"""
SELECT n.*, n.account_id IN ({accounts_acting("n.patient_id", since="n.created_at")}) AS may_know
FROM notification n WHERE n.id = $1 FOR UPDATE OF n"""

_ATTEMPT = """
INSERT INTO message_attempt (id, notification_id, template, started_at, finished_at, result)
VALUES ($1, $2, $3, $4, $5, $6)"""

_ACCEPT = """
INSERT INTO subscribe_quota AS q (id, account_id, template, remaining, standing, changed_at)
SELECT $1, a.id, $4, CASE WHEN $5 THEN 0 ELSE 1 END, $5, $6 FROM patient_account a WHERE a.appid = $2 AND a.openid = $3
ON CONFLICT (account_id, template) DO UPDATE SET
    remaining = q.remaining + excluded.remaining, standing = excluded.standing, changed_at = excluded.changed_at"""

_VOID = """
UPDATE subscribe_quota SET remaining = 0, standing = false, changed_at = $4
WHERE template = $3 AND account_id = (SELECT id FROM patient_account WHERE appid = $1 AND openid = $2)"""


async def notify(
    uow: UnitOfWork, kind: NotificationKind, source_id: UUID, *, patient_id: UUID, account_id: UUID | None
) -> None:
    """Write a message about one thing to one account, once (生成通知), if it may act for the patient.

    Emits: NotificationWaiting.
    """
    if account_id is None:
        return
    notification_id = new_id()
    if await uow.execute(_INSERT, notification_id, kind.value, source_id, patient_id, account_id, uow.now):
        uow.record(NotificationWaiting(notification_id=notification_id))


async def notify_all(
    uow: UnitOfWork, kind: NotificationKind, source_id: UUID, *, patient_id: UUID, since: datetime
) -> None:
    """As ``notify``, to every account that may act for the patient: for what was booked at a window (停诊).

    ``since``: how old what it tells of is. Anybody can link a patient whose number they know; until that is proven,
    they are told of nothing that was there before.
    """
    for row in await uow.fetch(_FOLLOWERS, patient_id, since):
        await notify(uow, kind, source_id, patient_id=patient_id, account_id=row["account_id"])


async def begin_delivery(uow: UnitOfWork, command: BeginDelivery) -> DeliveryStart:
    """Before a message goes out (开始发送): it must be waiting, useful and allowed; one permission is spent.

    What may not be sent is refused here, without asking the channel; the inbox has it all the same.
    Locks: the message.
    """
    row = await uow.fetch_row(_HELD, command.notification_id)
    if row is None or row["status"] != NotificationStatus.WAITING:
        return DeliveryStart(attempt_id=None)
    refusal = None
    if command.template is None:
        refusal = DeliveryResult.NO_TEMPLATE
    elif not row["may_know"] or uow.now - row["created_at"] > useful_for(NotificationKind(row["kind"])):
        refusal = DeliveryResult.TOO_LATE
        await uow.execute(_GIVE_BACK, row["id"], command.template, uow.now)
    elif command.counted and not row["spent"]:
        if await uow.execute(_SPEND, row["account_id"], command.template, uow.now):
            await uow.execute("UPDATE notification SET spent = true WHERE id = $1", row["id"])
        else:
            refusal = DeliveryResult.NO_QUOTA
    attempt_id, ended = new_id(), uow.now if refusal else None
    await uow.execute(_ATTEMPT, attempt_id, row["id"], command.template or "", uow.now, ended, refusal)
    if refusal is not None:
        await transition(uow, NOTIFICATION, "refuse", row["id"])
    uow.audited("notification", row["id"])
    return DeliveryStart(attempt_id=None if refusal else attempt_id)


async def record_delivery(uow: UnitOfWork, command: RecordDelivery) -> Done:
    """Keep the channel's answer (发送结果). Raises: NotFound, StateConflict (told before by a twin).

    A channel that knows of no permission is right: what we thought was left is void. One that will never take the
    message has used none up.
    Emits: NotificationWaiting (timer) where no answer came.
    """
    row = await uow.fetch_row(
        "UPDATE message_attempt SET result = $2, errcode = $3, finished_at = $4 WHERE id = $1 RETURNING *",
        command.attempt_id, command.result.value, command.errcode, uow.now,
    )  # fmt: skip
    if row is None:
        raise NotFound()
    uow.audited("notification", row["notification_id"])
    if not command.result.is_final:
        if command.again:
            await _try_again(uow, row["notification_id"])
        return Done()
    sent = command.result is DeliveryResult.SENT
    move, at = ("send", uow.now) if sent else ("refuse", None)
    message = await transition(uow, NOTIFICATION, move, row["notification_id"], sent_at=at)
    if command.result is DeliveryResult.NOT_SUBSCRIBED:
        await uow.execute(
            "UPDATE subscribe_quota SET remaining = 0, standing = false, changed_at = $3 "
            "WHERE account_id = $1 AND template = $2",
            message["account_id"], row["template"], uow.now,
        )  # fmt: skip
    elif command.result is DeliveryResult.REJECTED:
        await uow.execute(_GIVE_BACK, message["id"], row["template"], uow.now)
    return Done()


async def _try_again(uow: UnitOfWork, notification_id: UUID) -> None:
    tries = await uow.fetch_value("SELECT count(*) FROM message_attempt WHERE notification_id = $1", notification_id)
    uow.record(NotificationWaiting(notification_id=notification_id), not_before=uow.now + next_try_after(tries))


async def record_consent(uow: UnitOfWork, command: RecordConsent) -> Done:
    """Count what a person allowed or took back (订阅额度). A stranger's answer counts nowhere.

    A "no" to one question leaves earlier permissions for single messages; to a long-term one it ends it.
    """
    whose = (command.appid, command.openid, command.template)
    if command.consent is Consent.ACCEPTED:
        await uow.execute(_ACCEPT, new_id(), *whose, command.standing, uow.now)
    elif command.consent is Consent.WITHDRAWN or command.standing:
        await uow.execute(_VOID, *whose, uow.now)
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


async def read_all_messages(uow: UnitOfWork, command: Empty) -> MessagesRead:
    """The person has seen enough: everything in their inbox counts as read (全部已读)."""
    return MessagesRead(
        read=await uow.execute(
            "UPDATE notification SET read_at = $2 WHERE account_id = $1 AND read_at IS NULL", uow.ctx.actor.id, uow.now
        )
    )
