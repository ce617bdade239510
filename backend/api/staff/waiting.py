"""Who waits for places, and who may not book (候补、限约)."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.access.scheduling.ban_commands import AnswerAppeal, LiftBan, SetBan
from hospital_core.access.scheduling.ban_queries import bans
from hospital_core.access.scheduling.ban_views import BanView
from hospital_core.access.scheduling.errors import BanOver, BanOverlaps
from hospital_core.access.scheduling.service.bans import answer_appeal, lift_ban, set_ban
from hospital_core.access.scheduling.waitlist_queries import waitlist
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.patients.errors import PatientMerged
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class LinesQuery(Query):
    """The lines of a day, of one department if it is named."""

    day: Day
    department_id: UUID | None = None


class BansQuery(Query):
    """Live bans unless ``live`` is false; those with an open objection; those of one person."""

    patient_id: UUID | None = None
    live: bool = True
    appealed: bool = False


@routes.get(
    "/waitlist", view=Page[WaitlistEntryView], permission=Permission.WAITLIST_READ, query=LinesQuery,
    audit="waitlist.read",
)  # fmt: skip
async def lines(call: Call[Any]) -> Page[WaitlistEntryView]:
    """Everybody in the lines of a day, in their order (候补名单)."""
    return await waitlist(Reading(call.ctx), call.query.day, call.query.department_id)


@routes.get(
    "/bans", view=Page[BanView], permission=Permission.BAN_MANAGE, query=BansQuery, audit="bans.read"
)  # fmt: skip
async def list_bans(call: Call[Any]) -> Page[BanView]:
    """Who may not book online, and who objects (限约名单)."""
    query = call.query
    return await bans(Reading(call.ctx), query.patient_id, live=query.live, appealed=query.appealed)


@routes.post(
    "/bans", view=BanView, permission=Permission.BAN_MANAGE, command=SetBan, idempotent=True,
    errors=(NotFound, PatientMerged, BanOverlaps),
)  # fmt: skip
async def post_ban(call: Call[SetBan]) -> BanView:
    """Keep a patient from booking online for some days (设置限约)."""
    return await run(call.ctx, set_ban, call.command)


@routes.post(
    "/bans/{ban_id}/lift", view=BanView, permission=Permission.BAN_MANAGE, command=LiftBan, idempotent=True,
    errors=(NotFound, BanOver),
)  # fmt: skip
async def lift(call: Call[LiftBan]) -> BanView:
    """End a ban before its time (解除限约)."""
    return await run(call.ctx, lift_ban, call.command)


@routes.post(
    "/bans/{ban_id}/answer-appeal", view=BanView, permission=Permission.BAN_MANAGE, command=AnswerAppeal,
    idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def post_appeal_answer(call: Call[AnswerAppeal]) -> BanView:
    """Answer a patient's objection (处理申诉): accepted, the ban ends."""
    return await run(call.ctx, answer_appeal, call.command)
