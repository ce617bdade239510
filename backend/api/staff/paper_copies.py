"""Paper copies of e-invoices at the window (换开纸质票据): blanks handed out, used in order, spoiled, handed back."""

from typing import Any

from backend.api.staff.base import PagedQuery, staff_routes
from backend.http.routing import Call
from hospital_core.finance.einvoicing.errors import (
    BlanksHandedOut,
    BlankUnderWay,
    EInvoicingOff,
    NoBlankLeft,
    NotForPaper,
    OtherBlankNext,
    PaperExists,
)
from hospital_core.finance.einvoicing.paper_commands import (
    HandOutBlanks,
    PrintPaper,
    RetryPaper,
    ReturnBlanks,
    SpoilBlank,
    TakeBackPaper,
)
from hospital_core.finance.einvoicing.paper_outside import settle_now
from hospital_core.finance.einvoicing.paper_queries import paper_copies, paper_stocks
from hospital_core.finance.einvoicing.paper_views import PaperCopyView, PaperStockView
from hospital_core.finance.einvoicing.papers import (
    hand_out_blanks,
    print_paper,
    retry_paper,
    return_blanks,
    spoil_blank,
    take_back_paper,
)
from hospital_core.finance.payments.errors import ShiftNotOpen
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()
_MANAGE = Permission.E_INVOICE_MANAGE


@routes.get("/paper-stocks", view=Page[PaperStockView], permission=_MANAGE)
async def list_stocks(call: Call[Any]) -> Page[PaperStockView]:
    """Ranges of blanks, with the one on top (票据库存)."""
    return await paper_stocks(Reading(call.ctx))


@routes.post(
    "/paper-stocks", view=PaperStockView, permission=Permission.E_INVOICE_PAPER, command=HandOutBlanks,
    idempotent=True, errors=(NotFound, FieldProblem, BlanksHandedOut),
)  # fmt: skip
async def hand_out(call: Call[HandOutBlanks]) -> PaperStockView:
    """Hand out a range of numbered blanks to a drawer (领用)."""
    return await run(call.ctx, hand_out_blanks, call.command)


@routes.get("/paper-stocks/{stock_id}/copies", view=Page[PaperCopyView], permission=_MANAGE, query=PagedQuery)
async def list_copies(call: Call[Any]) -> Page[PaperCopyView]:
    """The blanks of a range that were used, newest first (用票记录)."""
    return await paper_copies(Reading(call.ctx), call.path["stock_id"], call.query.cursor)


@routes.post(
    "/paper-stocks/{stock_id}/spoil", view=PaperCopyView, permission=_MANAGE, command=SpoilBlank, idempotent=True,
    errors=(NotFound, Forbidden, EInvoicingOff, NoBlankLeft, OtherBlankNext, BlankUnderWay),
)  # fmt: skip
async def spoil(call: Call[SpoilBlank]) -> PaperCopyView:
    """Void the blank on top, which was spoiled (空白作废)."""
    return await settle_now(call.ctx, spoil_blank, call.command)


@routes.post(
    "/paper-stocks/{stock_id}/return", view=PaperStockView, permission=_MANAGE, command=ReturnBlanks, idempotent=True,
    errors=(NotFound, Forbidden, NoBlankLeft, OtherBlankNext, BlankUnderWay),
)  # fmt: skip
async def give_back(call: Call[ReturnBlanks]) -> PaperStockView:
    """Hand back the unused rest of a range (退回空白票据)."""
    return await run(call.ctx, return_blanks, call.command)


@routes.post(
    "/e-invoices/{e_invoice_id}/paper", view=PaperCopyView, permission=_MANAGE, command=PrintPaper, idempotent=True,
    errors=(NotFound, EInvoicingOff, ShiftNotOpen, NotForPaper, PaperExists, NoBlankLeft, OtherBlankNext,
            BlankUnderWay),
)  # fmt: skip
async def convert(call: Call[PrintPaper]) -> PaperCopyView:
    """Copy an e-invoice to the blank on top (换开纸质票据)."""
    return await settle_now(call.ctx, print_paper, call.command)


@routes.post(
    "/paper-copies/{paper_id}/take-back", view=PaperCopyView, permission=_MANAGE, command=TakeBackPaper,
    idempotent=True, errors=(NotFound, EInvoicingOff, StateConflict),
)  # fmt: skip
async def take_back(call: Call[TakeBackPaper]) -> PaperCopyView:
    """Void a paper copy that came back (收回作废)."""
    return await settle_now(call.ctx, take_back_paper, call.command)


@routes.post(
    "/paper-copies/{paper_id}/retry", view=PaperCopyView, permission=_MANAGE, command=RetryPaper, idempotent=True,
    errors=(NotFound, EInvoicingOff, StateConflict),
)  # fmt: skip
async def retry_copy(call: Call[RetryPaper]) -> PaperCopyView:
    """Ask the platform again about one that waits for a person (重试)."""
    return await settle_now(call.ctx, retry_paper, call.command)
