"""Telling the platform about paper copies (换开、作废纸质票据), always with no transaction open.

As with e-invoices: each try is counted, then made, then written down; after a call without an answer the platform is
asked before it is told again, so a blank is never used twice and never lost.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from hospital_core.finance.einvoicing.outside import OFF
from hospital_core.finance.einvoicing.paper_commands import PaperStep, RecordPaperTrouble
from hospital_core.finance.einvoicing.paper_queries import PaperCall, paper_call, paper_copy
from hospital_core.finance.einvoicing.paper_views import PaperCopyView
from hospital_core.finance.einvoicing.papers import (
    begin_paper_try,
    record_paper_trouble,
    record_printed,
    record_void,
)
from hospital_core.finance.einvoicing.ports import (
    AlreadyOnPaperThere,
    AlreadyVoidThere,
    EInvoicePlatform,
    PaperOrder,
    PlatformRefused,
    PlatformUnknown,
)
from hospital_core.finance.einvoicing.states import PaperStatus
from hospital_core.kernel import ports
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork

log = logging.getLogger(__name__)

OTHER_PAPER = "OTHER_PAPER"  # our own word beside the platform's

Wanted = TypeVar("Wanted")


async def settle_now(
    ctx: Context, service: Callable[[UnitOfWork, Wanted], Awaitable[PaperCopyView]], command: Wanted
) -> PaperCopyView:
    """What a person asked for, told to the platform at once (立即办理); answers how it stands then."""
    asked = await run(ctx, service, command)
    quiet = ctx.without_idempotency()
    await carry_out_paper(quiet, asked.id)
    return await paper_copy(Reading(quiet), asked.id)


async def carry_out_paper(ctx: Context, paper_id: UUID) -> None:
    """Note a copy, or void a blank, or find out what became of it: one try."""
    step = PaperStep(paper_id=paper_id)
    begun = await run(ctx, begin_paper_try, step)
    if begun.status is None:
        return
    call, platform = await paper_call(Reading(ctx), paper_id), ports.optional(EInvoicePlatform)
    try:
        if platform is None:
            raise PlatformUnknown(OFF)
        if begun.status is PaperStatus.REQUESTED:
            assert call.order is not None, "only an e-invoice goes on paper"
            await _print(platform, call.order, again=begun.tries_before > 0)
            await run(ctx, record_printed, step)
        else:
            await _void(platform, call)
            await run(ctx, record_void, step)
    except (PlatformUnknown, PlatformRefused) as trouble:
        refused = isinstance(trouble, PlatformRefused)
        known = {"paper_id": str(paper_id), "code": trouble.code, "refused": refused}
        log.warning("e-invoice platform did not take a paper copy", extra=known)
        fact = RecordPaperTrouble(paper_id=paper_id, code=trouble.code[:40], text=trouble.text[:200], refused=refused)
        await run(ctx, record_paper_trouble, fact)


async def _print(platform: EInvoicePlatform, order: PaperOrder, *, again: bool) -> None:
    if again and await _is_there(platform, order):
        return
    try:
        await platform.print_paper(order)
    except AlreadyOnPaperThere as twin:
        if not await _is_there(platform, order):
            raise PlatformUnknown("CONTRADICTION", "平台称已换开却查不到") from twin
    except PlatformRefused:
        # An earlier call may have arrived only now, and be the reason for the refusal.
        if not (again and await _is_there(platform, order)):
            raise


async def _is_there(platform: EInvoicePlatform, order: PaperOrder) -> bool:
    known = await platform.paper_of(order.batch_code, order.bill_no)
    if known is not None and known != order.paper:
        raise PlatformRefused(OTHER_PAPER, f"平台登记的纸质票号是 {known.paper_no}")
    return known is not None


async def _void(platform: EInvoicePlatform, call: PaperCall) -> None:
    try:
        await platform.void_paper(call.paper, call.void_reason, call.asked_at)
    except AlreadyVoidThere:
        log.info("blank was void there already", extra={"paper_no": call.paper.paper_no})
