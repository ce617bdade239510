"""Reading messages, permissions and the log of what was sent."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import Messenger
from hospital_core.exchange.notifications.states import NotificationStatus
from hospital_core.exchange.notifications.views import MessageView, SentMessage, TemplateConsent, UnreadMessages
from hospital_core.exchange.notifications.wording import WORDINGS, Said, Words, said
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Page
from hospital_core.kernel.cursors import cursor_after, place_of
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import accounts_acting

# Whoever may no longer act for the patient sees no message about them either, nor who may again but is not proven.
_SEEN = f"n.account_id IN ({accounts_acting('n.patient_id', since='n.created_at')})"
_INBOX = f"""
SELECT n.* FROM notification n
WHERE n.account_id = $1 AND ($2::timestamptz IS NULL OR (n.created_at, n.id) < ($2, $3)) AND {_SEEN}
ORDER BY n.created_at DESC, n.id DESC LIMIT $4"""

_UNREAD = f"""
SELECT count(*)::int FROM (
    SELECT 1 FROM notification n WHERE n.account_id = $1 AND n.read_at IS NULL AND {_SEEN} LIMIT 99) AS new"""

_ONE = "SELECT n.*, acc.openid FROM notification n JOIN patient_account acc ON acc.id = n.account_id WHERE n.id = $1"

_LOG = """
SELECT n.id AS notification_id, n.kind, n.patient_id, n.status, n.created_at, t.tries, last.result, last.errcode,
       last.started_at AS last_try_at
FROM notification n
CROSS JOIN LATERAL (SELECT count(*) AS tries FROM message_attempt m WHERE m.notification_id = n.id) t
LEFT JOIN LATERAL (
    SELECT * FROM message_attempt m WHERE m.notification_id = n.id ORDER BY m.id DESC LIMIT 1) last ON true
WHERE ($1::text IS NULL OR n.status = $1) AND ($2::timestamptz IS NULL OR (n.created_at, n.id) < ($2, $3))
ORDER BY n.created_at DESC, n.id DESC LIMIT $4"""

_QUOTAS = "SELECT template, remaining, standing FROM subscribe_quota WHERE account_id = $1"


@dataclass(frozen=True)
class WaitingMessage:
    """A message as its channel needs it."""

    id: UUID
    kind: NotificationKind
    status: NotificationStatus
    openid: str
    words: Words
    appointment_id: UUID | None


async def inbox(reading: Reading, cursor: str | None = None, limit: int = 50) -> Page[MessageView]:
    """Messages of the signed-in account, newest first (消息). Raises: FieldProblem."""
    found = await reading.fetch(_INBOX, reading.ctx.actor.id, *place_of(cursor), limit + 1)
    rows = found[:limit]
    sources: dict[NotificationKind, list[UUID]] = defaultdict(list)
    for row in rows:
        sources[NotificationKind(row["kind"])].append(row["source_id"])
    told = {kind: await said(reading, kind, ids) for kind, ids in sources.items()}
    return Page(
        items=[_view(row, told[NotificationKind(row["kind"])][row["source_id"]]) for row in rows],
        next_cursor=cursor_after(rows[-1]["created_at"], rows[-1]["id"]) if len(found) > limit else None,
    )


async def unread_messages(reading: Reading) -> UnreadMessages:
    """How many messages the signed-in account has not opened (未读消息)."""
    return UnreadMessages(unread=await reading.fetch_value(_UNREAD, reading.ctx.actor.id))


async def message(reading: Reading, notification_id: UUID) -> WaitingMessage | None:
    """One message with what it says; for sending."""
    row = await reading.fetch_row(_ONE, notification_id)
    if row is None:
        return None
    kind = NotificationKind(row["kind"])
    told = (await said(reading, kind, [row["source_id"]]))[row["source_id"]]
    status = NotificationStatus(row["status"])
    return WaitingMessage(row["id"], kind, status, row["openid"], told.words, told.appointment_id)


async def template_consents(reading: Reading) -> Page[TemplateConsent]:
    """What the phone may ask its person to allow (订阅授权), with what is left of earlier permissions.

    ``remaining`` None: nobody tells this hospital, so nobody knows.
    """
    messenger = ports.optional(Messenger)
    if messenger is None:
        return Page(items=[])
    rows = await reading.fetch(_QUOTAS, reading.ctx.actor.id)
    left = {row["template"]: 1 if row["standing"] else row["remaining"] for row in rows}
    items: dict[str, TemplateConsent] = {}
    for kind, wording in WORDINGS.items():
        template = messenger.template_of(kind)
        if template is not None and template.key in items:
            items[template.key].titles.append(wording.title)
        elif template is not None:
            items[template.key] = TemplateConsent(
                kind=kind,
                title=wording.title,
                titles=[wording.title],
                template_id=template.template_id,
                standing=template.standing,
                remaining=left.get(template.key, 0) if messenger.counts_consents else None,
            )
    return Page(items=list(items.values()))


async def sent_messages(
    reading: Reading, status: NotificationStatus | None = None, cursor: str | None = None, limit: int = 100
) -> Page[SentMessage]:
    """The log of messages and their tries (发送日志), newest first; the route holds the permission.

    Raises: FieldProblem.
    """
    found = await reading.fetch(_LOG, status.value if status else None, *place_of(cursor), limit + 1)
    rows = found[:limit]
    return Page(
        items=[SentMessage(**dict(row), title=WORDINGS[NotificationKind(row["kind"])].title) for row in rows],
        next_cursor=cursor_after(rows[-1]["created_at"], rows[-1]["notification_id"]) if len(found) > limit else None,
    )


def _view(row: Mapping[str, Any], told: Said) -> MessageView:
    kind = NotificationKind(row["kind"])
    wording = WORDINGS[kind]
    return MessageView(
        id=row["id"], kind=kind, title=wording.title_for(told), text=wording.line(told.words),
        patient_id=row["patient_id"], appointment_id=told.appointment_id, payment_id=told.payment_id,
        e_invoice_id=told.e_invoice_id,
        status=row["status"], created_at=row["created_at"], read_at=row["read_at"],
    )  # fmt: skip
