"""Reading messages and what they say: text is made from the present rows, a message stores no data of persons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.views import MessageView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.money import yuan_text
from hospital_core.kernel.reading import Reading
from hospital_core.registry.patients.ages import SHANGHAI

# ``source_id`` is the appointment, for a call its ticket.
_MESSAGE = """
SELECT n.*, acc.openid, a.id AS appointment_id, a.starts_at, a.fee_fen, p.name AS patient_name, d.name AS department,
       m.name AS doctor, home.name AS home_room, slot.number, t.display_no, t.status AS ticket_status, r.name AS room
FROM notification n JOIN patient_account acc ON acc.id = n.account_id
LEFT JOIN queue_ticket t ON n.kind = 'ticket_called' AND t.id = n.source_id
JOIN appointment a ON a.id = coalesce(t.appointment_id, n.source_id)
JOIN slot ON slot.id = a.slot_id JOIN schedule s ON s.id = a.schedule_id JOIN location home ON home.id = s.room_id
JOIN patient p ON p.id = a.patient_id JOIN department d ON d.id = a.department_id
JOIN staff_member m ON m.id = coalesce(t.staff_id, a.staff_id)
LEFT JOIN location r ON r.id = t.room_id
"""

# Whoever may no longer act for the patient sees no message about them either.
_INBOX = (
    _MESSAGE
    + """
WHERE n.account_id = $1 AND ($2::timestamptz IS NULL OR n.created_at < $2)
  AND EXISTS (SELECT 1 FROM account_link l WHERE l.account_id = n.account_id AND l.status = 'active'
                AND l.patient_id IN (SELECT person_ids(n.patient_id)))
ORDER BY n.created_at DESC LIMIT $3"""
)

TITLES = {
    NotificationKind.APPOINTMENT_CONFIRMED: "预约成功",
    NotificationKind.APPOINTMENT_REFUNDED: "挂号费已退回",
    NotificationKind.TICKET_CALLED: "请前往诊室就诊",
}


async def inbox(
    reading: Reading, account_id: UUID | None = None, before: datetime | None = None, limit: int = 50
) -> Page[MessageView]:
    """Messages of the signed-in account, newest first (消息)."""
    rows = await reading.fetch(_INBOX, account_id or reading.ctx.actor.id, before, limit)
    return Page(items=[_view(row) for row in rows])


async def message(reading: Reading, notification_id: UUID) -> Record | None:
    """One message with what it says; for sending."""
    return await reading.fetch_row(_MESSAGE + " WHERE n.id = $1", notification_id)


def words_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The words of a message, masked: what a channel's template is filled with."""
    words = {
        "patient": mask_name(row["patient_name"]),
        "department": row["department"],
        "doctor": row["doctor"],
        "time": row["starts_at"].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
    }
    if row["kind"] == NotificationKind.APPOINTMENT_REFUNDED:
        return words | {"amount": yuan_text(row["fee_fen"])}
    if row["kind"] == NotificationKind.TICKET_CALLED:
        return words | {"number": row["display_no"], "room": row["room"] or row["home_room"]}
    return words | {"number": f"{row['number']}号", "room": row["home_room"]}


def _view(row: Mapping[str, Any]) -> MessageView:
    kind, words = NotificationKind(row["kind"]), words_of(row)
    shown = [words[name] for name in ("patient", "department", "doctor", "time")]
    if "amount" in words:
        shown.append(f"¥{words['amount']}")
    shown += [words[name] for name in ("number", "room") if name in words]
    return MessageView(
        id=row["id"], kind=kind, title=TITLES[kind], text=" ".join(shown), patient_id=row["patient_id"],
        appointment_id=row["appointment_id"], status=row["status"], created_at=row["created_at"],
        read_at=row["read_at"],
    )  # fmt: skip
