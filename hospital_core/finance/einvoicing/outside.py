"""Talking to the platform (与电子票据平台对话), always with no transaction open.

Each try is counted first, then called, then written down. A call without an answer changes nothing: the next one asks
under the same number before it tells again, so a bill never has two numbers.
"""

import logging
from uuid import UUID

from hospital_core.finance.einvoicing import queries
from hospital_core.finance.einvoicing.commands import BeginTry, RecordIssued, RecordReversed, RecordTrouble
from hospital_core.finance.einvoicing.ports import (
    AlreadyIssuedThere,
    AlreadyRedThere,
    EInvoicePlatform,
    IssuedThere,
    PlatformRefused,
    PlatformUnknown,
)
from hospital_core.finance.einvoicing.service import (
    OTHER_AMOUNT,
    begin_try,
    record_issued,
    record_reversed,
    record_trouble,
)
from hospital_core.finance.einvoicing.states import EInvoiceStatus
from hospital_core.finance.einvoicing.views import TryView
from hospital_core.kernel import ports
from hospital_core.kernel.context import Context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run

log = logging.getLogger(__name__)

OFF = "OFF"  # our own word beside the platform's


async def carry_out(ctx: Context, e_invoice_id: UUID) -> None:
    """Issue, or turn red, or find out what became of it (开票、冲红): one try."""
    begun = await run(ctx, begin_try, BeginTry(e_invoice_id=e_invoice_id))
    platform = ports.optional(EInvoicePlatform)
    try:
        if begun.status is None:
            return
        if platform is None:
            raise PlatformUnknown(OFF)
        if begun.status is EInvoiceStatus.REQUESTED:
            await _issue(ctx, platform, e_invoice_id, begun)
        else:
            await _reverse(ctx, platform, e_invoice_id, begun)
    except (PlatformUnknown, PlatformRefused) as trouble:
        refused = isinstance(trouble, PlatformRefused)
        known = {"e_invoice_id": str(e_invoice_id), "code": trouble.code, "refused": refused}
        log.warning("e-invoice platform gave no number", extra=known)
        fact = RecordTrouble(
            e_invoice_id=e_invoice_id, code=trouble.code[:40], text=trouble.text[:200], refused=refused
        )
        await run(ctx, record_trouble, fact)


async def _issue(ctx: Context, platform: EInvoicePlatform, e_invoice_id: UUID, begun: TryView) -> None:
    order = await queries.order_of(Reading(ctx), e_invoice_id)
    found = await platform.find(order.bus_no) if begun.tries_before else None
    if found is None:
        try:
            found = await platform.issue(order)
        except AlreadyIssuedThere as twin:
            found = await platform.find(order.bus_no)
            if found is None:
                raise PlatformUnknown("CONTRADICTION", "平台称已开票却查不到") from twin
    if found.amount_fen not in (None, order.amount_fen):
        raise PlatformRefused(OTHER_AMOUNT, "平台登记的金额与结算单不同")
    await run(
        ctx,
        record_issued,
        RecordIssued(
            e_invoice_id=e_invoice_id, batch_code=found.batch_code, bill_no=found.bill_no, check_code=found.check_code,
            issued_at=found.issued_at, qr_png=found.qr_png, picture_url=found.picture_url,
            picture_net_url=found.picture_net_url,
        ),
    )  # fmt: skip


async def _reverse(ctx: Context, platform: EInvoicePlatform, e_invoice_id: UUID, begun: TryView) -> None:
    order = await queries.reversal_of(Reading(ctx), e_invoice_id)
    red: IssuedThere | None = None
    if begun.tries_before:
        red = await platform.red_of(order.batch_code, order.bill_no)
    if red is None:
        try:
            red = await platform.reverse(order)
        except AlreadyRedThere as twin:
            red = await platform.red_of(order.batch_code, order.bill_no)
            if red is None:
                raise PlatformUnknown("CONTRADICTION", "平台称已冲红却查不到") from twin
    await run(
        ctx,
        record_reversed,
        RecordReversed(
            e_invoice_id=e_invoice_id, batch_code=red.batch_code, bill_no=red.bill_no, check_code=red.check_code,
            reversed_at=red.issued_at, picture_net_url=red.picture_net_url,
        ),
    )  # fmt: skip
