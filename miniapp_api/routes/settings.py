"""The inbox as a whole (消息设置). Which messages may be sent is WeChat's to ask: ``/message-templates``."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.exchange.notifications.queries import unread_messages
from hospital_core.exchange.notifications.service import read_all_messages
from hospital_core.exchange.notifications.views import MessagesRead, UnreadMessages
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes


@routes.get("/messages/unread", view=UnreadMessages, owner=Owner.ACCOUNT, etag=True)
async def count_unread(call: Call[Any]) -> UnreadMessages:
    """How many messages were not opened (未读消息数)."""
    return await unread_messages(Reading(call.ctx))


@routes.post("/messages/read-all", view=MessagesRead, owner=Owner.ACCOUNT, idempotent=True)
async def mark_all_read(call: Call[Empty]) -> MessagesRead:
    """Everything in the inbox counts as read (全部已读)."""
    return await run(call.ctx, read_all_messages, call.command)
