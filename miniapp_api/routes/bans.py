"""Being kept from booking, and objecting (限约与申诉)."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.ban_commands import AppealBan
from hospital_core.access.scheduling.ban_queries import my_bans
from hospital_core.access.scheduling.ban_views import BanView
from hospital_core.access.scheduling.errors import AlreadyAppealed, BanOver
from hospital_core.access.scheduling.service.bans import appeal_ban
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes


@routes.get("/bans", view=Page[BanView], owner=Owner.ACCOUNT)
async def list_bans(call: Call[Any]) -> Page[BanView]:
    """Bans of everybody the account may act for, past ones too (我的限约)."""
    return await my_bans(Reading(call.ctx))


@routes.post(
    "/bans/{ban_id}/appeal", view=BanView, owner=Owner.PATIENT, command=AppealBan, idempotent=True,
    errors=(NotFound, BanOver, AlreadyAppealed),
)  # fmt: skip
async def post_appeal(call: Call[AppealBan]) -> BanView:
    """Object to a ban, once (申诉)."""
    return await run(call.ctx, appeal_ban, call.command)
