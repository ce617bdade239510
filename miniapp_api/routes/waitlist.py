"""Waiting for a place (候补)."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.errors import (
    AlreadyBooked,
    AlreadyWaiting,
    BookingBanned,
    NothingToWaitFor,
    NotOffered,
    OnlineAccountNeeded,
    OnlineFirstVisit,
    PaymentNeeded,
    ProofNeeded,
    RealNameRequired,
    StillBookable,
    TooManyWaits,
    WaitlistClosed,
)
from hospital_core.access.scheduling.service.waitlist import answer_offer, join_waitlist, leave_waitlist
from hospital_core.access.scheduling.waitlist_commands import AnswerOffer, JoinWaitlist, LeaveWaitlist
from hospital_core.access.scheduling.waitlist_queries import my_waits, waitlist_entry
from hospital_core.access.scheduling.waitlist_views import WaitlistEntryView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.patients.errors import PatientMerged
from miniapp_api.routes.base import routes


@routes.get("/waitlist", view=Page[WaitlistEntryView], owner=Owner.ACCOUNT)
async def list_waits(call: Call[Any]) -> Page[WaitlistEntryView]:
    """What the account's patients wait for, and what became of it (我的候补)."""
    return await my_waits(Reading(call.ctx))


@routes.post(
    "/waitlist", view=WaitlistEntryView, owner=Owner.PATIENT, command=JoinWaitlist, idempotent=True,
    errors=(NotFound, StillBookable, NothingToWaitFor, WaitlistClosed, AlreadyWaiting, AlreadyBooked, TooManyWaits,
            RealNameRequired, BookingBanned, OnlineFirstVisit, OnlineAccountNeeded, PatientMerged),
)  # fmt: skip
async def post_wait(call: Call[JoinWaitlist]) -> WaitlistEntryView:
    """Wait for a place while there is none (登记候补), until the evening before."""
    return await run(call.ctx, join_waitlist, call.command)


@routes.get("/waitlist/{entry_id}", view=WaitlistEntryView, owner=Owner.PATIENT, errors=(NotFound,))
async def get_wait(call: Call[Any]) -> WaitlistEntryView:
    """One entry with its place in the line, or what is offered (候补单)."""
    return await waitlist_entry(Reading(call.ctx), call.path["entry_id"])


@routes.post(
    "/waitlist/{entry_id}/leave", view=WaitlistEntryView, owner=Owner.PATIENT, command=LeaveWaitlist, idempotent=True,
    errors=(NotFound, ProofNeeded, StateConflict),
)  # fmt: skip
async def leave(call: Call[LeaveWaitlist]) -> WaitlistEntryView:
    """Wait no longer (退出候补)."""
    return await run(call.ctx, leave_waitlist, call.command)


@routes.post(
    "/waitlist/{entry_id}/answer", view=WaitlistEntryView, owner=Owner.PATIENT, command=AnswerOffer, idempotent=True,
    errors=(NotFound, ProofNeeded, NotOffered, PaymentNeeded, StateConflict),
)  # fmt: skip
async def post_offer_answer(call: Call[AnswerOffer]) -> WaitlistEntryView:
    """Accept an offered place that costs nothing, or decline it (候补答复); one with a fee is accepted by paying."""
    return await run(call.ctx, answer_offer, call.command)
