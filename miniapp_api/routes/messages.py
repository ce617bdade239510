"""The phone's inbox (消息)."""

from backend.http.routing import Call, Owner
from hospital_core.exchange.notifications.commands import ReadMessage
from hospital_core.exchange.notifications.queries import inbox
from hospital_core.exchange.notifications.service import read_message
from hospital_core.exchange.notifications.views import MessageView
from hospital_core.kernel.commands import Done, Empty, Page
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes
from miniapp_api.views import CursorQuery


@routes.get("/messages", view=Page[MessageView], query=CursorQuery, owner=Owner.ACCOUNT, errors=(FieldProblem,))
async def list_messages(call: Call[Empty]) -> Page[MessageView]:
    """Messages of the account, newest first (消息)."""
    return await inbox(Reading(call.ctx), call.query.cursor)


@routes.post("/messages/{notification_id}/read", view=Done, owner=Owner.ACCOUNT, command=ReadMessage, idempotent=True)
async def mark_message_read(call: Call[ReadMessage]) -> Done:
    """The person opened a message (已读)."""
    return await run(call.ctx, read_message, call.command)
