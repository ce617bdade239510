"""Reactions of e-invoicing: bills that were paid, money that went back, and the timers that ask the platform."""

from hospital_core.finance.einvoicing import outside
from hospital_core.finance.einvoicing.commands import ScheduleNext
from hospital_core.finance.einvoicing.events import EInvoiceDue, PaperDue
from hospital_core.finance.einvoicing.paper_commands import SchedulePaper
from hospital_core.finance.einvoicing.paper_outside import carry_out_paper
from hospital_core.finance.einvoicing.papers import schedule_paper
from hospital_core.finance.einvoicing.service import keep_true, schedule_next
from hospital_core.finance.payments.events import InvoicePaid, RefundSucceeded
from hospital_core.kernel.context import Context
from hospital_core.kernel.events import handles, performs
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork


@handles(InvoicePaid)
async def ask_for_e_invoice(uow: UnitOfWork, event: InvoicePaid) -> None:
    """A paid bill gets its e-invoice (结清开票)."""
    await keep_true(uow, event.invoice_id)


@handles(RefundSucceeded)
async def follow_refund(uow: UnitOfWork, event: RefundSucceeded) -> None:
    """Money of a bill is back: its e-invoice turns red, and what is left gets another (退费冲红)."""
    if event.invoice_id is not None and event.complete:
        await keep_true(uow, event.invoice_id)


@performs(EInvoiceDue)
async def ask_platform(ctx: Context, event: EInvoiceDue) -> None:
    """One try at the platform; while there is no result, another on the next rung."""
    await outside.carry_out(ctx, event.e_invoice_id)
    await run(ctx, schedule_next, ScheduleNext(e_invoice_id=event.e_invoice_id, step=event.step))


@performs(PaperDue)
async def ask_about_paper(ctx: Context, event: PaperDue) -> None:
    """One try about a paper copy; while there is no result, another on the next rung."""
    await carry_out_paper(ctx, event.paper_id)
    await run(ctx, schedule_paper, SchedulePaper(paper_id=event.paper_id, step=event.step))
